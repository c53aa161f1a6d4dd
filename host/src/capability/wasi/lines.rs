//! Standard output and error, line by line, in the log.

use crate::capability::log::{Level, LogSink};

/// Bytes of a line; a longer one becomes several.
const MAX_LINE: usize = 4096;

/// What was written since the last newline.
#[derive(Default)]
pub(crate) struct Lines {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

/// Where a guest writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

impl Lines {
    /// Takes what was written, and logs the lines that are complete.
    pub(super) fn write(&mut self, sink: &LogSink, stream: Stream, bytes: &[u8]) {
        let (pending, level) = match stream {
            Stream::Stdout => (&mut self.stdout, Level::Info),
            Stream::Stderr => (&mut self.stderr, Level::Warn),
        };
        for piece in bytes.split_inclusive(|b| *b == b'\n') {
            for part in piece.chunks(MAX_LINE) {
                pending.extend_from_slice(part);
                if part.ends_with(b"\n") || pending.len() >= MAX_LINE {
                    emit(sink, level, pending);
                }
            }
        }
    }
}

fn emit(sink: &LogSink, level: Level, pending: &mut Vec<u8>) {
    let line = String::from_utf8_lossy(pending);
    let line = line.trim_end();
    if !line.is_empty() {
        sink.write(level, line, &[]);
    }
    pending.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded() {
        let (mut lines, sink) = (Lines::default(), LogSink::muted("p".into()));
        lines.write(&sink, Stream::Stdout, b"one\ntwo");
        assert_eq!(lines.stdout, b"two");
        lines.write(&sink, Stream::Stderr, &[b'x'; 10 * MAX_LINE + 5]);
        assert_eq!(lines.stderr.len(), 5);
        lines.write(&sink, Stream::Stdout, b"\n");
        assert!(lines.stdout.is_empty());
    }
}
