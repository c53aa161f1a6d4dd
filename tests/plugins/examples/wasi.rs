//! Tries what a program may do on an ordinary machine, and says how far it came.

use sluice_plugin::prelude::*;

/// Looks around.
#[derive(Config)]
struct Curious {}

#[plugin]
impl Plugin for Curious {
    fn on_request(&self, request: &mut Request) -> Result<Verdict, Error> {
        println!("a line on standard output");
        eprintln!("a line on standard error");
        request.set_header("x-env", std::env::vars_os().count().to_string())?;
        request.set_header("x-args", std::env::args_os().count().to_string())?;
        let read = std::fs::read("/etc/passwd").is_ok() || std::fs::read("sluice.toml").is_ok();
        request.set_header("x-read", read.to_string())?;
        let list = std::fs::read_dir("/").is_ok() || std::fs::read_dir(".").is_ok();
        request.set_header("x-list", list.to_string())?;
        let wrote = std::fs::write("/tmp/from-a-plugin", "x").is_ok();
        request.set_header("x-wrote", wrote.to_string())?;
        Ok(Verdict::Next)
    }
}
