//! The Lease's record: whether it may be taken, and what is written into it. Pure.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use tokio::time::Instant;

/// A record that somebody holds, and when it was first seen as it is.
#[derive(Clone, Debug)]
pub struct Seen {
    /// `None` once the record is gone: somebody deleted it under its holder.
    spec: Option<LeaseSpec>,
    since: Instant,
    duration: Duration,
}

impl Seen {
    fn verdict(&self, now: Instant) -> Verdict {
        let until = self.since + self.duration;
        if now >= until { Verdict::Free } else { Verdict::HeldUntil(until) }
    }
}

/// Whether a Lease may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nobody holds it, or its holder has let it lapse.
    Free,
    /// Somebody holds it until then, unless they renew it.
    HeldUntil(Instant),
}

/// Judges a Lease that was read at `now`, and remembers it. Times written by others are not compared with our clock: a record
/// lapses when it was seen unchanged for the whole duration, its own or `ours`, whichever is longer.
pub fn judge(lease: &Lease, seen: &mut Option<Seen>, now: Instant, ours: Duration) -> Verdict {
    let spec = lease.spec.clone().unwrap_or_default();
    if spec.holder_identity.as_deref().is_none_or(str::is_empty) {
        *seen = None;
        return Verdict::Free;
    }
    let theirs = Duration::from_secs(
        spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or_default(),
    );
    let since = match seen {
        Some(seen) if seen.spec.as_ref() == Some(&spec) => seen.since,
        _ => now,
    };
    seen.insert(Seen { spec: Some(spec), since, duration: theirs.max(ours) }).verdict(now)
}

/// Judges a Lease that was looked for at `now` and is not there. Whoever was seen to hold it may have renewed it until just now, and
/// does not know yet that it was deleted.
pub fn judge_missing(seen: &mut Option<Seen>, now: Instant) -> Verdict {
    let Some(seen) = seen else { return Verdict::Free };
    if seen.spec.take().is_some() {
        seen.since = now;
    }
    seen.verdict(now)
}

/// The record of a Lease that `identity` takes.
pub fn taken(previous: Option<&LeaseSpec>, identity: &str, duration: Duration, now: Timestamp) -> LeaseSpec {
    LeaseSpec {
        holder_identity: Some(identity.into()),
        lease_duration_seconds: Some(i32::try_from(duration.as_secs()).unwrap_or(i32::MAX).max(1)),
        acquire_time: Some(micro(now)),
        renew_time: Some(micro(now)),
        lease_transitions: Some(
            previous.and_then(|spec| spec.lease_transitions).map_or(0, |count| count.saturating_add(1)),
        ),
        ..LeaseSpec::default()
    }
}

/// The record, renewed.
pub fn renewed(spec: &LeaseSpec, now: Timestamp) -> LeaseSpec {
    LeaseSpec { renew_time: Some(micro(now)), ..spec.clone() }
}

/// The record, given back: whoever sees it may take it at once.
pub fn released(spec: &LeaseSpec, now: Timestamp) -> LeaseSpec {
    LeaseSpec { holder_identity: None, renew_time: Some(micro(now)), ..spec.clone() }
}

/// As precise as Kubernetes writes it, so that a record read back equals the one written.
fn micro(now: Timestamp) -> MicroTime {
    MicroTime(Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DURATION: Duration = Duration::from_secs(15);

    fn lease(spec: LeaseSpec) -> Lease {
        Lease { spec: Some(spec), ..Lease::default() }
    }

    #[test]
    fn a_record_lapses_a_whole_duration_after_it_was_first_seen() {
        let start = Instant::now();
        let spec = taken(None, "a", DURATION, Timestamp::UNIX_EPOCH);
        let mut seen = None;
        let at = |seconds| start + Duration::from_secs(seconds);
        // However long ago it says it was renewed: our clock did not see that.
        assert_eq!(judge(&lease(spec.clone()), &mut seen, at(0), DURATION), Verdict::HeldUntil(at(15)));
        assert_eq!(judge(&lease(spec.clone()), &mut seen, at(14), DURATION), Verdict::HeldUntil(at(15)));
        let renewed = renewed(&spec, Timestamp::from_second(60).unwrap());
        assert_eq!(judge(&lease(renewed.clone()), &mut seen, at(14), DURATION), Verdict::HeldUntil(at(29)));
        assert_eq!(judge(&lease(renewed), &mut seen, at(29), DURATION), Verdict::Free);
    }

    #[test]
    fn the_longer_of_the_two_durations_counts() {
        let start = Instant::now();
        let theirs = Duration::from_secs(60);
        let spec = taken(None, "a", theirs, Timestamp::UNIX_EPOCH);
        assert_eq!(judge(&lease(spec), &mut None, start, DURATION), Verdict::HeldUntil(start + theirs));
    }

    #[test]
    fn a_record_that_is_deleted_under_its_holder_is_waited_out() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let spec = taken(None, "a", DURATION, Timestamp::UNIX_EPOCH);
        let mut seen = None;
        assert_eq!(judge_missing(&mut seen, at(0)), Verdict::Free, "there never was one");
        judge(&lease(spec.clone()), &mut seen, at(0), DURATION);
        assert_eq!(judge_missing(&mut seen, at(10)), Verdict::HeldUntil(at(25)));
        assert_eq!(judge_missing(&mut seen, at(24)), Verdict::HeldUntil(at(25)));
        assert_eq!(judge_missing(&mut seen, at(25)), Verdict::Free);
        judge(&lease(released(&spec, Timestamp::UNIX_EPOCH)), &mut seen, at(26), DURATION);
        assert_eq!(judge_missing(&mut seen, at(27)), Verdict::Free, "it was given back before");
    }

    #[test]
    fn what_is_given_back_is_free_at_once() {
        let spec = released(&taken(None, "a", DURATION, Timestamp::UNIX_EPOCH), Timestamp::UNIX_EPOCH);
        assert_eq!(judge(&lease(spec), &mut None, Instant::now(), DURATION), Verdict::Free);
        assert_eq!(judge(&Lease::default(), &mut None, Instant::now(), DURATION), Verdict::Free);
    }

    #[test]
    fn transitions_count_the_changes_of_hand() {
        let first = taken(None, "a", DURATION, Timestamp::UNIX_EPOCH);
        let second = taken(Some(&first), "b", DURATION, Timestamp::UNIX_EPOCH);
        assert_eq!((first.lease_transitions, second.lease_transitions), (Some(0), Some(1)));
    }
}
