//! The end of a run: no instance is left over, every restore has ended and says how, and the histories have every act.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use runbook_api::aws_account::Verb;
use runbook_api::scheduled_verification::VerificationState;
use runbook_aws::{Call, RdsCall};

use super::objects::{AT_A_TIME, Restore, SCRATCH, restores};
use crate::cloud::rds::colleagues::Act;
use crate::cloud::rds::restores::Restored;
use crate::invariants::Violation;
use crate::invariants::databases::backups::{Backup, backups};
use crate::invariants::end::{REPORTED_WITHIN, Situation, at_end, deaths, end_of, said};
use crate::invariants::knowledge::Objects;
use crate::invariants::statuses::Conditions;
use crate::journal::{AwsCall, What};
use crate::world::Run;

/// How long after its object an instance may be there: until it is old enough, and somebody looks who does so once an hour.
const SWEPT_WITHIN: SignedDuration = SignedDuration::from_mins(100);
/// Acts of a history that are surely still in it.
const RECENT: usize = 10;

/// Judges the end of a run.
pub fn judge(run: &Run) -> Vec<Violation> {
    let objects: Objects = run.objects.iter().cloned().collect();
    let mut violations = left(run, &objects);
    for restore in restores(&objects) {
        if restore.is_being_deleted() {
            violations.push(at_end(run, "every deletion ends", format!("{} is still there", restore.key)));
            continue;
        }
        let situation = match (restore.ended("Complete"), restore.ended("Failed")) {
            (true, _) => Situation::InSync,
            (_, true) => Situation::Stalled(""),
            _ => match stays(run, &restore, &objects) {
                // What holds the places may be a person's to mend, and it waits.
                Some("VerificationsLimited") => continue,
                Some(reason) => Situation::Stalled(reason),
                None => {
                    violations.push(at_end(run, "every restore ends", format!("{} has not", restore.key)));
                    continue;
                }
            },
        };
        violations.extend(said(run, &restore.key, &objects, situation));
        violations.extend(remembered(run, &restore));
    }
    violations.extend(running(run, &objects));
    violations
}

/// Why a restore does not end by itself, where that is so.
fn stays(run: &Run, restore: &Restore, objects: &Objects) -> Option<&'static str> {
    let object = objects.get(&restore.key)?;
    let snapshot = restore.spec().source.snapshot_identifier.as_deref();
    let all = || run.databases.iter().filter_map(|(_, held)| held.as_ref()).flat_map(|held| &held.snapshots);
    let snapshot = snapshot.map(|name| all().find(|one| one.identifier == name).map(|one| &*one.status));
    let begun = |one: &Restore| one.object.status.as_ref().is_some_and(|status| status.start_time.is_some());
    let others = restores(objects).filter(|one| one.uid() != restore.uid() && begun(one) && !one.has_ended());
    if Conditions(object).reason("Synced") == "VerificationsLimited" && others.count() >= AT_A_TIME {
        return Some("VerificationsLimited");
    }
    let untagged = run.entries.iter().any(|entry| matches!(entry.what, What::OutsideRestored(Act::Untag)));
    match (&*restore.stalled(object)?, snapshot) {
        // What a person has written stays until a person has read it; what is made by schedule ends.
        ("SnapshotNotFound", Some(None)) if restore.slot().is_none() => Some("SnapshotNotFound"),
        ("SnapshotUnusable", Some(Some("failed"))) if restore.slot().is_none() => Some("SnapshotUnusable"),
        ("NotRestorable", None) => Some("NotRestorable"),
        ("TagsChanged", _) if untagged => Some("TagsChanged"),
        _ => None,
    }
}

/// The snapshots of restores that have not ended.
pub fn being_restored(objects: &Objects) -> BTreeSet<String> {
    let running = restores(objects).filter(|one| !one.has_ended());
    running.filter_map(|one| one.spec().source.snapshot_identifier.clone()).collect()
}

/// Whether a policy sees an instance that it would sweep, were it let.
pub fn sweeps(run: &Run, policy: &Backup, objects: &Objects) -> bool {
    policy.spec().verification.is_some()
        && own(run).any(|(_, one)| !restores(objects).any(|restore| restore.owns(&one.tags, &one.arn)))
}

/// What verifications have made, by the tags.
fn own(run: &Run) -> impl Iterator<Item = (&String, &Restored)> {
    run.restored.iter().filter(|(name, one)| {
        name.starts_with(SCRATCH) && one.tags.get("ops.clocked.app/resource-arn") == Some(&one.arn)
    })
}

/// Instances that nobody will delete.
fn left(run: &Run, objects: &Objects) -> Vec<Violation> {
    let sweeps = backups(objects).iter().any(|policy| {
        policy.spec().verification.is_some()
            && policy.wants(Verb::Restore, objects)
            && policy.rival(objects).is_none()
            && run.databases.iter().any(|(key, held)| *key == policy.database() && held.is_some())
    });
    let is_left = |(_, one): &(_, &Restored)| {
        if restores(objects).any(|restore| restore.owns(&one.tags, &one.arn)) {
            return true;
        }
        let uid = one.tags.get("ops.clocked.app/run").map(String::as_str).unwrap_or_default();
        let gone = gone_at(run, uid).unwrap_or(run.epoch).max(one.made());
        sweeps && gone + SWEPT_WITHIN < end_of(run)
    };
    let left = own(run).filter(is_left);
    left.map(|(name, one)| {
        let what = format!("{name} is {} and of {:?}", one.status(end_of(run)), one.tags.get("ops.clocked.app/owner"));
        at_end(run, "no instance is left over", what)
    })
    .collect()
}

/// When an object was last written of.
fn gone_at(run: &Run, uid: &str) -> Option<Timestamp> {
    let is_it =
        |state: &serde_json::Value| state.pointer("/metadata/uid").and_then(serde_json::Value::as_str) == Some(uid);
    let spoken = run.entries.iter().filter(|entry| match &entry.what {
        What::Kubernetes(call) => call.changed && call.state.as_deref().is_some_and(is_it),
        What::Edited { state, .. } => state.as_deref().is_some_and(is_it),
        _ => false,
    });
    spoken.map(|entry| entry.at).max()
}

/// Every write of a run whose answer the operator lived to report is in its history.
fn remembered(run: &Run, restore: &Restore) -> Vec<Violation> {
    let deaths = deaths(run);
    let status = restore.object.status.as_ref();
    let history = status.map(|status| &*status.history).unwrap_or_default();
    let made = |call: &AwsCall| match &call.call {
        Call::Rds(RdsCall::Restore { .. } | RdsCall::SetMasterPassword { .. } | RdsCall::DeleteInstance { .. }) => {
            let scratch = call.scratch.as_ref().and_then(|scratch| scratch.before.as_ref().or(scratch.after.as_ref()));
            scratch.is_some_and(|one| restore.owns(&one.tags, &one.arn))
        }
        _ => false,
    };
    let calls = run.entries.iter().filter_map(|entry| match &entry.what {
        What::Aws(call) if made(call) => Some((entry.at, &**call)),
        _ => None,
    });
    let calls: Vec<(Timestamp, &AwsCall)> = calls.collect();
    let unknown = history.iter().filter(|act| act.outcome == "Unknown").count();
    let skip = calls.len().saturating_sub(RECENT.saturating_sub(unknown));
    let told = |(at, call): &(Timestamp, &AwsCall)| {
        let lived = deaths.get(&call.process).is_none_or(|died| *died > *at + REPORTED_WITHIN);
        call.answered && call.result.is_ok() && lived && call.fault.is_none()
    };
    let listed = |call: &AwsCall| history.iter().any(|act| act.request_id.as_deref() == Some(&*call.request_id));
    let missing = calls.into_iter().skip(skip).filter(told).filter(|(_, call)| !listed(call));
    missing
        .map(|(at, call)| {
            let operation = call.call.operation();
            let what = format!("{}: {operation} of op{} ({}) is not in it", restore.key, call.process, call.request_id);
            Violation { rule: "the history has every act", at, what }
        })
        .collect()
}

/// What a policy says of the slots of its verifications is so.
fn running(run: &Run, objects: &Objects) -> Vec<Violation> {
    let rule = "what a policy says of its verifications is so";
    let mut violations = Vec::new();
    for policy in backups(objects) {
        let looks = policy.wants(Verb::Snapshot, objects) && policy.rival(objects).is_none();
        let status = policy.object.status.as_ref().filter(|_| looks && policy.spec().verification.is_some());
        for slot in status.iter().flat_map(|status| &status.verifications) {
            let of_it = |one: &Restore| one.slot() == Some((policy.key.name.clone(), slot.time.0));
            let restore = restores(objects).find(of_it);
            let right = match (&restore, slot.state) {
                (Some(one), VerificationState::Running) => !one.has_ended(),
                (None, VerificationState::Running) => false,
                (Some(one), VerificationState::Passed) => one.ended("Complete"),
                (Some(one), VerificationState::Failed | VerificationState::Unknown) => one.ended("Failed"),
                (Some(_), VerificationState::Waiting | VerificationState::Missed) => false,
                (None, _) => true,
            };
            if !right {
                let what = format!("{}: the slot of {} is said to be {:?}", policy.key, slot.time.0, slot.state);
                violations.push(at_end(run, rule, what));
            }
        }
    }
    violations
}
