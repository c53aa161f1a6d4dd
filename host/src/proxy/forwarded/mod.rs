//! Who the client is behind trusted proxies, and what the upstream is told about it.
//!
//! A peer that is no trusted proxy is the client, and what it says of itself is dropped. Of
//! a trusted one, `X-Forwarded-For` is read from the right: the first address that is not
//! trusted is the client. `Forwarded` (RFC 7239) is read only where that header is absent.

mod element;

use std::net::IpAddr;

use http::header::{FORWARDED, HOST};
use http::{HeaderName, HeaderValue};
use ipnet::IpNet;

use crate::exchange::ClientAddress;
use crate::message::Headers;
use element::Element;

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// What is believed about the client of one request.
#[derive(Debug, Clone)]
pub(super) struct Resolved {
    /// The client, where it is not the peer.
    pub(super) client: Option<ClientAddress>,
    /// The client used TLS.
    pub(super) https: bool,
    /// The peer is a trusted proxy.
    pub(super) trusted: bool,
    /// The peer used TLS.
    peer_https: bool,
}

/// Finds the client. `https` says whether the peer's own connection is TLS. A malformed entry
/// ends the search, and the last good address is the client.
pub(super) fn resolve(
    peer: &ClientAddress,
    headers: &Headers,
    https: bool,
    trusted: &[IpNet],
) -> Resolved {
    let mut resolved = Resolved {
        client: None,
        https,
        trusted: is_trusted(peer.ip, trusted),
        peer_https: https,
    };
    if !resolved.trusted {
        return resolved;
    }
    let (ip, proto) = if headers.contains_key(FOR) {
        (client_of_x_forwarded_for(headers, trusted), None)
    } else {
        client_of_forwarded(headers, trusted)
    };
    resolved.client = ip.filter(|ip| *ip != peer.ip).and_then(client_address);
    resolved.https = proto_of(headers).or(proto).unwrap_or(https);
    resolved
}

/// Writes what the upstream is told: `X-Forwarded-For`, `-Proto` and `-Host`, and `Forwarded`
/// where `emit_forwarded` asks for it or a trusted peer sent it. `headers` still has the
/// client's `host`.
pub(super) fn apply(
    headers: &mut Headers,
    peer: &ClientAddress,
    resolved: &Resolved,
    emit_forwarded: bool,
) {
    if !resolved.trusted {
        drop_claims(headers);
    }
    let proto = HeaderValue::from_static(scheme(resolved.https));
    let chain = appended(headers, &FOR, &peer.text);
    headers.insert(FOR, chain);
    headers.insert(PROTO, proto);
    if !headers.contains_key(FORWARDED_HOST)
        && let Some(host) = headers.get(HOST).cloned()
    {
        headers.insert(FORWARDED_HOST, host);
    }
    if emit_forwarded || headers.contains_key(FORWARDED) {
        let scheme = scheme(resolved.peer_https);
        let element = Element::write(peer.ip, headers.get(HOST), scheme);
        if let Ok(element) = HeaderValue::from_str(&element) {
            let chain = appended(headers, &FORWARDED, &element);
            headers.insert(FORWARDED, chain);
        }
    }
}

fn scheme(https: bool) -> &'static str {
    if https { "https" } else { "http" }
}

fn is_trusted(ip: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|net| net.contains(&ip))
}

fn client_address(ip: IpAddr) -> Option<ClientAddress> {
    let text = HeaderValue::from_str(&ip.to_string()).ok()?;
    Some(ClientAddress { ip, text })
}

/// The rightmost address that is not trusted; the leftmost one where all are.
fn client_of_x_forwarded_for(headers: &Headers, trusted: &[IpNet]) -> Option<IpAddr> {
    let mut client = None;
    for line in headers.get_all(FOR).rev() {
        let entries = line.to_str().unwrap_or_default().rsplit(',');
        for ip in entries.map(|entry| element::address(entry.trim())) {
            match ip {
                None => return client,
                Some(ip) if !is_trusted(ip, trusted) => return Some(ip),
                trusted => client = trusted,
            }
        }
    }
    client
}

/// The same of `Forwarded`, and the scheme of the element that names the client.
fn client_of_forwarded(headers: &Headers, trusted: &[IpNet]) -> (Option<IpAddr>, Option<bool>) {
    let mut client = (None, None);
    for line in headers.get_all(FORWARDED).rev() {
        let elements = element::elements(line.to_str().unwrap_or_default());
        for element in elements.into_iter().rev() {
            let Some(Element {
                ip: Some(ip),
                https,
            }) = element
            else {
                return client;
            };
            client = (Some(ip), https);
            if !is_trusted(ip, trusted) {
                return client;
            }
        }
    }
    client
}

/// The scheme that the nearest proxy saw; others in a list may be the client's own words.
fn proto_of(headers: &Headers) -> Option<bool> {
    let line = headers.get_all(PROTO).next_back()?;
    element::is_https(line.to_str().ok()?.rsplit(',').next()?.trim())
}

/// Removes what a client says of its own way here.
fn drop_claims(headers: &mut Headers) {
    headers.retain(|name| !is_claim(name));
}

/// To many an application `_` is the same as `-` in the name of a header.
fn is_claim(name: &HeaderName) -> bool {
    let name = name.as_str().as_bytes();
    let begins_with = |claim: &[u8]| {
        let mut bytes = name.iter();
        claim.iter().all(|expected| match bytes.next() {
            Some(b'_') => *expected == b'-',
            byte => byte == Some(expected),
        })
    };
    begins_with(b"x-forwarded-")
        || (name.len() == 9 && begins_with(b"x-real-ip"))
        || name == b"forwarded"
}

/// All lines of this name as one list, and `last` at its end.
fn appended(headers: &Headers, name: &HeaderName, last: &HeaderValue) -> HeaderValue {
    if headers.get_all(name).all(HeaderValue::is_empty) {
        return last.clone();
    }
    let mut list = Vec::new();
    let lines = headers.get_all(name).filter(|line| !line.is_empty());
    for line in lines.chain([last]) {
        if !list.is_empty() {
            list.extend_from_slice(b", ");
        }
        list.extend_from_slice(line.as_bytes());
    }
    HeaderValue::from_bytes(&list).unwrap_or_else(|_| last.clone())
}

#[cfg(test)]
mod tests;
