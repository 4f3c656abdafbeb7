//! Chance by seed and by name: the same question has the same answer, in whatever order questions are asked.

use std::time::Duration;

use runbook_core::backoff::seed_of;

/// Answers questions of chance for one seed.
#[derive(Clone, Copy, Debug)]
pub struct Dice {
    seed: u64,
}

impl Dice {
    /// The dice of a seed.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// A stream of random numbers for one purpose.
    pub fn stream(self, purpose: &str) -> fastrand::Rng {
        fastrand::Rng::with_seed(mix(self.seed ^ seed_of(purpose)))
    }

    /// A stream of random numbers for the `nth` time something happens.
    pub fn nth(self, purpose: &str, nth: u64) -> fastrand::Rng {
        fastrand::Rng::with_seed(mix(mix(self.seed ^ seed_of(purpose)) ^ nth))
    }
}

/// A length of time between `least` and `most`, in milliseconds.
pub fn between(rng: &mut fastrand::Rng, least: u64, most: u64) -> Duration {
    Duration::from_millis(rng.u64(least..=most))
}

/// Whether something of this probability (0 to 1) happens.
pub fn happens(rng: &mut fastrand::Rng, probability: f64) -> bool {
    rng.f64() < probability
}

/// The finalizer of SplitMix64: neighbouring seeds become unrelated ones.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_question_has_the_same_answer_and_another_seed_another() {
        let answers = |seed| (0..20).map(|nth| Dice::new(seed).nth("PUT a", nth).u32(..)).collect::<Vec<_>>();
        assert_eq!(answers(1), answers(1));
        assert_ne!(answers(1), answers(2));
    }
}
