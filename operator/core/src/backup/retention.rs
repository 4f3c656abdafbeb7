//! Which snapshots are kept, and which go.
//!
//! Pure over a policy's own snapshots that are available: RDS deletes no others (Amazon RDS API Reference, DeleteDBSnapshot), and one
//! that is not available cannot be counted on to be a backup.

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::own::Own;
use super::verification::proved::verified_at;

/// Which snapshots are kept: every one that a rule keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// So many, the newest.
    pub keep_last: Option<usize>,
    /// The newest of each of so many days.
    pub daily: Option<usize>,
    /// The newest of each of so many weeks, which begin on Monday.
    pub weekly: Option<usize>,
    /// The newest of each of so many months.
    pub monthly: Option<usize>,
    /// None that is older than so many days of 24 hours, whatever the other rules say. Alone: all that are younger.
    pub max_age_days: Option<i64>,
    /// So many that were verified, the newest of them, whatever the other rules say.
    pub min_verified: usize,
}

/// What becomes of snapshots.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sorted<'f> {
    /// Those that no rule keeps, oldest first.
    pub due: Vec<Own<'f>>,
    /// Those that are kept and will be too old, with the time at which they are, soonest first.
    pub expiring: Vec<(Own<'f>, Timestamp)>,
}

impl Rules {
    /// Sorts a policy's own snapshots, newest first, by what becomes of them at `now`. The newest that is available is always kept.
    pub fn sort<'f>(&self, own: &[Own<'f>], zone: &TimeZone, now: Timestamp) -> Sorted<'f> {
        let available: Vec<Own<'f>> = own.iter().copied().filter(Own::is_available).collect();
        let kept = self.kept(&available, zone);
        let proved: BTreeSet<usize> = {
            let verified = available.iter().enumerate().filter(|(_, one)| verified_at(one.snapshot).is_some());
            verified.map(|(index, _)| index).take(self.min_verified).collect()
        };
        let mut sorted = Sorted::default();
        // The newest stands first, and is not looked at.
        for (index, one) in available.iter().enumerate().skip(1).rev().filter(|(index, _)| !proved.contains(index)) {
            match self.too_old_at(one) {
                Some(expires) if expires <= now => sorted.due.push(*one),
                _ if !kept.contains(&index) => sorted.due.push(*one),
                Some(expires) => sorted.expiring.push((*one, expires)),
                None => {}
            }
        }
        sorted
    }

    /// Which the rules but for the age keep.
    fn kept(&self, available: &[Own<'_>], zone: &TimeZone) -> BTreeSet<usize> {
        let day = |one: &Own<'_>| zone.to_datetime(one.slot).date();
        let mut kept: BTreeSet<usize> = (0..self.keep_last.unwrap_or_default().min(available.len())).collect();
        let mut newest_of = |count: Option<usize>, period: fn(Date) -> (i16, i16)| {
            let mut seen = Vec::new();
            for (index, one) in available.iter().enumerate() {
                let period = period(day(one));
                if seen.len() < count.unwrap_or_default() && !seen.contains(&period) {
                    seen.push(period);
                    kept.insert(index);
                }
            }
        };
        newest_of(self.daily, |day| (day.year(), day.day_of_year()));
        newest_of(self.weekly, |day| {
            let week = day.iso_week_date();
            (week.year(), i16::from(week.week()))
        });
        newest_of(self.monthly, |day| (day.year(), i16::from(day.month())));
        let counts = [self.keep_last, self.daily, self.weekly, self.monthly];
        if counts.iter().all(Option::is_none) { (0..available.len()).collect() } else { kept }
    }

    fn too_old_at(&self, one: &Own<'_>) -> Option<Timestamp> {
        one.slot.checked_add(SignedDuration::from_hours(24 * self.max_age_days?)).ok()
    }
}

/// How many snapshots may be deleted at `now`, and when one more may be: `most` within 24 hours, of which these were made.
pub fn allowance(most: usize, deletions: &[Timestamp], now: Timestamp) -> (usize, Option<Timestamp>) {
    let counts = |at: &Timestamp| at.checked_add(SignedDuration::from_hours(24)).ok().filter(|until| *until > now);
    let mut until: Vec<Timestamp> = deletions.iter().filter_map(counts).collect();
    until.sort_unstable();
    let excess = until.len().saturating_sub(most);
    (most.saturating_sub(until.len()), until.get(excess).copied())
}

#[cfg(test)]
mod tests {
    use jiff::civil::Weekday;

    use super::*;

    #[test]
    fn a_week_begins_on_monday() {
        let week = |text: &str| text.parse::<Date>().unwrap().iso_week_date();
        assert_eq!(week("2026-03-01").weekday(), Weekday::Sunday);
        assert_ne!(week("2026-03-01").week(), week("2026-03-02").week());
        assert_eq!(week("2026-03-02").week(), week("2026-03-08").week());
    }

    #[test]
    fn deletions_count_for_a_day() {
        let at = |hours: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours);
        assert_eq!(allowance(2, &[], at(0)), (2, None));
        assert_eq!(allowance(2, &[at(3), at(1)], at(5)), (0, Some(at(25))));
        assert_eq!(allowance(2, &[at(3), at(1)], at(25)), (1, Some(at(27))));
        assert_eq!(allowance(1, &[at(3), at(2), at(1)], at(5)), (0, Some(at(27))));
    }
}
