//! The HTTP API of a running gateway, for operators and their tools.
//!
//! It has no authentication: give it an address that only they can reach.

mod api;
mod canary;
mod usage;

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};

use crate::generation::Control;
use crate::usage::Ledger;

/// Connections at one time; a scraper needs one.
const MAX_CONNECTIONS: usize = 64;
/// For a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// What the API speaks for.
pub struct Admin {
    control: Arc<Control>,
    usage: Arc<Ledger>,
    stopping: Cell<bool>,
    open: Cell<usize>,
}

impl Admin {
    /// An API for this gateway.
    pub fn new(control: Arc<Control>, usage: Arc<Ledger>) -> Rc<Self> {
        Rc::new(Self {
            control,
            usage,
            stopping: Cell::new(false),
            open: Cell::new(0),
        })
    }

    /// From now on `/readyz` says no.
    pub fn stop(&self) {
        self.stopping.set(true);
    }

    /// Listens; the address that is returned has the real port.
    ///
    /// # Errors
    /// Where the address cannot be listened on.
    pub async fn listen(self: &Rc<Self>, address: SocketAddr) -> std::io::Result<SocketAddr> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        tokio::task::spawn_local(accept(self.clone(), listener));
        Ok(address)
    }
}

async fn accept(admin: Rc<Admin>, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) if admin.open.get() < MAX_CONNECTIONS => {
                tokio::task::spawn_local(serve(admin.clone(), stream));
            }
            Ok(_) => {}
            Err(why) => {
                tracing::warn!("admin: cannot accept a connection: {why}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve(admin: Rc<Admin>, stream: TcpStream) {
    admin.open.set(admin.open.get() + 1);
    let api = admin.clone();
    let service = service_fn(move |request| api::answer(api.clone(), request));
    // How a scraper's connection ends matters to nobody.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    admin.open.set(admin.open.get() - 1);
}
