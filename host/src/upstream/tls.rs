//! TLS with the targets of an upstream.

use std::io;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::config::model::{Protocol, Target, Upstream};
use crate::tls;

/// How the targets of an upstream prove who they are. Cheap to clone; clones
/// resume each other's sessions.
#[derive(Clone)]
pub struct Tls {
    connector: TlsConnector,
    /// In the certificate of each target; none: the target's own host.
    name: Option<ServerName<'static>>,
    protocol: Protocol,
}

impl Tls {
    /// For all targets of `upstream`, whose certificates lead to one of `roots`.
    ///
    /// # Errors
    /// What is wrong, for the operator.
    pub fn new(
        upstream: &Upstream,
        server_name: Option<&str>,
        roots: Arc<RootCertStore>,
    ) -> Result<Self, String> {
        let name = server_name.map(tls::server_name).transpose()?;
        if name.is_none() {
            for target in &upstream.targets {
                tls::server_name(&target.host)?;
            }
        }
        let offered = alpn(upstream.protocol);
        Ok(Self {
            connector: tls::client_config(roots, &[offered])?.into(),
            name,
            protocol: upstream.protocol,
        })
    }

    /// Shakes hands with `target` on a connection to it. The error says why not in words.
    pub(super) async fn connect(
        &self,
        target: &Target,
        stream: TcpStream,
    ) -> io::Result<TlsStream<TcpStream>> {
        let name = match &self.name {
            Some(name) => name.clone(),
            None => tls::server_name(&target.host).map_err(io::Error::other)?,
        };
        let stream = self.connector.connect(name, stream).await;
        let stream = stream.map_err(|why| io::Error::new(why.kind(), tls::words(&why)))?;
        let agreed = stream.get_ref().1.alpn_protocol();
        // HTTP/1.1 is what a server speaks that says nothing.
        if self.protocol == Protocol::Http2 && agreed != Some(alpn(Protocol::Http2)) {
            let why = "TLS: the server does not speak HTTP/2: it did not agree on h2 (ALPN)";
            return Err(io::Error::other(why));
        }
        Ok(stream)
    }
}

/// The protocol's name (RFC 7301).
fn alpn(protocol: Protocol) -> &'static [u8] {
    match protocol {
        Protocol::Http1 => b"http/1.1",
        Protocol::Http2 => b"h2",
    }
}
