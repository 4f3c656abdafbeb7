//! Every slot that was due while its policy was in force has its snapshot, and in time; or something was in the way.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use runbook_api::aws_account::Verb;
use runbook_api::backup_policy::SlotState;
use runbook_aws::{Call, RdsCall, Reply};

use super::backups::{Backup, backups};
use super::end::removed;
use crate::cloud::rds;
use crate::invariants::Violation;
use crate::invariants::end::{REPORTED_WITHIN, deaths};
use crate::invariants::knowledge::{Objects, before};
use crate::journal::{AwsCall, What};
use crate::world::Run;

/// How long a policy must have been as it is before a slot.
const SETTLED: SignedDuration = SignedDuration::from_secs(60);
/// How long what went wrong with a call may keep a policy from being looked at: the longest wait after failures, and a quarter more.
const BACKOFF: SignedDuration = SignedDuration::from_secs(400);
/// How long it takes until somebody leads again.
const LEADS_AGAIN: SignedDuration = SignedDuration::from_secs(150);
/// How often a database that is busy is looked at.
const LOOKS: SignedDuration = SignedDuration::from_secs(65);
/// How long after its jitter a snapshot may be begun where nothing is in the way.
const PROMPT: SignedDuration = SignedDuration::from_secs(90);

/// How many slots of a run must have had their snapshot, in time, because nothing was in the way.
pub fn unhindered(run: &Run) -> usize {
    let end = run.entries.last().map_or(run.epoch, |entry| entry.at);
    let record = Record::of(run);
    let objects: Objects = run.objects.iter().cloned().collect();
    let is = |policy: &Backup, slot| {
        let prompt = slot + policy.jitter() + PROMPT;
        let in_force = prompt < end && record.in_force(policy, before(slot, SETTLED), prompt);
        in_force && !record.hindered(policy, slot, prompt)
    };
    let of = |policy: &Backup| policy.slots(run.epoch, end).into_iter().filter(|slot| is(policy, *slot)).count();
    backups(&objects).iter().map(of).sum()
}

/// A time in which something was in the way.
type Span = (Timestamp, Timestamp);

/// Judges every slot of a run.
pub fn judge(run: &Run) -> Vec<Violation> {
    let end = run.entries.last().map_or(run.epoch, |entry| entry.at);
    let record = Record::of(run);
    let objects: Objects = run.objects.iter().cloned().collect();
    let mut violations = Vec::new();
    for policy in backups(&objects) {
        for slot in policy.slots(run.epoch, end) {
            if let Some((rule, why)) = record.broken(&policy, slot, end) {
                let what = format!("{}: the slot of {slot}: {why}", policy.key);
                violations.push(Violation { rule, at: slot, what });
            }
        }
    }
    violations
}

/// What happened, as far as it has to do with slots.
#[derive(Default)]
struct Record {
    /// The objects after each edit.
    versions: Vec<(Timestamp, Objects)>,
    /// When a status first spoke of a policy's schedule as it then was: uid, generation, when.
    seen: Vec<(String, i64, Timestamp)>,
    /// When snapshots were taken, and by which process: owner, slot, when.
    taken: Vec<(String, String, Timestamp, u32)>,
    /// What was in the way of every database.
    trouble: Vec<Span>,
    /// When a database was seen to be busy.
    busy: Vec<(rds::Key, Timestamp)>,
    /// Snapshots that others have made.
    others: Vec<String>,
    /// Lists of snapshots that were answered, with the process that read each.
    read: Vec<(u32, Timestamp, Vec<String>)>,
    /// Snapshots that somebody else removed: name, when.
    removed: Vec<(String, Timestamp)>,
    /// When a call to RDS brought a process nothing: until it knows all that it asks for it tells nothing.
    failed: Vec<(u32, Timestamp)>,
    /// When each process could tell nothing more.
    deaths: BTreeMap<u32, Timestamp>,
    /// Databases that were made anew: what was taken of the former ones is not theirs.
    replaced: Vec<rds::Key>,
}

impl Record {
    fn of(run: &Run) -> Self {
        let mut record = Self { deaths: deaths(run), ..Self::default() };
        let mut objects = Objects::new();
        for entry in &run.entries {
            let at = entry.at;
            match &entry.what {
                What::Edited { object, state, .. } if object.resource != "scalingpolicies" => {
                    match state {
                        Some(state) => objects.insert(object.clone(), state.clone()),
                        None => objects.remove(object),
                    };
                    record.versions.push((at, objects.clone()));
                }
                What::Aws(call) => record.call(at, call),
                What::OutsideRds(outside) => {
                    let names = outside.after.iter().flat_map(|held| &held.snapshots).map(|one| one.identifier.clone());
                    record.others.extend(names);
                    record.removed.extend(removed(outside).into_iter().map(|name| (name, at)));
                    if outside.act == "Replace" {
                        record.replaced.push(outside.database.clone());
                    }
                    if outside.act.starts_with("Quota") || outside.act == "Replace" {
                        record.trouble.push((at, at + BACKOFF));
                    }
                }
                What::Started { .. } | What::Crashed { .. } | What::AskedToEnd { .. } | What::Note(_) => {
                    record.trouble.push((at, at + LEADS_AGAIN));
                }
                What::Away { length } => record.trouble.push((at, at + *length + LEADS_AGAIN)),
                What::Kubernetes(call) => {
                    if call.fault.is_some() || call.code >= 500 {
                        record.trouble.push((at, at + BACKOFF));
                    }
                    let state =
                        call.state.as_ref().filter(|_| call.changed && call.object.resource == "backuppolicies");
                    if let Some(policy) = state.and_then(|state| Backup::read(&call.object, state)) {
                        record.said(&policy, at);
                    }
                }
                _ => {}
            }
        }
        record
    }

    fn said(&mut self, policy: &Backup, at: Timestamp) {
        let Some((snapshots, status)) = policy.snapshots().zip(policy.object.status.as_ref()) else { return };
        let schedule = format!("{} {}", snapshots.schedule, snapshots.time_zone.as_deref().unwrap_or("UTC"));
        let generation = policy.object.metadata.generation;
        if status.observed_generation == generation
            && status.scheduled.as_ref().is_some_and(|one| one.schedule == schedule)
        {
            self.seen.push((policy.uid().to_owned(), generation.unwrap_or_default(), at));
        }
    }

    /// Whether slots after a time count: those of a schedule that was changed, or suspended, count from when the operator has seen it.
    fn counts(&self, policy: &Backup, after: Timestamp) -> bool {
        let generation = policy.object.metadata.generation.unwrap_or_default();
        let seen = |(uid, of, at): &(String, i64, Timestamp)| uid == policy.uid() && *of == generation && *at <= after;
        generation == 1 || self.seen.iter().any(seen)
    }

    fn call(&mut self, at: Timestamp, call: &AwsCall) {
        let concerns = matches!(call.call, Call::Rds(_) | Call::GetCallerIdentity);
        if concerns && (call.fault.is_some() || call.result.is_err() || !call.answered) {
            self.trouble.push((call.began, at + BACKOFF));
            self.failed.push((call.process, at));
        }
        match (&call.call, &call.result) {
            (Call::Rds(RdsCall::CreateSnapshot { tags, .. }), Ok(_)) => {
                let tag = |name: &str| {
                    let tag = tags.iter().find(|(key, _)| *key == format!("ops.clocked.app/{name}"));
                    tag.map(|(_, value)| value.clone()).unwrap_or_default()
                };
                self.taken.push((tag("owner"), tag("slot"), at, call.process));
            }
            (Call::Rds(RdsCall::DescribeSnapshots { .. }), Ok(Reply::Snapshots { snapshots, .. })) if call.answered => {
                let names = snapshots.iter().map(|(_, one)| one.identifier.clone()).collect();
                self.read.push((call.process, at, names));
            }
            (Call::Rds(RdsCall::DescribeDatabases { kind, .. }), Ok(Reply::Databases { databases, .. })) => {
                let busy = databases.iter().filter(|(_, database)| database.status != "available");
                self.busy.extend(busy.map(|(name, _)| ((*kind, name.clone()), at)));
            }
            _ => {}
        }
    }

    fn broken(&self, policy: &Backup, slot: Timestamp, end: Timestamp) -> Option<(&'static str, String)> {
        let newer = policy.slots(slot, end).first().copied();
        let last = slot + policy.jitter() + policy.deadline();
        // Before the next one is due, and before its deadline.
        let until = newer.unwrap_or(end).min(slot + policy.deadline()).min(end);
        if !self.in_force(policy, before(slot, SETTLED), until) {
            return None;
        }
        let taken = self.taken.iter().find(|(owner, of, ..)| *owner == policy.owner() && *of == slot.to_string());
        let begun = taken.map(|(.., at, _)| *at);
        let prompt = slot + policy.jitter() + PROMPT;
        let missing = begun.is_none() && until >= prompt;
        let late = begun.is_some_and(|begun| begun > prompt);
        let free = !self.hindered(policy, slot, begun.unwrap_or(until));
        if missing && free {
            return Some(("every slot has its snapshot", "it has none, and nothing was in the way".into()));
        }
        if late && free {
            return Some(("a snapshot is begun in time", format!("it was begun at {begun:?}")));
        }
        if self.replaced.contains(&policy.database()) {
            return None;
        }
        let listed = policy.object.status.iter().flat_map(|status| &status.slots).find(|one| one.time.0 == slot);
        let state = listed.map(|listed| listed.state);
        let right = match (begun, state) {
            // It was not looked at before it was edited.
            (_, None) => !self.in_force(policy, slot, end) || end < slot + policy.jitter() + BACKOFF,
            // A status that says only that it is about to be begun is no proof that it was.
            (Some(_), Some(SlotState::Missed)) => {
                taken.is_some_and(|(.., at, by)| self.went_untold(&policy.identifier(slot), *at, *by))
            }
            (Some(_), Some(_)) => true,
            (None, Some(SlotState::Missed)) => true,
            (None, Some(SlotState::Waiting)) => newer.is_none() && last >= end,
            (None, Some(_)) => false,
        };
        (!right)
            .then(|| ("a policy says what came of each slot", format!("it was begun at {begun:?}, and is {state:?}")))
    }

    /// Whether somebody else removed a snapshot before it could be told of: whoever took it, and whoever saw it after, ended too soon.
    fn went_untold(&self, name: &str, taken: Timestamp, by: u32) -> bool {
        let untold = |process: u32, at: Timestamp| {
            let failed = self.failed.iter().filter(|(of, _)| *of == process).map(|(_, at)| *at);
            let knows = failed.chain([at]).max().unwrap_or(at);
            self.deaths.get(&process).is_some_and(|died| *died <= knows + REPORTED_WITHIN)
        };
        let mut read = self.read.iter().filter(|(_, at, names)| *at >= taken && names.iter().any(|one| one == name));
        self.removed.iter().any(|(one, at)| one == name && *at >= taken)
            && untold(by, taken)
            && read.all(|(process, at, _)| untold(*process, *at))
    }

    /// Whether the policy was as it is, and might write, all the time.
    fn in_force(&self, policy: &Backup, from: Timestamp, to: Timestamp) -> bool {
        let first = self.versions.iter().rposition(|(at, _)| *at <= from);
        let Some(first) = first else { return false };
        let during = self.versions[first..].iter().take_while(|(at, _)| *at <= to);
        let mut during = during.map(|(_, objects)| objects);
        during.all(|objects| {
            let then = objects.get(&policy.key).and_then(|object| Backup::read(&policy.key, object));
            then.is_some_and(|then| {
                self.counts(&then, from)
                    && then.uid() == policy.uid()
                    && then.spec() == policy.spec()
                    && then.wants(Verb::Snapshot, objects)
                    && then.rival(objects).is_none()
            })
        })
    }

    /// Whether anything was in the way of a slot until a time.
    fn hindered(&self, policy: &Backup, slot: Timestamp, until: Timestamp) -> bool {
        let database = policy.database();
        let busy_from = before(until, LOOKS).max(slot);
        self.trouble.iter().any(|(from, to)| *from <= until && slot <= *to)
            || self.busy.iter().any(|(of, at)| *of == database && busy_from <= *at && *at <= until)
            || self.others.contains(&policy.identifier(slot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second)
    }

    /// Process 1 takes a snapshot and dies ten seconds later; somebody else removes it after an hour.
    fn record(read: &[(u32, i64)]) -> Record {
        let read = read.iter().map(|(process, second)| (*process, at(*second), vec!["one".into()])).collect();
        Record { read, removed: vec![("one".into(), at(3600))], deaths: [(1, at(10))].into(), ..Record::default() }
    }

    #[test]
    fn what_nobody_lived_to_tell_of_may_be_taken_for_missed() {
        assert!(record(&[]).went_untold("one", at(0), 1));
        assert!(record(&[(1, 5)]).went_untold("one", at(0), 1));
    }

    #[test]
    fn what_somebody_has_seen_and_lived_on_may_not() {
        assert!(!record(&[(2, 100)]).went_untold("one", at(0), 1));
        assert!(!record(&[]).went_untold("one", at(0), 2));
    }

    #[test]
    fn what_is_still_there_may_not() {
        assert!(!record(&[]).went_untold("another", at(0), 1));
    }
}
