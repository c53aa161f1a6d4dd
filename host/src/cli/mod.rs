//! The commands. Each is a caller of the library, and can do nothing that another caller could not.

mod ask;
mod canary;
mod check;
mod demo;
mod diff;
mod explain;
mod keys;
mod plugin;
mod print;
mod run;
mod state;
mod usage;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A programmable API gateway: every policy is a sandboxed WebAssembly plugin.
#[derive(Parser)]
#[command(name = "sluice", version, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the gateway; without CONFIG, an embedded demo.
    Run {
        /// A TOML file, or a folder of them.
        config: Option<PathBuf>,
    },
    /// Load everything as `run` would, and print all problems.
    Check {
        /// A TOML file, or a folder of them.
        #[arg(default_value = "sluice.toml")]
        config: PathBuf,
        /// Print the problems as JSON on stdout.
        #[arg(long)]
        json: bool,
    },
    /// Show which route, plugins and upstream a request would get. Sends nothing.
    Explain {
        /// `[CONFIG] METHOD URL`; CONFIG is `sluice.toml` where it is left out.
        #[arg(num_args = 2..=3, value_names = ["CONFIG", "METHOD", "URL"], required = true)]
        request: Vec<String>,
        /// A header of the request, `name: value`.
        #[arg(short = 'H', long = "header")]
        headers: Vec<String>,
    },
    /// Show what a reload from OLD to NEW would change, in words.
    Diff {
        /// What runs.
        old: PathBuf,
        /// What would run.
        new: PathBuf,
    },
    /// Make a running gateway read its configuration again.
    Reload(ask::Target),
    /// Make a running gateway go back to an earlier generation.
    Rollback {
        /// The number of the generation; the one before the current one where it is left out.
        number: Option<u64>,
        #[command(flatten)]
        target: ask::Target,
    },
    /// List the generations of a running gateway.
    Generations(ask::Target),
    /// Show who used how much, from a running gateway.
    Usage(usage::Usage),
    /// See where canaries of a running gateway stand, and decide what becomes of them.
    #[command(subcommand)]
    Canary(canary::Command),
    /// Look at plugins.
    #[command(subcommand)]
    Plugin(plugin::Command),
    /// Make keys for consumers.
    #[command(subcommand)]
    Keys(keys::Command),
}

/// Runs the command that the arguments ask for.
#[must_use]
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Run { config } => run::run(config),
        Command::Check { config, json } => check::check(&config, json),
        Command::Explain { request, headers } => explain::explain(&request, &headers),
        Command::Diff { old, new } => diff::diff(&old, &new),
        Command::Reload(target) => ask::reload(&target),
        Command::Rollback { number, target } => ask::roll_back(&target, number),
        Command::Generations(target) => ask::generations(&target),
        Command::Usage(asked) => usage::usage(&asked),
        Command::Canary(command) => canary::canary(&command),
        Command::Plugin(command) => plugin::plugin(&command),
        Command::Keys(command) => keys::keys(&command),
    }
}
