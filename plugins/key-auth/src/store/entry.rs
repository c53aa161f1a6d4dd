//! What a store says of a key: JSON that somebody else wrote.

use serde::Deserialize;
use sluice_plugin::prelude::*;

use crate::keys::Owner;
use crate::options::is_field_value;

/// Longer entries are no good, in bytes.
const MAX_ENTRY: usize = 4096;

/// Whose a key is, and when.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: String,
    pub(crate) owner: Owner,
    not_before: Option<u64>,
    expires: Option<u64>,
}

/// As it is written. A member that is not known may be a misspelt end.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    consumer: String,
    id: String,
    not_before: Option<u64>,
    expires: Option<u64>,
}

impl Entry {
    /// The error is for the operator.
    pub(crate) fn read(json: &[u8]) -> Result<Self, String> {
        if json.len() > MAX_ENTRY {
            return Err("the entry is longer than 4096 bytes".to_owned());
        }
        // A list would be read as the members in their order.
        if !json.trim_ascii_start().starts_with(b"{") {
            return Err("the entry is not a JSON object".to_owned());
        }
        let written: Written = serde_json::from_slice(json)
            .map_err(|why| ["the entry cannot be read: ", &why.to_string()].concat())?;
        if written.id.is_empty() || !is_field_value(&written.id) {
            return Err("`id`: expected a text without control characters".to_owned());
        }
        let owner = Owner::load(&written.consumer).ok_or_else(|| {
            let consumer = written.consumer.escape_debug().to_string();
            [
                "no such consumer: `",
                &consumer,
                "`; it has to be one of the configuration",
            ]
            .concat()
        })?;
        Ok(Self {
            id: written.id,
            owner,
            not_before: written.not_before,
            expires: written.expires,
        })
    }

    /// Whether now is between its two moments.
    pub(crate) fn is_valid(&self) -> bool {
        let now = clock::unix_ms() / 1000;
        self.not_before.is_none_or(|from| from <= now) && self.expires.is_none_or(|end| now < end)
    }
}
