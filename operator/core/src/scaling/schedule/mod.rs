//! AWS's schedule expressions: `at()`, `rate()` and `cron()`, in a time zone.
//!
//! Sources: Application Auto Scaling API Reference, PutScheduledAction (Schedule, Timezone, StartTime, EndTime); Application Auto
//! Scaling User Guide, "Schedule recurring scaling actions using cron expressions"; for what those leave open (`L`, `W`, `#`, summer
//! time) EventBridge Scheduler User Guide, "Schedule types" and "Daylight savings time": a local time that the clocks skip is left
//! out, one that they repeat fires once, the first time.

mod cron;
mod field;

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};

use self::cron::Cron;

/// A parsed schedule expression in its time zone.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    form: Form,
    zone: TimeZone,
}

#[derive(Clone, Debug, PartialEq)]
enum Form {
    At(Timestamp),
    Rate(SignedDuration),
    Cron(Box<Cron>),
}

/// A text that is no schedule; it says why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidSchedule(pub(crate) String);

/// Between when a schedule fires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// The first moment at which it may fire; a rate counts from here.
    pub start: Option<Timestamp>,
    /// The first moment at which it no longer fires.
    pub end: Option<Timestamp>,
    /// When AWS was told of it: what a rate without start counts from. Unknown: such a rate has no known firings.
    pub created: Option<Timestamp>,
}

/// The time zone of an IANA name, from the database that is compiled in; UTC without a name, as in AWS.
///
/// # Errors
/// When there is no zone of that name.
pub fn zone(name: Option<&str>) -> Result<TimeZone, InvalidSchedule> {
    let Some(name) = name else { return Ok(TimeZone::UTC) };
    TimeZoneDatabase::bundled()
        .get(name)
        .map_err(|_| InvalidSchedule(format!("{name} is no IANA time zone: write one such as Europe/Berlin")))
}

impl Schedule {
    /// Parses an expression.
    ///
    /// # Errors
    /// Which part of the expression, or the time zone, is wrong and why.
    pub fn parse(expression: &str, time_zone: Option<&str>) -> Result<Self, InvalidSchedule> {
        let zone = zone(time_zone)?;
        let inner =
            |form: &str| expression.strip_prefix(form).and_then(|rest| rest.strip_prefix('(')?.strip_suffix(')'));
        let form = if let Some(fields) = inner("cron") {
            Form::Cron(Box::new(Cron::parse(fields)?))
        } else if let Some(rate) = inner("rate") {
            Form::Rate(parse_rate(rate)?)
        } else if let Some(at) = inner("at") {
            Form::At(parse_at(at, &zone)?)
        } else {
            return Err(InvalidSchedule(format!(
                "'{expression}' is no schedule: write at(yyyy-mm-ddThh:mm:ss), rate(value unit) or cron(minutes hours day-of-month \
                 month day-of-week year)"
            )));
        };
        Ok(Self { form, zone })
    }

    /// Whether it fires but once.
    pub fn is_once(&self) -> bool {
        matches!(self.form, Form::At(_))
    }

    /// The last firing at or before `now`.
    pub fn last(&self, now: Timestamp, bounds: &Bounds) -> Option<Timestamp> {
        let latest = match bounds.end {
            // It no longer fires at its end.
            Some(end) if end <= now => end.checked_sub(SignedDuration::from_nanos(1)).ok()?,
            _ => now,
        };
        let found = match &self.form {
            Form::At(moment) => Some(*moment).filter(|moment| *moment <= latest),
            Form::Rate(interval) => {
                let anchor = bounds.start.or(bounds.created)?;
                nth(anchor, *interval, passed(anchor, latest, *interval))
            }
            Form::Cron(cron) => {
                let mut day = self.zone.to_datetime(latest).date();
                loop {
                    day = cron.day_until(day)?;
                    let mut moments = cron.times(day).rev().filter_map(|local| self.moment(local));
                    if let Some(found) = moments.find(|moment| *moment <= latest) {
                        break Some(found);
                    }
                    if bounds.start.is_some_and(|start| self.zone.to_datetime(start).date() > day) {
                        return None;
                    }
                    day = day.yesterday().ok()?;
                }
            }
        };
        found.filter(|moment| bounds.start.is_none_or(|start| *moment >= start))
    }

    /// The first firing after `moment`.
    pub fn next(&self, moment: Timestamp, bounds: &Bounds) -> Option<Timestamp> {
        let found = match &self.form {
            Form::At(at) => Some(*at).filter(|at| *at > moment && bounds.start.is_none_or(|start| *at >= start)),
            Form::Rate(interval) => {
                let anchor = bounds.start.or(bounds.created)?;
                nth(anchor, *interval, passed(anchor, moment, *interval).saturating_add(1).max(0))
            }
            Form::Cron(cron) => {
                let start = bounds.start.unwrap_or(Timestamp::MIN);
                let mut day = self.zone.to_datetime(moment.max(start)).date();
                loop {
                    day = cron.day_from(day)?;
                    let mut moments = cron.times(day).filter_map(|local| self.moment(local));
                    if let Some(found) = moments.find(|found| *found > moment && *found >= start) {
                        break Some(found);
                    }
                    day = day.tomorrow().ok()?;
                }
            }
        };
        found.filter(|moment| bounds.end.is_none_or(|end| *moment < end))
    }

    /// The moment of a local time: none where the clocks skip it, the first where they repeat it. Of two local times the later has the
    /// later moment, so a search may go through them in order.
    fn moment(&self, local: DateTime) -> Option<Timestamp> {
        match self.zone.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Unambiguous { offset } | AmbiguousOffset::Fold { before: offset, .. } => {
                offset.to_timestamp(local).ok()
            }
            AmbiguousOffset::Gap { .. } => None,
        }
    }
}

/// How many whole intervals have passed; negative before the anchor.
fn passed(anchor: Timestamp, moment: Timestamp, interval: SignedDuration) -> i64 {
    i64::try_from(moment.duration_since(anchor).as_nanos().div_euclid(interval.as_nanos())).unwrap_or(i64::MAX)
}

/// A rate's firing of a number that is not negative.
fn nth(anchor: Timestamp, interval: SignedDuration, number: i64) -> Option<Timestamp> {
    let seconds = interval.as_secs().checked_mul(number).filter(|_| number >= 0)?;
    anchor.checked_add(SignedDuration::from_secs(seconds)).ok()
}

fn parse_at(text: &str, zone: &TimeZone) -> Result<Timestamp, InvalidSchedule> {
    let invalid = || InvalidSchedule(format!("at({text}) is no moment: write at(yyyy-mm-ddThh:mm:ss)"));
    let shape = |(index, byte): (usize, u8)| match index {
        4 | 7 => byte == b'-',
        10 => byte == b'T',
        13 | 16 => byte == b':',
        _ => byte.is_ascii_digit(),
    };
    if text.len() != 19 || !text.bytes().enumerate().all(shape) {
        return Err(invalid());
    }
    let local: DateTime = text.parse().map_err(|_| invalid())?;
    // A skipped hour is read with the offset before the change: what was asked for once is not lost.
    zone.to_ambiguous_timestamp(local).compatible().map_err(|_| invalid())
}

fn parse_rate(text: &str) -> Result<SignedDuration, InvalidSchedule> {
    let invalid = || {
        InvalidSchedule(format!(
            "rate({text}) is no rate: write a positive number and minutes, hours or days (minute, hour or day after 1)"
        ))
    };
    let (value, unit) = text.split_once(' ').ok_or_else(invalid)?;
    let digits = value.len() <= 9 && !value.starts_with('0') && value.bytes().all(|byte| byte.is_ascii_digit());
    let value: i64 = Some(value).filter(|_| digits).and_then(|value| value.parse().ok()).ok_or_else(invalid)?;
    let unit = match (unit.strip_suffix('s'), value) {
        (None, 1) => unit,
        (Some(unit), 2..) => unit,
        _ => return Err(invalid()),
    };
    let seconds = match unit {
        "minute" => 60,
        "hour" => 3600,
        "day" => 86_400,
        _ => return Err(invalid()),
    };
    Ok(SignedDuration::from_secs(value * seconds))
}
