//! What a target says before its response, such as `103 Early Hints` (RFC 9110, 15.2).

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use http::StatusCode;

use crate::message::{Headers, ResponseHead};

/// Heads that wait.
const MAX_WAITING: usize = 8;
/// Bytes of the headers of one head.
const MAX_HEAD: usize = 16 * 1024;

/// Heads of interim responses that wait to be passed on. They are hints: where there is no room,
/// the next is left out.
#[derive(Debug, Default)]
pub struct Interim {
    /// Asked far more often than there is one.
    waiting: Cell<usize>,
    heads: RefCell<VecDeque<ResponseHead>>,
}

/// Whether a response of this status is followed by another.
pub(super) fn is_interim(status: StatusCode) -> bool {
    status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS
}

impl Interim {
    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.get() == 0
    }

    /// The one that has waited longest.
    pub fn take(&self) -> Option<ResponseHead> {
        let mut heads = self.heads.borrow_mut();
        let head = heads.pop_front();
        self.waiting.set(heads.len());
        head
    }

    /// Forgets those that wait.
    pub fn clear(&self) {
        self.heads.borrow_mut().clear();
        self.waiting.set(0);
    }

    /// Adds one. Each side tells its own `100 Continue`.
    pub(super) fn add(&self, head: ResponseHead) {
        let mut heads = self.heads.borrow_mut();
        if head.status != StatusCode::CONTINUE
            && heads.len() < MAX_WAITING
            && size(&head.headers) <= MAX_HEAD
        {
            heads.push_back(head);
            self.waiting.set(heads.len());
        }
    }
}

fn size(headers: &Headers) -> usize {
    let lines = headers.iter();
    lines.map(|(n, v)| n.as_str().len() + v.len() + 4).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_are_bounded() {
        let interim = Interim::default();
        let head = |status, value: usize| {
            let head = http::Response::builder().status(status);
            let response = head.header("link", "x".repeat(value)).body(()).unwrap();
            crate::message::Response::from(response).head
        };
        interim.add(head(100, 1));
        interim.add(head(103, MAX_HEAD));
        assert!(interim.is_empty());
        for number in 0..20 {
            interim.add(head(103, number));
        }
        for number in 0..MAX_WAITING {
            assert_eq!(interim.take().unwrap().headers["link"].len(), number);
        }
        assert!(interim.is_empty() && interim.take().is_none());
    }
}
