//! A part of the day, as RDS writes it: `03:00-04:00`.

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Unit};

/// Minutes of a day.
const DAY: i32 = 24 * 60;
/// Minutes of a week.
const WEEK: i32 = 7 * DAY;
/// The days of the week as RDS abbreviates them.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// A part of the day. One that ends before it begins goes past midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Minute of the day with which it begins.
    from: i32,
    /// How many minutes it lasts.
    minutes: i32,
}

impl Window {
    /// The window that a text means, if it means one.
    pub fn parse(text: &str) -> Option<Self> {
        let (from, to) = text.split_once('-')?;
        let (from, to) = (minute(from)?, minute(to)?);
        Some(Self { from, minutes: (to - from).rem_euclid(DAY) })
    }

    /// How many minutes it lasts; none where it ends when it begins.
    pub fn minutes(&self) -> i32 {
        self.minutes
    }

    /// Whether it is open at a time of the clocks in `zone`.
    pub fn is_open(&self, at: Timestamp, zone: &TimeZone) -> bool {
        let time = zone.to_datetime(at).time();
        let minute = i32::from(time.hour()) * 60 + i32::from(time.minute());
        (minute - self.from).rem_euclid(DAY) < self.minutes
    }

    /// When it next opens after `at`. An opening that the clocks skip comes when they have skipped.
    pub fn opens(&self, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let (hour, minute) = (i8::try_from(self.from / 60).ok()?, i8::try_from(self.from % 60).ok()?);
        let today = zone.to_datetime(at).date();
        // The second is for a day on which it has opened already.
        [today, today.tomorrow().ok()?].into_iter().find_map(|date| {
            let civil = DateTime::from_parts(date, Time::new(hour, minute, 0, 0).ok()?);
            zone.to_ambiguous_timestamp(civil).compatible().ok().filter(|opens| *opens > at)
        })
    }

    /// Whether it overlaps, on any day, a window of the week such as `sun:04:00-sun:04:30`, both in UTC. What is no such window overlaps
    /// nothing.
    pub fn overlaps(&self, weekly: &str) -> bool {
        let Some((from, to)) = weekly.split_once('-') else { return false };
        let (Some(from), Some(to)) = (minute_of_week(from), minute_of_week(to)) else { return false };
        let lasts = (to - from).rem_euclid(WEEK);
        (0..7)
            .map(|day| day * DAY + self.from)
            .any(|own| (own - from).rem_euclid(WEEK) < lasts || (from - own).rem_euclid(WEEK) < self.minutes)
    }
}

fn minute(text: &str) -> Option<i32> {
    let (hour, minute) = text.split_once(':')?;
    let part = |text: &str, below: i32| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<i32>().ok()).flatten().filter(|value| *value < below)
    };
    Some(part(hour, 24)? * 60 + part(minute, 60)?)
}

fn minute_of_week(text: &str) -> Option<i32> {
    let (day, time) = text.split_once(':')?;
    let day = DAYS.iter().position(|known| known.eq_ignore_ascii_case(day))?;
    Some(i32::try_from(day).ok()? * DAY + minute(time)?)
}

/// A length of time in whole minutes, for a person.
pub fn in_words(length: SignedDuration) -> String {
    let rounded = length.round(Unit::Minute).unwrap_or(length);
    match (rounded.as_hours(), rounded.as_mins() % 60) {
        (0, minutes) => format!("{minutes}m"),
        (hours, 0) => format!("{hours}h"),
        (hours, minutes) => format!("{hours}h{minutes}m"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(text: &str) -> Window {
        Window::parse(text).unwrap()
    }

    #[test]
    fn what_is_no_window_is_none() {
        for text in ["", "03:00", "3:00-4:00", "03:00-24:00", "03:60-04:00", "+3:00-04:00", "03:00-04:00-05:00"] {
            assert_eq!(Window::parse(text), None, "{text}");
        }
        assert_eq!([window("03:00-03:30").minutes(), window("23:45-00:15").minutes()], [30, 30]);
        assert_eq!(window("03:00-03:00").minutes(), 0);
    }

    #[test]
    fn one_that_goes_past_midnight_is_open_on_both_sides() {
        let zone = TimeZone::UTC;
        let open = |text: &str| window("22:00-06:00").is_open(text.parse().unwrap(), &zone);
        assert!(open("2026-03-01T22:00:00Z") && open("2026-03-01T05:59:59Z"));
        assert!(!open("2026-03-01T06:00:00Z") && !open("2026-03-01T21:59:59Z"));
        let opens = window("22:00-06:00").opens("2026-03-01T23:00:00Z".parse().unwrap(), &zone);
        assert_eq!(opens, "2026-03-02T22:00:00Z".parse().ok());
    }

    #[test]
    fn a_day_meets_a_week() {
        for (daily, weekly, overlap) in [
            ("03:00-04:00", "sun:04:00-sun:04:30", false),
            ("03:00-04:01", "sun:04:00-sun:04:30", true),
            ("04:30-05:00", "sun:04:00-sun:04:30", false),
            ("04:10-04:20", "Sun:04:00-Sun:04:30", true),
            ("23:45-00:15", "mon:00:00-mon:00:30", true),
            ("00:00-00:30", "sun:23:45-mon:00:15", true),
            ("12:00-13:00", "nonsense", false),
        ] {
            assert_eq!(window(daily).overlaps(weekly), overlap, "{daily} {weekly}");
        }
    }
}
