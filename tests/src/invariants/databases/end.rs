//! The end of a run: RDS as declared, and policies that say so, and say what came of their slots.

use jiff::Timestamp;
use runbook_api::aws_account::Verb;
use runbook_api::backup_policy::SlotState;
use runbook_api::common::Mode;
use runbook_aws::{Call, RdsCall};
use runbook_core::DatabaseKind;

use super::backups::{Backup, backups};
use super::restores::end::{being_restored, sweeps};
use super::retention::{expendable, own};
use crate::cloud::rds::Held;
use crate::invariants::Violation;
use crate::invariants::end::{REPORTED_WITHIN, Situation, at_end, changes_few, deaths, end_of, said};
use crate::invariants::knowledge::Objects;
use crate::journal::{AwsCall, OutsideRds, What};
use crate::world::Run;

/// Acts of a history that are surely still in it.
const RECENT: usize = 10;

/// Judges the end of a run.
pub fn judge(run: &Run) -> Vec<Violation> {
    let objects: Objects = run.objects.iter().cloned().collect();
    let mut violations = Vec::new();
    for policy in backups(&objects) {
        if policy.object.metadata.deletion_timestamp.is_some() {
            violations.push(at_end(run, "every deletion ends", format!("{} is still there", policy.key)));
            continue;
        }
        let held = run.databases.iter().find(|(key, _)| *key == policy.database()).and_then(|(_, held)| held.as_ref());
        let End { situation, expendable, .. } = End::of(run, &policy, &objects, held);
        if situation == Situation::InSync && expendable > 0 {
            let what = format!("{}: {expendable} snapshots are kept no longer", policy.key);
            violations.push(at_end(run, "what is kept no longer is deleted", what));
        }
        let in_line = situation == Situation::InSync;
        violations.extend(said(run, &policy.key, &objects, situation));
        if let Some(held) = held.filter(|_| in_line) {
            let slots = slots(run, &policy, held);
            let rule = "what a policy says of its slots is so";
            violations.extend(slots.into_iter().map(|why| at_end(run, rule, format!("{}: {why}", policy.key))));
        }
        violations.extend(remembered(run, &policy));
    }
    violations
}

/// How a policy stands at the end.
struct End {
    situation: Situation,
    /// Snapshots that it may delete now.
    expendable: usize,
}

impl End {
    fn of(run: &Run, policy: &Backup, objects: &Objects, held: Option<&Held>) -> Self {
        let spec = policy.spec();
        let only = |situation| Self { situation, expendable: 0 };
        if spec.suspend {
            return only(Situation::Suspended);
        }
        let Some(account) = policy.account(objects) else { return only(Situation::Stalled("Account")) };
        if spec.mode == Mode::Enforce && policy.rival(objects).is_some() {
            return only(Situation::Stalled("TargetConflict"));
        }
        if !policy.granted(Verb::Observe, objects) {
            return only(Situation::Stalled("NotGranted"));
        }
        let Some(held) = held else { return only(Situation::Stalled("TargetNotFound")) };
        let now = end_of(run);
        let left = policy.deletes(objects).saturating_sub(attempts(run, policy));
        // What is being restored stays until that has ended.
        let restored = being_restored(objects);
        let expendable =
            expendable(policy, held, now).into_iter().filter(|name| !restored.contains(name)).count().min(left);
        let (differs, refused) = differs(policy, held);
        let waits = policy.object.status.iter().flat_map(|status| &status.slots);
        let waits = waits.into_iter().any(|slot| slot.state == SlotState::Waiting);
        let situation = if refused && !differs && expendable == 0 && !waits {
            Situation::Stalled("OutageRefused")
        } else if spec.mode == Mode::Observe || account.spec.mode == Mode::Observe {
            Situation::Held { pending: differs || expendable > 0 || waits || sweeps(run, policy, objects) }
        } else if differs && changes_few(&account) {
            Situation::Stalled("BlastRadius")
        } else {
            Situation::InSync
        };
        Self { situation, expendable }
    }
}

/// Whether a setting is not as declared and may be changed; and whether one may not be.
fn differs(policy: &Backup, held: &Held) -> (bool, bool) {
    let (spec, is) = (policy.spec(), &held.database.settings);
    let declared = spec.automated.clone().unwrap_or_default();
    let days = declared.retention_days.filter(|days| *days != is.retention_days);
    let outage = held.database.arn.contains(":db:") && days.is_some_and(|days| (days == 0) != (is.retention_days == 0));
    let refused = outage && !spec.allow_outage;
    let differs = days.is_some() && !refused
        || declared.window.is_some() && declared.window != is.window
        || declared.copy_tags_to_snapshot.is_some_and(|copy| copy != is.copy_tags_to_snapshot)
        || spec.deletion_protection && !is.deletion_protection;
    debug_assert!(!outage || policy.database().0 == DatabaseKind::Instance);
    (differs, refused)
}

fn calls(run: &Run) -> impl Iterator<Item = (Timestamp, &AwsCall, &RdsCall)> {
    run.entries.iter().filter_map(|entry| match &entry.what {
        What::Aws(call) => match &call.call {
            Call::Rds(what) if what.is_write() => Some((entry.at, &**call, what)),
            _ => None,
        },
        _ => None,
    })
}

/// How often a deletion of a policy's snapshots was tried: what came of some nobody knows.
fn attempts(run: &Run, policy: &Backup) -> usize {
    let (kind, source) = policy.database();
    let of_it = calls(run).filter(|(_, call, what)| match what {
        RdsCall::DeleteSnapshot { kind: of, snapshot } => {
            *of == kind && call.stored.as_ref().map_or(snapshot.contains(&source), |stored| stored.database.1 == source)
        }
        _ => false,
    });
    // What was refused before it was sent is counted by the operator, too.
    let history = policy.object.status.iter().flat_map(|status| &status.history);
    of_it.count().max(history.filter(|act| act.step == "DeleteSnapshot").count())
}

/// What a status says of slots and is not so.
fn slots(run: &Run, policy: &Backup, held: &Held) -> Vec<String> {
    let outside = run.entries.iter().filter_map(|entry| match &entry.what {
        What::OutsideRds(outside) => Some(&**outside),
        _ => None,
    });
    let removed: Vec<String> = outside.flat_map(removed).collect();
    let replaced = run.entries.iter().any(|entry| matches!(&entry.what, What::OutsideRds(one) if one.act == "Replace"));
    let Some(status) = policy.object.status.as_ref().filter(|_| !replaced) else { return Vec::new() };
    let there = own(policy, &held.database.resource_id, &held.snapshots);
    let deleted = |name: &str| {
        calls(run).any(|(_, call, what)| {
            call.result.is_ok() && matches!(what, RdsCall::DeleteSnapshot { snapshot, .. } if snapshot == name)
        })
    };
    let mut wrong = Vec::new();
    for slot in &status.slots {
        let found = there.iter().find(|(time, _)| *time == slot.time.0).map(|(_, one)| &*one.status);
        let name = slot.snapshot_identifier.as_deref().unwrap_or_default();
        let right = match slot.state {
            SlotState::Complete => found == Some("available"),
            SlotState::Failed => found == Some("failed"),
            SlotState::Deleted => found.is_none() && deleted(name),
            SlotState::Lost => {
                found.is_none() && (removed.iter().any(|one| one == name) || forgotten(run, policy, name))
            }
            SlotState::Missed => found.is_none(),
            SlotState::Waiting => found.is_none() && slot.time.0 + policy.jitter() + policy.deadline() >= end_of(run),
            SlotState::Creating => false,
        };
        if !right {
            wrong.push(format!("the slot of {} is said to be {:?}, and RDS has {found:?}", slot.time.0, slot.state));
        }
    }
    let oldest = status.slots.last().map(|slot| slot.time.0);
    let full = status.slots.len() >= 30;
    for (time, one) in &there {
        let listed = status.slots.iter().any(|slot| slot.time.0 == *time);
        let dropped = full && oldest.is_some_and(|oldest| *time < oldest);
        if !listed && !dropped {
            wrong.push(format!("the slot of {time} is not listed, and there is {}", one.identifier));
        }
    }
    let newest = there.iter().find(|(_, one)| one.status == "available").map(|(_, one)| &*one.identifier);
    let said = status.last_backup.as_ref().map(|backup| &*backup.snapshot_identifier);
    if newest != said {
        wrong.push(format!("the last backup is said to be {said:?}, and is {newest:?}"));
    }
    wrong
}

/// Whether a deletion was made by a process that ended before it could tell, of a policy that was suspended afterwards: a claim does not
/// outlive that.
fn forgotten(run: &Run, policy: &Backup, name: &str) -> bool {
    let deaths = deaths(run);
    let untold = |process: &u32, at: Timestamp| deaths.get(process).is_some_and(|died| *died <= at + REPORTED_WITHIN);
    let deleted = calls(run).find(|(at, call, what)| {
        untold(&call.process, *at) && matches!(what, RdsCall::DeleteSnapshot { snapshot, .. } if snapshot == name)
    });
    let suspends = |what: &What| match what {
        What::Edited { object, state: Some(state), .. } => {
            *object == policy.key && Backup::read(object, state).is_some_and(|policy| policy.spec().suspend)
        }
        _ => false,
    };
    deleted.is_some_and(|(at, ..)| run.entries.iter().any(|entry| entry.at >= at && suspends(&entry.what)))
}

/// The snapshots that somebody else removed.
pub fn removed(outside: &OutsideRds) -> Vec<String> {
    let names = |held: Option<&Held>| -> Vec<String> {
        held.into_iter().flat_map(|held| &held.snapshots).map(|one| one.identifier.clone()).collect()
    };
    let after = names(outside.after.as_ref());
    names(outside.before.as_ref()).into_iter().filter(|name| !after.contains(name)).collect()
}

/// Every write whose answer the operator lived to report is in the history of its policy.
fn remembered(run: &Run, policy: &Backup) -> Vec<Violation> {
    let deaths = deaths(run);
    let database = policy.database();
    let of_it = |call: &AwsCall| {
        let objects: Objects = call.intent.iter().cloned().collect();
        let mut claimants = backups(&objects).into_iter().filter(|one| one.database() == database);
        // Two may say so when it has just passed from one to the other.
        let only = matches!((claimants.next(), claimants.next()), (Some(only), None) if only.uid() == policy.uid());
        only && call.stored.as_ref().is_some_and(|stored| stored.database == database)
    };
    let acts: Vec<(Timestamp, &AwsCall)> =
        calls(run).filter(|(_, call, _)| of_it(call)).map(|(at, call, _)| (at, call)).collect();
    let history = policy.object.status.iter().flat_map(|status| &status.history);
    let history: Vec<&str> = history.filter_map(|act| act.request_id.as_deref()).collect();
    // What nobody can tell of takes its place, too.
    let all = policy.object.status.iter().flat_map(|status| &status.history);
    let unknown = all.filter(|act| act.outcome == "Unknown").count();
    let skip = acts.len().saturating_sub(RECENT.saturating_sub(unknown));
    let told = |(at, call): &(Timestamp, &AwsCall)| {
        let lived = deaths.get(&call.process).is_none_or(|died| *died > *at + REPORTED_WITHIN);
        call.answered && call.result.is_ok() && lived && call.fault.is_none()
    };
    let missing = acts.into_iter().skip(skip).filter(told);
    let missing = missing.filter(|(_, call)| !history.contains(&call.request_id.as_str()));
    missing
        .map(|(at, call)| {
            let operation = call.call.operation();
            let what = format!("{}: {operation} of op{} ({}) is not in it", policy.key, call.process, call.request_id);
            Violation { rule: "the history has every act", at, what }
        })
        .collect()
}
