//! The secrets of the fake gateway: all that it has are granted.

use super::gateway::Gateway;
use super::world::ask;

impl Gateway {
    /// One more secret that the plugin is granted.
    #[must_use]
    pub fn with_secret(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.secrets.insert(name.to_owned(), value.into());
        self
    }
}

pub(crate) fn get(name: &str) -> Option<Vec<u8>> {
    ask(|w| w.gateway.secrets.get(name).cloned())
}
