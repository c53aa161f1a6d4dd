//! The TOML around what a test is about.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::paths;

/// A configuration with a listener `public`, an admin address, two workers and
/// no watching of files; tests say what they want on top of it.
#[derive(Clone)]
pub struct Settings {
    listener: String,
    runtime: String,
    watch: bool,
    workers: usize,
    compile_cache: Option<PathBuf>,
    body: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listener: String::new(),
            runtime: String::new(),
            watch: false,
            workers: 2,
            compile_cache: Some(paths::compile_cache()),
            body: String::new(),
        }
    }
}

impl Settings {
    /// The rest of the configuration: upstreams, plugins, routes, consumers, tables of its own.
    pub fn new(body: impl Into<String>) -> Self {
        Self {
            body: body.into(),
            ..Self::default()
        }
    }

    /// Lines for `[listeners.public]`, and tables below it.
    #[must_use]
    pub fn listener(mut self, lines: impl AsRef<str>) -> Self {
        self.listener.push_str(lines.as_ref());
        self.listener.push('\n');
        self
    }

    /// Lines for `[runtime]`.
    #[must_use]
    pub fn runtime(mut self, lines: &str) -> Self {
        self.runtime.push_str(lines);
        self.runtime.push('\n');
        self
    }

    /// Reload when files change.
    #[must_use]
    pub fn watching(mut self) -> Self {
        self.watch = true;
        self
    }

    /// How many workers.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// A compile cache of its own, or none.
    #[must_use]
    pub fn compile_cache(mut self, folder: Option<PathBuf>) -> Self {
        self.compile_cache = folder;
        self
    }

    /// The TOML.
    #[must_use]
    pub fn toml(&self) -> String {
        let cache = match &self.compile_cache {
            Some(folder) => folder.display().to_string(),
            None => "off".to_owned(),
        };
        let mut text = String::new();
        let Self {
            listener,
            runtime,
            watch,
            workers,
            body,
            ..
        } = self;
        write!(
            text,
            "[admin]\naddress = \"127.0.0.1:0\"\n\n\
             [runtime]\nworkers = {workers}\nwatch = {watch}\ncompile_cache = {cache:?}\n{runtime}\n\
             [listeners.public]\naddress = \"127.0.0.1:0\"\n{listener}\n{body}\n"
        )
        .expect("a String takes all");
        text
    }
}

/// `[upstreams.NAME]` with these targets.
#[must_use]
pub fn upstream(name: &str, targets: &[std::net::SocketAddr]) -> String {
    let targets: Vec<String> = targets
        .iter()
        .map(|target| format!("\"{target}\""))
        .collect();
    format!("[upstreams.{name}]\ntargets = [{}]\n", targets.join(", "))
}

/// A route over every path to one upstream, with these plugins.
#[must_use]
pub fn route(name: &str, path: &str, plugins: &[&str], upstream: &str) -> String {
    format!(
        "[[routes]]\nname = \"{name}\"\nmatch = {{ path = \"{path}\" }}\nplugins = {plugins:?}\nupstreams = [\"{upstream}\"]\n"
    )
}

/// `[plugins.NAME]` from a file, with more lines.
#[must_use]
pub fn plugin(name: &str, file: &std::path::Path, lines: &str) -> String {
    format!(
        "[plugins.{name}]\nsource = {:?}\n{lines}\n",
        file.display().to_string()
    )
}

/// One upstream `up` with one target, and one route `all` over every path to it.
#[must_use]
pub fn plain(target: std::net::SocketAddr) -> Settings {
    Settings::new(upstream("up", &[target]) + &route("all", "/*", &[], "up"))
}
