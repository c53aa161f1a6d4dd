//! The consumers of the configuration, for plugins that authenticate. Needs
//! the grant `consumers = true`.
//!
//! Read them in [`configure`](crate::Plugin::configure): they change only with
//! the configuration, and then the plugin is configured again. Whose key a
//! caller shows, [`find`] and [`find_in_header`] say.

use crate::sys;

pub use crate::sys::types::consumers::Credential;
/// What a header shows of a key.
pub use crate::sys::types::consumers::Shown;

/// All credentials. Of a secret there is its public prefix and its SHA-256.
pub fn credentials() -> Vec<Credential> {
    sys::consumers::credentials()
}

/// The groups of a consumer; none where there is no such consumer.
pub fn groups(consumer: &str) -> Option<Vec<String>> {
    sys::consumers::groups(consumer)
}

/// Whose key this is: the place of its credential in [`credentials`]. None of a
/// key that is unknown, not valid now, or longer than 4096 bytes.
///
/// How long it takes does not tell whether a key is known.
pub fn find(key: &[u8]) -> Option<usize> {
    usize::try_from(sys::consumers::find(key)?).ok()
}

/// Whose key a header of the request shows, for the hooks of an exchange. The
/// key itself need not come into the plugin.
pub fn find_in_header(name: &str) -> Shown {
    sys::consumers::find_in_header(name)
}
