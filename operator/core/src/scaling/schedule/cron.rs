//! Cron expressions of six fields: on which days and at which local times.

use jiff::civil::{Date, DateTime};

use super::InvalidSchedule;
use super::field::{Field, Set};

const FIRST_YEAR: i16 = 1970;
const LAST_YEAR: i16 = 2199;

const MINUTES: Field = Field { name: "minutes", low: 0, high: 59, names: &[] };
const HOURS: Field = Field { name: "hours", low: 0, high: 23, names: &[] };
const MONTH_DAY: Field = Field { name: "day-of-month", low: 1, high: 31, names: &[] };
const MONTH: Field = Field {
    name: "month",
    low: 1,
    high: 12,
    names: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
};
const WEEK_DAY: Field =
    Field { name: "day-of-week", low: 1, high: 7, names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"] };
const YEAR: Field = Field { name: "year", low: FIRST_YEAR, high: LAST_YEAR, names: &[] };

/// A parsed cron expression. It speaks of local times; a time zone makes moments of them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cron {
    minutes: Set,
    hours: Set,
    months: Set,
    years: Set,
    days: Days,
}

/// Which days of a month. Days of the week count from 1, which is Sunday.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Days {
    /// `1,15`, `*`.
    OfMonth(Set),
    /// `L`.
    Last,
    /// `LW`: the last working day.
    LastWorkingDay,
    /// `15W`: the working day nearest to the 15th, in the same month.
    NearestWorkingDay(i8),
    /// `MON-FRI`.
    OfWeek(Set),
    /// `FRIL`, `6L`: the last Friday. `L` alone is Saturday.
    LastOfWeek(i8),
    /// `3#2`: the second Tuesday.
    NthOfWeek(i8, i8),
}

impl Cron {
    /// Parses the six fields: minutes, hours, day-of-month, month, day-of-week, year.
    pub(super) fn parse(fields: &str) -> Result<Self, InvalidSchedule> {
        let parts: Vec<&str> = fields.split_ascii_whitespace().collect();
        let [minutes, hours, month_day, month, week_day, year] = parts.as_slice() else {
            return Err(InvalidSchedule(format!(
                "a cron expression has six fields (minutes hours day-of-month month day-of-week year), this has {}",
                parts.len()
            )));
        };
        let days = match (*month_day, *week_day) {
            ("?", "?") => return Err(one_question_mark()),
            ("?", text) => Days::of_week(text)?,
            (text, "?") => Days::of_month(text)?,
            _ => return Err(one_question_mark()),
        };
        Ok(Self {
            minutes: MINUTES.values(minutes)?,
            hours: HOURS.values(hours)?,
            months: MONTH.values(month)?,
            years: YEAR.values(year)?,
            days,
        })
    }

    /// The first fitting day from `date` on.
    pub(super) fn day_from(&self, date: Date) -> Option<Date> {
        let mut date = date.max(Date::constant(FIRST_YEAR, 1, 1));
        while date.year() <= LAST_YEAR {
            date = if !self.years.contains(date.year()) {
                date.last_of_year().tomorrow().ok()?
            } else if !self.months.contains(date.month().into()) {
                date.last_of_month().tomorrow().ok()?
            } else if self.days.fit(date) {
                return Some(date);
            } else {
                date.tomorrow().ok()?
            };
        }
        None
    }

    /// The last fitting day up to `date`.
    pub(super) fn day_until(&self, date: Date) -> Option<Date> {
        let mut date = date.min(Date::constant(LAST_YEAR, 12, 31));
        while date.year() >= FIRST_YEAR {
            date = if !self.years.contains(date.year()) {
                date.first_of_year().yesterday().ok()?
            } else if !self.months.contains(date.month().into()) {
                date.first_of_month().yesterday().ok()?
            } else if self.days.fit(date) {
                return Some(date);
            } else {
                date.yesterday().ok()?
            };
        }
        None
    }

    /// The local times of a day, in their order.
    pub(super) fn times(&self, day: Date) -> impl DoubleEndedIterator<Item = DateTime> + '_ {
        let at = move |hour: i16, minute: i16| {
            // Both are within the bounds of their fields.
            day.at(i8::try_from(hour).unwrap_or_default(), i8::try_from(minute).unwrap_or_default(), 0, 0)
        };
        self.hours.iter().flat_map(move |hour| self.minutes.iter().map(move |minute| at(hour, minute)))
    }
}

fn one_question_mark() -> InvalidSchedule {
    InvalidSchedule("exactly one of day-of-month and day-of-week must be ?".into())
}

impl Days {
    fn of_month(text: &str) -> Result<Self, InvalidSchedule> {
        Ok(match text {
            "L" => Self::Last,
            "LW" => Self::LastWorkingDay,
            _ => match text.strip_suffix('W') {
                Some(day) => Self::NearestWorkingDay(small(MONTH_DAY.number(day)?)),
                None => Self::OfMonth(MONTH_DAY.values(text)?),
            },
        })
    }

    fn of_week(text: &str) -> Result<Self, InvalidSchedule> {
        if text == "L" {
            return Ok(Self::LastOfWeek(0));
        }
        if let Some(day) = text.strip_suffix('L') {
            return Ok(Self::LastOfWeek(small(WEEK_DAY.number(day)?)));
        }
        let Some((day, nth)) = text.split_once('#') else { return Ok(Self::OfWeek(WEEK_DAY.values(text)?)) };
        let nth = nth.parse().ok().filter(|nth| (1..=5).contains(nth));
        let nth = nth.ok_or_else(|| WEEK_DAY.invalid(format!("'{text}': write # and a number from 1 to 5")))?;
        Ok(Self::NthOfWeek(small(WEEK_DAY.number(day)?), nth))
    }

    fn fit(&self, date: Date) -> bool {
        let (day, last) = (date.day(), date.days_in_month());
        let week_day = date.weekday().to_sunday_one_offset();
        match self {
            Self::OfMonth(days) => days.contains(day.into()),
            Self::Last => day == last,
            Self::LastWorkingDay => Some(day) == nearest_working_day(date, last),
            Self::NearestWorkingDay(wanted) => Some(day) == nearest_working_day(date, *wanted),
            Self::OfWeek(days) => days.contains(week_day.into()),
            Self::LastOfWeek(0) => week_day == 7,
            Self::LastOfWeek(wanted) => week_day == *wanted && day > last - 7,
            Self::NthOfWeek(wanted, nth) => week_day == *wanted && (day - 1) / 7 + 1 == *nth,
        }
    }
}

/// The working day nearest to a day of the same month; none where the month has no such day.
fn nearest_working_day(month: Date, wanted: i8) -> Option<i8> {
    let last = month.days_in_month();
    let date = Date::new(month.year(), month.month(), wanted).ok()?;
    Some(match date.weekday().to_monday_one_offset() {
        6 if wanted > 1 => wanted - 1,
        6 => wanted + 2,
        7 if wanted < last => wanted + 1,
        7 => wanted - 2,
        _ => wanted,
    })
}

/// A value of a field whose highest is below 32.
fn small(value: i16) -> i8 {
    i8::try_from(value).unwrap_or_default()
}
