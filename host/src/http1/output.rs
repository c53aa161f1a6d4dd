//! What is to be written: text, then perhaps a long piece of a body, which is not copied.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::AsyncWrite;

/// A longer piece is written from where it is.
const MAX_COPIED: usize = 8 * 1024;
/// With more than this to be written, nothing is added.
const MAX_UNSENT: usize = 16 * 1024;

/// A buffer for text that is larger is not kept while nothing is to be sent.
const MAX_KEPT: usize = 2 * 1024;
const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Bytes on their way to the other side.
#[derive(Debug, Default)]
pub struct Output {
    text: Vec<u8>,
    /// Of `text`, what has been written.
    written: usize,
    piece: Bytes,
    /// What follows `piece`.
    tail: &'static [u8],
}

impl Output {
    /// Whether all has been written.
    pub fn is_empty(&self) -> bool {
        self.written == self.text.len() && self.piece.is_empty() && self.tail.is_empty()
    }

    /// Whether more may be added now.
    pub fn has_room(&self) -> bool {
        self.piece.is_empty() && self.tail.is_empty() && self.text.len() - self.written < MAX_UNSENT
    }

    /// Adds text, where there is room.
    pub fn text(&mut self, text: &[u8]) {
        self.text.extend_from_slice(text);
    }

    /// Makes room for so much text at once.
    pub fn reserve(&mut self, bytes: usize) {
        self.text.reserve(bytes);
    }

    /// Adds a piece of a body, where there is room, and `tail` after it.
    pub fn piece(&mut self, piece: Bytes, tail: &'static [u8]) {
        if piece.len() <= MAX_COPIED {
            self.text(&piece);
            self.text(tail);
        } else {
            self.piece = piece;
            self.tail = tail;
        }
    }

    /// Adds header lines.
    pub fn lines<'h>(&mut self, lines: impl Iterator<Item = (&'h HeaderName, &'h HeaderValue)>) {
        for (name, value) in lines {
            self.line(name.as_str(), value.as_bytes());
        }
    }

    /// Adds one header line.
    pub fn line(&mut self, name: &str, value: &[u8]) {
        self.text(name.as_bytes());
        self.text(b": ");
        self.text(value);
        self.text(b"\r\n");
    }

    /// Adds a chunk of a body, where there is room (RFC 9112, 7.1).
    pub fn chunk(&mut self, data: Bytes) {
        let size = data.len();
        let digits = (usize::BITS - size.leading_zeros()).div_ceil(4).max(1);
        for place in (0..digits).rev() {
            let digit = DIGITS.get(size >> (4 * place) & 0xf);
            self.text.push(digit.copied().unwrap_or(b'0'));
        }
        self.text(b"\r\n");
        self.piece(data, b"\r\n");
    }

    /// Adds the last chunk, where there is room, and these trailers.
    pub fn last_chunk(&mut self, trailers: &HeaderMap) {
        self.text(b"0\r\n");
        self.lines(trailers.iter());
        self.text(b"\r\n");
    }

    /// Gives the memory of a long text back, once it has been written.
    pub fn release(&mut self) {
        if self.text.is_empty() && self.text.capacity() > MAX_KEPT {
            self.text = Vec::new();
        }
    }

    /// Writes once. Gives how many bytes went.
    pub fn poll_write(
        &mut self,
        stream: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let text = self.text.get(self.written..).unwrap_or_default();
        let stream = Pin::new(stream);
        // One flat write costs less than gathering.
        let sent = if self.piece.is_empty() && self.tail.is_empty() {
            ready!(stream.poll_write(cx, text))?
        } else {
            let slices = [
                IoSlice::new(text),
                IoSlice::new(&self.piece),
                IoSlice::new(self.tail),
            ];
            ready!(stream.poll_write_vectored(cx, &slices))?
        };
        if sent == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.advance(sent);
        Poll::Ready(Ok(sent))
    }

    fn advance(&mut self, sent: usize) {
        let of_text = sent.min(self.text.len() - self.written);
        self.written += of_text;
        let of_piece = (sent - of_text).min(self.piece.len());
        self.piece.advance(of_piece);
        let of_tail = sent - of_text - of_piece;
        self.tail = self.tail.get(of_tail..).unwrap_or_default();
        if self.written == self.text.len() {
            self.text.clear();
            self.written = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    /// Takes so many bytes at once.
    struct Slow(usize, Vec<u8>);

    impl AsyncWrite for Slow {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &[u8],
        ) -> Poll<io::Result<usize>> {
            let taken = buf.len().min(self.0);
            self.1.extend_from_slice(&buf[..taken]);
            Poll::Ready(Ok(taken))
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            slices: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let mut taken = 0;
            for slice in slices {
                let part = slice.len().min(self.0 - taken);
                self.1.extend_from_slice(&slice[..part]);
                taken += part;
            }
            Poll::Ready(Ok(taken))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn a_chunk_says_its_size_in_hexadecimal() {
        for (size, text) in [
            (1, "1\r\n"),
            (15, "f\r\n"),
            (16, "10\r\n"),
            (70_000, "11170\r\n"),
        ] {
            let mut out = Output::default();
            out.chunk(Bytes::from(vec![b'x'; size]));
            assert!(out.text.starts_with(text.as_bytes()));
        }
    }

    #[test]
    fn everything_is_written_once_and_in_its_order() {
        for piece in [0, 10, MAX_COPIED, MAX_COPIED + 1, 20_000] {
            for step in [1, 7, 4096, 1_000_000] {
                let mut out = Output::default();
                let piece = Bytes::from(vec![b'x'; piece]);
                out.text(b"head\r\n");
                out.piece(piece.clone(), b"\r\n");
                let mut sink = Slow(step, Vec::new());
                let mut cx = Context::from_waker(Waker::noop());
                while !out.is_empty() {
                    assert!(matches!(
                        out.poll_write(&mut sink, &mut cx),
                        Poll::Ready(Ok(1..))
                    ));
                }
                assert_eq!(sink.1, [b"head\r\n", &piece[..], b"\r\n"].concat());
                assert!(out.has_room());
            }
        }
    }
}
