//! What the bytes of a response mean, however they are cut.

use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};

use super::decoder::Decoder;
use super::error::Error;
use super::head;
use crate::message::{Names, ResponseHead};
use crate::upstream::interim::is_interim;

/// Bytes of a head.
pub(in crate::upstream) const MAX_HEAD: usize = 256 * 1024;
/// Interim responses before the final one.
const MAX_INTERIM: u8 = 64;

/// Reads one response after the other.
#[derive(Debug)]
pub struct Reader {
    names: Rc<Names>,
    buffer: BytesMut,
    /// Bytes of `buffer` in which a head does not end.
    searched: usize,
    /// The request was HEAD: what comes has no body.
    asked_head: bool,
    interim: u8,
    /// Some of the response has come.
    begun: bool,
    decoder: Decoder,
    keep_alive: bool,
}

impl Reader {
    /// A reader at the beginning of a connection.
    pub fn new(names: Rc<Names>) -> Self {
        Self {
            names,
            buffer: BytesMut::new(),
            searched: 0,
            asked_head: false,
            interim: 0,
            begun: false,
            decoder: Decoder::Ended,
            keep_alive: true,
        }
    }

    /// The next response is the one to a request that was HEAD, or was not.
    pub fn expect(&mut self, asked_head: bool) {
        self.searched = 0;
        self.asked_head = asked_head;
        self.interim = 0;
        self.begun = false;
        self.decoder = Decoder::Ended;
        self.keep_alive = false;
    }

    /// Where the bytes go that have come.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// Takes the head of the final response, or of a switch of protocols, once all of it has
    /// come. Interim responses before it are forgotten.
    ///
    /// # Errors
    /// Where it is not HTTP/1, or its body has no certain end.
    pub fn head(&mut self) -> Result<Option<ResponseHead>, Error> {
        loop {
            match self.any_head()? {
                Some(head) if is_interim(head.status) => {}
                head => return Ok(head),
            }
        }
    }

    /// Takes the next head, of whatever response, once all of it has come.
    pub(super) fn any_head(&mut self) -> Result<Option<ResponseHead>, Error> {
        self.begun |= !self.buffer.is_empty();
        if !self.may_hold_head() {
            return self.too_little();
        }
        let Some(mut found) = head::parse(&mut self.buffer, &self.names)? else {
            self.searched = self.buffer.len();
            return self.too_little();
        };
        self.searched = 0;
        if is_interim(found.status) {
            self.interim += 1;
            if self.interim > MAX_INTERIM {
                return Err(Error::TooManyInterim);
            }
        } else {
            (self.decoder, self.keep_alive) = found.lines.settle(
                found.status,
                found.version,
                self.asked_head,
                &mut found.headers,
            )?;
        }
        Ok(Some(ResponseHead {
            status: found.status,
            headers: found.headers,
        }))
    }

    fn too_little(&self) -> Result<Option<ResponseHead>, Error> {
        if self.buffer.len() >= MAX_HEAD {
            return Err(Error::HeadTooLarge);
        }
        Ok(None)
    }

    /// A head that comes byte by byte is not parsed at every byte.
    fn may_hold_head(&self) -> bool {
        if self.searched == 0 {
            return !self.buffer.is_empty();
        }
        let from = self.searched.saturating_sub(3);
        let new = self.buffer.get(from..).unwrap_or_default();
        memchr::memchr_iter(b'\n', new).any(|at| {
            let rest = new.get(at + 1..).unwrap_or_default();
            rest.starts_with(b"\n") || rest.starts_with(b"\r\n")
        })
    }

    /// Takes the next frame of the body. None is its end where [`Reader::is_ended`] says so, and
    /// takes more bytes otherwise.
    ///
    /// # Errors
    /// Where chunks are not framed right.
    pub fn frame(&mut self) -> Result<Option<Frame<Bytes>>, Error> {
        self.decoder.next(&mut self.buffer)
    }

    /// No more bytes will come.
    ///
    /// # Errors
    /// Where the response has not come to its end.
    pub fn end(&mut self) -> Result<(), Error> {
        self.keep_alive = false;
        self.decoder.end()
    }

    /// The body has come to its end, or there is none.
    pub fn is_ended(&self) -> bool {
        self.decoder.is_ended()
    }

    /// How much of the body is to come.
    pub fn size_hint(&self) -> SizeHint {
        self.decoder.size_hint()
    }

    /// Some of the response has come.
    pub(super) fn has_begun(&self) -> bool {
        self.begun
    }

    /// The response has come to its end, nothing came after it, and the target lets another
    /// request follow.
    pub fn is_reusable(&self) -> bool {
        self.is_ended() && self.keep_alive && self.buffer.is_empty()
    }

    /// Gives up the buffer, which must be empty.
    pub(super) fn release(&mut self) {
        self.buffer = BytesMut::new();
    }
}
