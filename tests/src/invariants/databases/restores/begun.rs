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
use crate::journal::{Entry, KubernetesCall, ObjectKey, What};
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
    among(&run.entries)
}

fn among(entries: &[Entry]) -> Vec<Violation> {
    let knowledge = knowledge::gather(entries);
    let mut violations = Vec::new();
    let mut begun: BTreeMap<(String, Timestamp), Begun> = BTreeMap::new();
    let mut objects = Objects::new();
    for entry in entries {
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::cloud::rds;
    use crate::world::ACCOUNT;
    use crate::world::objects::{account, backup, scheduled_verification, verification, with};

    fn at(minute: i64) -> Timestamp {
        "2027-01-15T08:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minute)
    }

    fn edited(resource: &str, state: Value) -> Entry {
        let text = |pointer: &str| state.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
        let object = ObjectKey { resource: resource.into(), namespace, name };
        Entry { at: at(0), what: What::Edited { act: "create".into(), object, state: Some(Arc::new(state)) } }
    }

    /// A policy that verifies every three minutes.
    fn policy() -> Vec<Entry> {
        let key: rds::Key = (runbook_core::DatabaseKind::Instance, "orders".into());
        let policy =
            with(backup("nightly", &key, "0 2 * * *"), "/spec/verification", scheduled_verification("3-9/3 8 * * *"));
        let policy = with(policy, "/metadata/creationTimestamp", json!(at(0).to_string()));
        vec![edited("awsaccounts", account("default", ACCOUNT)), edited("backuppolicies", policy)]
    }

    /// The operator makes a restore for a slot.
    fn made(minute: i64, name: &str, slot: i64) -> Entry {
        let mut state = verification(name, json!({"snapshotIdentifier": "one"}));
        state["metadata"]["labels"] = json!({"ops.clocked.app/policy": "nightly"});
        state["metadata"]["annotations"] = json!({"ops.clocked.app/slot": at(slot).to_string()});
        let object =
            ObjectKey { resource: "databaserestores".into(), namespace: "clocked".into(), name: String::new() };
        let call = KubernetesCall {
            process: 1,
            index: 0,
            method: "POST".into(),
            object,
            subresource: String::new(),
            fault: None,
            code: 201,
            changed: true,
            state: Some(Arc::new(state)),
        };
        Entry { at: at(minute), what: What::Kubernetes(Box::new(call)) }
    }

    fn broken(more: Vec<Entry>) -> Vec<&'static str> {
        let entries: Vec<Entry> = policy().into_iter().chain(more).collect();
        among(&entries).into_iter().map(|violation| violation.rule).collect()
    }

    #[test]
    fn a_slot_is_begun_once_under_whatever_name() {
        assert_eq!(broken(vec![made(3, "one", 3), made(6, "two", 6)]), Vec::<&str>::new());
        assert_eq!(broken(vec![made(3, "one", 3), made(4, "two", 3)]), ["a slot is verified once"]);
    }

    #[test]
    fn what_is_not_due_is_not_begun() {
        let rule = ["a verification is begun when it is due"];
        assert_eq!(broken(vec![made(5, "one", 6)]), rule, "too soon");
        assert_eq!(broken(vec![made(15, "one", 3)]), rule, "too late");
        assert_eq!(broken(vec![made(4, "one", 4)]), rule, "no such slot");
    }
}
