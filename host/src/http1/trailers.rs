//! What may not be sent as a trailer.

use http::HeaderMap;
use http::header::{self, HeaderName};

/// Takes out what [`is_forbidden_trailer`]. Whether anything is left.
pub fn strip_trailers(trailers: &mut HeaderMap) -> bool {
    let forbidden: Vec<_> = trailers
        .keys()
        .filter(|n| is_forbidden_trailer(n))
        .cloned()
        .collect();
    for name in forbidden {
        trailers.remove(name);
    }
    !trailers.is_empty()
}

/// Whether this header means something else, or nothing, after the body (RFC 9110, 6.5.1).
pub fn is_forbidden_trailer(name: &HeaderName) -> bool {
    FORBIDDEN.contains(name)
}

const FORBIDDEN: [HeaderName; 16] = [
    header::AUTHORIZATION,
    header::CACHE_CONTROL,
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::CONTENT_TYPE,
    header::HOST,
    HeaderName::from_static("keep-alive"),
    header::MAX_FORWARDS,
    HeaderName::from_static("proxy-connection"),
    header::SET_COOKIE,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_one_hop_is_no_trailer() {
        let mut trailers = HeaderMap::new();
        for name in ["connection", "keep-alive", "proxy-connection", "upgrade"] {
            trailers.append(name, header::HeaderValue::from_static("x"));
        }
        assert!(!strip_trailers(&mut trailers.clone()));
        trailers.append("x-sum", header::HeaderValue::from_static("5"));
        assert!(strip_trailers(&mut trailers));
        assert_eq!(trailers.len(), 1);
    }
}
