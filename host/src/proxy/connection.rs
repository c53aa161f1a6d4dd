//! What all exchanges of one client connection share.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use crate::config::model::{Listener, Name};
use crate::exchange::ClientAddress;
use crate::generation::Generation;
use crate::server::Presence;
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
            config: RefCell::new((0, config)),
        }
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
