//! TLS towards servers that the gateway connects to, and how a session ends on either side.

#[cfg(test)]
pub(crate) mod testing;

use std::io;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{AlertDescription, CertificateError, ClientConfig, ConnectionCommon, Error};
use rustls::{RootCertStore, SideData};
use tokio::net::TcpStream;

/// The certificates that may have signed a server's: those in `ca` (PEM), or
/// those that the machine trusts, which takes some milliseconds.
///
/// # Errors
/// What is wrong, for the operator; it begins with `ca` where that is to blame.
pub fn roots(ca: Option<&[u8]>) -> Result<Arc<RootCertStore>, String> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(|why| format!("ca: {why}"))?;
                roots.add(certificate).map_err(|why| format!("ca: {why}"))?;
            }
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
        }
    }
    if roots.is_empty() {
        return Err(match ca {
            Some(_) => "ca: no certificate in the file".into(),
            None => "this machine trusts no certificate: `ca` is expected".into(),
        });
    }
    Ok(Arc::new(roots))
}

/// How to speak to servers that prove who they are by `roots`. What is in
/// `protocols` is offered by ALPN (RFC 7301).
///
/// # Errors
/// Where the library has no version of TLS in common with itself.
pub fn client_config(
    roots: Arc<RootCertStore>,
    protocols: &[&[u8]],
) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|why| why.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Ok(Arc::new(config))
}

/// Says that a session ends (RFC 8446, 6.1), where the socket takes it at once. Where something
/// before it is still to be sent, the end is none that the other side may trust.
pub fn say_end<S: SideData>(socket: &TcpStream, session: &mut ConnectionCommon<S>) {
    if !session.wants_write() {
        session.send_close_notify();
        let _ = session.write_tls(&mut AtOnce(socket));
    }
}

/// Writes what goes without waiting.
struct AtOnce<'s>(&'s TcpStream);

impl io::Write for AtOnce<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The name that has to be in a server's certificate: of a host, or an IP address.
///
/// # Errors
/// Where no certificate can have it.
pub fn server_name(host: &str) -> Result<ServerName<'static>, String> {
    ServerName::try_from(host.to_owned())
        .map_err(|_| format!("server_name is `{host}`: the name of a host is expected"))
}

/// Why a handshake failed, in words.
pub fn words(why: &io::Error) -> String {
    let inner = why.get_ref().and_then(|inner| inner.downcast_ref());
    let known = match inner {
        Some(Error::InvalidCertificate(why)) => of_certificate(why),
        Some(Error::InvalidMessage(_)) => Some("the server does not speak TLS"),
        Some(
            Error::NoApplicationProtocol
            | Error::AlertReceived(AlertDescription::NoApplicationProtocol),
        ) => Some("the server does not speak the upstream's `protocol`"),
        Some(Error::AlertReceived(AlertDescription::UnrecognisedName)) => {
            Some("the server knows no host of this name")
        }
        Some(Error::AlertReceived(
            AlertDescription::HandshakeFailure | AlertDescription::ProtocolVersion,
        )) => Some("the server has no version or cipher of TLS in common"),
        None if why.kind() == io::ErrorKind::UnexpectedEof => {
            Some("the server closed the connection in the handshake")
        }
        _ => None,
    };
    match known {
        Some(known) => format!("TLS: {known} ({why})"),
        None => format!("TLS: {why}"),
    }
}

fn of_certificate(why: &CertificateError) -> Option<&'static str> {
    use CertificateError as E;
    Some(match why {
        E::Expired | E::ExpiredContext { .. } => "the server's certificate has expired",
        E::NotValidYet | E::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet"
        }
        // The second is what it comes to where another authority has the same name.
        E::UnknownIssuer | E::BadSignature => {
            "the server's certificate is signed by nobody who is trusted"
        }
        E::NotValidForName | E::NotValidForNameContext { .. } => {
            "the server's certificate is for another name"
        }
        E::Revoked => "the server's certificate was revoked",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_ca_lacks_is_said() {
        assert_eq!(
            roots(Some(b"nonsense")).unwrap_err(),
            "ca: no certificate in the file"
        );
        let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(roots(Some(broken)).unwrap_err().starts_with("ca: "));
    }

    #[test]
    fn names_and_addresses_can_be_in_a_certificate() {
        for host in ["a.example", "a_b", "10.0.0.1", "::1"] {
            assert!(server_name(host).is_ok(), "{host}");
        }
        assert!(server_name("a b").is_err());
    }

    #[test]
    fn a_failure_is_said_in_words_and_in_the_librarys() {
        let failed = |why: Error| words(&io::Error::new(io::ErrorKind::InvalidData, why));
        let expired = Error::InvalidCertificate(CertificateError::Expired);
        assert!(failed(expired).starts_with("TLS: the server's certificate has expired ("));
        assert!(failed(Error::NoApplicationProtocol).contains("`protocol`"));
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        assert_eq!(words(&reset), "TLS: connection reset");
    }
}
