//! Every write about a database, one by one.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use runbook_aws::{Call, RdsCall};

use super::backups::{Backup, backups};
use super::sights::Sights;
use super::wanted::Ground;
use crate::cloud::rds::Held;
use crate::fault::Fault;
use crate::invariants::knowledge::{self, Knowledge, Objects, before};
use crate::invariants::writes::{FRESH, GRACE, leader_after};
use crate::invariants::{Violation, end};
use crate::journal::{AwsCall, Entry, ObjectKey, Stored, What};
use crate::world::Run;

/// A snapshot that was taken for a slot.
struct Taken {
    at: Timestamp,
    name: String,
    /// Somebody else removed it before a status said that it was complete.
    vanished: bool,
}

#[derive(Default)]
struct Judge {
    violations: Vec<Violation>,
    sights: Sights,
    /// When each process last wrote, by what it wrote.
    wrote: HashMap<(u32, String), Timestamp>,
    /// The snapshots that were taken, by owner and slot.
    taken: BTreeMap<(String, String), Vec<Taken>>,
    /// When the snapshots of each owner were deleted, and by which process.
    deleted: BTreeMap<String, Vec<(Timestamp, u32)>>,
    /// Since when each policy was known to be suspended, and until when.
    suspended: HashMap<ObjectKey, Vec<(Timestamp, Timestamp)>>,
    /// When each process died.
    deaths: BTreeMap<u32, Timestamp>,
    /// Who last wrote the Lease.
    leader: Option<u32>,
}

/// Judges every write about a database in a run.
pub fn judge(run: &Run) -> Vec<Violation> {
    let knowledge = knowledge::gather(&run.entries);
    let mut judge = Judge { deaths: end::deaths(run), ..Judge::default() };
    for entry in &run.entries {
        judge.entry(entry, &knowledge);
    }
    judge.violations
}

impl Judge {
    fn entry(&mut self, entry: &Entry, knowledge: &BTreeMap<u32, Knowledge>) {
        match &entry.what {
            What::Aws(call) if !call.call.is_write() => self.sights.read(entry.at, call),
            What::Aws(call) if call.result.is_ok() => {
                if let (Call::Rds(what), Some(stored)) = (&call.call, &call.stored) {
                    self.write(entry.at, call, what, stored, knowledge);
                }
            }
            What::OutsideRds(outside) => {
                let names = |held: Option<&Held>| -> Vec<String> {
                    held.into_iter().flat_map(|held| &held.snapshots).map(|one| one.identifier.clone()).collect()
                };
                let after = names(outside.after.as_ref());
                let removed = names(outside.before.as_ref()).into_iter().filter(|name| !after.contains(name));
                let removed: Vec<String> = removed.collect();
                for taken in self.taken.values_mut().flatten() {
                    taken.vanished |= removed.contains(&taken.name);
                }
            }
            What::Edited { object, state, .. } if object.resource == "backuppolicies" => {
                let known = state.as_ref().and_then(|state| Backup::read(object, state));
                if !known.is_some_and(|policy| policy.spec().suspend) {
                    self.resumed(object, entry.at);
                }
            }
            What::Kubernetes(call) => {
                self.leader = leader_after(call).unwrap_or(self.leader);
                let state = call.state.as_ref().filter(|_| call.changed && call.object.resource == "backuppolicies");
                if let Some(policy) = state.and_then(|state| Backup::read(&call.object, state)) {
                    self.said(&policy, entry.at);
                }
            }
            _ => {}
        }
    }

    /// A status was written.
    fn said(&mut self, policy: &Backup, at: Timestamp) {
        let conditions = policy.object.status.iter().flat_map(|status| &status.conditions);
        let says = conditions.into_iter().any(|one| one.type_ == "Synced" && one.reason == "Suspended");
        let spans = self.suspended.entry(policy.key.clone()).or_default();
        if says && policy.spec().suspend && spans.last().is_none_or(|(_, to)| *to < Timestamp::MAX) {
            spans.push((at, Timestamp::MAX));
        }
    }

    fn resumed(&mut self, key: &ObjectKey, at: Timestamp) {
        for (_, to) in self.suspended.entry(key.clone()).or_default() {
            *to = at.min(*to);
        }
    }

    fn write(
        &mut self,
        at: Timestamp,
        call: &AwsCall,
        what: &RdsCall,
        stored: &Stored,
        knowledge: &BTreeMap<u32, Knowledge>,
    ) {
        let subject = format!("{} of {}", what.operation(), what.resource());
        let title = format!("op{} aws#{} {subject}", call.process, call.index);
        let mut broken: Vec<(&'static str, String)> = Vec::new();
        let now: Objects = call.intent.iter().cloned().collect();
        let known = knowledge.get(&call.process).map(|known| known.between(before(call.began, GRACE), at));
        let states: Vec<&Objects> = known.into_iter().flatten().chain(std::iter::once(&now)).collect();
        let span = (before(call.began, FRESH), at);
        let place = (call.scope.account_id.clone(), call.scope.region.clone());
        let ground = Ground { place: &place, database: &stored.database, states: &states, span };

        // Wanted, and fresh.
        let database = self.sights.database(call.process, &stored.database).cloned();
        let list = self.sights.snapshots(call.process, &stored.database);
        let seen = self.sights.held(call.process, &stored.database).unwrap_or_else(|| stored.before.clone());
        let (wanted, read, step, subject_of_step) = match what {
            RdsCall::CreateSnapshot { snapshot, tags, .. } => {
                let tags: BTreeMap<String, String> = tags.iter().cloned().collect();
                let wanted = match tags.get("ops.clocked.app/slot").and_then(|slot| slot.parse().ok()) {
                    None => Err("it does not say of which slot it is"),
                    Some(slot) => ground.wants_snapshot(slot, snapshot, &tags, &stored.before),
                };
                broken.extend(self.once(at, snapshot, &tags, &states));
                if list.as_ref().is_some_and(|(_, all)| all.iter().any(|one| one.identifier == *snapshot)) {
                    broken.push(("a write is needed", "the snapshot was there when it was read".into()));
                }
                let read = database.as_ref().map(|(at, _)| *at).min(list.as_ref().map(|(at, _)| *at));
                (wanted, read, "CreateSnapshot", snapshot.clone())
            }
            RdsCall::DeleteSnapshot { snapshot, .. } => {
                let wants = |seen: &Held| ground.wants_deletion(snapshot, &stored.before, seen);
                let since = before(call.began, FRESH);
                let earlier = self.sights.held_before(call.process, &stored.database, since);
                let wanted = wants(&seen).or_else(|why| earlier.map_or(Err(why), |earlier| wants(&earlier)));
                broken.extend(self.not_too_many(at, call.process, snapshot, stored, &states));
                (wanted, list.as_ref().map(|(at, _)| *at), "DeleteSnapshot", snapshot.clone())
            }
            RdsCall::Modify { changes, apply_immediately, identifier, .. } => {
                let wanted = ground.wants_settings(changes, *apply_immediately, &seen.database);
                (wanted, database.as_ref().map(|(at, _)| *at), "ModifyBackupSettings", identifier.clone())
            }
            _ => return,
        };
        if let Err(why) = wanted {
            broken.push(("every write about a database is wanted", why.into()));
        }
        match read {
            None => broken.push(("a write follows a read", "nothing was read of it".into())),
            Some(read) if read < before(call.began, FRESH) => {
                let age = call.began.duration_since(read);
                broken.push(("a write follows a fresh read", format!("it was last read {age} before")));
            }
            Some(read) if self.wrote.get(&(call.process, subject.clone())).is_some_and(|wrote| *wrote > read) => {
                broken.push(("a write follows a fresh read", "it was not read again after the last write".into()));
            }
            Some(_) => {}
        }

        // Claimed, and made by the leader.
        let late = matches!(call.fault, Some(Fault::HangThenEffect(_)));
        let of_it = |policy: &Backup| policy.database() == stored.database;
        let claims = |policy: &Backup| of_it(policy) && policy.claims(step, &subject_of_step);
        let claimed = states.iter().any(|objects| backups(objects).iter().any(claims));
        if !late && backups(&now).iter().any(of_it) && !claimed {
            broken.push(("a write is claimed before it is made", "no status says that it is about to be made".into()));
        }
        if self.leader != Some(call.process) {
            broken.push(("only the leader writes", format!("op{:?} holds the Lease", self.leader)));
        }
        self.wrote.insert((call.process, subject), at);
        let violation = |(rule, why)| Violation { rule, at, what: format!("{title}: {why}") };
        self.violations.extend(broken.into_iter().map(violation));
    }

    /// A slot has one snapshot, whatever its name, and none where the policy was suspended when it was due.
    fn once(
        &mut self,
        at: Timestamp,
        name: &str,
        tags: &BTreeMap<String, String>,
        states: &[&Objects],
    ) -> Option<(&'static str, String)> {
        let tag = |key: &str| tags.get(&format!("ops.clocked.app/{key}")).cloned().unwrap_or_default();
        let (owner, slot) = (tag("owner"), tag("slot"));
        let policy = states.iter().flat_map(|objects| backups(objects)).find(|policy| policy.owner() == owner);
        let taken = self.taken.entry((owner, slot.clone())).or_default();
        let first = taken.iter().find(|taken| !taken.vanished);
        let twice = first.map(|first| ("a slot has one snapshot", format!("{} was taken at {}", first.name, first.at)));
        taken.push(Taken { at, name: name.into(), vanished: false });
        let due: Option<Timestamp> = slot.parse().ok();
        let spans = policy.and_then(|policy| self.suspended.get(&policy.key)).into_iter().flatten();
        let slept = spans.into_iter().any(|(from, to)| due.is_some_and(|due| *from <= due && due < *to));
        let slept = || slept.then(|| ("what was due while suspended is not taken", format!("the slot of {slot}")));
        twice.or_else(slept)
    }

    /// No policy deletes more snapshots within 24 hours than its account allows; what a process did that died before it could say so
    /// nobody knows of. A run is shorter than that.
    fn not_too_many(
        &mut self,
        at: Timestamp,
        process: u32,
        name: &str,
        stored: &Stored,
        states: &[&Objects],
    ) -> Option<(&'static str, String)> {
        let one = stored.before.snapshots.iter().find(|one| one.identifier == name)?;
        let owner = one.tags.get("ops.clocked.app/owner").cloned().unwrap_or_default();
        let known = states.iter().flat_map(|objects| backups(objects).into_iter().map(move |policy| (policy, objects)));
        let most = known
            .filter(|(policy, _)| policy.owner() == owner)
            .map(|(policy, objects)| policy.deletes(objects))
            .max()?;
        let deaths = &self.deaths;
        let told = |(at, process): &&(Timestamp, u32)| {
            deaths.get(process).is_none_or(|died| *died > *at + end::REPORTED_WITHIN)
        };
        let all = self.deleted.entry(owner).or_default();
        let before = all.iter().filter(told).count();
        all.push((at, process));
        (before >= most).then(|| ("a day's deletions are limited", format!("{before} of at most {most} were made")))
    }
}
