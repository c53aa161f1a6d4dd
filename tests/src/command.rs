//! The commands of the gateway that end by themselves.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::{lines::Lines, paths, wait};

/// What a command came to.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; none after a signal.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Runs `sluice` with these arguments in a folder.
pub fn sluice<A: AsRef<std::ffi::OsStr>>(
    folder: &Path,
    arguments: impl IntoIterator<Item = A>,
) -> Ended {
    let output = Command::new(paths::gateway())
        .args(arguments)
        .current_dir(folder)
        .env("HOME", folder)
        .stdin(Stdio::null())
        .output()
        .expect("the gateway starts as a process");
    Ended::from(output)
}

/// Runs `sluice run CONFIG`, which must refuse to start; its exit code and standard error.
pub async fn refused_run(folder: &Path, config: &str) -> Ended {
    let mut child = Command::new(paths::gateway())
        .args(["run", config])
        .current_dir(folder)
        .env("HOME", folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the gateway starts as a process");
    let log = Lines::follow(child.stderr.take().expect("piped"));
    let status = wait::until("a gateway that refuses to run", async || {
        let status = child.try_wait().expect("a child");
        if status.is_none() && log.text().contains("listening") {
            let _ = child.kill();
            panic!("the gateway runs:\n{}", log.text());
        }
        status
    })
    .await;
    wait::until("the end of its log", async || log.ended().then_some(())).await;
    Ended {
        code: status.code(),
        stdout: String::new(),
        stderr: log.text(),
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}
