//! The lines that a process prints, kept as they come.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Mutex, MutexGuard};

/// Lines that have been read so far; clones see the same ones.
#[derive(Clone, Default)]
pub struct Lines(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    lines: Vec<String>,
    ended: bool,
}

impl Lines {
    /// Reads a pipe to its end on a thread of its own.
    pub fn follow(pipe: impl Read + Send + 'static) -> Self {
        let lines = Self::default();
        let kept = lines.clone();
        std::thread::spawn(move || {
            let mut reader = BufReader::new(pipe);
            let mut line = Vec::new();
            while matches!(reader.read_until(b'\n', &mut line), Ok(read) if read > 0) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                kept.kept().lines.push(text);
                line.clear();
            }
            kept.kept().ended = true;
        });
        lines
    }

    /// All lines so far.
    #[must_use]
    pub fn all(&self) -> Vec<String> {
        self.kept().lines.clone()
    }

    /// The first line for which `wanted` has an answer.
    pub fn find<T>(&self, mut wanted: impl FnMut(&str) -> Option<T>) -> Option<T> {
        self.kept().lines.iter().find_map(|line| wanted(line))
    }

    /// Whether the pipe has come to its end.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.kept().ended
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().expect("no reader panics")
    }

    /// All lines as one text.
    #[must_use]
    pub fn text(&self) -> String {
        self.all().join("\n")
    }
}

/// The value of `key=value` in a log line, without quotes.
#[must_use]
pub fn field<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    line.split_whitespace()
        .find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
        .map(|value| value.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let line = "INFO listening listener=\"public\" address=127.0.0.1:4312";
        assert_eq!(field(line, "listener"), Some("public"));
        assert_eq!(field(line, "address"), Some("127.0.0.1:4312"));
        assert_eq!(field(line, "dress"), None);
    }
}
