//! When a pool's requests go.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{Hop, Outgoing, Pool, Progress, RequestBody};
use crate::config::model::{
    Balance, Name, PoolLimits, Protocol, Target, Upstream, UpstreamTimeouts,
};
use crate::telemetry::UpstreamSeries;
use crate::worker::timers::Timers;

const LONG: Duration = Duration::from_secs(30);

fn pool(port: u16) -> Rc<Pool> {
    let upstream = Upstream {
        name: Name::from("target"),
        targets: vec![Target {
            host: "127.0.0.1".to_owned(),
            port,
        }],
        balance: Balance::RoundRobin,
        protocol: Protocol::Http1,
        host: None,
        tls: None,
        timeouts: UpstreamTimeouts {
            connect: LONG,
            response: LONG,
            idle: LONG,
        },
        pool: PoolLimits {
            connections: 8,
            pending: 8,
            idle_timeout: LONG,
        },
    };
    let series = Arc::new(UpstreamSeries::default());
    let timers = Timers::default();
    Pool::new(
        Arc::new(upstream),
        None,
        series,
        timers,
        Rc::default(),
        Rc::default(),
        0,
    )
}

#[tokio::test]
async fn a_target_that_answers_before_it_reads_is_heard() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let pool = pool(listener.local_addr().unwrap().port());
    let target = async {
        loop {
            let (mut near, _) = listener.accept().await.unwrap();
            near.write_all(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n")
                .await
                .unwrap();
            let _ = near.read(&mut [0; 64]).await;
        }
    };
    let mut request = http::Request::new(RequestBody::Empty).into();
    let progress = Progress::default();
    let sent = pool.send(Outgoing {
        request: &mut request,
        hop: Hop::default(),
        progress: &progress,
        interim: None,
    });
    tokio::select! {
        sent = sent => assert_eq!(sent.expect("an answer").response.head.status, 503),
        never = target => never,
    }
    assert_eq!(pool.series.opened.get(), 1);
}
