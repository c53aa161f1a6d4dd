//! Days of UTC.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};

const SECONDS: u64 = 86_400;
/// 9999-12-31, the last day that has four digits for its year.
const LAST: u32 = 2_932_896;

/// A day of UTC. `Display` is `2026-11-21` (RFC 3339, full-date).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(u32);

/// A text that is no day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotADay;

impl fmt::Display for NotADay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a day such as 2026-11-21")
    }
}

impl std::error::Error for NotADay {}

impl Day {
    /// The day of this time; 1970-01-01 for what is before, 9999-12-31 for what is after.
    pub fn of(time: SystemTime) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH);
        let days = since.unwrap_or_default().as_secs() / SECONDS;
        Self(u32::try_from(days).unwrap_or(LAST).min(LAST))
    }

    /// The first day of its month.
    pub fn first_of_month(self) -> Self {
        let text = self.to_string();
        let of_month = text.get(8..).and_then(|day| day.parse().ok());
        Self(self.0.saturating_sub(of_month.unwrap_or(1u32) - 1))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = Duration::from_secs(u64::from(self.0) * SECONDS);
        let time = humantime::format_rfc3339_seconds(SystemTime::UNIX_EPOCH + since);
        f.write_str(time.to_string().get(..10).unwrap_or_default())
    }
}

impl FromStr for Day {
    type Err = NotADay;

    fn from_str(text: &str) -> Result<Self, NotADay> {
        if text.len() != 10 {
            return Err(NotADay);
        }
        let time = humantime::parse_rfc3339(&format!("{text}T00:00:00Z"));
        time.map(Self::of).map_err(|_| NotADay)
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_day_reads_as_it_is_written(day in 0..=LAST) {
            prop_assert_eq!(Day(day).to_string().parse(), Ok(Day(day)));
        }

        #[test]
        fn no_text_breaks_it(text in ".{0,12}") {
            if let Ok(day) = text.parse::<Day>() {
                prop_assert_eq!(day.to_string(), text);
            }
        }
    }

    #[test]
    fn days_that_do_not_exist_are_refused() {
        for text in [
            "2026-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-11-31",
            "2026-11-00",
            "2026-1-1",
            "26-11-2026",
            "2026/11/21",
            "2026-11-2",
            "yesterday!",
            "+026-11-21",
            "",
        ] {
            assert_eq!(text.parse::<Day>(), Err(NotADay), "{text}");
        }
        assert!("2028-02-29".parse::<Day>().is_ok());
    }

    #[test]
    fn a_day_ends_at_midnight_utc() {
        let at = |text| Day::of(humantime::parse_rfc3339(text).unwrap()).to_string();
        assert_eq!(at("2026-11-21T23:59:59.999Z"), "2026-11-21");
        assert_eq!(at("2026-11-22T00:00:00Z"), "2026-11-22");
    }

    #[test]
    fn clocks_that_are_far_off_have_a_day_too() {
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(Day::of(before).to_string(), "1970-01-01");
        let after = SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 40);
        assert_eq!(Day::of(after).to_string(), "9999-12-31");
    }

    #[test]
    fn a_month_begins_on_its_first_day() {
        for (day, first) in [
            ("2026-11-21", "2026-11-01"),
            ("2026-11-01", "2026-11-01"),
            ("2028-02-29", "2028-02-01"),
        ] {
            let day: Day = day.parse().unwrap();
            assert_eq!(day.first_of_month().to_string(), first);
        }
    }
}
