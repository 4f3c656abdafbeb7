//! Each slot of a verification's schedule is begun once at most, when it is due, and by whom it may be.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use runbook_api::aws_account::Verb;
use runbook_api::scheduled_verification::{ScheduledVerification, VerificationState};

use super::objects::Restore;
use crate::invariants::Violation;
use crate::invariants::databases::backups::{Backup, backups, slots};
use crate::invariants::knowledge::{self, Objects, before};
use crate::invariants::writes::GRACE;
use crate::journal::{KubernetesCall, ObjectKey, What};
use crate::world::Run;

/// How long before it is made a restore may have been decided on.
const DECIDED: SignedDuration = SignedDuration::from_secs(60);

/// What is known of a slot that was begun.
struct Begun {
    at: Timestamp,
    object: ObjectKey,
    /// Whether a status has said so: before that the restore may be deleted, and nobody knows of it.
    told: bool,
    /// Whether somebody has deleted the restore, untold.
    vanished: bool,
}

/// Judges every DatabaseRestore that the operator has made in a run.
pub fn judge(run: &Run) -> Vec<Violation> {
    let knowledge = knowledge::gather(&run.entries);
    let mut violations = Vec::new();
    let mut begun: BTreeMap<(String, Timestamp), Begun> = BTreeMap::new();
    let mut objects = Objects::new();
    for entry in &run.entries {
        match &entry.what {
            What::Edited { object, state, .. } => {
                keep(&mut objects, object, state.as_ref());
                if state.is_none() {
                    let of_it = begun.values_mut().filter(|one| one.object == *object && !one.told);
                    of_it.for_each(|one| one.vanished = true);
                }
            }
            What::Kubernetes(call) if call.changed => {
                if let Some(made) = made(call) {
                    let known = knowledge.get(&call.process);
                    let known = known.map(|known| known.between(before(entry.at, DECIDED + GRACE), entry.at));
                    let states: Vec<&Objects> = known.into_iter().flatten().chain([&objects]).collect();
                    let why = judge_one(&made, entry.at, &states);
                    violations.extend(why.map(|(rule, why)| Violation {
                        rule,
                        at: entry.at,
                        what: format!("{}: {why}", made.key),
                    }));
                    if let Some(slot) = made.slot() {
                        let one = Begun { at: entry.at, object: made.key.clone(), told: false, vanished: false };
                        if let Some(first) = begun.insert(slot, one).filter(|first| !first.vanished) {
                            let what = format!("{}: it was begun at {} by {}", made.key, first.at, first.object);
                            violations.push(Violation { rule: "a slot is verified once", at: entry.at, what });
                        }
                    }
                }
                tell(call, &mut begun);
                if !call.object.name.is_empty() {
                    keep(&mut objects, &call.object, call.state.as_ref());
                }
            }
            _ => {}
        }
    }
    violations
}

fn keep(objects: &mut Objects, key: &ObjectKey, state: Option<&std::sync::Arc<serde_json::Value>>) {
    match state {
        Some(state) => objects.insert(key.clone(), state.clone()),
        None => objects.remove(key),
    };
}

/// The restore that a request has created.
fn made(call: &KubernetesCall) -> Option<Restore> {
    if call.method != "POST" || call.object.resource != "databaserestores" {
        return None;
    }
    let state = call.state.as_deref()?;
    let name = state.pointer("/metadata/name")?.as_str()?;
    Restore::read(&ObjectKey { name: name.into(), ..call.object.clone() }, state)
}

/// A status says which slots were begun.
fn tell(call: &KubernetesCall, begun: &mut BTreeMap<(String, Timestamp), Begun>) {
    let Some(state) = call.state.as_ref().filter(|_| call.object.resource == "backuppolicies") else { return };
    let Some(policy) = Backup::read(&call.object, state) else { return };
    let slots = policy.object.status.iter().flat_map(|status| &status.verifications);
    for slot in slots.filter(|slot| slot.state != VerificationState::Waiting) {
        if let Some(one) = begun.get_mut(&(policy.key.name.clone(), slot.time.0)) {
            one.told = true;
        }
    }
}

/// Why a restore was not to be made, if so.
fn judge_one(made: &Restore, at: Timestamp, states: &[&Objects]) -> Option<(&'static str, String)> {
    const RULE: &str = "a verification is begun when it is due";
    let Some((policy, slot)) = made.slot() else { return Some((RULE, "it does not say of which slot it is".into())) };
    let mut why = "there is no such policy";
    for objects in states {
        let of_name = |one: &Backup| one.key.name == policy && one.key.namespace == made.key.namespace;
        let Some(policy) = backups(objects).into_iter().find(of_name) else { continue };
        let Some(declared) = &policy.spec().verification else {
            why = "the policy verifies nothing";
            continue;
        };
        match due(&policy, declared, slot, at, objects) {
            Ok(()) => return None,
            Err(reason) => why = reason,
        }
    }
    Some((RULE, why.into()))
}

fn due(
    policy: &Backup,
    declared: &ScheduledVerification,
    slot: Timestamp,
    at: Timestamp,
    objects: &Objects,
) -> Result<(), &'static str> {
    let second = SignedDuration::from_secs(1);
    let length = |text: Option<&runbook_api::duration::Duration>| {
        SignedDuration::from_secs(text.and_then(|text| text.seconds().ok()).unwrap_or_default())
    };
    let scheduled = slots(&declared.schedule, declared.time_zone.as_deref(), slot - second, slot).contains(&slot);
    let latest = slot + length(declared.jitter.as_ref()) + length(Some(&declared.starting_deadline)) + DECIDED;
    match () {
        () if !scheduled => Err("its schedule has no such slot"),
        () if slot <= policy.created() => Err("the slot was before the policy"),
        () if at < slot => Err("the slot is still to come"),
        () if latest < at => Err("its deadline has passed"),
        () if !policy.wants(Verb::Restore, objects) => {
            Err("its policy may not restore: suspended, Observe, or without a grant")
        }
        () if policy.rival(objects).is_some() => Err("another policy holds the database"),
        () if policy.is_frozen(objects, at) && policy.is_frozen(objects, before(at, DECIDED)) => {
            Err("the account is frozen")
        }
        () => Ok(()),
    }
}
