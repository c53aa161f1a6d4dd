//! What may not be sent as a trailer.

use http::header::{self, HeaderName};

/// Whether this header means something else, or nothing, after the body (RFC 9110, 6.5.1).
pub fn is_forbidden_trailer(name: &HeaderName) -> bool {
    FORBIDDEN.contains(name)
}

const FORBIDDEN: [HeaderName; 14] = [
    header::AUTHORIZATION,
    header::CACHE_CONTROL,
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::CONTENT_TYPE,
    header::HOST,
    header::MAX_FORWARDS,
    header::SET_COOKIE,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];
