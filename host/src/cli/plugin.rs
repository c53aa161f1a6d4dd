//! `sluice plugin`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use super::print;
use crate::plugin::{builtin, inspect};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Show a plugin's hooks, imports, summary, configuration schema, digest and sizes.
    Inspect {
        /// A component, or `builtin:NAME`.
        file: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn plugin(command: &Command) -> ExitCode {
    let Command::Inspect { file, json } = command;
    let shipped = file.to_str().and_then(|f| f.strip_prefix("builtin:"));
    let bytes = match shipped {
        Some(name) => builtin::find(name)
            .map(<[u8]>::to_vec)
            .ok_or_else(|| "no such built-in plugin".to_owned()),
        None => std::fs::read(file).map_err(|why| why.to_string()),
    };
    let inspected = bytes.and_then(|bytes| inspect(&bytes).map_err(|why| why.to_string()));
    match inspected {
        Ok(inspection) if *json => print::out(serde_json::json!(inspection)),
        Ok(inspection) => print::out(inspection),
        Err(why) => {
            print::err(format_args!("{}: {why}", file.display()));
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
