//! AWS's way to count calls: a bucket of tokens that fills at a steady rate (EC2 API Reference, "Request throttling").

use jiff::Timestamp;

/// A token bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    tokens: f64,
    filled: Timestamp,
}

impl Bucket {
    /// A full bucket.
    pub fn full(burst: f64, now: Timestamp) -> Self {
        Self { tokens: burst, filled: now }
    }

    /// Takes a token, where there is one.
    pub fn take(&mut self, rate: f64, burst: f64, now: Timestamp) -> bool {
        let seconds = now.duration_since(self.filled).as_secs_f64().max(0.0);
        self.tokens = (self.tokens + seconds * rate).min(burst);
        self.filled = now;
        let taken = self.tokens >= 1.0;
        if taken {
            self.tokens -= 1.0;
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_empties_it_and_time_fills_it() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let mut bucket = Bucket::full(2.0, at(0));
        assert_eq!(
            [0, 0, 0, 1, 2, 2].map(|second| bucket.take(0.5, 2.0, at(second))),
            [true, true, false, false, true, false]
        );
        assert!((0..2).all(|_| bucket.take(0.5, 2.0, at(100))) && !bucket.take(0.5, 2.0, at(100)));
    }
}
