//! A certificate authority of one test, TLS clients that trust it, and servers that use it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::client::HOST_NAME;

/// A self-signed certificate for [`HOST_NAME`].
pub struct Authority {
    certificate: CertificateDer<'static>,
    certificate_pem: String,
    key_pem: String,
}

impl Default for Authority {
    fn default() -> Self {
        Self::of(HOST_NAME)
    }
}

impl Authority {
    /// For another host: a name or an address.
    #[must_use]
    pub fn of(host: &str) -> Self {
        Self::make(host, |_| {})
    }

    /// One whose time is over.
    #[must_use]
    pub fn expired(host: &str) -> Self {
        Self::make(host, |certificate| {
            certificate.not_after = rcgen::date_time_ymd(2001, 1, 1);
        })
    }

    fn make(host: &str, change: impl FnOnce(&mut rcgen::CertificateParams)) -> Self {
        let mut certificate =
            rcgen::CertificateParams::new([host.to_owned()]).expect("the name of a host");
        certificate
            .distinguished_name
            .push(rcgen::DnType::CommonName, host);
        change(&mut certificate);
        let key = rcgen::KeyPair::generate().expect("a key");
        let made = certificate
            .self_signed(&key)
            .expect("a self-signed certificate");
        Self {
            certificate: made.der().clone(),
            certificate_pem: made.pem(),
            key_pem: key.serialize_pem(),
        }
    }

    /// Who trusts this certificate trusts the server.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// Writes certificate and key into a folder.
    pub fn write(&self, folder: &Path) -> (PathBuf, PathBuf) {
        let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
        std::fs::write(&certificate, &self.certificate_pem).expect("the certificate");
        std::fs::write(&key, &self.key_pem).expect("the key");
        (certificate, key)
    }

    fn server(&self, protocols: &[&str]) -> ServerConfig {
        let key = PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes()).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider's own versions")
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], key)
            .expect("a usable certificate");
        config.alpn_protocols = names(protocols);
        config
    }

    /// The secret that must not appear anywhere.
    #[must_use]
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }

    /// A TLS session that offers these protocols.
    pub async fn connect(
        &self,
        stream: TcpStream,
        protocols: &[&str],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = rustls::RootCertStore::empty();
        roots
            .add(self.certificate.clone())
            .expect("a usable certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider's own versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = names(protocols);
        let name = ServerName::try_from(HOST_NAME).expect("a host name");
        TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
    }
}

fn names(protocols: &[&str]) -> Vec<Vec<u8>> {
    let names = protocols.iter();
    names.map(|protocol| protocol.as_bytes().to_vec()).collect()
}

/// Speaks TLS in front of a server that does not: what comes is passed on.
pub struct Front {
    address: SocketAddr,
    sessions: Arc<AtomicU64>,
    /// Whoever listens ends when it changes.
    cut: watch::Sender<()>,
    accepting: JoinHandle<()>,
}

impl Front {
    /// In front of `server`; takes one of these protocols (ALPN).
    pub async fn start(authority: &Authority, server: SocketAddr, protocols: &[&str]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let acceptor = TlsAcceptor::from(Arc::new(authority.server(protocols)));
        let sessions = Arc::new(AtomicU64::new(0));
        let counted = sessions.clone();
        let cut = watch::Sender::new(());
        let ends = cut.clone();
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, counted) = (acceptor.clone(), counted.clone());
                let mut end = ends.subscribe();
                connections.spawn(async move {
                    let mut outside = acceptor.accept(stream).await.ok()?;
                    counted.fetch_add(1, Ordering::SeqCst);
                    let mut inside = TcpStream::connect(server).await.ok()?;
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut outside, &mut inside) => {}
                        _ = end.changed() => {}
                    }
                    Some(())
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Self {
            address,
            sessions,
            cut,
            accepting,
        }
    }

    /// Closes all connections as they are: TLS does not say goodbye.
    pub fn cut(&self) {
        let _ = self.cut.send(());
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Handshakes that came to their end.
    #[must_use]
    pub fn sessions(&self) -> u64 {
        self.sessions.load(Ordering::SeqCst)
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
