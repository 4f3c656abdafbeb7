//! When somebody keeps undoing a correction.

use jiff::{SignedDuration, Timestamp};
use runbook_api::common::HistoryEntry;

/// From so many corrections of the same thing on, it is contested.
const CONTESTED_FROM: usize = 3;
/// The first wait; it doubles with every further correction.
const FIRST_WAIT: SignedDuration = SignedDuration::from_mins(1);
/// The longest wait.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(1);
/// Corrections further apart than this have nothing to do with each other. More than the longest wait, so that waiting ends no contest.
const APART: SignedDuration = SignedDuration::from_hours(2);

/// Somebody keeps undoing a correction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contest {
    /// How often it was corrected.
    pub corrections: usize,
    /// The first of these corrections.
    pub since: Timestamp,
    /// Before this it is not corrected again.
    pub until: Timestamp,
    /// When it is forgotten, if nobody undoes anything any more.
    pub ends: Timestamp,
}

impl Contest {
    /// What a history (newest first) tells at `now`: the most contested thing in it, if any is.
    ///
    /// The size is one thing, whatever it was changed from and to; so are the band, the settings, each policy and each scheduled action.
    pub fn of(history: &[HistoryEntry], now: Timestamp) -> Option<Self> {
        let contests = corrections(history).filter_map(|newest| {
            let same: Vec<&HistoryEntry> = corrections(history).filter(|entry| is_same(entry, newest)).collect();
            let undone = same.iter().enumerate().filter(|(index, entry)| {
                let older = same.get(index + 1);
                !older.is_some_and(|older| goes_on(entry, older))
            });
            Self::of_times(undone.map(|(_, entry)| entry.time.0), now)
        });
        contests.max_by_key(|contest| contest.until)
    }

    /// What the times of the same correction, newest first, tell at `now`.
    fn of_times(times: impl Iterator<Item = Timestamp>, now: Timestamp) -> Option<Self> {
        let (mut chain, mut later) = (Vec::new(), now);
        for time in times {
            if later.duration_since(time) > APART {
                break;
            }
            chain.push(time);
            later = time;
        }
        let (newest, oldest) = (*chain.first()?, *chain.last()?);
        let doublings = u32::try_from(chain.len().checked_sub(CONTESTED_FROM)?).unwrap_or(u32::MAX).min(16);
        let wait = (FIRST_WAIT * 2_i32.pow(doublings)).min(LONGEST_WAIT);
        let after = |wait| newest.checked_add(wait).unwrap_or(Timestamp::MAX);
        Some(Self { corrections: chain.len(), since: oldest, until: after(wait), ends: after(APART) })
    }
}

/// What of a history was put right because somebody had changed it in AWS.
pub fn corrections(history: &[HistoryEntry]) -> impl Iterator<Item = &HistoryEntry> {
    history
        .iter()
        .filter(|entry| entry.reason == "Drift" && entry.outcome == "Succeeded" && entry.step != "AdoptScaleOut")
}

/// Whether two acts changed the same thing. Entries that were written before there was a field for it say so in words.
fn is_same(entry: &HistoryEntry, other: &HistoryEntry) -> bool {
    let same = match (&entry.resource, &other.resource) {
        (Some(one), Some(another)) => one == another,
        _ => entry.step == "SetDesiredCount" || entry.description == other.description,
    };
    same && entry.step == other.step
}

/// Whether a correction of the size goes on from where the one before it has ended: the next step of a scale-in, which nobody undid.
fn goes_on(entry: &HistoryEntry, older: &HistoryEntry) -> bool {
    matches!((sizes(entry), sizes(older)), (Some((from, _)), Some((_, to))) if from == to)
}

/// From which size to which an act took its target, where it did.
pub fn sizes(entry: &HistoryEntry) -> Option<(i32, i32)> {
    entry.from.zip(entry.to).or_else(|| sizes_in_words(entry))
}

/// The same of an entry that was written before there were fields for it: `set desiredCount of … from 2 to 4`.
fn sizes_in_words(entry: &HistoryEntry) -> Option<(i32, i32)> {
    let (rest, to) = entry.description.rsplit_once(" to ")?;
    let (_, from) = rest.rsplit_once(" from ")?;
    (entry.step == "SetDesiredCount").then_some((from.parse().ok()?, to.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    fn correction(minutes: i64, step: &str, resource: Option<&str>, sizes: Option<(i32, i32)>) -> HistoryEntry {
        HistoryEntry {
            time: Time(at(minutes)),
            step: step.into(),
            // For people alone.
            description: "whatever it says".into(),
            resource: resource.map(Into::into),
            from: sizes.map(|(from, _)| from),
            to: sizes.map(|(_, to)| to),
            reason: "Drift".into(),
            outcome: "Succeeded".into(),
            request_id: None,
        }
    }

    fn sizes(minutes: &[i64]) -> Vec<HistoryEntry> {
        let undone = |minute: &i64| correction(*minute, "SetDesiredCount", Some("app"), Some((1, 3)));
        minutes.iter().rev().map(undone).collect()
    }

    #[test]
    fn each_correction_waits_longer_than_the_one_before() {
        let mut minutes = vec![0, 5, 10];
        let mut waits = Vec::new();
        while minutes.len() < 12 {
            let last = minutes[minutes.len() - 1];
            let contest = Contest::of(&sizes(&minutes), at(last)).unwrap();
            let wait = contest.until.duration_since(at(last)).as_mins();
            waits.push(wait);
            minutes.push(last + wait + 1);
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }

    #[test]
    fn what_is_rare_is_no_contest_and_one_ends() {
        assert_eq!(Contest::of(&sizes(&[0, 5]), at(5)), None);
        assert_eq!(Contest::of(&sizes(&[0, 121, 242]), at(242)), None);
        let three = sizes(&[0, 5, 10]);
        let contest = Contest::of(&three, at(20)).unwrap();
        assert_eq!((contest.corrections, contest.since, contest.ends), (3, at(0), at(130)));
        assert!(Contest::of(&three, at(130)).is_some());
        assert_eq!(Contest::of(&three, at(131)), None);
    }

    #[test]
    fn one_correction_in_several_steps_is_one() {
        let put = |minute, name: &str| correction(minute, "PutTargetTrackingPolicy", Some(name), None);
        let steps: Vec<_> = ["cpu", "memory", "queue"].iter().map(|name| put(0, name)).collect();
        assert_eq!(Contest::of(&steps, at(0)), None);
        let again: Vec<_> = [10, 5, 0].iter().map(|minute| put(*minute, "cpu")).collect();
        assert!(Contest::of(&again, at(10)).is_some());
    }

    #[test]
    fn the_steps_of_one_scale_in_are_one_correction() {
        let step = |minutes, from, to| correction(minutes, "SetDesiredCount", Some("app"), Some((from, to)));
        let steps = [step(15, 12, 9), step(10, 15, 12), step(5, 20, 15), step(0, 26, 20)];
        assert_eq!(Contest::of(&steps, at(15)), None);
        let undone = [step(20, 26, 20), step(15, 15, 12), step(10, 20, 15), step(5, 26, 20), step(0, 26, 20)];
        assert_eq!(Contest::of(&undone, at(20)).map(|contest| contest.corrections), Some(3));
    }

    #[test]
    fn a_band_that_comes_down_in_steps_is_one_correction_and_one_that_is_undone_is_not() {
        let band = |minutes, sizes| correction(minutes, "RegisterScalableTarget", Some("app"), sizes);
        let steps = [band(10, Some((16, 13))), band(5, Some((20, 16))), band(0, Some((25, 20)))];
        assert_eq!(Contest::of(&steps, at(10)), None);
        let undone = [band(10, None), band(5, Some((25, 20))), band(0, None)];
        assert_eq!(Contest::of(&undone, at(10)).map(|contest| contest.corrections), Some(3));
    }

    #[test]
    fn entries_of_before_there_were_fields_are_read_too() {
        let old = |minutes, from: i32, to: i32| HistoryEntry {
            description: format!("set desiredCount of clocked-cluster/app from {from} to {to}"),
            ..correction(minutes, "SetDesiredCount", None, None)
        };
        let new = |minutes, from, to| correction(minutes, "SetDesiredCount", Some("app"), Some((from, to)));
        assert_eq!(Contest::of(&[new(15, 15, 12), old(10, 20, 15), old(5, 26, 20)], at(15)), None);
        assert!(Contest::of(&[new(15, 5, 2), old(10, 6, 2), old(5, 7, 2)], at(15)).is_some());
        let put = |minutes, name: &str| HistoryEntry {
            description: format!("change target tracking policy {name}"),
            ..correction(minutes, "PutTargetTrackingPolicy", None, None)
        };
        assert_eq!(Contest::of(&[put(0, "cpu"), put(0, "memory"), put(0, "queue")], at(0)), None);
        assert!(Contest::of(&[put(9, "cpu"), put(5, "cpu"), put(0, "cpu")], at(9)).is_some());
        // Not understood, it is one of several all the same.
        let unread = HistoryEntry { description: "…".into(), ..old(5, 0, 0) };
        assert!(Contest::of(&[new(15, 5, 2), old(10, 6, 2), unread], at(15)).is_some());
    }

    #[test]
    fn changes_of_the_spec_contest_nothing() {
        let mut history = sizes(&[0, 1, 2, 3]);
        history.iter_mut().for_each(|entry| entry.reason = "SpecChanged".into());
        assert_eq!(Contest::of(&history, at(3)), None);
    }
}
