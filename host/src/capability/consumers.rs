//! The consumers of the configuration, for plugins that authenticate.

use crate::config::model::{Consumers, Credential, Name};

/// Every credential with its consumer, in the order of names and ids, so that
/// two instances see the same list.
pub(crate) fn credentials(consumers: &Consumers) -> Vec<(&Name, &Credential)> {
    let mut all: Vec<_> = consumers
        .0
        .iter()
        .flat_map(|(name, consumer)| consumer.credentials.iter().map(move |c| (name, c)))
        .collect();
    all.sort_unstable_by(|a, b| (a.0, &a.1.id).cmp(&(b.0, &b.1.id)));
    all
}

/// The groups of a consumer; none where there is no such consumer.
pub(crate) fn groups<'a>(consumers: &'a Consumers, name: &str) -> Option<&'a [String]> {
    consumers.0.get(name).map(|c| c.groups.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::model::Consumer;
    use std::sync::Arc;

    fn credential(id: &str) -> Credential {
        Credential {
            id: id.into(),
            prefix: "k_12".into(),
            sha256: [7; 32],
            not_before: None,
            expires: None,
        }
    }

    #[test]
    fn credentials_come_in_a_fixed_order() {
        let mut consumers = Consumers::default();
        for (name, ids) in [("b", ["2", "1"]), ("a", ["4", "3"])] {
            let consumer = Consumer {
                groups: vec![name.to_uppercase()],
                credentials: ids.map(credential).to_vec(),
                ..Consumer::default()
            };
            consumers.0.insert(name.into(), Arc::new(consumer));
        }
        let ids: Vec<_> = credentials(&consumers)
            .iter()
            .map(|(name, c)| (&***name, c.id.as_str()))
            .collect();
        assert_eq!(ids, [("a", "3"), ("a", "4"), ("b", "1"), ("b", "2")]);
        assert_eq!(groups(&consumers, "a"), Some(&["A".to_string()][..]));
        assert_eq!(groups(&consumers, "c"), None);
    }
}
