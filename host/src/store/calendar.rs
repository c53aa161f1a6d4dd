//! Windows of the calendar: days, ISO weeks and months in UTC, in milliseconds
//! since 1970-01-01T00:00:00Z.

use super::limit::Window;

pub(super) const DAY_MS: u64 = 86_400_000;

/// Beginning and end of the window that `now_ms` is in.
pub(super) fn window(kind: Window, now_ms: u64) -> (u64, u64) {
    let day = now_ms / DAY_MS;
    let days = |start: u64, length: u64| (start * DAY_MS, (start + length) * DAY_MS);
    match kind {
        Window::Ms(length) => {
            let start = now_ms - now_ms % length.max(1);
            (start, start.saturating_add(length.max(1)))
        }
        Window::Day => days(day, 1),
        Window::Week => {
            // 1970-01-01 was a Thursday; weeks begin on Monday.
            let since_monday = (day + 3) % 7;
            let monday = day.saturating_sub(since_monday);
            (monday * DAY_MS, (day + 7 - since_monday) * DAY_MS)
        }
        Window::Month => {
            let (into, length) = in_month(day);
            days(day - into, length)
        }
    }
}

/// The longest that a window of this kind lasts, in milliseconds.
pub(super) fn longest(kind: Window) -> u64 {
    match kind {
        Window::Ms(length) => length,
        Window::Day => DAY_MS,
        Window::Week => 7 * DAY_MS,
        Window::Month => 31 * DAY_MS,
    }
}

/// How many days of its month are over on a day since 1970-01-01, and how many
/// the month has.
fn in_month(day: u64) -> (u64, u64) {
    // Years are counted from March, so that the leap day is the last of its
    // year; an era is the 400 years after which the calendar repeats.
    let day_of_era = (day + 719_468) % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let first = (153 * month + 2) / 5;
    let length = match month {
        // March is month 0, so February is 11 and belongs to the year that began before it.
        11 => 28 + u64::from(is_leap(year_of_era + 1)),
        1 | 3 | 6 | 8 => 30,
        _ => 31,
    };
    (day_of_year - first, length)
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(kind: Window, day: u64) -> (u64, u64) {
        let (start, end) = window(kind, day * DAY_MS + 12_345);
        assert_eq!((start % DAY_MS, end % DAY_MS), (0, 0));
        (start / DAY_MS, end / DAY_MS)
    }

    #[test]
    fn months_follow_each_other_and_have_their_real_lengths() {
        let common = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let (mut day, mut year) = (0, 1970);
        while year < 2500 {
            for (month, length) in common.iter().enumerate() {
                let length = length + u64::from(month == 1 && is_leap(year));
                for today in day..day + length {
                    assert_eq!(
                        days(Window::Month, today),
                        (day, day + length),
                        "{year}-{}",
                        month + 1
                    );
                }
                day += length;
            }
            year += 1;
        }
    }

    #[test]
    fn a_week_begins_on_monday() {
        // 1970-01-05 was a Monday, and so was 2026-11-16.
        assert_eq!(days(Window::Week, 4), (4, 11));
        assert_eq!(days(Window::Week, 10), (4, 11));
        assert_eq!(days(Window::Week, 20_778), (20_773, 20_780));
        // The week that 1970 begins in has its end where it ends.
        assert_eq!(days(Window::Week, 0), (0, 4));
    }

    #[test]
    fn a_minute_begins_at_the_full_minute() {
        assert_eq!(window(Window::Ms(60_000), 125_000), (120_000, 180_000));
        assert_eq!(days(Window::Day, 7), (7, 8));
    }
}
