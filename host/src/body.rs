//! A body that was read whole, with the trailers that came after it.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;

/// All of a body.
#[derive(Debug, Clone, Default)]
pub struct WholeBody {
    /// What is left of the data.
    pub data: Bytes,
    /// What is left of the trailers.
    pub trailers: Option<HeaderMap>,
}

/// A body that was not read to its end.
#[derive(Debug)]
pub enum ReadError<E> {
    /// It has more bytes than it may have.
    TooLarge,
    /// The other side failed.
    Broken(E),
}

impl WholeBody {
    /// A body without trailers.
    pub fn of(data: Bytes) -> Self {
        Self {
            data,
            trailers: None,
        }
    }

    /// Reads a body of at most `limit` bytes.
    ///
    /// # Errors
    /// Where it is larger, and where it breaks off.
    pub async fn read<B>(mut body: B, limit: usize) -> Result<Self, ReadError<B::Error>>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        if body.size_hint().lower() > limit as u64 {
            return Err(ReadError::TooLarge);
        }
        let mut first = Bytes::new();
        let mut all = BytesMut::new();
        let mut trailers = None;
        while let Some(frame) = body.frame().await {
            match frame.map_err(ReadError::Broken)?.into_data() {
                Ok(data) if first.len() + all.len() + data.len() > limit => {
                    return Err(ReadError::TooLarge);
                }
                Ok(data) if first.is_empty() && all.is_empty() => first = data,
                Ok(data) => {
                    if all.is_empty() {
                        all.extend_from_slice(&std::mem::take(&mut first));
                    }
                    all.extend_from_slice(&data);
                }
                Err(frame) => trailers = frame.into_trailers().ok(),
            }
        }
        let data = if all.is_empty() { first } else { all.freeze() };
        Ok(Self { data, trailers })
    }

    /// The next piece: the data, then the trailers.
    pub fn next_frame(&mut self) -> Option<Frame<Bytes>> {
        if self.data.is_empty() {
            self.trailers.take().map(Frame::trailers)
        } else {
            Some(Frame::data(std::mem::take(&mut self.data)))
        }
    }

    /// Nothing is left.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty() && self.trailers.is_none()
    }

    /// Exact where no trailers follow, since HTTP/1.1 sends trailers after chunks only.
    pub fn size_hint(&self) -> SizeHint {
        if self.trailers.is_some() {
            SizeHint::default()
        } else {
            SizeHint::with_exact(self.data.len() as u64)
        }
    }
}
