//! The read that waits for a message to begin.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::{AsyncRead, ReadBuf};

/// Bytes that are read at once.
pub const FIRST_READ: usize = 8 * 1024;

/// Reads once into an empty buffer, which takes no memory before something has come, and no more
/// than that needs. Gives how many bytes came; at the end of the stream, none.
///
/// Most connections wait for most of their time, and most messages are short: what is read
/// first goes to the stack, which is in the processor's cache, as memory that was put aside
/// before the wait no longer is.
pub fn poll_first_read(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut BytesMut,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let mut place = [const { MaybeUninit::uninit() }; FIRST_READ];
    let mut read = ReadBuf::uninit(&mut place);
    ready!(Pin::new(stream).poll_read(cx, &mut read))?;
    buffer.extend_from_slice(read.filled());
    Poll::Ready(Ok(read.filled().len()))
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn memory_is_taken_for_what_has_come() {
        let (mut near, mut far) = tokio::io::duplex(64 * 1024);
        let mut buffer = BytesMut::new();
        let mut cx = Context::from_waker(Waker::noop());
        assert!(poll_first_read(&mut near, &mut buffer, &mut cx).is_pending());
        assert_eq!(buffer.capacity(), 0);

        far.write_all(b"GET").await.unwrap();
        let read = poll_first_read(&mut near, &mut buffer, &mut cx);
        assert!(matches!(read, Poll::Ready(Ok(3))));
        assert_eq!(buffer, "GET");
        assert!(buffer.capacity() < 100);

        far.write_all(&[b'x'; FIRST_READ + 1]).await.unwrap();
        drop(far);
        for expected in [FIRST_READ, 1, 0] {
            buffer.clear();
            let read = poll_first_read(&mut near, &mut buffer, &mut cx);
            assert!(matches!(read, Poll::Ready(Ok(n)) if n == expected));
            assert_eq!(buffer.len(), expected);
        }
    }
}
