//! What somebody who mistyped a name may have meant.

/// More names of a similar length than this are not compared: a suggestion must not cost more than the load.
const MOST_COMPARED: usize = 2_000;

/// Longer words than this have no nearest one.
const LONGEST: usize = 128;

/// The valid name that is nearest to what was found, if one is near enough to
/// be meant: at most a third of its letters differ, or only their case.
pub fn nearest<'a>(found: &str, valid: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let length = found.chars().count();
    if length == 0 || length > LONGEST {
        return None;
    }
    let allowed = |other: usize| (length.max(other) / 3).max(1);
    let similar = valid.into_iter().filter(|name| {
        let other = name.chars().count();
        *name != found && other <= LONGEST && length.abs_diff(other) <= allowed(other)
    });
    let lower = found.to_lowercase();
    let mut best: Option<(usize, &str)> = None;
    for name in similar.take(MOST_COMPARED) {
        let other = name.chars().count();
        let distance = strsim::osa_distance(&lower, &name.to_lowercase());
        let close = distance <= allowed(other) && distance < length.max(other);
        if close && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, name));
        }
    }
    best.map(|(_, name)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_mistyped_name_finds_the_one_that_was_meant() {
        let valid = ["address", "tls", "limits", "orders", "orders-v2"];
        assert_eq!(nearest("adress", valid).as_deref(), Some("address"));
        assert_eq!(nearest("TLS", valid).as_deref(), Some("tls"));
        assert_eq!(nearest("order", valid).as_deref(), Some("orders"));
        assert_eq!(nearest("orders_v2", valid).as_deref(), Some("orders-v2"));
        assert_eq!(nearest("payments", valid), None);
        assert_eq!(nearest("", valid), None);
        assert_eq!(nearest("x", ["y"]), None);
    }
}
