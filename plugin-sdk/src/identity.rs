//! Who is calling.

use crate::bindings::types::Rejected;
use crate::sys::types::types::{ConsumerParam, ConsumerResult};

/// Who is calling: set by an authentication plugin, read by the rest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// The consumer's name, or that of somebody whom the configuration does not know.
    pub id: String,
    /// The groups, in their order.
    pub groups: Vec<String>,
    /// Names and values.
    pub attributes: Vec<(String, String)>,
    /// The public name of the credential that proved it.
    pub credential: Option<String>,
}

impl Caller {
    /// Calls `set` with a borrowed copy.
    pub(crate) fn lend(
        &self,
        set: impl FnOnce(ConsumerParam<'_>) -> Result<(), Rejected>,
    ) -> Result<(), Rejected> {
        let groups: Vec<&str> = self.groups.iter().map(String::as_str).collect();
        let attributes: Vec<(&str, &str)> = self
            .attributes
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        set(ConsumerParam {
            id: &self.id,
            groups: &groups,
            attributes: &attributes,
            credential: self.credential.as_deref(),
        })
    }
}

impl From<ConsumerResult> for Caller {
    fn from(caller: ConsumerResult) -> Self {
        Self {
            id: caller.id,
            groups: caller.groups,
            attributes: caller.attributes,
            credential: caller.credential,
        }
    }
}
