//! When an object that is being deleted may go: the same for every kind.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use runbook_api::{ABANDON, CLEANUP_FINALIZER};

use crate::plan::Finding;
use crate::report::Outcome;

/// The reason of what is said about things that stay in AWS when their object goes.
pub const LEFT_BEHIND: &str = "LeftBehind";

/// The reason of an outcome where AWS is at work on what is to be removed.
const CONFLICT: &str = "AwsConflict";

/// Whether an object waits for the operator before it goes.
pub fn is_guarded(metadata: &ObjectMeta) -> bool {
    metadata.finalizers.iter().flatten().any(|finalizer| finalizer == CLEANUP_FINALIZER)
}

/// Whether somebody has given up what the object created.
pub fn is_abandoned(metadata: &ObjectMeta) -> bool {
    metadata.annotations.as_ref().is_some_and(|annotations| annotations.contains_key(ABANDON))
}

/// How long a deletion waits.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// For what is in its way, whatever it is.
    pub deadline: SignedDuration,
    /// For AWS to be done with what is removed, where that may take longer.
    pub patience: Option<SignedDuration>,
}

impl Deadlines {
    /// The times at which an object that was deleted at `deleted` may go.
    pub fn ends(self, deleted: Timestamp) -> [Timestamp; 3] {
        let waits = [self.deadline, self.deadline.saturating_mul(2), self.patience.unwrap_or(self.deadline)];
        waits.map(|wait| deleted.checked_add(wait).unwrap_or(Timestamp::MAX))
    }
}

/// Whether the object is let go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not yet: there is something to remove, or that keeps it from being removed. At this time it is let go whatever is left.
    Stays(Timestamp),
    /// It goes. What is left in AWS, where that may be something.
    Goes(Option<String>),
}

/// Something stays in AWS when the object goes, because it is not ours to remove.
pub fn left_behind(message: impl Into<String>) -> Finding {
    Finding::note(LEFT_BEHIND, message)
}

/// Decides on an object that was deleted at `deleted`, by what came of a reconcile at `now`.
///
/// It goes when nothing is left to remove; or when `deadline` has passed and its account, grant or credentials are gone, AWS cannot be
/// reached, or something forbids writing. While steps succeed it has as long again, and while AWS is at work on what is removed as long
/// as that may take. No longer: every deletion ends.
pub fn verdict(
    outcome: &Outcome,
    findings: &[Finding],
    deleted: Timestamp,
    Deadlines { deadline, patience }: Deadlines,
    now: Timestamp,
) -> Verdict {
    let after = |times: i32| deleted.checked_add(deadline.saturating_mul(times)).unwrap_or(Timestamp::MAX);
    let with_patience = |end: Timestamp| {
        patience.map_or(end, |patience| deleted.checked_add(patience).unwrap_or(Timestamp::MAX).max(end))
    };
    let (at, why) = match outcome {
        Outcome::InSync => {
            let left: Vec<&str> = findings
                .iter()
                .filter(|finding| finding.reason == LEFT_BEHIND)
                .map(|finding| finding.message.as_str())
                .collect();
            return Verdict::Goes((!left.is_empty()).then(|| left.join("; ")));
        }
        Outcome::Working { message, .. } => (with_patience(after(2)), message.as_str()),
        Outcome::Unavailable { reason, message } if reason == CONFLICT => (with_patience(after(1)), message.as_str()),
        Outcome::Unavailable { message, .. } | Outcome::Stalled { message, .. } => (after(1), message.as_str()),
        Outcome::Held { hold, .. } => (after(1), hold.message()),
    };
    if now < at { Verdict::Stays(at) } else { Verdict::Goes(Some(why.into())) }
}

/// The outcome with what a person must know about an object that waits to be let go.
pub fn explained(outcome: &Outcome, at: Timestamp) -> Outcome {
    let explain = |message: &str| {
        let seconds = Timestamp::from_second(at.as_second()).unwrap_or(at);
        format!(
            "{message}; the object is being deleted and goes at {seconds} whatever is left in AWS, at once with the annotation {}",
            ABANDON
        )
    };
    match outcome.clone() {
        Outcome::Unavailable { reason, message } => Outcome::Unavailable { reason, message: explain(&message) },
        Outcome::Stalled { reason, message } => Outcome::Stalled { reason, message: explain(&message) },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Hold;

    const DEADLINE: SignedDuration = SignedDuration::from_mins(10);

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    fn decided(outcome: &Outcome, minutes: i64) -> Verdict {
        verdict(outcome, &[], Timestamp::UNIX_EPOCH, Deadlines { deadline: DEADLINE, patience: None }, at(minutes))
    }

    #[test]
    fn what_is_done_goes_at_once_and_says_what_stays() {
        assert_eq!(decided(&Outcome::InSync, 0), Verdict::Goes(None));
        let findings = [left_behind("a target"), Finding::note("Other", "no matter"), left_behind("another")];
        let deadlines = Deadlines { deadline: DEADLINE, patience: None };
        let verdict = verdict(&Outcome::InSync, &findings, at(0), deadlines, at(0));
        assert_eq!(verdict, Verdict::Goes(Some("a target; another".into())));
    }

    #[test]
    fn every_deletion_ends() {
        let (reason, message) = (String::from("Because"), String::from("of this"));
        for (outcome, ends) in [
            (Outcome::Working { reason: reason.clone(), message: message.clone() }, 20),
            (Outcome::Unavailable { reason: reason.clone(), message: message.clone() }, 10),
            (Outcome::Stalled { reason, message }, 10),
            (Outcome::Held { hold: Hold::Frozen, pending: 1 }, 10),
            (Outcome::Held { hold: Hold::Suspended, pending: 0 }, 10),
        ] {
            assert_eq!(decided(&outcome, 0), Verdict::Stays(at(ends)));
            assert_eq!(decided(&outcome, ends - 1), Verdict::Stays(at(ends)));
            assert!(matches!(decided(&outcome, ends), Verdict::Goes(Some(_))), "{outcome:?}");
        }
    }

    #[test]
    fn what_aws_is_at_is_waited_for_and_nothing_else() {
        let deadlines = Deadlines { deadline: DEADLINE, patience: Some(SignedDuration::from_hours(6)) };
        let message = String::from("of this");
        let unavailable = |reason: &str| Outcome::Unavailable { reason: reason.into(), message: message.clone() };
        for (outcome, ends) in [
            (Outcome::Working { reason: "InstanceDeleting".into(), message: message.clone() }, 360),
            (unavailable(CONFLICT), 360),
            (unavailable("AwsUnreachable"), 10),
            (Outcome::Stalled { reason: "NotGranted".into(), message: message.clone() }, 10),
        ] {
            let verdict = |minutes| verdict(&outcome, &[], at(0), deadlines, at(minutes));
            assert_eq!(verdict(ends - 1), Verdict::Stays(at(ends)), "{outcome:?}");
            assert!(matches!(verdict(ends), Verdict::Goes(Some(_))), "{outcome:?}");
            assert!(deadlines.ends(at(0)).contains(&at(ends)), "it is looked at again then");
        }
    }

    #[test]
    fn who_waits_is_told_until_when() {
        let stalled = Outcome::Stalled { reason: "AccountNotFound".into(), message: "there is none".into() };
        let Outcome::Stalled { reason, message } = explained(&stalled, at(10)) else { panic!("no longer stalled") };
        assert_eq!(reason, "AccountNotFound");
        assert!(message.contains("goes at 1970-01-01T00:10:00Z") && message.contains("ops.clocked.app/abandon"));
        assert_eq!(explained(&Outcome::InSync, at(10)), Outcome::InSync);
    }
}
