//! Which imports the operator must grant, and under which key.

use crate::config::model::Grants;

/// An import that takes a grant.
struct Rule {
    interface: &'static str,
    /// What to write for it.
    grant: &'static str,
    granted: fn(&Grants) -> bool,
}

/// Everything that is not here is given to every plugin.
const RULES: [Rule; 5] = [
    Rule {
        interface: "consumers",
        grant: "consumers = true",
        granted: |grants| grants.consumers,
    },
    Rule {
        interface: "kv",
        grant: "kv = [\"local\"]",
        granted: |grants| !grants.kv.is_empty(),
    },
    Rule {
        interface: "quota",
        grant: "quota = [\"local\"]",
        granted: |grants| !grants.quota.is_empty(),
    },
    Rule {
        interface: "http-client",
        grant: "http = [\"UPSTREAM:/path\"]",
        granted: |grants| !grants.http.is_empty(),
    },
    Rule {
        interface: "secrets",
        grant: "secrets = [\"NAME\"]",
        granted: |grants| !grants.secrets.is_empty(),
    },
];

/// The first interface among `interfaces` (bare names) that is not granted,
/// with what to write in `grants` if it may.
pub(crate) fn missing<'a>(
    interfaces: impl IntoIterator<Item = &'a str>,
    grants: &Grants,
) -> Option<(&'a str, &'static str)> {
    interfaces.into_iter().find_map(|interface| {
        let rule = RULES.iter().find(|rule| rule.interface == interface)?;
        (!(rule.granted)(grants)).then_some((interface, rule.grant))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consumers_take_a_grant_and_requests_do_not() {
        let none = Grants::default();
        assert_eq!(missing(["request", "log"], &none), None);
        assert_eq!(
            missing(["request", "consumers"], &none),
            Some(("consumers", "consumers = true"))
        );
        let all = Grants {
            consumers: true,
            ..Grants::default()
        };
        assert_eq!(missing(["request", "consumers"], &all), None);
    }
}
