//! How many targets of an account are changed within an hour: a mistake in one commit must not reach all of them at once.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use runbook_api::common::HistoryEntry;

use crate::plan::Finding;

/// How long a change counts.
const COUNTS: SignedDuration = SignedDuration::from_hours(1);

/// The targets of one account that were changed of late: by the uid of their policy, with the time of the last change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blast {
    changed: BTreeMap<String, Timestamp>,
}

/// No further target may be changed for now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// How many were changed within the hour.
    pub changed: usize,
    /// Of how many.
    pub targets: usize,
    /// How many may be.
    pub limit: usize,
    /// When the next may be.
    pub until: Timestamp,
}

impl Blast {
    /// What the histories of the account's policies tell: a new leader goes on where the last one was.
    pub fn of<'h>(histories: impl IntoIterator<Item = (String, &'h [HistoryEntry])>) -> Self {
        let last = |history: &[HistoryEntry]| {
            history.iter().filter(|entry| changes(&entry.step)).map(|entry| entry.time.0).max()
        };
        let changed = histories.into_iter().filter_map(|(uid, history)| Some((uid, last(history)?)));
        Self { changed: changed.collect() }
    }

    /// Counts what another process had claimed to change, and has not told what came of it: it may have been changed.
    pub fn claimed(&mut self, uids: impl IntoIterator<Item = String>, now: Timestamp) {
        self.changed.extend(uids.into_iter().map(|uid| (uid, now)));
    }

    /// Counts a change of the target of `uid` at `now`, where so many percent of so many targets, but at least one, may be changed
    /// within an hour. A target that is counted already may be changed again.
    ///
    /// # Errors
    /// When it would be one too many. Nothing is counted then.
    pub fn admit(&mut self, uid: &str, targets: usize, percent: i32, now: Timestamp) -> Result<(), Exceeded> {
        self.changed.retain(|_, at| now.duration_since(*at) < COUNTS);
        let limit = limit(targets, percent);
        if !self.changed.contains_key(uid) && self.changed.len() >= limit {
            let free = self.changed.len() - limit;
            let mut times: Vec<Timestamp> = self.changed.values().copied().collect();
            times.sort_unstable();
            let until = times.get(free).and_then(|at| at.checked_add(COUNTS).ok()).unwrap_or(Timestamp::MAX);
            return Err(Exceeded { changed: self.changed.len(), targets, limit, until });
        }
        self.changed.insert(uid.to_owned(), now);
        Ok(())
    }
}

/// How many of so many targets may be changed within an hour, where so many percent may: rounded down, but at least one.
pub fn limit(targets: usize, percent: i32) -> usize {
    let percent = usize::try_from(percent).unwrap_or_default();
    (targets.saturating_mul(percent) / 100).max(1)
}

impl Exceeded {
    /// For a person.
    pub fn finding(&self, account: &str) -> Finding {
        let Self { changed, targets, limit, until } = self;
        Finding::stalled(
            "BlastRadius",
            format!(
                "{changed} of {targets} targets in AwsAccount {account} were changed within an hour, and its safety.maxChangedTargetsPercent \
                 allows {limit}: if all of these changes are meant, raise it, else take back what made them; by itself it goes on at {until}"
            ),
        )
    }
}

/// Whether a step of this name changes a target: see [`Step::changes_target`](crate::Step::changes_target).
fn changes(step: &str) -> bool {
    !matches!(
        step,
        "AdoptScaleOut" | "CreateExportJob" | "CreateSnapshot" | "DeleteSnapshot" | "ExportDatabase" | "VerifyBackup"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    #[test]
    fn so_many_an_hour_and_no_more() {
        let mut blast = Blast::default();
        for (minute, uid) in [(0, "a"), (10, "b")] {
            blast.admit(uid, 25, 10, at(minute)).unwrap();
        }
        let exceeded = blast.admit("c", 25, 10, at(20)).unwrap_err();
        assert_eq!((exceeded.changed, exceeded.limit, exceeded.until), (2, 2, at(60)));
        blast.admit("a", 25, 10, at(30)).unwrap();
        // The first counts from its last change on.
        assert_eq!(blast.admit("c", 25, 10, at(60)).unwrap_err().until, at(70));
        blast.admit("c", 25, 10, at(70)).unwrap();
    }

    #[test]
    fn one_may_always_be_changed_and_a_lowered_limit_is_waited_for() {
        let mut blast = Blast::default();
        blast.admit("a", 3, 1, at(0)).unwrap();
        assert_eq!(blast.admit("b", 3, 1, at(1)).unwrap_err().limit, 1);
        blast.admit("b", 3, 100, at(2)).unwrap();
        blast.admit("c", 3, 100, at(3)).unwrap();
        // Three are counted, one is allowed: until the last of them no longer counts.
        assert_eq!(blast.admit("d", 3, 1, at(4)).unwrap_err().until, at(63));
    }

    #[test]
    fn histories_tell_what_was_changed() {
        let entry = |minute: i64, step: &str| HistoryEntry {
            time: k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(at(minute)),
            step: step.into(),
            description: String::new(),
            resource: None,
            from: None,
            to: None,
            reason: "Drift".into(),
            outcome: "Succeeded".into(),
            request_id: None,
        };
        let (sized, adopted) =
            ([entry(5, "SetDesiredCount"), entry(1, "SetDesiredCount")], [entry(5, "AdoptScaleOut")]);
        let mut blast = Blast::of([("a".to_owned(), &sized[..]), ("b".to_owned(), &adopted[..])]);
        assert_eq!(blast.admit("c", 1, 1, at(6)).unwrap_err().until, at(65));
    }

    #[test]
    fn what_was_claimed_and_never_told_counts() {
        let mut blast = Blast::default();
        blast.claimed(["a".to_owned()], at(0));
        assert_eq!(blast.admit("b", 1, 1, at(1)).unwrap_err().until, at(60));
        blast.admit("a", 1, 1, at(2)).unwrap();
    }
}
