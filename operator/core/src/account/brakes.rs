//! What an account's owner holds back, whatever the policies say: freezes, and the pace of scaling in.

use jiff::{SignedDuration, Timestamp};
use runbook_api::AwsAccountSpec;

use crate::plan::Finding;

/// What is held back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Brakes {
    /// Times in which nothing is written but for overrides.
    pub freezes: Vec<Freeze>,
    /// How services are made smaller, where not at once.
    pub scale_in: Option<ScaleIn>,
    /// Percent of the account's targets that may be changed within an hour, where that is limited.
    pub changed_percent: Option<i32>,
    /// Snapshots that one BackupPolicy may delete within 24 hours, where that is said.
    pub max_deletes_per_day: Option<i32>,
}

/// Snapshots that one BackupPolicy may delete within 24 hours, where nothing is said.
const DELETES_PER_DAY: i32 = 20;

/// A time in which nothing is written but for overrides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freeze {
    /// When it begins.
    pub from: Timestamp,
    /// When it ends.
    pub to: Timestamp,
    /// Why.
    pub reason: String,
}

/// How services are made smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScaleIn {
    /// Percent of the present size at once, but at least one task.
    pub percent: i32,
    /// Least time between two steps.
    pub every: SignedDuration,
}

/// What may be done about a wish to make a service smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Go to this size.
    Go(i32),
    /// Not before then.
    Wait(Timestamp),
}

impl Brakes {
    /// The brakes that an account declares.
    ///
    /// # Errors
    /// A stalled finding when a duration is none; the schema refuses such an object, an older one may still exist.
    pub fn of(name: &str, spec: &AwsAccountSpec) -> Result<Self, Finding> {
        let freezes =
            spec.freeze.iter().map(|one| Freeze { from: one.from.0, to: one.to.0, reason: one.reason.clone() });
        let scale_in = match spec.safety.as_ref().and_then(|safety| safety.scale_in_step.as_ref()) {
            None => None,
            Some(step) => Some(ScaleIn {
                percent: step.percent,
                every: SignedDuration::from_secs(step.every.seconds().map_err(|error| {
                    Finding::stalled("InvalidSpec", format!("AwsAccount {name}, safety.scaleInStep.every: {error}"))
                })?),
            }),
        };
        let changed_percent = spec.safety.as_ref().and_then(|safety| safety.max_changed_targets_percent);
        let max_deletes_per_day = spec.safety.as_ref().and_then(|safety| safety.max_deletes_per_day);
        Ok(Self { freezes: freezes.collect(), scale_in, changed_percent, max_deletes_per_day })
    }

    /// How many snapshots one BackupPolicy may delete within 24 hours.
    pub fn deletes_per_day(&self) -> usize {
        usize::try_from(self.max_deletes_per_day.unwrap_or(DELETES_PER_DAY)).unwrap_or_default()
    }

    /// The freeze that holds at `now`; of several the one that ends last.
    pub fn frozen(&self, now: Timestamp) -> Option<&Freeze> {
        self.freezes.iter().filter(|freeze| freeze.from <= now && now < freeze.to).max_by_key(|freeze| freeze.to)
    }

    /// When the next freeze begins.
    pub fn freezes_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.freezes.iter().map(|freeze| freeze.from).filter(|from| *from > now).min()
    }

    /// How far a service of size `from` may go towards `to`, when the operator last changed its size at `moved_at`.
    pub fn pace(&self, from: i32, to: i32, moved_at: Option<Timestamp>, now: Timestamp) -> Pace {
        let Some(step) = self.scale_in.filter(|_| to < from) else { return Pace::Go(to) };
        match moved_at.and_then(|moved| moved.checked_add(step.every).ok()) {
            Some(next) if now < next => Pace::Wait(next),
            _ => {
                let share = i64::from(from) * i64::from(step.percent) / 100;
                let most = i32::try_from(share).unwrap_or(i32::MAX).max(1);
                Pace::Go(to.max(from.saturating_sub(most)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brakes(percent: i32) -> Brakes {
        Brakes { scale_in: Some(ScaleIn { percent, every: SignedDuration::from_mins(5) }), ..Brakes::default() }
    }

    #[test]
    fn a_service_goes_down_in_steps_and_gets_there() {
        let mut now = Timestamp::UNIX_EPOCH;
        let (mut size, mut sizes) = (20, Vec::new());
        let mut moved = None;
        while size > 3 {
            match brakes(20).pace(size, 3, moved, now) {
                Pace::Go(next) => {
                    assert!(next < size);
                    size = next;
                    moved = Some(now);
                    sizes.push(size);
                }
                Pace::Wait(until) => now = until,
            }
        }
        assert_eq!(sizes, [16, 13, 11, 9, 8, 7, 6, 5, 4, 3]);
        assert_eq!(now, Timestamp::UNIX_EPOCH + SignedDuration::from_mins(45));
    }

    #[test]
    fn only_scaling_in_is_slow() {
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(brakes(20).pace(3, 20, Some(now), now), Pace::Go(20));
        assert_eq!(Brakes::default().pace(20, 3, Some(now), now), Pace::Go(3));
        assert_eq!(brakes(100).pace(20, 0, None, now), Pace::Go(0));
    }

    #[test]
    fn a_freeze_ends_before_its_end() {
        let at = |seconds| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds);
        let freeze = |from, to| Freeze { from: at(from), to: at(to), reason: "Advent".into() };
        let brakes = Brakes { freezes: vec![freeze(10, 20), freeze(15, 30), freeze(50, 60)], ..Brakes::default() };
        let ends = |seconds| brakes.frozen(at(seconds)).map(|freeze| freeze.to);
        assert_eq!(
            [ends(9), ends(10), ends(15), ends(29), ends(30)],
            [None, Some(at(20)), Some(at(30)), Some(at(30)), None]
        );
        assert_eq!(
            [brakes.freezes_at(at(9)), brakes.freezes_at(at(30)), brakes.freezes_at(at(50))],
            [Some(at(10)), Some(at(50)), None]
        );
    }
}
