//! What a response says in `date`. It is written anew when the worker's time has moved.

use std::cell::Cell;
use std::time::SystemTime;

/// `Sun, 06 Nov 1994 08:49:37 GMT`
pub(super) const LENGTH: usize = 29;

/// The date of a worker's last tick.
#[derive(Debug)]
pub(super) struct Date(Cell<(u64, [u8; LENGTH])>);

impl Default for Date {
    fn default() -> Self {
        Self(Cell::new((u64::MAX, [b' '; LENGTH])))
    }
}

impl Date {
    /// The date as of tick `now`.
    pub(super) fn get(&self, now: u64) -> [u8; LENGTH] {
        let (tick, text) = self.0.get();
        if tick == now {
            return text;
        }
        let text = httpdate::fmt_http_date(SystemTime::now());
        let text = <[u8; LENGTH]>::try_from(text.as_bytes()).unwrap_or([b' '; LENGTH]);
        self.0.set((now, text));
        text
    }
}
