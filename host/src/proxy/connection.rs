//! What all exchanges of one client connection share.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use http::header::CONTENT_LENGTH;

use super::answer::SOURCE;
use crate::config::model::{Listener, Name};
use crate::exchange::{ClientAddress, strip_hop_by_hop};
use crate::generation::Generation;
use crate::message::ResponseHead;
use crate::server::Presence;
use crate::upstream::Interim;
use crate::worker::Worker;

/// One connection of a client.
pub struct Connection {
    /// The worker that it lives on.
    pub worker: Rc<Worker>,
    /// The listener's name.
    pub listener: Name,
    /// The other end.
    pub peer: ClientAddress,
    /// Whether it is encrypted.
    pub tls: bool,
    /// What the time-outs watch.
    pub presence: Arc<Presence>,
    /// What an upstream says before its response.
    pub(super) interim: Interim,
    config: RefCell<(u64, Arc<Listener>)>,
}

impl Connection {
    /// A connection that was accepted under `config`.
    pub fn new(
        worker: Rc<Worker>,
        listener: Name,
        config: Arc<Listener>,
        peer: ClientAddress,
        tls: bool,
        presence: Arc<Presence>,
    ) -> Self {
        Self {
            worker,
            listener,
            peer,
            tls,
            presence,
            interim: Interim::default(),
            config: RefCell::new((0, config)),
        }
    }

    /// Whether the response that is made will be preceded by others.
    pub fn has_interim(&self) -> bool {
        !self.interim.is_empty()
    }

    /// The next interim response, as the client gets it.
    pub fn take_interim(&self) -> Option<ResponseHead> {
        let mut head = self.interim.take()?;
        let headers = &mut head.headers;
        strip_hop_by_hop(headers);
        headers.remove(CONTENT_LENGTH);
        headers.remove(SOURCE);
        Some(head)
    }

    /// The response begins: what should have come before it is too late.
    pub fn forget_interim(&self) {
        self.interim.clear();
    }

    /// What `generation` says of the listener: an old connection follows a reload too.
    pub fn config(&self, generation: &Generation) -> Arc<Listener> {
        let mut known = self.config.borrow_mut();
        if known.0 != generation.number {
            known.0 = generation.number;
            if let Some(listener) = generation.listeners.get(&self.listener) {
                known.1 = listener.config.clone();
            }
        }
        known.1.clone()
    }
}
