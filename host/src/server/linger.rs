//! A connection that the gateway ends while the client may still be sending.
//!
//! Closing a socket with unread bytes resets it, and a reset can destroy the
//! response before the client has read it (RFC 9112, 9.6). So the gateway ends
//! its own side, and reads on for a moment.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::stream::Stream;

/// How long, and how much, is read for nothing.
const PATIENCE: Duration = Duration::from_secs(2);
const MAX_DISCARDED: usize = 64 * 1024 * 1024;
/// Bytes that are read at once.
const READ: usize = 32 * 1024;

/// Where hyper's end of a connection leaves the stream.
#[derive(Debug, Clone, Default)]
pub(super) struct Leftover(Arc<Mutex<State>>);

#[derive(Debug, Default)]
enum State {
    #[default]
    InUse,
    Left(Stream),
    Forgotten,
}

impl Leftover {
    /// Nothing can be unread: the client has ended its side.
    pub(super) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = State::Forgotten;
    }

    /// hyper has no more use for it.
    pub(super) fn put(&self, stream: Stream) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, State::InUse) {
            *state = State::Left(stream);
        }
    }

    /// What hyper left, where something may be unread.
    pub(super) fn take(&self) -> Option<Stream> {
        let state = std::mem::replace(
            &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner),
            State::Forgotten,
        );
        match state {
            State::Left(stream) => Some(stream),
            State::InUse | State::Forgotten => None,
        }
    }
}

/// Ends a connection without destroying what was sent on it.
pub(super) async fn linger(mut stream: Stream) {
    let discard = async {
        let mut discarded = 0;
        if stream.shutdown().await.is_err() {
            return;
        }
        // Not a part of every connection's task.
        let mut buffer = vec![0; READ];
        while discarded < MAX_DISCARDED {
            match stream.read(&mut buffer).await {
                Ok(n) if n > 0 => discarded += n,
                _ => return,
            }
        }
    };
    let _ = tokio::time::timeout(PATIENCE, discard).await;
}
