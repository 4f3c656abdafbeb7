//! What is done about copies now.

use jiff::{SignedDuration, Timestamp};

use super::destination::{Destination, Place, about};
use super::listed::{self, in_progress};
use super::seen::{Seen, Standing, sort_of};
use crate::backup::input::Input;
use crate::backup::own::Own;
use crate::backup::retention::allowance;
use crate::ids::DatabaseId;
use crate::observed::{Database, DatabaseSnapshot};
use crate::ownership::SHARED_TAG;
use crate::plan::{Finding, Plan};
use crate::step::{CopyStep, DatabaseStep, Step, place};

/// Copies of one database that are made at once in one place. RDS allows 20 in progress for all databases of a region (Amazon RDS User
/// Guide, "Quotas and constraints"), and begins those of one database one after the other ("Copying a DB snapshot").
const AT_ONCE: usize = 2;
/// How soon to look again at a copy that RDS makes.
const PROGRESS: SignedDuration = SignedDuration::from_secs(60);

/// Steps that lead to copies.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Copying {
    /// Those that go before everything else but a snapshot that is due.
    pub first: Vec<Step>,
    /// Those of destinations where the last attempt failed: what cannot be copied keeps nothing else from being done.
    pub last: Vec<Step>,
}

/// The copies that are begun now, and what becomes of what was made to be shared.
pub fn copying(
    input: &Input,
    database: &Database,
    standings: &[Standing<'_>],
    all: &[DatabaseSnapshot],
    now: Timestamp,
    plan: &mut Plan,
) -> Copying {
    let mut copying = Copying::default();
    for Standing { destination, seen } in standings {
        let seen = match seen {
            Ok(seen) => seen,
            Err(finding) => {
                plan.findings.push(finding.clone());
                continue;
            }
        };
        say(destination, seen, now, plan);
        if seen.place.observes {
            if !seen.wanted.is_empty() {
                let connection = &seen.place.database.scope.connection;
                let message = format!("the mode of AwsAccount {connection} is Observe: nothing is copied there");
                plan.findings.push(about(&destination.name, Finding::note("CopiesHeld", message)));
            }
            continue;
        }
        let steps = Making { input, database, destination, seen }.steps(plan);
        let failing = input.memory.failing.contains(&place(&seen.place.database.scope));
        if failing { copying.last.extend(steps) } else { copying.first.extend(steps) }
    }
    let orphans = listed::orphans(input, database, all);
    let unwanted = orphans.iter().filter(|one| one.is_available()).map(|one| {
        let name = one.snapshot.tags.get(SHARED_TAG).map(String::as_str).unwrap_or_default();
        delete_shared(input, &input.database, one, name)
    });
    copying.first.extend(unwanted);
    copying
}

/// The copies that are kept no longer, where `spent` snapshots are deleted already.
pub fn retire(
    input: &Input,
    standings: &[Standing<'_>],
    zone: &jiff::tz::TimeZone,
    mut spent: usize,
    now: Timestamp,
    plan: &mut Plan,
) -> Vec<Step> {
    let mut steps = Vec::new();
    for Standing { destination, seen } in standings {
        let (Ok(seen), Some(rules)) = (seen, &destination.retention) else { continue };
        let sorted = rules.sort(&seen.copies, zone, now);
        sorted.expiring.first().into_iter().for_each(|(_, expires)| plan.wake(*expires));
        if sorted.due.is_empty() || seen.place.observes {
            continue;
        }
        if let Some(finding) = &seen.place.undeletable {
            plan.findings.push(finding.clone());
            continue;
        }
        if let Some(freeze) = seen.place.brakes.frozen(now) {
            plan.wake(freeze.to);
            let message = format!(
                "{} copies are kept no longer, and wait: the AwsAccount is frozen until {}",
                sorted.due.len(),
                freeze.to
            );
            plan.findings.push(about(&destination.name, Finding::note("Frozen", message)));
            continue;
        }
        let most = seen.place.brakes.deletes_per_day().min(input.brakes.deletes_per_day());
        let (allowed, more_at) = allowance(most, &input.memory.deletions, now);
        let allowed = allowed.saturating_sub(spent);
        if sorted.due.len() > allowed {
            let message = format!(
                "{} copies are kept no longer, and wait: at most {most} snapshots and copies are deleted within 24 hours \
                 (safety.maxDeletesPerDay of the AwsAccount)",
                sorted.due.len() - allowed
            );
            plan.findings.push(about(&destination.name, Finding::note("DeletionsLimited", message)));
            more_at.into_iter().for_each(|at| plan.wake(at));
        }
        let at = &seen.place.database;
        steps.extend(sorted.due.iter().take(allowed).map(|one| {
            step(CopyStep::DeleteCopy {
                database: at.clone(),
                snapshot: one.snapshot.identifier.clone(),
                tags: listed::owner_tags(input, at, &one.snapshot.identifier),
                slot: one.slot,
            })
        }));
        spent += sorted.due.len().min(allowed);
    }
    steps
}

/// Says what is worth knowing of a destination, and when to look again.
fn say(destination: &Destination, seen: &Seen<'_>, now: Timestamp, plan: &mut Plan) {
    let mut note = |reason: &str, message: String| {
        plan.findings.push(about(&destination.name, Finding::note(reason, message)));
    };
    let there = place(&seen.place.database.scope);
    let of = |is: fn(&DatabaseSnapshot) -> bool| {
        let all = seen.copies.iter().chain(&seen.shared).filter(move |one| is(one.snapshot));
        all.map(|one| one.snapshot.identifier.as_str()).collect::<Vec<_>>()
    };
    let failed = of(|one| one.status == "failed");
    if !failed.is_empty() {
        let message = format!(
            "RDS says that {} failed, and a copy of that name is not made again: delete what failed in {there}, and it is",
            failed.join(", ")
        );
        note("CopyFailed", message);
    }
    let running = of(in_progress);
    if !running.is_empty() {
        note("CopyInProgress", format!("RDS copies {} to {there}", running.join(", ")));
    }
    // Copies of others make those wait that are still to be begun.
    if !running.is_empty() || !seen.wanted.is_empty() && seen.listed.iter().any(in_progress) {
        now.checked_add(PROGRESS).ok().into_iter().for_each(|at| plan.wake(at));
    }
}

struct Making<'m, 'f> {
    input: &'m Input,
    database: &'m Database,
    destination: &'m Destination,
    seen: &'m Seen<'f>,
}

impl Making<'_, '_> {
    fn steps(&self, plan: &mut Plan) -> Vec<Step> {
        let Seen { place, listed, shared, beside, wanted, room, .. } = self.seen;
        let running = |all: &[DatabaseSnapshot]| all.iter().filter(|one| in_progress(one)).count();
        let staged = shared.iter().filter(|one| in_progress(one.snapshot)).count();
        // Where something else deletes the copies, what is older than the newest is not copied any more: none may overtake another.
        let in_order = place.staging.is_some() && self.destination.retention.is_none();
        let at_once = if in_order { 1 } else { AT_ONCE };
        let mut may_begin = at_once.saturating_sub(running(listed) + staged);
        let mut steps = Vec::new();
        if let Some(room) = room.filter(|room| usize::try_from(*room).unwrap_or_default() < may_begin) {
            may_begin = usize::try_from(room).unwrap_or_default();
            if may_begin == 0 {
                plan.findings.push(self.no_room());
            }
        }
        for one in wanted {
            let name = &one.snapshot.identifier;
            if let Err(finding) = self.encryption(one) {
                plan.findings.push(finding);
                break;
            }
            let staging = place.staging.as_ref().map(|at| (at, shared.iter().find(|made| made.slot == one.slot)));
            match staging {
                // First the one that is shared.
                Some((at, None)) if may_begin > 0 => {
                    let made = self.shared_name(name);
                    match self.free(&made, beside, at) {
                        Ok(()) => steps.push(self.stage(one, at, made)),
                        Err(finding) => {
                            plan.findings.push(finding);
                            continue;
                        }
                    }
                    may_begin -= 1;
                }
                Some((at, Some(made))) if made.is_available() && may_begin > 0 => {
                    if let Err(finding) = self.free(name, listed, &place.database) {
                        plan.findings.push(finding);
                        continue;
                    }
                    steps.push(self.share(made, at, place));
                    steps.push(self.copy(made, at, name, one.slot));
                    may_begin -= 1;
                }
                None if may_begin > 0 => {
                    if let Err(finding) = self.free(name, listed, &place.database) {
                        plan.findings.push(finding);
                        continue;
                    }
                    steps.push(self.copy(one, &self.input.database, name, one.slot));
                    may_begin -= 1;
                }
                _ => {}
            }
        }
        steps.extend(self.no_longer_shared());
        steps
    }

    /// What was made to be shared goes when the other account has its copy, or wants none any more.
    fn no_longer_shared(&self) -> Vec<Step> {
        let Seen { place, shared, copies, wanted, .. } = self.seen;
        let Some(at) = &place.staging else { return Vec::new() };
        let needed = |slot: Timestamp| {
            let running = copies.iter().any(|copy| copy.slot == slot && in_progress(copy.snapshot));
            running || wanted.iter().any(|one| one.slot == slot)
        };
        let done = shared.iter().filter(|made| made.is_available() && !needed(made.slot));
        done.map(|made| delete_shared(self.input, at, made, &self.destination.name)).collect()
    }

    /// The identifier of what is made of a snapshot to be shared.
    fn shared_name(&self, snapshot: &str) -> String {
        format!("{snapshot}-to-{}", self.destination.name)
    }

    /// The copy, under a key that may be shared, of a snapshot.
    fn stage(&self, one: &Own<'_>, at: &DatabaseId, made: String) -> Step {
        let mut tags = listed::tags(self.input, self.database, at, &made, one.slot);
        tags.push((SHARED_TAG.into(), self.destination.name.clone()));
        step(CopyStep::CopySnapshot {
            from: self.input.database.clone(),
            source: one.snapshot.identifier.clone(),
            to: at.clone(),
            snapshot: made,
            slot: one.slot,
            kms_key: self.destination.share_key.clone().filter(|_| one.snapshot.encrypted),
            option_group: None,
            tags,
        })
    }

    fn share(&self, made: &Own<'_>, at: &DatabaseId, place: &Place) -> Step {
        let snapshot = made.snapshot.identifier.clone();
        step(CopyStep::ShareSnapshot {
            database: at.clone(),
            tags: listed::shared_tags(self.input, at, &snapshot, &self.destination.name),
            snapshot,
            account: place.database.scope.account_id.clone(),
        })
    }

    fn copy(&self, one: &Own<'_>, from: &DatabaseId, name: &str, slot: Timestamp) -> Step {
        let to = &self.seen.place.database;
        step(CopyStep::CopySnapshot {
            from: from.clone(),
            source: one.snapshot.identifier.clone(),
            to: to.clone(),
            snapshot: name.into(),
            slot,
            kms_key: self.destination.kms_key.clone(),
            option_group: self.destination.option_group.clone(),
            tags: listed::tags(self.input, self.database, to, name, slot),
        })
    }

    /// Whether a snapshot may be copied as far as its encryption goes (Amazon RDS API Reference, CopyDBSnapshot, KmsKeyId; User Guide,
    /// "Sharing encrypted snapshots").
    fn encryption(&self, one: &Own<'_>) -> Result<(), Finding> {
        let Destination { kms_key, share_key, .. } = self.destination;
        let staged = self.seen.place.staging.is_some();
        let (field, of) = match (kms_key, share_key) {
            _ if !one.snapshot.encrypted => return Ok(()),
            (None, _) => ("kmsKeyId", &self.seen.place.database.scope),
            (Some(_), None) if staged => ("shareKmsKeyId", &self.input.database.scope),
            _ => return Ok(()),
        };
        let region = &self.seen.place.database.scope.region;
        let message = format!(
            "snapshot {} is encrypted: write {field}, the ARN of a KMS key of account {} in {region}",
            one.snapshot.identifier, of.account_id
        );
        Err(about(&self.destination.name, Finding::stalled("CopyKeyMissing", message)))
    }

    /// Whether no snapshot has the name that a copy is to have.
    fn free(&self, name: &str, listed: &[DatabaseSnapshot], at: &DatabaseId) -> Result<(), Finding> {
        if !listed.iter().any(|one| one.identifier == *name) {
            return Ok(());
        }
        let message = format!(
            "in {} there is a snapshot {name} that this policy has not copied there: delete it, and the copy is made",
            place(&at.scope)
        );
        Err(about(&self.destination.name, Finding::stalled("NameTaken", message)))
    }

    fn no_room(&self) -> Finding {
        let at = &self.seen.place.database;
        let message = format!(
            "all manual {} of {} are used: nothing can be copied there until some are deleted, or AWS raises the quota",
            sort_of(at.kind),
            place(&at.scope)
        );
        about(&self.destination.name, Finding::stalled("SnapshotQuotaExceeded", message))
    }
}

fn delete_shared(input: &Input, at: &DatabaseId, made: &Own<'_>, name: &str) -> Step {
    let snapshot = made.snapshot.identifier.clone();
    let tags = listed::shared_tags(input, at, &snapshot, name);
    step(CopyStep::DeleteShared { database: at.clone(), snapshot, tags })
}

fn step(step: CopyStep) -> Step {
    Step::Database(DatabaseStep::Copy(step))
}
