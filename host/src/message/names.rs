//! Header names that were met before.

use std::cell::RefCell;
use std::fmt;

use http::HeaderName;
use http::header::InvalidHeaderName;

/// How many names are kept.
const SLOTS: usize = 128;
/// Bytes of the longest name that is kept.
const MAX_KEPT: usize = 32;

/// Reads header names, and remembers those that it has read: clients and targets send the same
/// ones again and again, and to compare a name costs less than to check it and copy it.
///
/// Each name has one place, which it takes from the one that was there before. Names that want
/// the same place, or new ones with every message, cost what they would cost without.
pub struct Names(RefCell<Vec<Slot>>);

#[derive(Default, Clone)]
struct Slot {
    /// What was read, as it was written, and zeros after it.
    text: [u8; MAX_KEPT],
    length: usize,
    name: Option<HeaderName>,
}

impl Default for Names {
    fn default() -> Self {
        Self(RefCell::new(vec![Slot::default(); SLOTS]))
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names")
    }
}

impl Names {
    /// The name that is written so, in any case (RFC 9110, 5.1).
    ///
    /// # Errors
    /// Where it is none.
    pub fn read(&self, text: &[u8]) -> Result<HeaderName, InvalidHeaderName> {
        let mut slots = self.0.borrow_mut();
        let Some(slot) = place(text).and_then(|at| slots.get_mut(at)) else {
            return HeaderName::from_bytes(text);
        };
        if slot.text.get(..slot.length) == Some(text)
            && let Some(name) = &slot.name
        {
            return Ok(name.clone());
        }
        let name = HeaderName::from_bytes(text)?;
        if let Some(kept) = slot.text.get_mut(..text.len()) {
            kept.copy_from_slice(text);
            slot.length = text.len();
            slot.name = Some(name.clone());
        }
        Ok(name)
    }
}

/// The place of a name; what is very short or very long has none.
#[inline]
fn place(text: &[u8]) -> Option<usize> {
    let first = u32::from_le_bytes(*text.first_chunk()?);
    let last = u32::from_le_bytes(*text.last_chunk()?);
    let mixed = first ^ last.rotate_left(9) ^ (text.len() as u32) << 13;
    // The highest bits are those that all others have gone into.
    let at = mixed.wrapping_mul(0x9e37_79b1) >> (u32::BITS - SLOTS.ilog2());
    (text.len() <= MAX_KEPT).then_some(at as usize)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_name_is_read_the_same_however_often_and_after_whatever(
            texts in prop::collection::vec("[a-c: -]{0,6}|x-pl[a-dA-D:]{0,2}aces|[!-~]{0,40}", 0..60)
        ) {
            let names = Names::default();
            for text in texts.iter().chain(&texts) {
                let text = text.as_bytes();
                let read = names.read(text).ok();
                prop_assert_eq!(read, HeaderName::from_bytes(text).ok());
            }
        }
    }

    #[test]
    fn what_is_read_again_is_remembered() {
        let names = Names::default();
        let custom = names.read(b"X-Tenant").unwrap();
        let again = names.read(b"X-Tenant").unwrap();
        assert_eq!(custom.as_str().as_ptr(), again.as_str().as_ptr());
        assert_eq!(names.read(b"x-tenant").unwrap(), custom);
    }

    #[test]
    fn names_that_messages_have_seldom_want_the_same_place() {
        let usual = [
            "host",
            "user-agent",
            "accept",
            "accept-encoding",
            "accept-language",
            "x-api-key",
            "x-request-id",
            "authorization",
            "cookie",
            "content-type",
            "content-length",
            "traceparent",
            "cache-control",
            "referer",
            "origin",
            "x-forwarded-for",
            "server",
            "date",
            "connection",
            "etag",
            "last-modified",
            "x-powered-by",
            "vary",
        ];
        let mut places: Vec<_> = usual.iter().map(|name| place(name.as_bytes())).collect();
        places.sort();
        places.dedup();
        assert!(
            places.len() >= usual.len() - 3,
            "{} of {}",
            places.len(),
            usual.len()
        );
    }
}
