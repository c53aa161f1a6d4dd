//! Names of headers that belong to the gateway.

/// Framing and hop-by-hop headers (RFC 9110, 7.6.1), in lower case and in
/// order: an edit of one is [`Rejected::Reserved`](crate::Rejected::Reserved).
pub const RESERVED_HEADERS: [&str; 9] = [
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
