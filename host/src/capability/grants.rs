//! Which imports the operator must grant, and under which key.

use crate::config::model::Grants;

/// An import that takes a grant.
struct Rule {
    interface: &'static str,
    key: &'static str,
    granted: fn(&Grants) -> bool,
}

/// Everything that is not here is given to every plugin.
const RULES: [Rule; 1] = [Rule {
    interface: "consumers",
    key: "consumers",
    granted: |grants| grants.consumers,
}];

/// The first interface among `interfaces` (bare names) that is not granted,
/// with the key of `grants` that would grant it.
pub(crate) fn missing<'a>(
    interfaces: impl IntoIterator<Item = &'a str>,
    grants: &Grants,
) -> Option<(&'a str, &'static str)> {
    interfaces.into_iter().find_map(|interface| {
        let rule = RULES.iter().find(|rule| rule.interface == interface)?;
        (!(rule.granted)(grants)).then_some((interface, rule.key))
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
            Some(("consumers", "consumers"))
        );
        let all = Grants {
            consumers: true,
            ..Grants::default()
        };
        assert_eq!(missing(["request", "consumers"], &all), None);
    }
}
