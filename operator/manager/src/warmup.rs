//! After start-up and failover: observe everything first, then write, a little apart.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Time between two objects' first writes, at least on average.
const APART: Duration = Duration::from_millis(20);
/// Longest time over which first writes are spread.
const LONGEST_WINDOW: Duration = Duration::from_secs(30);
/// How long the first writes wait for observations that do not come.
const PATIENCE: Duration = Duration::from_secs(60);

/// Says whether an object may be written for yet.
#[derive(Debug)]
pub struct Warmup {
    phase: Mutex<Phase>,
}

#[derive(Debug)]
enum Phase {
    Observing { waiting: HashSet<String>, until: Instant, window: Duration },
    Writing { since: Instant, window: Duration },
}

impl Warmup {
    /// Waits for the objects with these uids to be observed.
    pub fn new(uids: HashSet<String>, now: Instant) -> Self {
        let count = u32::try_from(uids.len()).unwrap_or(u32::MAX);
        let window = APART.saturating_mul(count).min(LONGEST_WINDOW);
        let phase = Phase::Observing { waiting: uids, until: now + PATIENCE, window };
        Self { phase: Mutex::new(phase) }
    }

    /// The object was observed, or cannot be, or is gone.
    pub fn observed(&self, uid: &str, now: Instant) {
        let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        if let Phase::Observing { waiting, window, .. } = &mut *phase {
            waiting.remove(uid);
            if waiting.is_empty() {
                *phase = Phase::Writing { since: now, window: *window };
            }
        }
    }

    /// Only the objects with these uids are still there to be observed.
    pub fn retain(&self, uids: &HashSet<String>, now: Instant) {
        let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        if let Phase::Observing { waiting, window, .. } = &mut *phase {
            waiting.retain(|uid| uids.contains(uid));
            if waiting.is_empty() {
                *phase = Phase::Writing { since: now, window: *window };
            }
        }
    }

    /// Whether it may be written for the object with this seed.
    ///
    /// # Errors
    /// How long to wait before asking again.
    pub fn may_write(&self, seed: u64, now: Instant) -> Result<(), Duration> {
        let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        if let Phase::Observing { until, window, waiting } = &*phase {
            if now < *until {
                // The more there are to wait for, the less often it is asked.
                let count = u32::try_from(waiting.len()).unwrap_or(u32::MAX);
                return Err(Duration::from_millis(1).saturating_mul(count).clamp(APART, Duration::from_secs(5)));
            }
            *phase = Phase::Writing { since: now, window: *window };
        }
        let Phase::Writing { since, window } = &*phase else { return Ok(()) };
        let parts = u32::try_from(seed % 1024).unwrap_or_default();
        let turn = *since + *window * parts / 1024;
        if now >= turn { Ok(()) } else { Err(turn - now) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uids(count: usize) -> HashSet<String> {
        (0..count).map(|number| number.to_string()).collect()
    }

    #[test]
    fn nothing_is_written_before_everything_was_observed() {
        let start = Instant::now();
        let warmup = Warmup::new(uids(2), start);
        warmup.observed("0", start);
        assert!(warmup.may_write(0, start).is_err());
        warmup.observed("1", start);
        assert_eq!(warmup.may_write(0, start), Ok(()));
    }

    #[test]
    fn what_is_gone_is_not_waited_for() {
        let start = Instant::now();
        let warmup = Warmup::new(uids(3), start);
        warmup.observed("0", start);
        warmup.retain(&uids(1), start);
        assert_eq!(warmup.may_write(0, start), Ok(()));
    }

    #[test]
    fn first_writes_are_spread_and_end() {
        let start = Instant::now();
        let warmup = Warmup::new(uids(10_000), start);
        for uid in uids(10_000) {
            warmup.observed(&uid, start);
        }
        let at_once = (0..1024).filter(|seed| warmup.may_write(*seed, start).is_ok()).count();
        assert!(at_once < 2, "{at_once}");
        assert!((0..1024).all(|seed| warmup.may_write(seed, start + LONGEST_WINDOW).is_ok()));
    }

    #[test]
    fn few_objects_do_not_wait_and_one_that_is_never_observed_delays_the_others_only_for_a_while() {
        let start = Instant::now();
        let warmup = Warmup::new(uids(3), start);
        for uid in ["0", "1", "2"] {
            warmup.observed(uid, start);
        }
        assert_eq!(warmup.may_write(1023, start + Duration::from_millis(60)), Ok(()));
        let stuck = Warmup::new(uids(3), start);
        assert!(stuck.may_write(0, start + Duration::from_secs(59)).is_err());
        assert_eq!(stuck.may_write(0, start + PATIENCE), Ok(()));
    }
}
