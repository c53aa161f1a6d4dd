//! What a connection does while its client takes nothing, and at the end of a turn.

use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::reader::{HeadLimits, Reader};
use super::wire::{Coming, Wire};
use crate::server::presence::{Ask, Presence};
use crate::server::stream::Stream;
use crate::tls;
use crate::worker::Writes;
use crate::worker::testing::{Woken, end_turn};
use crate::worker::timers::{TICK, Timers};

const LIMITS: HeadLimits = HeadLimits {
    bytes: 32 * 1024,
    lines: 100,
};

/// Both ends of a connection whose socket holds little.
async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = tokio::net::TcpSocket::new_v4().unwrap();
    client.set_recv_buffer_size(4096).unwrap();
    let client = client.connect(listener.local_addr().unwrap());
    let (client, accepted) = tokio::join!(client, listener.accept());
    let (server, _) = accepted.unwrap();
    let socket = socket2::SockRef::from(&server);
    socket.set_send_buffer_size(4096).unwrap();
    (client.unwrap(), server)
}

fn wire(stream: Stream, timers: &Timers) -> (Wire, Arc<Presence>) {
    asked(stream, timers, b"")
}

/// The same, of which `first` has been read.
fn asked(stream: Stream, timers: &Timers, first: &[u8]) -> (Wire, Arc<Presence>) {
    let presence = Arc::new(Presence::new(timers.clock()));
    let wire = Wire::new(
        stream,
        Reader::new(LIMITS, Rc::default(), first),
        presence.clone(),
    );
    (wire, presence)
}

#[tokio::test]
async fn what_tls_holds_back_is_sent_when_the_client_reads_again() {
    let (far, near) = pair().await;
    let (mut far, near) = tls::testing::session(far, near).await;
    let (wire, _) = wire(Stream::Tls(Box::new(near)), &Timers::default());

    // More than the sockets hold, less than TLS does.
    const LENGTH: usize = 48 * 1024;
    wire.lock()
        .out()
        .piece(Bytes::from(vec![b'x'; LENGTH]), b"");
    let flushing = std::future::poll_fn(|cx| wire.poll_flush(&mut wire.lock(), cx));
    let reading = async {
        let mut all = vec![0; LENGTH];
        far.read_exact(&mut all).await.map(|_| all)
    };
    let both = async { tokio::join!(flushing, reading) };
    let both = tokio::time::timeout(std::time::Duration::from_secs(30), both);
    let (flushed, read) = both.await.expect("all of it in time");
    flushed.unwrap();
    assert_eq!(read.unwrap(), vec![b'x'; LENGTH]);
}

#[tokio::test]
async fn a_client_that_takes_a_little_is_not_one_that_takes_nothing() {
    let timers = Timers::default();
    let (mut far, near) = pair().await;
    let (wire, presence) = wire(Stream::Clear(near), &timers);
    const LENGTH: usize = 4 * 1024 * 1024;
    let whole = Bytes::from(vec![b'x'; LENGTH]);
    wire.lock().out().piece(whole, b"");
    let flush = || std::future::poll_fn(|cx| Poll::Ready(wire.poll_flush(&mut wire.lock(), cx)));
    assert!(flush().await.is_pending());
    while presence.blocked_for() == 0 {
        tokio::time::sleep(TICK).await;
        timers.tick();
    }
    let mut taken = 0;
    let mut some = vec![0; 4096];
    while presence.blocked_for() > 0 {
        // It may be that nothing is there before more has been sent.
        let read = tokio::time::timeout(TICK, far.read(&mut some)).await;
        taken += read.map_or(0, Result::unwrap);
        assert!(flush().await.is_pending(), "it took all");
    }
    assert!(taken < LENGTH / 2);
}

/// A connection with a response that is due.
async fn answered(writes: &Writes) -> (TcpStream, Rc<Wire>, Arc<Presence>) {
    let (far, near) = pair().await;
    let (wire, presence) = wire(Stream::Clear(near), &Timers::default());
    let wire = Rc::new(wire);
    wire.lock().out().text(b"response");
    wire.send_in_turn(writes);
    (far, wire, presence)
}

async fn next(wire: &Wire) -> Coming {
    let next = std::future::poll_fn(|cx| wire.poll_next(cx));
    next.await.expect("the connection lives")
}

#[tokio::test]
async fn a_response_is_sent_at_the_end_of_the_turn() {
    let writes = Writes::default();
    let (far, wire, _) = answered(&writes).await;
    let mut nobody = Context::from_waker(Waker::noop());
    assert!(wire.poll_next(&mut nobody).is_pending());
    assert!(!wire.lock().out().is_empty(), "it has not waited");
    end_turn(&writes);
    assert!(wire.lock().out().is_empty());
    let mut read = [0; 8];
    let mut far = far;
    far.read_exact(&mut read).await.unwrap();
    assert_eq!(&read, b"response");
}

#[tokio::test]
async fn every_response_is_sent_at_the_end_of_its_turn() {
    let writes = Writes::default();
    let (mut far, wire, _) = answered(&writes).await;
    let mut nobody = Context::from_waker(Waker::noop());
    // The first goes before, by the connection's own task.
    assert!(wire.poll_flush(&mut wire.lock(), &mut nobody).is_ready());
    for _ in 0..2 {
        wire.lock().out().text(b"response");
        wire.send_in_turn(&writes);
        assert!(wire.poll_next(&mut nobody).is_pending());
        end_turn(&writes);
        assert!(wire.lock().out().is_empty());
    }
    let mut read = [0; 3 * 8];
    far.read_exact(&mut read).await.unwrap();
    assert_eq!(&read, b"responseresponseresponse");
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_not_asked_for_more() {
    let (_far, near) = pair().await;
    let pipelined = b"GET / HTTP/1.1\r\nhost: a.test\r\n\r\n";
    let (wire, _) = asked(Stream::Clear(near), &Timers::default(), pipelined);
    let long = Bytes::from(vec![b'x'; 4 * 1024 * 1024]);
    wire.lock().out().piece(long, b"");
    let mut nobody = Context::from_waker(Waker::noop());
    assert!(wire.poll_next(&mut nobody).is_pending());
    *wire.lock().out() = Default::default();
    assert!(matches!(next(&wire).await, Coming::Request(_)));
}

#[tokio::test]
async fn a_response_that_is_due_is_sent_before_the_connection_ends() {
    let writes = Writes::default();
    // The client has ended its side.
    let (mut far, wire, _) = answered(&writes).await;
    far.shutdown().await.unwrap();
    assert!(matches!(next(&wire).await, Coming::End));
    assert!(wire.lock().out().is_empty());
    // The gateway stops.
    let (_far, wire, presence) = answered(&writes).await;
    presence.ask(Ask::Finish);
    assert!(matches!(next(&wire).await, Coming::End));
    assert!(wire.lock().out().is_empty());
}

#[tokio::test]
async fn a_response_that_is_due_is_sent_where_tls_ends_without_its_own_end() {
    let writes = Writes::default();
    let (far, near) = pair().await;
    let (mut far, near) = tls::testing::session(far, near).await;
    let (wire, _) = wire(Stream::Tls(Box::new(near)), &Timers::default());
    let wire = Rc::new(wire);
    wire.lock().out().text(b"response");
    wire.send_in_turn(&writes);
    // TCP ends, and TLS has not said that it would.
    far.get_mut().0.shutdown().await.unwrap();
    let next = std::future::poll_fn(|cx| wire.poll_next(cx)).await;
    assert!(next.is_err(), "the end of TLS was taken for one in order");
    let mut read = [0; 8];
    drop(wire);
    far.read_exact(&mut read).await.unwrap();
    assert_eq!(&read, b"response");
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_left_to_the_connections_own_task() {
    let writes = Writes::default();
    let (_far, wire, presence) = answered(&writes).await;
    wire.lock()
        .out()
        .piece(Bytes::from(vec![b'x'; 4 * 1024 * 1024]), b"");
    let (woken, waker) = Woken::new();
    presence.wake_by(&Context::from_waker(&waker));
    end_turn(&writes);
    assert!(!wire.lock().out().is_empty());
    assert!(woken.take(), "nobody would send the rest");
}
