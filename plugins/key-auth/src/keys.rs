//! The credentials of the configuration. Whose key is whose, the gateway says.

use sluice_plugin::prelude::*;

use crate::options::is_field_value;

/// Keys that may share a prefix: each of them is compared.
const MAX_SHARED: usize = 16;

/// Who owns a key, as the upstream reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) consumer: String,
    /// All groups with commas between; none where there is no group.
    pub(crate) groups: Option<String>,
}

/// One key.
#[derive(Debug)]
pub(crate) struct Credential {
    pub(crate) id: String,
    pub(crate) owner: Owner,
}

/// All keys, each at the place of its credential.
#[derive(Debug, Default)]
pub(crate) struct Keys(Vec<Credential>);

impl Owner {
    pub(crate) fn new(consumer: String, groups: &[String]) -> Self {
        Self {
            consumer,
            groups: (!groups.is_empty()).then(|| groups.join(",")),
        }
    }

    /// A consumer of the configuration, if there is one of this name.
    pub(crate) fn load(consumer: &str) -> Option<Self> {
        let groups = consumers::groups(consumer)?;
        Some(Self::new(consumer.to_owned(), &groups))
    }
}

impl Keys {
    /// Reads all credentials. The error is for the operator.
    pub(crate) fn load() -> Result<Self, String> {
        let all = consumers::credentials();
        let mut prefixes: Vec<_> = all.iter().map(|c| (&c.prefix, &c.id)).collect();
        prefixes.sort_unstable();
        for several in prefixes.windows(MAX_SHARED + 1) {
            if let ([(first, id), ..], [.., (last, _)]) = (several, several)
                && first == last
            {
                let begin = "more than 16 credentials share the prefix of `";
                return Err([begin, id, "`: use longer prefixes"].concat());
            }
        }
        let keys = all.into_iter().map(|credential| {
            let named = |what: &str| ["credential `", &credential.id, "`: ", what].concat();
            let owner = Owner::load(&credential.consumer)
                .ok_or_else(|| named("it belongs to no consumer"))?;
            let headers = [&credential.id, &owner.consumer].into_iter();
            if !headers.chain(&owner.groups).all(|h| is_field_value(h)) {
                return Err(named("names and groups must not have control characters"));
            }
            let id = credential.id;
            Ok(Credential { id, owner })
        });
        keys.collect::<Result<_, _>>().map(Self)
    }

    /// The credential of this key, if it is valid now.
    pub(crate) fn find(&self, key: &[u8]) -> Option<&Credential> {
        self.at(consumers::find(key)?)
    }

    /// The credential at this place.
    pub(crate) fn at(&self, place: usize) -> Option<&Credential> {
        self.0.get(place)
    }
}
