//! How long to wait after a failure.

use std::time::Duration;

use crate::error::ErrorClass;

/// Longest wait after temporary failures.
const LONGEST: Duration = Duration::from_secs(300);

/// How long to wait before an object is tried again after `failures` failures in a row (1 = the first).
///
/// Doubles from 1 s (5 s when AWS throttles) up to 5 min; errors that only a person can mend wait 5 min, because grants and policies
/// in AWS change without telling us. `seed` spreads objects by up to a quarter, so that those which failed together do not return together.
pub fn delay(class: ErrorClass, failures: u32, seed: u64) -> Duration {
    let base = match class {
        ErrorClass::Transient | ErrorClass::Conflict => Duration::from_secs(1),
        ErrorClass::Throttled => Duration::from_secs(5),
        ErrorClass::Denied | ErrorClass::NotFound | ErrorClass::Invalid => LONGEST,
    };
    let doubled = base.saturating_mul(2u32.saturating_pow(failures.saturating_sub(1).min(16)));
    spread(doubled.min(LONGEST), seed)
}

/// `interval` lengthened by up to a quarter, always by the same part for the same seed.
pub fn spread(interval: Duration, seed: u64) -> Duration {
    let parts = u32::try_from(seed % 1024).unwrap_or_default();
    interval + interval * parts / 4096
}

/// A number that is always the same for the same text (FNV-1a), to spread objects by.
pub fn seed_of(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_five_minutes() {
        let seconds: Vec<u64> = (1..=12).map(|n| delay(ErrorClass::Transient, n, 0).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        assert_eq!(delay(ErrorClass::Throttled, 1, 0).as_secs(), 5);
        assert_eq!(delay(ErrorClass::Denied, 1, 0), LONGEST);
        assert_eq!(delay(ErrorClass::Transient, u32::MAX, 0), LONGEST);
    }

    #[test]
    fn the_spread_is_at_most_a_quarter() {
        for seed in 0..5000 {
            let waited = delay(ErrorClass::Denied, 1, seed);
            assert!(waited >= LONGEST && waited <= LONGEST * 5 / 4);
        }
    }
}
