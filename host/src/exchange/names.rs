//! Header names that belong to the gateway itself.

use http::header::{self, HeaderName, HeaderValue};

use crate::message::Headers;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
/// Of the upgrade to HTTP/2 that is not served.
const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Framing and hop-by-hop headers (RFC 9110, 7.6.1), which no plugin can set.
pub fn is_reserved(name: &HeaderName) -> bool {
    matches!(
        *name,
        header::CONNECTION
            | header::CONTENT_LENGTH
            | header::TRANSFER_ENCODING
            | header::TE
            | header::TRAILER
            | header::UPGRADE
            | header::EXPECT
    ) || *name == KEEP_ALIVE
        || *name == PROXY_CONNECTION
}

/// Removes what speaks of this connection only: the names that `Connection`
/// lists, and those that RFC 9110, 7.6.1 names. `te: trailers` survives, since
/// gRPC needs it and trailers pass through.
pub fn strip_hop_by_hop(headers: &mut Headers) {
    if !headers.names().any(is_hop_by_hop) {
        return;
    }
    if headers.contains_key(header::CONNECTION) {
        let listed: Vec<HeaderName> = headers
            .get_all(header::CONNECTION)
            .filter_map(|v| v.to_str().ok())
            .flat_map(|v| v.split(','))
            .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
            .collect();
        for name in listed {
            // A client that lists these could make the gateway hide who it is, or what it logs.
            let is_kept = [header::HOST, header::CONTENT_LENGTH, header::TE].contains(&name)
                || name == REQUEST_ID;
            if !is_kept {
                headers.remove(&name);
            }
        }
        headers.remove(header::CONNECTION);
    }
    let trailers = headers.get(header::TE).is_some_and(takes_trailers);
    headers.remove(header::TE);
    if trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    headers.remove(header::TRANSFER_ENCODING);
    headers.remove(header::UPGRADE);
    headers.remove(KEEP_ALIVE);
    headers.remove(PROXY_CONNECTION);
    headers.remove(HTTP2_SETTINGS);
}

/// One look at each name costs less than one lookup for each of these.
fn is_hop_by_hop(name: &HeaderName) -> bool {
    match name.as_str().len() {
        2 => *name == header::TE,
        7 => *name == header::UPGRADE,
        10 => *name == header::CONNECTION || *name == KEEP_ALIVE,
        14 => *name == HTTP2_SETTINGS,
        16 => *name == PROXY_CONNECTION,
        17 => *name == header::TRANSFER_ENCODING,
        _ => false,
    }
}

fn takes_trailers(value: &HeaderValue) -> bool {
    value.to_str().is_ok_and(|v| {
        v.split(',')
            .any(|part| part.trim().eq_ignore_ascii_case("trailers"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&str, &str)]) -> Headers {
        let mut map = Headers::new();
        for (name, value) in lines {
            map.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                value.parse().unwrap(),
            );
        }
        map
    }

    #[test]
    fn what_connection_lists_is_removed() {
        let mut map = headers(&[
            ("connection", "keep-alive, X-Private, x-request-id"),
            ("x-private", "1"),
            ("keep-alive", "timeout=5"),
            ("x-public", "2"),
            ("x-request-id", "3"),
        ]);
        strip_hop_by_hop(&mut map);
        let kept = [("x-public", "2"), ("x-request-id", "3")];
        assert_eq!(map, headers(&kept));
    }

    #[test]
    fn te_trailers_survives_alone() {
        let mut map = headers(&[
            ("te", "gzip, trailers"),
            ("upgrade", "h2c"),
            ("http2-settings", "AAMAAABkAAQAAP__"),
        ]);
        strip_hop_by_hop(&mut map);
        assert_eq!(map, headers(&[("te", "trailers")]));
    }
}
