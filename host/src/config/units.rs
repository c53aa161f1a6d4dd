//! Durations and sizes as people write them: `"250ms"`, `"16KiB"`.

use std::fmt;
use std::time::Duration;

/// Why a text is neither a duration nor a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitError {
    /// A plain number.
    NoUnit,
    /// Digits, and then something that is no unit.
    UnknownUnit,
    /// It does not begin with a whole number.
    NotANumber,
    /// More than 64 bits hold.
    TooLarge,
}

impl fmt::Display for UnitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoUnit => "the unit is missing",
            Self::UnknownUnit => "no such unit",
            Self::NotANumber => "not a whole number and a unit",
            Self::TooLarge => "too large",
        })
    }
}

impl std::error::Error for UnitError {}

/// In milliseconds, the largest first.
const DURATIONS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// In bytes; those that are shown come first, the largest before the others.
const SIZES: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
];

/// How many of [`SIZES`] are used to show a size.
const SHOWN_SIZES: usize = 4;

/// Reads a whole number and one of `ms`, `s`, `m`, `h`, `d`.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    parse(text, &DURATIONS).map(Duration::from_millis)
}

/// Reads a whole number and one of `B`, `KiB`, `MiB`, `GiB`, `KB`, `MB`, `GB`: bytes.
pub fn parse_size(text: &str) -> Result<u64, UnitError> {
    parse(text, &SIZES)
}

fn parse(text: &str, units: &[(&str, u64)]) -> Result<u64, UnitError> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    if number.is_empty() {
        return Err(UnitError::NotANumber);
    }
    if unit.is_empty() {
        return Err(UnitError::NoUnit);
    }
    let known = units.iter().find(|(name, _)| *name == unit);
    let Some((_, factor)) = known else {
        return Err(UnitError::UnknownUnit);
    };
    let number: u64 = number.parse().map_err(|_| UnitError::TooLarge)?;
    number.checked_mul(*factor).ok_or(UnitError::TooLarge)
}

/// The duration as [`parse_duration`] reads it, in the largest unit that is exact.
/// Below a millisecond it is cut.
pub fn show_duration(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    match millis {
        0 => "0s".to_owned(),
        _ => show(millis, &DURATIONS),
    }
}

/// The size as [`parse_size`] reads it, in the largest binary unit that is exact.
pub fn show_size(bytes: u64) -> String {
    let (shown, _) = SIZES.split_at(SHOWN_SIZES);
    match bytes {
        0 => "0B".to_owned(),
        _ => show(bytes, shown),
    }
}

fn show(value: u64, units: &[(&str, u64)]) -> String {
    units
        .iter()
        .find(|(_, factor)| value.is_multiple_of(*factor))
        .map(|(unit, factor)| format!("{}{unit}", value / factor))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{UnitError, parse_duration, parse_size, show_duration, show_size};

    #[test]
    fn durations_and_sizes_are_read_exactly() {
        let durations = [("250ms", 250), ("30s", 30_000), ("5m", 300_000)];
        for (text, millis) in durations {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)));
        }
        assert_eq!(parse_duration("7d"), Ok(Duration::from_secs(604_800)));
        assert_eq!(parse_duration("1h"), Ok(Duration::from_secs(3_600)));
        let sizes = [("16KiB", 16_384), ("1MiB", 1 << 20), ("64KB", 64_000)];
        for (text, bytes) in sizes {
            assert_eq!(parse_size(text), Ok(bytes));
        }
    }

    #[test]
    fn what_is_not_exact_is_refused() {
        let table = [
            ("30", UnitError::NoUnit),
            ("", UnitError::NotANumber),
            ("-1s", UnitError::NotANumber),
            ("1.5s", UnitError::UnknownUnit),
            ("1 s", UnitError::UnknownUnit),
            ("1S", UnitError::UnknownUnit),
            ("1h30m", UnitError::UnknownUnit),
            ("99999999999999999999s", UnitError::TooLarge),
            ("18446744073709551615d", UnitError::TooLarge),
        ];
        for (text, error) in table {
            assert_eq!(parse_duration(text), Err(error), "{text}");
        }
        assert_eq!(parse_size("16kib"), Err(UnitError::UnknownUnit));
    }

    proptest! {
        #[test]
        fn durations_round_trip(millis: u64) {
            let duration = Duration::from_millis(millis);
            prop_assert_eq!(parse_duration(&show_duration(duration)), Ok(duration));
        }

        #[test]
        fn sizes_round_trip(bytes: u64) {
            prop_assert_eq!(parse_size(&show_size(bytes)), Ok(bytes));
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = (parse_duration(&text), parse_size(&text));
        }
    }
}
