//! Servers that are down, hang, err, and come back.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::*;

/// So long that nobody takes a call that hangs for one that keeps its deadline.
const HANGS: Duration = Duration::from_secs(30);

fn minute() -> Arc<LimitSet> {
    let limit = limit("m", 1000, 60_000, Algorithm::SlidingWindow);
    set(Consistency::Strict, vec![limit])
}

async fn works(store: &Store, set: &Arc<LimitSet>) -> bool {
    take(store, set, "k", 1).await.is_ok()
}

async fn why_not(store: &Store, set: &Arc<LimitSet>) -> String {
    let began = Instant::now();
    let answer = take(store, set, "k", 1).await;
    assert!(began.elapsed() < HANGS);
    answer.unwrap_err().to_string()
}

#[tokio::test]
async fn a_server_that_is_down_at_the_start_is_used_once_it_is_up() {
    let mut server = Server::start();
    server.kill();
    let (store, set) = (patient(&server, 100), minute());
    until("a reason is given", || async {
        why_not(&store, &set).await.contains("cannot connect")
    })
    .await;
    until("calls fail at once", || async {
        why_not(&store, &set).await.contains("breaker is open")
    })
    .await;
    assert!(store.usage().breaker_open);
    server.start_again();
    until("it answers", || works(&store, &set)).await;
    assert!(!store.usage().breaker_open);
}

#[tokio::test]
async fn a_server_that_is_restarted_empty_counts_from_nothing() {
    let mut server = Server::start();
    let (store, set) = (patient(&server, 1000), minute());
    until("it answers", || works(&store, &set)).await;
    server.kill();
    until("it is missed", || async { !works(&store, &set).await }).await;
    server.start_again();
    until("it answers", || works(&store, &set)).await;
    assert!(store.usage().reconnects >= 1);
    let left = take(&store, &set, "k", 0).await.unwrap().standings[0].remaining;
    assert!(left > 900, "{left}");
}

#[tokio::test]
async fn a_server_that_forgets_the_scripts_is_told_them_again() {
    let server = Server::start();
    let (store, set) = (self::store(&server), minute());
    assert!(works(&store, &set).await);
    server.tell("SCRIPT FLUSH");
    assert!(works(&store, &set).await);
    assert_eq!(store.usage().errors, 0);
}

#[tokio::test]
async fn a_server_that_became_a_replica_is_left_and_used_again_as_a_primary() {
    let server = Server::start();
    let (store, set) = (self::store(&server), minute());
    assert!(works(&store, &set).await);
    let connections = store.usage().reconnects;
    server.tell("REPLICAOF 127.0.0.1 1");
    let why = why_not(&store, &set).await;
    assert!(why.contains("READONLY"), "{why}");
    until("it connects again", || async {
        store.usage().reconnects > connections
    })
    .await;
    server.tell("REPLICAOF NO ONE");
    until("it answers", || works(&store, &set)).await;
}

#[tokio::test]
async fn errors_of_the_server_are_told() {
    let server = Server::start();
    let (store, set) = (self::store(&server), minute());
    server.tell("CONFIG SET maxmemory 1");
    let why = why_not(&store, &set).await;
    assert!(why.contains("OOM"), "{why}");
    server.tell("CONFIG SET maxmemory 0");
    until("it answers", || works(&store, &set)).await;
}

#[tokio::test]
async fn a_key_that_somebody_else_overwrote_spoils_no_other() {
    let server = Server::start();
    let (store, set) = (self::store(&server), minute());
    for spoil in ["SET KEY nonsense", "DEL KEY", "LPUSH KEY nonsense"] {
        server.tell(&spoil.replace("KEY", "sluice:{quota/k}:m:sliding:60000"));
        for _ in 0..10 {
            let spoilt = take(&store, &set, "k", 1).await;
            assert_eq!(spoilt.is_ok(), spoil.starts_with("DEL"), "{spoilt:?}");
            assert!(take(&store, &set, "other", 1).await.is_ok());
            if spoilt.is_ok() {
                server.tell("DEL sluice:{quota/k}:m:sliding:60000");
            }
        }
        assert!(!store.usage().breaker_open);
    }
    assert_eq!(store.usage().errors, 20);
}

#[tokio::test]
async fn what_hangs_is_not_waited_for() {
    let server = Server::start();
    let proxy = Proxy::start(server.address()).await;
    let (store, set) = (behind(&proxy, 100, 64), minute());
    until("it answers", || works(&store, &set)).await;
    proxy.stall(true);
    until("calls fail at once", || async {
        why_not(&store, &set).await.contains("breaker is open")
    })
    .await;
    proxy.stall(false);
    until("it answers", || works(&store, &set)).await;
}

#[tokio::test]
async fn a_server_that_is_slow_is_left_alone_until_it_is_fast_again() {
    let server = Server::start();
    let proxy = Proxy::start(server.address()).await;
    let (store, set) = (behind(&proxy, 100, 64), minute());
    until("it answers", || works(&store, &set)).await;
    proxy.slow(Duration::from_secs(60));
    let mut asked = 0;
    until("calls fail at once", || {
        asked += 1;
        async { why_not(&store, &set).await.contains("breaker is open") }
    })
    .await;
    assert!(asked > 5, "it is tried five times");
    proxy.slow(Duration::ZERO);
    until("it answers", || works(&store, &set)).await;
}

#[tokio::test]
async fn a_connection_of_which_nothing_comes_is_made_anew() {
    let server = Server::start();
    let proxy = Proxy::start(server.address()).await;
    let (store, set) = (behind(&proxy, 100, 64), minute());
    until("it answers", || works(&store, &set)).await;
    // The old connection hangs for ever, a new one would do.
    let hung = proxy.connections();
    proxy.hang_those_there_are();
    until("it answers", || async {
        works(&store, &set).await && proxy.connections() > hung
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_is_cut_is_made_anew() {
    let server = Server::start();
    let proxy = Proxy::start(server.address()).await;
    let (store, set) = (behind(&proxy, 10_000, 64), minute());
    assert!(works(&store, &set).await);
    for _ in 0..3 {
        let before = proxy.connections();
        proxy.cut();
        until("it answers on another connection", || async {
            works(&store, &set).await && proxy.connections() > before
        })
        .await;
    }
    assert!(store.usage().reconnects >= 3);
}

#[tokio::test]
async fn more_than_may_be_under_way_fail_at_once() {
    let server = Server::start();
    let proxy = Proxy::start(server.address()).await;
    let (store, set) = (behind(&proxy, 500, 4), minute());
    until("it answers", || works(&store, &set)).await;
    proxy.stall(true);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let (store, set) = (store.clone(), set.clone());
        tasks.spawn(async move { why_not(&store, &set).await });
    }
    let all = tasks.join_all().await;
    let many = all.iter().filter(|why| why.contains("too many")).count();
    assert_eq!(many, 36, "{all:?}");
}

#[tokio::test]
async fn a_store_that_is_dropped_hangs_up() {
    let server = Server::start();
    let proxy = Proxy::start(server.address()).await;
    let (store, set) = (behind(&proxy, 10_000, 4), minute());
    assert!(works(&store, &set).await);
    assert_eq!(proxy.open(), 1);
    drop(store);
    until("it hangs up", || async { proxy.open() == 0 }).await;
}

fn behind(proxy: &Proxy, timeout_ms: u64, max_pending: usize) -> Store {
    let config = RedisConfig {
        address: proxy.address.clone(),
        timeout_ms,
        max_pending,
        ..RedisConfig::default()
    };
    Store::redis(config).unwrap()
}

/// Stands between a store and its server, and can hang or cut what goes through it.
struct Proxy {
    address: String,
    state: Arc<ProxyState>,
}

struct ProxyState {
    stalled: watch::Sender<bool>,
    delay: watch::Sender<Duration>,
    cut: watch::Sender<usize>,
    hangs: AtomicUsize,
    connections: AtomicUsize,
    open: AtomicUsize,
    running: AtomicBool,
}

impl Proxy {
    async fn start(to: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::new(ProxyState {
            stalled: watch::channel(false).0,
            delay: watch::channel(Duration::ZERO).0,
            cut: watch::channel(0).0,
            hangs: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            running: AtomicBool::new(true),
        });
        let all = state.clone();
        tokio::spawn(async move {
            while all.running.load(Ordering::SeqCst) {
                let Ok((client, _)) = listener.accept().await else {
                    return;
                };
                let number = all.connections.fetch_add(1, Ordering::SeqCst) + 1;
                let Ok(server) = TcpStream::connect(&to).await else {
                    continue;
                };
                tokio::spawn(all.clone().carry(number, client, server));
            }
        });
        Self { address, state }
    }

    fn stall(&self, stalls: bool) {
        self.state.stalled.send_replace(stalls);
    }

    fn slow(&self, delay: Duration) {
        self.state.delay.send_replace(delay);
    }

    fn cut(&self) {
        self.state.cut.send_modify(|cuts| *cuts += 1);
    }

    fn hang_those_there_are(&self) {
        self.state.hangs.store(self.connections(), Ordering::SeqCst);
    }

    fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    fn open(&self) -> usize {
        self.state.open.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.running.store(false, Ordering::SeqCst);
    }
}

impl ProxyState {
    async fn carry(self: Arc<Self>, number: usize, client: TcpStream, server: TcpStream) {
        self.open.fetch_add(1, Ordering::SeqCst);
        let mut cut = self.cut.subscribe();
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        tokio::select! {
            () = self.pipe(number, &mut from_client, &mut to_server) => {}
            () = self.pipe(number, &mut from_server, &mut to_client) => {}
            _ = cut.changed() => {}
        }
        self.open.fetch_sub(1, Ordering::SeqCst);
    }

    async fn pipe(
        &self,
        number: usize,
        from: &mut (impl AsyncReadExt + Unpin),
        to: &mut (impl AsyncWriteExt + Unpin),
    ) {
        let mut bytes = vec![0; 16 * 1024];
        while let Ok(n @ 1..) = from.read(&mut bytes).await {
            let mut stalled = self.stalled.subscribe();
            let _ = stalled.wait_for(|stalled| !stalled).await;
            let delay = *self.delay.borrow();
            tokio::time::sleep(delay).await;
            if number <= self.hangs.load(Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            if to.write_all(&bytes[..n]).await.is_err() {
                return;
            }
        }
    }
}
