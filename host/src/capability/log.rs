//! Lines that plugins write: bounded in length and number, and never able to
//! look like a line of somebody else.

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::config::model::Name;

/// Bytes of one message, and of one field's value.
const MAX_MESSAGE: usize = 4096;
const MAX_VALUE: usize = 1024;
/// Bytes of one field's name.
const MAX_KEY: usize = 64;
/// Fields of one line.
const MAX_FIELDS: usize = 16;
/// Lines of one binding in a second, all workers together.
const LINES_PER_SECOND: u32 = 100;

/// How important a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

/// Where the lines of one binding go: `tracing`, target `plugin`.
pub(crate) struct LogSink {
    plugin: Name,
    muted: bool,
    bound: Bound,
}

/// A bound of lines a second.
pub(crate) struct Bound {
    per_second: u32,
    window: Mutex<Window>,
}

/// One second of lines.
struct Window {
    since: Instant,
    lines: u32,
    dropped: u32,
}

/// What a [`Bound`] says of one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Admitted {
    /// Whether there is room for it.
    pub(crate) admitted: bool,
    /// How many had none in a second that has just ended.
    pub(crate) dropped: u32,
}

impl Bound {
    /// So many lines a second.
    pub(crate) fn new(per_second: u32) -> Self {
        Self {
            per_second,
            window: Mutex::new(Window {
                since: Instant::now(),
                lines: 0,
                dropped: 0,
            }),
        }
    }

    /// Asks for one more line.
    pub(crate) fn admit(&self, now: Instant) -> Admitted {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let mut dropped = 0;
        if now.saturating_duration_since(window.since) >= Duration::from_secs(1) {
            dropped = window.dropped;
            *window = Window {
                since: now,
                lines: 0,
                dropped: 0,
            };
        }
        let admitted = window.lines < self.per_second;
        if admitted {
            window.lines += 1;
        } else {
            window.dropped = window.dropped.saturating_add(1);
        }
        Admitted { admitted, dropped }
    }
}

/// Emits one event; the level must be known when this is compiled.
macro_rules! event {
    ($level:expr, $($rest:tt)*) => {
        match $level {
            Level::Trace => tracing::trace!(target: "plugin", $($rest)*),
            Level::Debug => tracing::debug!(target: "plugin", $($rest)*),
            Level::Info => tracing::info!(target: "plugin", $($rest)*),
            Level::Warn => tracing::warn!(target: "plugin", $($rest)*),
            Level::Error => tracing::error!(target: "plugin", $($rest)*),
        }
    };
}

impl LogSink {
    /// Lines of this plugin.
    pub(crate) fn new(plugin: Name) -> Self {
        Self {
            plugin,
            muted: false,
            bound: Bound::new(LINES_PER_SECOND),
        }
    }

    /// Drops every line.
    pub(crate) fn muted(plugin: Name) -> Self {
        Self {
            muted: true,
            ..Self::new(plugin)
        }
    }

    /// Whether a line of this level would be kept.
    pub(crate) fn enabled(&self, level: Level) -> bool {
        !self.muted
            && match level {
                Level::Trace => tracing::enabled!(target: "plugin", tracing::Level::TRACE),
                Level::Debug => tracing::enabled!(target: "plugin", tracing::Level::DEBUG),
                Level::Info => tracing::enabled!(target: "plugin", tracing::Level::INFO),
                Level::Warn => tracing::enabled!(target: "plugin", tracing::Level::WARN),
                Level::Error => tracing::enabled!(target: "plugin", tracing::Level::ERROR),
            }
    }

    /// One line.
    pub(crate) fn write(&self, level: Level, message: &str, fields: &[(String, String)]) {
        if !self.enabled(level) || !self.admit(Instant::now()) {
            return;
        }
        let plugin = &*self.plugin;
        let message = printable(message, MAX_MESSAGE);
        if fields.is_empty() {
            event!(level, plugin, "{message}");
        } else {
            let fields = join(fields);
            event!(level, plugin, fields, "{message}");
        }
    }

    /// Whether there is room for one more line in this second.
    fn admit(&self, now: Instant) -> bool {
        let Admitted { admitted, dropped } = self.bound.admit(now);
        if dropped > 0 {
            let plugin = &*self.plugin;
            event!(
                Level::Warn,
                plugin,
                dropped,
                "lines of this plugin were dropped: it may write {LINES_PER_SECOND} a second"
            );
        }
        admitted
    }
}

fn join(fields: &[(String, String)]) -> String {
    let mut text = String::new();
    for (key, value) in fields.iter().take(MAX_FIELDS) {
        if !text.is_empty() {
            text.push(' ');
        }
        let (key, value) = (printable(key, MAX_KEY), printable(value, MAX_VALUE));
        let quoted = value.is_empty() || value.contains([' ', '"', '=']);
        let _ = if quoted {
            write!(text, "{key}={value:?}")
        } else {
            write!(text, "{key}={value}")
        };
    }
    text
}

/// At most `max` bytes of `text`, control characters escaped.
pub(crate) fn printable(text: &str, max: usize) -> String {
    let end = text.floor_char_boundary(max);
    let (kept, rest) = text.split_at(end);
    let mut out = String::with_capacity(kept.len());
    for c in kept.chars() {
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    if !rest.is_empty() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_cannot_look_like_two() {
        assert_eq!(printable("a\r\nINFO b", 100), "a\\r\\nINFO b");
        assert_eq!(join(&[("k".into(), "a b".into())]), "k=\"a b\"");
    }

    #[test]
    fn a_flood_is_cut_to_a_hundred_lines_a_second() {
        let sink = LogSink::new(Name::from("p"));
        let now = Instant::now();
        let kept = (0..1000).filter(|_| sink.admit(now)).count();
        assert_eq!(kept, 100);
        assert!(sink.admit(now + Duration::from_secs(1)));
    }

    #[test]
    fn what_had_no_room_is_counted_when_the_second_is_over() {
        let (bound, now) = (Bound::new(2), Instant::now());
        let said = |at, admitted, dropped| {
            assert_eq!(bound.admit(at), Admitted { admitted, dropped });
        };
        said(now, true, 0);
        said(now, true, 0);
        said(now, false, 0);
        said(now, false, 0);
        said(now + Duration::from_secs(1), true, 2);
        said(now + Duration::from_secs(2), true, 0);
    }

    proptest! {
        #[test]
        fn any_text_becomes_printable_and_bounded(text in "\\PC*|.*", max in 0usize..64) {
            let out = printable(&text, max);
            prop_assert!(!out.chars().any(char::is_control));
            // The longest escape of one byte is `\u{7f}`.
            prop_assert!(out.len() <= max * 6 + '…'.len_utf8());
        }
    }
}
