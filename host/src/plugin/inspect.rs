//! What a plugin's file says about itself, for `sluice plugin inspect`.

use std::fmt;

use serde::Serialize;

use super::{Artifact, LoadError, Runtime};

/// Everything that can be known of a plugin without a configuration.
#[derive(Debug, Serialize)]
pub struct Inspection {
    /// SHA-256 of the file, 64 hex digits.
    pub sha256: String,
    /// What it is, in its own words.
    pub summary: String,
    /// The hooks that it has.
    pub hooks: Vec<&'static str>,
    /// The interfaces that it can reach.
    pub imports: Vec<String>,
    /// JSON Schema of its configuration; text where it is not JSON.
    pub config_schema: serde_json::Value,
    /// Bytes of the file.
    pub size: usize,
    /// Bytes of the compiled code.
    pub compiled_size: usize,
}

/// Compiles a plugin and asks it to describe itself.
pub fn inspect(bytes: &[u8]) -> Result<Inspection, LoadError> {
    let runtime = Runtime::new(None).map_err(|error| LoadError::Invalid(error.to_string()))?;
    runtime
        .load(bytes)
        .map(|artifact| Inspection::of(&artifact))
}

impl Inspection {
    /// What is known of this artifact.
    pub fn of(artifact: &Artifact) -> Self {
        let schema = artifact.config_schema();
        Self {
            sha256: artifact.digest().to_string(),
            summary: artifact.summary().to_owned(),
            hooks: artifact.hooks().iter().map(|hook| hook.name()).collect(),
            imports: artifact.imports().to_vec(),
            config_schema: serde_json::from_str(schema).unwrap_or_else(|_| schema.into()),
            size: artifact.size(),
            compiled_size: artifact.compiled_size(),
        }
    }
}

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "summary   {}", self.summary)?;
        writeln!(f, "sha256    {}", self.sha256)?;
        let (size, compiled) = (self.size, self.compiled_size);
        writeln!(f, "size      {size} bytes, {compiled} compiled")?;
        list(f, "hooks", &self.hooks)?;
        list(f, "imports", &self.imports)?;
        match serde_json::to_string_pretty(&self.config_schema) {
            Ok(schema) => write!(f, "config    {}", schema.replace('\n', "\n          ")),
            Err(_) => Ok(()),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, title: &str, lines: &[impl fmt::Display]) -> fmt::Result {
    for (n, line) in lines.iter().enumerate() {
        writeln!(f, "{:<10}{line}", if n == 0 { title } else { "" })?;
    }
    Ok(())
}
