//! TLS towards clients.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::model::Tls;

/// Why a certificate and its key cannot be used.
#[derive(Debug)]
pub enum TlsError {
    /// The certificate's file.
    Certificate(String),
    /// The key's file. Nothing of the key is in the words.
    Key(String),
}

/// What rustls needs to serve HTTP/2 and HTTP/1.1 with one certificate.
///
/// # Errors
/// Where the files are not PEM, or do not belong together.
pub fn server_config(tls: &Tls) -> Result<Arc<ServerConfig>, TlsError> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&tls.certificate)
        .collect::<Result<_, _>>()
        .map_err(|why| TlsError::Certificate(why.to_string()))?;
    if chain.is_empty() {
        return Err(TlsError::Certificate("no certificate in the file".into()));
    }
    let key = PrivateKeyDer::from_pem_slice(&tls.key.0)
        .map_err(|_| TlsError::Key("no private key in the file".into()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|why| TlsError::Certificate(why.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|why| TlsError::Key(why.to_string()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
