//! What a connection does while its client takes nothing.

use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use super::reader::{HeadLimits, Reader};
use super::wire::Wire;
use crate::server::presence::Presence;
use crate::server::stream::Stream;
use crate::tls;
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
    let presence = Arc::new(Presence::new(timers.clock()));
    let wire = Wire::new(stream, Reader::new(LIMITS, b""), presence.clone());
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
