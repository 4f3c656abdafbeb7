//! A token bucket as a pure value: time is an argument.

use std::time::Duration;

use runbook_core::account::Budget;

/// How many seconds' worth of calls may be made at once. AWS's own buckets hold five to ten.
const BURST_SECONDS: f64 = 5.0;
/// The floor: what is left of the rate however often AWS throttles.
const FLOOR: f64 = 0.05;
/// Part of the full rate that comes back each second: from the floor to the full rate in ten minutes.
const RECOVERY: f64 = 1.0 / 600.0;
/// Answers to calls that were sent before the rate was lowered do not lower it again.
const GRACE: Duration = Duration::from_secs(1);

/// Tokens for calls: at most `burst + rate × time` of them, fewer after AWS has throttled.
#[derive(Clone, Debug, PartialEq)]
pub struct Tokens {
    full_rate: f64,
    rate: f64,
    level: f64,
    at: Duration,
    lowered_at: Option<Duration>,
}

impl Tokens {
    /// A full bucket at time zero.
    pub fn new(rate: f64) -> Self {
        let rate = sane(rate);
        Self { full_rate: rate, rate, level: burst(rate), at: Duration::ZERO, lowered_at: None }
    }

    /// Takes one token, or says how long to wait for it.
    ///
    /// # Errors
    /// The time until the next token is there.
    pub fn take(&mut self, now: Duration) -> Result<(), Duration> {
        self.refill(now);
        // What is missing to a whole token by rounding would be waited for in vain.
        if self.level >= 1.0 - 1e-9 {
            self.level -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - self.level) / self.rate))
    }

    /// Returns a token that was not used.
    pub fn give_back(&mut self) {
        self.level = (self.level + 1.0).min(burst(self.full_rate));
    }

    /// Halves the rate, because AWS throttled.
    pub fn lower(&mut self, now: Duration) {
        self.refill(now);
        if self.lowered_at.is_some_and(|at| now.saturating_sub(at) < GRACE) {
            return;
        }
        self.lowered_at = Some(now);
        self.rate = (self.rate / 2.0).max(self.full_rate * FLOOR);
        self.level = self.level.min(0.0);
    }

    /// Changes the full rate; a lowered rate stays lowered in the same proportion.
    pub fn set_rate(&mut self, rate: f64, now: Duration) {
        self.refill(now);
        let rate = sane(rate);
        self.rate = (self.rate / self.full_rate * rate).min(rate);
        self.full_rate = rate;
        self.level = self.level.min(burst(rate));
    }

    /// Tokens a second, as lowered at present.
    #[cfg(test)]
    pub fn rate(&self) -> f64 {
        self.rate
    }

    fn refill(&mut self, now: Duration) {
        let elapsed = now.saturating_sub(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.level = (self.level + elapsed * self.rate).min(burst(self.full_rate));
        self.rate = (self.rate + elapsed * self.full_rate * RECOVERY).min(self.full_rate);
    }
}

fn burst(rate: f64) -> f64 {
    (rate * BURST_SECONDS).max(1.0)
}

fn sane(rate: f64) -> f64 {
    if rate.is_finite() { rate.max(Budget::LEAST) } else { Budget::LEAST }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn drain(tokens: &mut Tokens, now: Duration) -> u32 {
        let mut taken = 0;
        while tokens.take(now).is_ok() {
            taken += 1;
        }
        taken
    }

    #[test]
    fn a_full_bucket_gives_its_burst_and_then_its_rate() {
        let mut tokens = Tokens::new(5.0);
        assert_eq!(drain(&mut tokens, Duration::ZERO), 25);
        assert_eq!(tokens.take(Duration::ZERO), Err(Duration::from_millis(200)));
        assert_eq!(drain(&mut tokens, SECOND), 5);
        assert_eq!(drain(&mut tokens, 1000 * SECOND), 25);
    }

    #[test]
    fn throttling_halves_the_rate_down_to_a_floor_and_time_raises_it_slowly() {
        let mut tokens = Tokens::new(8.0);
        tokens.lower(SECOND);
        assert_eq!(tokens.rate(), 4.0);
        assert!(tokens.take(SECOND).is_err(), "the burst is gone");
        tokens.lower(SECOND + Duration::from_millis(900));
        assert!(tokens.rate() < 4.1, "answers already under way lower it once");
        assert!(tokens.rate() >= 4.0);
        for second in 3..60 {
            tokens.lower(second * SECOND);
        }
        assert!((0.4..0.42).contains(&tokens.rate()), "the floor holds: {}", tokens.rate());
        drain(&mut tokens, 359 * SECOND);
        assert!((3.9..5.0).contains(&tokens.rate()), "half of it is back after five minutes: {}", tokens.rate());
        drain(&mut tokens, 700 * SECOND);
        assert_eq!(tokens.rate(), 8.0);
    }

    #[test]
    fn a_changed_budget_keeps_what_throttling_taught() {
        let mut tokens = Tokens::new(4.0);
        tokens.lower(Duration::ZERO);
        tokens.set_rate(10.0, Duration::ZERO);
        assert_eq!(tokens.rate(), 5.0);
        tokens.set_rate(f64::NAN, Duration::ZERO);
        assert!(tokens.rate() > 0.0);
    }

    proptest! {
        #[test]
        fn never_more_than_burst_and_rate_times_time(
            rate in 0.01f64..50.0,
            acts in prop::collection::vec((0u64..5000, 0u8..10), 1..400),
        ) {
            let mut tokens = Tokens::new(rate);
            let (mut now, mut taken) = (Duration::ZERO, 0.0);
            for (pause, act) in acts {
                now += Duration::from_millis(pause);
                if act == 0 {
                    tokens.lower(now);
                }
                for _ in 0..act {
                    if tokens.take(now).is_ok() {
                        taken += 1.0;
                    }
                }
                prop_assert!(taken <= burst(rate) + rate * now.as_secs_f64() + 1e-6);
                prop_assert!(tokens.rate() <= rate);
            }
        }

        #[test]
        fn a_wait_that_was_waited_is_enough(rate in 0.01f64..50.0, lowered in 0usize..6) {
            let mut tokens = Tokens::new(rate);
            let mut now = Duration::ZERO;
            for _ in 0..lowered {
                now += 2 * GRACE;
                tokens.lower(now);
            }
            for _ in 0..300 {
                if let Err(wait) = tokens.take(now) {
                    now += wait + Duration::from_millis(1);
                    prop_assert_eq!(tokens.take(now), Ok(()));
                }
            }
        }
    }
}
