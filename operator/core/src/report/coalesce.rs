//! When a status is written: never without a difference, and not for every number that moves by itself.

use jiff::{SignedDuration, Timestamp};

/// Least time between two writes of numbers alone.
const COALESCED: SignedDuration = SignedDuration::from_secs(30);

/// A status with numbers that move by themselves.
pub trait Volatile: PartialEq + Sized {
    /// The status without them.
    fn settled(&self) -> Self;
}

/// When a status is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// It says nothing new.
    Never,
    /// At once.
    Now,
    /// Not before then: only numbers differ, and the last write was a moment ago.
    At(Timestamp),
}

/// When `next` is to be written over `previous`, which was last written at `written` (`None`: not by this process).
pub fn due<S: Volatile>(previous: Option<&S>, next: &S, written: Option<Timestamp>, now: Timestamp) -> Due {
    let Some(previous) = previous else { return Due::Now };
    if previous == next {
        return Due::Never;
    }
    if previous.settled() != next.settled() {
        return Due::Now;
    }
    match written.and_then(|written| written.checked_add(COALESCED).ok()) {
        Some(next) if next > now => Due::At(next),
        _ => Due::Now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Volatile for (&'static str, i32) {
        fn settled(&self) -> Self {
            (self.0, 0)
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    #[test]
    fn numbers_alone_wait() {
        let before = ("InSync", 3);
        assert_eq!(due(Some(&before), &before, None, at(100)), Due::Never);
        assert_eq!(due(Some(&before), &("InSync", 4), Some(at(90)), at(100)), Due::At(at(120)));
        assert_eq!(due(Some(&before), &("InSync", 4), Some(at(70)), at(100)), Due::Now);
        assert_eq!(due(Some(&before), &("InSync", 4), None, at(100)), Due::Now);
    }

    #[test]
    fn anything_else_takes_them_along_at_once() {
        assert_eq!(due(Some(&("InSync", 3)), &("Working", 4), Some(at(99)), at(100)), Due::Now);
        assert_eq!(due(None, &("InSync", 3), Some(at(99)), at(100)), Due::Now);
    }
}
