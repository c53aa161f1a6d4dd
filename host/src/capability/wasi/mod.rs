//! WASI 0.2 as toolchains expect it, without any power: no files, sockets,
//! environment or arguments. Clocks and randomness are real; standard output
//! and error become lines of the log; nothing waits, because a hook runs on the
//! thread that serves other exchanges.

mod cli;
mod clocks;
mod filesystem;
mod io;
mod lines;
mod random;

use wasmtime::Result;
use wasmtime::component::types::Component;
use wasmtime::component::{Linker, LinkerInstance};

use crate::plugin::state::State;

pub(crate) use lines::Lines;

/// The newest version whose functions are all here; older ones have fewer.
const VERSION: &str = "0.2.12";

/// How an interface is put into a linker.
type Link = fn(&mut LinkerInstance<'_, State>) -> Result<()>;

const INTERFACES: [(&str, Link); 19] = [
    ("cli/environment", cli::environment),
    ("cli/exit", cli::exit),
    ("cli/stdin", cli::stdin),
    ("cli/stdout", cli::stdout),
    ("cli/stderr", cli::stderr),
    ("cli/terminal-input", cli::terminal_input),
    ("cli/terminal-output", cli::terminal_output),
    ("cli/terminal-stdin", cli::terminal_stdin),
    ("cli/terminal-stdout", cli::terminal_stdout),
    ("cli/terminal-stderr", cli::terminal_stderr),
    ("clocks/monotonic-clock", clocks::monotonic),
    ("clocks/wall-clock", clocks::wall),
    ("filesystem/preopens", filesystem::preopens),
    ("io/error", io::error),
    ("io/poll", io::poll),
    ("io/streams", io::streams),
    ("random/random", random::random),
    ("random/insecure", random::insecure),
    ("random/insecure-seed", random::insecure_seed),
];

/// The packages whose interfaces are here.
pub(crate) const PACKAGES: [&str; 5] = [
    "wasi:cli",
    "wasi:clocks",
    "wasi:filesystem",
    "wasi:io",
    "wasi:random",
];

/// Puts WASI into the linker of a component that imports some of it.
pub(crate) fn link(linker: &mut Linker<State>, component: &Component) -> Result<()> {
    for (interface, link) in INTERFACES {
        link(&mut linker.instance(&format!("wasi:{interface}@{VERSION}"))?)?;
    }
    filesystem::types(linker, component)
}
