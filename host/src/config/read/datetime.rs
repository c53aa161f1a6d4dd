//! Dates of TOML as Unix seconds.

use toml::value::{Datetime, Offset};

/// The Unix time of an offset date-time, in whole seconds; none for one
/// without date, time or offset, and before 1970.
pub(super) fn unix(datetime: &Datetime) -> Option<u64> {
    let (date, time, offset) = (datetime.date?, datetime.time?, datetime.offset?);
    let minutes = match offset {
        Offset::Z => 0,
        Offset::Custom { minutes } => i64::from(minutes),
    };
    let days = days(date.year.into(), date.month.into(), date.day.into());
    let second = i64::from(time.second.unwrap_or(0));
    let clock = (i64::from(time.hour) * 60 + i64::from(time.minute)) * 60 + second;
    u64::try_from(days * 86_400 + clock - minutes * 60).ok()
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar: a year begins
/// with March here, so that the leap day is its last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use toml::value::Datetime;

    use super::unix;

    #[test]
    fn dates_are_counted_from_1970() {
        let table = [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1969-12-31T23:59:59Z", None),
            ("2000-02-29T12:00:00Z", Some(951_825_600)),
            ("2000-03-01T00:00:00Z", Some(951_868_800)),
            ("2027-01-01T00:00:00Z", Some(1_798_761_600)),
            ("2027-01-01T00:00:00+01:30", Some(1_798_756_200)),
            ("2027-01-01T00:00:00.999-01:00", Some(1_798_765_200)),
            ("2100-03-01T00:00:00Z", Some(4_107_542_400)),
            ("2027-01-01T00:00:00", None),
            ("2027-01-01", None),
        ];
        for (text, expected) in table {
            let datetime: Datetime = text.parse().unwrap();
            assert_eq!(unix(&datetime), expected, "{text}");
        }
    }
}
