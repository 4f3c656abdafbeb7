//! Five-field cron in a time zone.
//!
//! The fields are read as Vixie's cron reads them (crontab(5)): numbers, names of months and days, lists, ranges and steps; where both
//! the day of the month and the day of the week are restricted, either is enough. The crate tells civil times only; what becomes of them
//! where the clocks are changed is decided here: a time that they skip is moved to the end of what they skip, and one that they repeat
//! counts once, the first time.

use std::collections::VecDeque;

use cronexpr::{Crontab, FallbackTimezoneOption, ParseOptions};
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use crate::scaling::schedule::zone;

/// The crate looks four years ahead; a leap day on a certain day of the week may be forty away.
const SEARCHES: usize = 11;
/// How far a search backwards goes first.
const NEAR: SignedDuration = SignedDuration::from_hours(1);
/// No schedule is looked for beyond these years: calendars end.
const YEARS: std::ops::Range<i16> = 1900..9000;
/// What the names of months and days of the week begin with.
const NAMES: [&str; 19] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC", "SUN", "MON", "TUE", "WED",
    "THU", "FRI", "SAT",
];

/// A cron expression in its time zone.
#[derive(Clone, Debug)]
pub struct Cron {
    text: String,
    crontab: Crontab,
    zone: TimeZone,
}

/// Two are equal that are written the same.
impl PartialEq for Cron {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Cron {
    /// Parses an expression and the name of a zone; UTC without a name.
    ///
    /// # Errors
    /// What is wrong, and what to write.
    pub fn parse(expression: &str, zone_name: Option<&str>) -> Result<Self, String> {
        let zone = zone(zone_name).map_err(|error| error.to_string())?;
        if expression.split(' ').filter(|field| !field.is_empty()).count() != 5 {
            return Err(format!(
                "{expression:?} has not five fields: write minutes hours day-of-month month day-of-week, for example 0 2 * * *"
            ));
        }
        plain(expression)?;
        let mut options = ParseOptions::default();
        options.fallback_timezone_option = FallbackTimezoneOption::UTC;
        let crontab = cronexpr::parse_crontab_with(expression, options).map_err(|error| {
            let reason = error.to_string().lines().last().unwrap_or_default().trim_start_matches([' ', '^']).to_owned();
            format!("{expression:?} is no cron expression: {reason}; write for example 0 2 * * *")
        })?;
        Ok(Self { text: format!("{expression} {}", zone_name.unwrap_or("UTC")), crontab, zone })
    }

    /// The expression and its zone.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The zone.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The first time after `after`.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let mut civil = self.zone.to_datetime(after);
        loop {
            civil = self.next_civil(civil)?;
            // What the clocks repeat has been.
            match self.moment(civil)? {
                moment if moment > after => return Some(moment),
                _ => {}
            }
        }
    }

    /// The last time at or before `at`.
    pub fn last(&self, at: Timestamp) -> Option<Timestamp> {
        let within = |since: Timestamp| self.next(since).filter(|found| *found <= at);
        let (mut reach, mut found) = (NEAR, None);
        while found.is_none() {
            let since =
                at.checked_sub(reach).ok().filter(|since| YEARS.contains(&self.zone.to_datetime(*since).year()))?;
            found = within(since);
            reach = reach.checked_mul(8)?;
        }
        // Half of what is left at each look; times have whole seconds.
        let (mut last, mut until) = (found?, at);
        while until.duration_since(last) >= SignedDuration::from_secs(1) {
            let middle = last.checked_add(until.duration_since(last) / 2).ok()?;
            match within(middle) {
                Some(later) => last = later,
                None => until = middle,
            }
        }
        Some(last)
    }

    /// The times after `after`, up to `until`: the newest of them, at most `most`, in their order.
    pub fn between(&self, after: Timestamp, until: Timestamp, most: usize) -> Vec<Timestamp> {
        let mut times = VecDeque::new();
        let mut at = after;
        while let Some(next) = self.next(at).filter(|next| *next <= until) {
            if times.len() == most {
                times.pop_front();
            }
            times.push_back(next);
            at = next;
        }
        times.into()
    }

    fn next_civil(&self, after: DateTime) -> Option<DateTime> {
        let mut from = after;
        for _ in 0..SEARCHES {
            if !YEARS.contains(&from.year()) {
                return None;
            }
            if let Ok(found) = self.crontab.find_next(TimeZone::UTC.to_timestamp(from).ok()?) {
                return Some(found.datetime());
            }
            from = from.checked_add(jiff::Span::new().years(4)).ok()?;
        }
        None
    }

    /// The moment of a civil time.
    fn moment(&self, civil: DateTime) -> Option<Timestamp> {
        match self.zone.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(civil).ok(),
            AmbiguousOffset::Fold { before, .. } => before.to_timestamp(civil).ok(),
            AmbiguousOffset::Gap { after, .. } => {
                let earlier = after.to_timestamp(civil).ok()?;
                let skip = self.zone.following(earlier).find(|transition| transition.offset() == after)?;
                Some(skip.timestamp())
            }
        }
    }
}

/// Refuses what crontab(5) does not know: elsewhere it means several things, and the last day of the month is looked for in vain in
/// December.
fn plain(expression: &str) -> Result<(), String> {
    let mut words =
        expression.split(|character: char| !character.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    let unknown = words.find(|word| !NAMES.contains(&word.to_ascii_uppercase().as_str()));
    let sign = expression.chars().find(|character| !character.is_ascii_alphanumeric() && !" *,-/".contains(*character));
    match unknown.map(str::to_owned).or(sign.map(String::from)) {
        None => Ok(()),
        Some(what) => Err(format!(
            "{expression:?}: {what} is not understood: write numbers, names such as MON or JAN, and * , - /, for example 0 2 * * MON-FRI"
        )),
    }
}
