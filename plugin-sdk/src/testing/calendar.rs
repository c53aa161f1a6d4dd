//! The windows of the clock and of the calendar, in UTC.

use std::ops::Range;

use crate::quota::Window;

const DAY: u64 = 86_400_000;

/// The window that a moment is in, both in milliseconds since 1970.
pub(super) fn window(window: Window, at: u64) -> Range<u64> {
    let day = at / DAY;
    match window {
        Window::Ms(ms) => at - at % ms..at - at % ms + ms,
        Window::Day => day * DAY..(day + 1) * DAY,
        // 1970 began on a Thursday.
        Window::Week => {
            let monday = (day + 3) / 7 * 7;
            monday.saturating_sub(3) * DAY..(monday + 4) * DAY
        }
        Window::Month => {
            let (mut first, mut month) = (0, 0);
            loop {
                let next = first + days(month);
                if day < next {
                    return first * DAY..next * DAY;
                }
                (first, month) = (next, month + 1);
            }
        }
    }
}

/// The days of a month, counted from January 1970.
fn days(month: u64) -> u64 {
    let year = 1970 + month / 12;
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month % 12 {
        1 if leap => 29,
        1 => 28,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_have_their_real_lengths_and_weeks_begin_on_monday() {
        // 2024-02-29T12:00:00Z, a Thursday.
        let at = 1_709_208_000_000;
        assert_eq!(
            window(Window::Month, at),
            1_706_745_600_000..1_709_251_200_000
        );
        assert_eq!(
            window(Window::Week, at),
            1_708_905_600_000..1_709_510_400_000
        );
        assert_eq!(
            window(Window::Day, at),
            1_709_164_800_000..1_709_251_200_000
        );
        assert_eq!(window(Window::Ms(60_000), at + 1), at..at + 60_000);
    }
}
