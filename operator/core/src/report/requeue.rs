//! When an object is looked at again.

use std::time::Duration;

use jiff::Timestamp;

use crate::backoff;
use crate::error::ErrorClass;
use crate::facts::Facts;

/// How soon after a write its effect is looked for.
pub const AFTER_ACTS: Duration = Duration::from_secs(2);
/// Least time until an object is looked at again, whatever a plan says: no busy loops.
const SOONEST: Duration = Duration::from_secs(1);
/// What a plan waits for is looked for at each look from so long before, where looks are less far apart.
const NEAR: Duration = Duration::from_secs(300);

/// What came of a reconcile, as far as the next one depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Reconciles in a row that made steps, this one included; 0 when this one made none.
    pub acts: u32,
    /// The error that ended it, and how many reconciles in a row have failed, this one included.
    pub failed: Option<(ErrorClass, u32)>,
    /// When the plan wants to decide again.
    pub next_at: Option<Timestamp>,
    /// When numbers that wait to be written are due.
    pub numbers_at: Option<Timestamp>,
}

/// How long until the object is looked at again. `seed` spreads objects.
pub fn after(ended: &Ended, resync: Duration, seed: u64, now: Timestamp) -> Duration {
    let until = |time: Timestamp| until(time, now);
    let soonest = match (ended.failed, ended.acts) {
        (Some((class, failures)), _) => return backoff::delay(class, failures, seed),
        (None, 0) => backoff::spread(resync, seed),
        // Somebody undoes it, or AWS keeps it otherwise than it was written: slower each time.
        (None, acts @ 2..) => return backoff::delay(ErrorClass::Conflict, acts.saturating_add(1), seed),
        (None, 1) => AFTER_ACTS,
    };
    [ended.next_at, ended.numbers_at].into_iter().flatten().map(until).fold(soonest, Duration::min)
}

/// Whether a plan wants to decide again soon, before the resync would look or nearly so: then something is to be seen at that time. A slot
/// of tomorrow is not looked for today.
pub fn is_soon(next_at: Timestamp, resync: Duration, seed: u64, now: Timestamp) -> bool {
    until(next_at, now) < backoff::spread(resync.max(NEAR), seed)
}

fn until(time: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(time.duration_since(now)).unwrap_or_default().max(SOONEST)
}

/// The class of the error that an inquiry failed with: the one that takes longest to pass where there are several.
pub fn failure(facts: &Facts) -> Option<ErrorClass> {
    facts.iter().filter_map(|(_, answer)| answer.as_ref().err()).map(|error| error.class).max_by_key(|class| {
        // A person must act before any of these passes; else what AWS asks for comes first.
        (!class.is_temporary(), *class == ErrorClass::Throttled)
    })
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    const RESYNC: Duration = Duration::from_secs(300);
    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn wait(ended: Ended) -> Duration {
        after(&ended, RESYNC, 0, NOW)
    }

    #[test]
    fn the_soonest_wish_counts() {
        let at = |seconds| Some(NOW + SignedDuration::from_secs(seconds));
        assert_eq!(wait(Ended::default()), RESYNC);
        assert_eq!(wait(Ended { acts: 1, ..Ended::default() }), AFTER_ACTS);
        assert_eq!(wait(Ended { next_at: at(15), numbers_at: at(20), ..Ended::default() }), Duration::from_secs(15));
        assert_eq!(wait(Ended { next_at: at(900), ..Ended::default() }), RESYNC);
        // A time that has passed is no reason to spin.
        assert_eq!(wait(Ended { next_at: at(-5), ..Ended::default() }), SOONEST);
    }

    #[test]
    fn writing_the_same_again_and_again_gets_slower() {
        let seconds: Vec<u64> =
            (1..=9).map(|acts| wait(Ended { acts, next_at: Some(NOW), ..Ended::default() }).as_secs()).collect();
        // The first wait may be shortened by a wish; the later ones may not.
        assert_eq!(seconds, [1, 4, 8, 16, 32, 64, 128, 256, 300]);
    }

    #[test]
    fn a_wish_of_tomorrow_is_none_yet() {
        let soon = |seconds, resync| is_soon(NOW + SignedDuration::from_secs(seconds), resync, 0, NOW);
        assert_eq!([-5, 0, 299, 300, 86_400].map(|seconds| soon(seconds, RESYNC)), [true, true, true, false, false]);
        // Whoever looks often does not wait in vain for what takes longer than a resync.
        let often = Duration::from_secs(5);
        assert_eq!([60, 86_400].map(|seconds| soon(seconds, often)), [true, false]);
    }

    #[test]
    fn a_failure_outweighs_every_wish() {
        let failed = Some((ErrorClass::Throttled, 2));
        let next_at = Some(NOW + SignedDuration::from_secs(1));
        assert_eq!(wait(Ended { failed, next_at, acts: 1, ..Ended::default() }), Duration::from_secs(10));
    }
}
