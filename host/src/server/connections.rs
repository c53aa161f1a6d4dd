//! The open connections of one worker, and the time-outs that end them.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use slab::Slab;

use super::http2_streams::Streams;
use super::presence::{Ask, Presence};
use crate::config::model::{Listener, Name};
use crate::telemetry::ListenerSeries;
use crate::worker::timers::Timers;

/// A connection that was asked to finish, and did not, is closed after this much more.
const GRACE: Duration = Duration::from_secs(5);

/// The connections of one worker.
#[derive(Default)]
pub struct Connections(RefCell<Slab<Entry>>);

struct Entry {
    listener: Name,
    presence: Arc<Presence>,
    config: Arc<Listener>,
    series: Arc<ListenerSeries>,
    /// Where it speaks HTTP/2.
    streams: Option<Rc<Streams>>,
}

/// A place in the table; dropped with the connection.
pub(super) struct Place<'a> {
    table: &'a Connections,
    key: usize,
}

impl Connections {
    pub(super) fn add(
        &self,
        listener: Name,
        presence: Arc<Presence>,
        config: Arc<Listener>,
        series: Arc<ListenerSeries>,
    ) -> Place<'_> {
        series.connections.add(1);
        let key = self.0.borrow_mut().insert(Entry {
            listener,
            presence,
            config,
            series,
            streams: None,
        });
        Place { table: self, key }
    }

    /// How many are open.
    pub fn len(&self) -> usize {
        self.0.borrow().len()
    }

    /// Whether none is open.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ends what has been silent for too long, connections and streams. Called about once a second.
    pub fn sweep(&self) {
        for (_, entry) in self.0.borrow().iter() {
            let ask = entry.overdue();
            if ask != Ask::Nothing && entry.presence.ask(ask) {
                entry.series.timed_out.add(1);
            }
            if let Some(streams) = &entry.streams {
                streams.give_up(Timers::ticks(entry.config.timeouts.write));
            }
        }
    }

    /// Lets every connection end after the exchanges that are under way.
    pub fn finish_all(&self) {
        self.finish(|_| true);
    }

    /// The same, for listeners that are gone.
    pub fn finish_unless(&self, is_kept: impl Fn(&Name) -> bool) {
        self.finish(|name| !is_kept(name));
    }

    fn finish(&self, chosen: impl Fn(&Name) -> bool) {
        for (_, entry) in self.0.borrow().iter().filter(|(_, e)| chosen(&e.listener)) {
            entry.presence.ask(Ask::Finish);
        }
    }
}

impl Entry {
    fn overdue(&self) -> Ask {
        let (presence, timeouts) = (&self.presence, &self.config.timeouts);
        let over = |ticks: u64, span: Duration| ticks > Timers::ticks(span);
        if over(presence.blocked_for(), timeouts.write) {
            Ask::Close
        } else if presence.is_tunnel() || !presence.is_idle() {
            Ask::Nothing
        } else if over(presence.in_head_for(), timeouts.header + GRACE)
            || over(presence.idle_for(), timeouts.idle + GRACE)
        {
            Ask::Close
        } else if over(presence.in_head_for(), timeouts.header) {
            Ask::TimeOut
        } else if over(presence.idle_for(), timeouts.idle) {
            Ask::Finish
        } else {
            Ask::Nothing
        }
    }
}

impl Place<'_> {
    /// Its time-outs are for each of these streams as well.
    pub(super) fn serves_http2(&self, streams: Rc<Streams>) {
        if let Some(entry) = self.table.0.borrow_mut().get_mut(self.key) {
            entry.streams = Some(streams);
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(entry) = self.table.0.borrow_mut().try_remove(self.key) {
            entry.series.connections.add(-1);
        }
    }
}
