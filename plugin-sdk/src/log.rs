//! Lines in the gateway's log, marked with the plugin's name.
//!
//! The gateway bounds their length and their number in a second. Keep secrets out of them.

use crate::sys;

pub use crate::sys::types::log::Level;

/// Whether a line of this level would be kept: ask before an expensive message.
pub fn enabled(level: Level) -> bool {
    sys::log::enabled(level)
}

/// A line with fields, which operators can search by.
pub fn write(level: Level, message: &str, fields: &[(&str, &str)]) {
    sys::log::write(level, message, fields);
}

/// A line for following every step.
pub fn trace(message: impl AsRef<str>) {
    write(Level::Trace, message.as_ref(), &[]);
}

/// A line for finding a fault.
pub fn debug(message: impl AsRef<str>) {
    write(Level::Debug, message.as_ref(), &[]);
}

/// A line that is good to know.
pub fn info(message: impl AsRef<str>) {
    write(Level::Info, message.as_ref(), &[]);
}

/// A line that somebody should look at some day.
pub fn warn(message: impl AsRef<str>) {
    write(Level::Warn, message.as_ref(), &[]);
}

/// A line that somebody should look at now.
pub fn error(message: impl AsRef<str>) {
    write(Level::Error, message.as_ref(), &[]);
}
