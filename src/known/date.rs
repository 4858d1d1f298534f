//! Dates of the calendar.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

/// A day, `2027-01-31`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// The current day, in UTC.
    pub(crate) fn today() -> Self {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self::of_day(seconds / 86_400)
    }

    /// The day with this number, counted from 1970-01-01.
    fn of_day(mut days: u64) -> Self {
        let mut year = 1970_u16;
        while days >= days_of_year(year) {
            days -= days_of_year(year);
            year = year.saturating_add(1);
        }
        let mut month = 1;
        while days >= u64::from(days_of_month(year, month)) {
            days -= u64::from(days_of_month(year, month));
            month += 1;
        }
        Self { year, month, day: u8::try_from(days + 1).unwrap_or(1) }
    }
}

fn is_leap_year(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_of_year(year: u16) -> u64 {
    if is_leap_year(year) { 366 } else { 365 }
}

fn days_of_month(year: u16, month: u8) -> u8 {
    match month {
        2 if is_leap_year(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl FromStr for Date {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let error = || format!("`{text}` is not a date; expected YYYY-MM-DD");
        let parts = text.split('-').collect::<Vec<_>>();
        let [year, month, day] = parts[..] else { return Err(error()) };
        let digits = |part: &str, count: usize| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(year, 4) || !digits(month, 2) || !digits(day, 2) {
            return Err(error());
        }
        let (Ok(year), Ok(month), Ok(day)) = (year.parse::<u16>(), month.parse::<u8>(), day.parse::<u8>()) else {
            return Err(error());
        };
        let is_day = (1..=12).contains(&month) && day >= 1 && day <= days_of_month(year, month) && year >= 1970;
        if is_day {
            Ok(Self { year, month, day })
        } else {
            Err(format!("there is no day `{text}`; expected YYYY-MM-DD"))
        }
    }
}

impl TryFrom<String> for Date {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl JsonSchema for Date {
    fn schema_name() -> Cow<'static, str> {
        "Date".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date", "description": "A day: YYYY-MM-DD." })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(0, "1970-01-01")]
    #[case(59, "1970-03-01")]
    #[case(11_016, "2000-02-29")]
    #[case(20_786, "2026-11-29")]
    #[case(47_541, "2100-03-01")]
    fn days_are_counted(#[case] days: u64, #[case] date: &str) {
        assert_eq!(Date::of_day(days).to_string(), date);
        assert_eq!(date.parse(), Ok(Date::of_day(days)));
    }

    #[rstest]
    #[case("2026-02-29", "there is no day")]
    #[case("2026-13-01", "there is no day")]
    #[case("2026-1-1", "not a date")]
    #[case("29.11.2026", "not a date")]
    #[case("2026-11-29T00:00", "not a date")]
    fn other_texts_are_refused(#[case] text: &str, #[case] says: &str) {
        let error = text.parse::<Date>().unwrap_err();
        assert!(error.contains(says), "{error}");
    }

    #[test]
    fn dates_are_in_order() {
        let dates = ["2026-11-29", "2026-12-01", "2027-01-01"].map(|date| date.parse::<Date>().unwrap());
        assert!(dates.is_sorted() && Date::today() > dates[0].min("2026-01-01".parse().unwrap()));
    }
}
