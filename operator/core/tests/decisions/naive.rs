//! AWS's cron expressions read a second time, as simply as can be: does this minute fit?

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// An expression, each field as the list of values that fit.
pub struct Naive {
    minutes: Vec<i64>,
    hours: Vec<i64>,
    month_day: String,
    months: Vec<i64>,
    week_day: String,
    years: Vec<i64>,
    zone: TimeZone,
}

fn number(text: &str, names: &[&str], first: i64) -> i64 {
    let named = names.iter().position(|name| *name == text);
    named.map_or_else(|| text.parse().unwrap(), |index| i64::try_from(index).unwrap() + first)
}

fn values(text: &str, low: i64, high: i64, names: &[&str]) -> Vec<i64> {
    let mut all = Vec::new();
    for part in text.split(',') {
        let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
        let (from, to) = if range == "*" {
            (low, high)
        } else if let Some((from, to)) = range.split_once('-') {
            (number(from, names, low), number(to, names, low))
        } else {
            let one = number(range, names, low);
            (one, if step.is_some() { high } else { one })
        };
        let step: i64 = step.map_or(1, |step| step.parse().unwrap());
        let pieces = if from <= to { vec![(from, to)] } else { vec![(from, high), (low, to)] };
        for (from, to) in pieces {
            all.extend((low..=high).filter(|value| *value >= from && *value <= to && (value - from) % step == 0));
        }
    }
    all
}

impl Naive {
    pub fn new(expression: &str, zone: &TimeZone) -> Self {
        let inner = expression.strip_prefix("cron(").unwrap().strip_suffix(')').unwrap();
        let fields: Vec<&str> = inner.split(' ').collect();
        Self {
            minutes: values(fields[0], 0, 59, &[]),
            hours: values(fields[1], 0, 23, &[]),
            month_day: fields[2].into(),
            months: values(fields[3], 1, 12, &MONTHS),
            week_day: fields[4].into(),
            years: values(fields[5], 1970, 2199, &[]),
            zone: zone.clone(),
        }
    }

    /// Whether it fires at this minute.
    pub fn fires(&self, moment: Timestamp) -> bool {
        let local = self.zone.to_datetime(moment);
        self.fits(local) && !self.is_repeated(local, moment)
    }

    /// The clocks have shown this local time before.
    fn is_repeated(&self, local: DateTime, moment: Timestamp) -> bool {
        (1..=8).any(|quarters| self.zone.to_datetime(moment - SignedDuration::from_mins(quarters * 15)) == local)
    }

    fn fits(&self, local: DateTime) -> bool {
        self.minutes.contains(&local.minute().into())
            && self.hours.contains(&local.hour().into())
            && self.months.contains(&local.month().into())
            && self.years.contains(&local.year().into())
            && self.day_fits(local.date())
    }

    fn day_fits(&self, date: Date) -> bool {
        let month: Vec<Date> = (1..=date.days_in_month()).map(|day| date.with().day(day).build().unwrap()).collect();
        let week_day = |date: &Date| i64::from(date.weekday().to_sunday_one_offset());
        let works = |date: &&Date| (2..=6).contains(&week_day(date));
        let of_week = |text: &str| number(text, &DAYS, 1);
        let same_day = |day: i64| month.iter().filter(move |date| week_day(date) == day);
        match (self.month_day.as_str(), self.week_day.as_str()) {
            ("L", "?") => month.last() == Some(&date),
            ("LW", "?") => month.iter().rfind(works) == Some(&date),
            (text, "?") if text.ends_with('W') => {
                let wanted: i8 = text.trim_end_matches('W').parse().unwrap();
                let there = month.iter().any(|date| date.day() == wanted);
                // The nearest; between Friday and Monday the one that is nearer.
                let nearest = month.iter().filter(works).min_by_key(|date| (date.day() - wanted).abs());
                there && nearest == Some(&date)
            }
            (text, "?") => values(text, 1, 31, &[]).contains(&date.day().into()),
            ("?", "L") => week_day(&date) == 7,
            ("?", text) if text.contains('#') => {
                let (day, nth) = text.split_once('#').unwrap();
                same_day(of_week(day)).nth(nth.parse::<usize>().unwrap() - 1) == Some(&date)
            }
            ("?", text) if text.ends_with('L') => {
                same_day(of_week(text.trim_end_matches('L'))).next_back() == Some(&date)
            }
            ("?", text) => values(text, 1, 7, &DAYS).contains(&week_day(&date)),
            fields => panic!("{fields:?}"),
        }
    }
}
