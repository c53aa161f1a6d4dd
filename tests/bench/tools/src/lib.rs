//! The load generator and the upstream of the benchmark: two programs of one
//! thread each on epoll, lean enough that they never are what is measured.

/// Where `needle` begins.
#[must_use]
pub fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}
