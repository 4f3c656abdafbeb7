//! The decision on a BackupPolicy.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use runbook_api::backup_policy::{Slot, SlotState};

use super::copies::{self, Copying};
use super::exports;
use super::input::{Input, Scheduled};
use super::outlook::Outlook;
use super::own::{self, Own};
use super::quota::{self, Kept, Room};
use super::retention::{self, Sorted};
use super::slots::{self, Slots};
use super::verification::{self, Backups, proved};
use super::{settings, status};
use crate::account;
use crate::contest::Contest;
use crate::facts::{Facts, Inquiry, Missing};
use crate::observed::{Database, DatabaseSnapshot, Quota};
use crate::ownership::SLOT_TAG;
use crate::plan::{Finding, Plan, Weight};
use crate::query::Query;
use crate::report::Hold;
use crate::step::{CopyStep, DatabaseStep, Step};

/// How soon to look again at a database that something waits for.
const SOON: SignedDuration = SignedDuration::from_secs(30);
/// How soon to look again at a snapshot that RDS takes.
const PROGRESS: SignedDuration = SignedDuration::from_secs(60);
/// Lost snapshots that are named.
const NAMED: usize = 3;

/// Decides what is to be asked, or written, so that the database is backed up as the policy says.
pub fn plan(input: &Input, facts: &Facts, now: Timestamp) -> Plan {
    let scope = &input.database.scope;
    // Whose account it is comes first: with the wrong credentials nothing is read either.
    let mut inquiry = Inquiry::new(facts);
    let identity = inquiry.caller_identity(Query::CallerIdentity(scope.clone()));
    match inquiry.open() {
        Some(Missing::Needs(needs)) => return asks(needs, copies::ahead(input, facts)),
        Some(missing) => return Plan::missing(missing),
        None => {}
    }
    if let Some(finding) = identity.and_then(|identity| account::plan::mismatch(scope, identity)) {
        return Plan::only(finding);
    }
    let mut inquiry = Inquiry::new(facts);
    let database = inquiry.database(Query::Database(input.database.clone()));
    let lists = input.snapshots.is_some() || input.verification.is_some();
    let snapshots = match lists {
        true => inquiry.database_snapshots(Query::DatabaseSnapshots(input.database.clone())).map(Vec::as_slice),
        false => Some(&[][..]),
    };
    // What is left behind is asked for with the rest; that it cannot be read is another matter.
    let unasked = verification::sweep::query(input).filter(|query| facts.get(query).is_none());
    match (inquiry.open(), database, snapshots) {
        (Some(Missing::Needs(needs)), ..) => {
            Plan { needs: needs.into_iter().chain(unasked).collect(), ..Plan::default() }
        }
        (Some(missing), ..) => Plan::missing(missing),
        (None, ..) if unasked.is_some() => Plan { needs: unasked.into_iter().collect(), ..Plan::default() },
        (None, Some(Some(database)), Some(snapshots)) => decide(input, database, snapshots, facts, now),
        (None, Some(None), _) => Plan::only(Finding::stalled(
            "TargetNotFound",
            format!(
                "{} does not exist: create it, or correct spec.source; its snapshots are left as they are",
                input.database
            ),
        )),
        // An inquiry that is not open has all its answers.
        (None, ..) => Plan::default(),
    }
}

/// A plan that asks these, and these beside them.
fn asks(mut needs: Vec<Query>, beside: Vec<Query>) -> Plan {
    let new: Vec<Query> = beside.into_iter().filter(|query| !needs.contains(query)).collect();
    needs.extend(new);
    Plan { needs, ..Plan::default() }
}

fn decide(input: &Input, database: &Database, all: &[DatabaseSnapshot], facts: &Facts, now: Timestamp) -> Plan {
    if let Some(cluster) = &database.member_of {
        return Plan::only(Finding::stalled(
            "MemberOfCluster",
            format!(
                "{} is a member of cluster {cluster}, which is backed up as a whole: write source.rdsCluster: {cluster}",
                input.database
            ),
        ));
    }
    let mut plan = Plan::default();
    let mut outlook = Outlook::of(database);
    let (mut deletions, mut copying) = (Vec::new(), Copying::default());
    let own = own::own(input, database, all);
    let mut sorted = Sorted::default();
    if let Some(scheduled) = &input.snapshots {
        let zone = scheduled.timetable.cron.zone();
        let standings = match copies::look(input, database, &own, facts, zone, now) {
            Ok(standings) => standings,
            Err(needs) => return Plan { needs, ..Plan::default() },
        };
        let slots = slots::judge(input, scheduled, &own, all, now);
        if let Some(rules) = &scheduled.retention {
            sorted = copies::hold_back(rules.sort(&own, zone, now), &standings, &mut plan);
            // What is being restored stays until that has ended.
            sorted.due.retain(|one| !is_being_restored(input, one));
        }
        deletions = delete(input, &sorted, now, &mut plan);
        let room_is_made = !deletions.is_empty();
        copying = copies::copying(input, database, &standings, all, now, &mut plan);
        deletions.extend(copies::retire(input, &standings, zone, deletions.len(), now, &mut plan));
        outlook.copies = copies::statuses(input, &standings);
        let taking = Taking { input, scheduled, database, own: &own, all, room_is_made };
        if let Some(slot) = slots.due {
            match taking.take(slot, facts, &mut plan) {
                Ok(step) => plan.steps.extend(step),
                Err(asks) => return *asks,
            }
        }
        say(input, &slots, &own, now, &mut plan);
        outlook = outlook.with_snapshots(scheduled.timetable.cron.text(), &slots, &own, &sorted, now);
    }
    // A snapshot that is due goes alone: whoever may take it and delete none, or is refused a change, has his backup.
    let takes = !plan.steps.is_empty();
    outlook.contest = Contest::of(&input.memory.corrections, now);
    change(input, database, outlook.contest.as_ref(), now, &mut plan);
    if !takes {
        // Copies come before what is deleted, for the same reason.
        if copying.first.is_empty() {
            plan.steps.extend(deletions);
            plan.steps.extend(copying.last);
        } else {
            plan.steps.splice(0..0, copying.first);
        }
    }
    if let Some(verifications) = &input.verification {
        let backups = Backups { database, own: &own, going: &sorted.due, all };
        let (step, mut told) = verification::plan(input, verifications, &backups, now, &mut plan);
        let left = verification::sweep::judge(input, facts, now, &mut plan).unwrap_or_default();
        plan.steps.extend(left.steps.into_iter().chain(step).filter(|_| !takes));
        told.left = left.identifiers;
        outlook.verifications = Some(told);
    }
    let (begun, told) = exports::plan(input, now, &mut plan);
    plan.steps.extend(begun.into_iter().filter(|_| !takes));
    outlook.exports = told;
    outlook.proved =
        proved::newest(input.memory.verifications.proved.as_ref(), all, &database.resource_id, &input.runs);
    settle(&mut plan, now);
    hold(input, now, &mut plan);
    plan.outlook = Some(Box::new(outlook));
    plan
}

fn is_being_restored(input: &Input, one: &Own<'_>) -> bool {
    let of_one = |run: &&verification::Run| run.snapshot.as_ref() == Some(&one.snapshot.identifier);
    input.runs.iter().filter(of_one).any(|run| run.ended.is_none())
}

/// Adds the change of the settings. RDS takes one change at a time: a snapshot waits for none, and what would be refused for it comes
/// afterwards. Whoever is right, two who write in turns do harm: what somebody keeps undoing is put right slower each time.
fn change(input: &Input, database: &Database, contest: Option<&Contest>, now: Timestamp, plan: &mut Plan) {
    let settings = settings::judge(input, database);
    plan.findings.extend(settings.findings);
    contest.into_iter().for_each(|contest| plan.wake(contest.ends));
    match (settings.step, contest.filter(|contest| now < contest.until)) {
        (Some(_), Some(Contest { corrections, since, until, .. })) => {
            let message = format!(
                "the backup settings of {} were put right {corrections} times since {since}, and somebody changed them again each time; the \
                 next correction is due at {until}. Find who it is (CloudTrail), and stop them, or suspend this policy",
                input.database
            );
            plan.findings.push(Finding::waiting("Contested", message));
            plan.wake(*until);
        }
        (Some(step), None) if plan.steps.is_empty() => plan.steps.push(Step::Database(step)),
        (Some(_), None) => plan.findings.push(Finding::note(
            "SettingsFollow",
            format!("the backup settings of {} are changed when the snapshot is taken", input.database),
        )),
        (None, _) => {}
    }
}

/// What a decision on a snapshot that is due rests on.
struct Taking<'t> {
    input: &'t Input,
    scheduled: &'t Scheduled,
    database: &'t Database,
    own: &'t [Own<'t>],
    all: &'t [DatabaseSnapshot],
    /// Whether others are about to be deleted.
    room_is_made: bool,
}

impl Taking<'_> {
    /// The step that takes the snapshot for a slot, if it can be taken.
    ///
    /// # Errors
    /// A plan that asks what is left to know.
    fn take(&self, slot: Timestamp, facts: &Facts, plan: &mut Plan) -> Result<Option<Step>, Box<Plan>> {
        let (input, id) = (self.input, &self.input.database);
        let snapshot = slots::identifier(&self.scheduled.prefix, slot);
        if self.all.iter().any(|one| one.identifier == snapshot) {
            plan.findings.push(Finding::stalled(
                "NameTaken",
                format!(
                    "there is a snapshot {snapshot} that this policy has not taken of {id}: delete it, or write another snapshots.namePrefix"
                ),
            ));
            return Ok(None);
        }
        if let Err(finding) = status::ready_for_snapshot(id, &self.database.status) {
            plan.findings.push(finding);
            return Ok(None);
        }
        match quota::room(id, self.quotas(facts)?, &Kept::of(Some(self.own.len()), self.all)) {
            Room::Yes(finding) => plan.findings.extend(finding),
            // What is kept no longer goes first, and then there is room.
            Room::No(finding) if self.room_is_made => {
                plan.findings.push(Finding { weight: Weight::Note, ..finding });
                return Ok(None);
            }
            Room::No(finding) => {
                plan.findings.push(finding);
                return Ok(None);
            }
        }
        let mut tags = own::owner_tags(input, &snapshot);
        tags.push((SLOT_TAG.into(), slot.to_string()));
        Ok(Some(Step::Database(DatabaseStep::CreateSnapshot {
            database: id.clone(),
            resource_id: self.database.resource_id.clone(),
            snapshot,
            slot: Some(slot),
            tags,
        })))
    }

    fn quotas<'f>(&self, facts: &'f Facts) -> Result<&'f BTreeMap<String, Quota>, Box<Plan>> {
        let mut inquiry = Inquiry::new(facts);
        let quotas = inquiry.rds_quotas(Query::RdsQuotas(self.input.database.scope.clone()));
        match (inquiry.open(), quotas) {
            (None, Some(quotas)) => Ok(quotas),
            (Some(missing), _) => Err(Box::new(Plan::missing(missing))),
            (None, None) => Err(Box::default()),
        }
    }
}

/// The snapshots that go now.
fn delete(input: &Input, sorted: &Sorted<'_>, now: Timestamp, plan: &mut Plan) -> Vec<Step> {
    let most = input.brakes.deletes_per_day();
    let (allowed, more_at) = retention::allowance(most, &input.memory.deletions, now);
    if let Some(excess) = sorted.due.len().checked_sub(allowed).filter(|excess| *excess > 0) {
        plan.findings.push(Finding::note(
            "DeletionsLimited",
            format!(
                "{excess} further snapshots are kept no longer, and wait: at most {most} are deleted within 24 hours \
                 (safety.maxDeletesPerDay of the AwsAccount)"
            ),
        ));
        more_at.into_iter().for_each(|at| plan.wake(at));
    }
    sorted.expiring.first().into_iter().for_each(|(_, expires)| plan.wake(*expires));
    let step = |one: &Own<'_>| {
        Step::Database(DatabaseStep::DeleteSnapshot {
            database: input.database.clone(),
            snapshot: one.snapshot.identifier.clone(),
            tags: own::owner_tags(input, &one.snapshot.identifier),
            created_at: one.taken_at(),
        })
    };
    sorted.due.iter().take(allowed).map(step).collect()
}

/// Says what is worth knowing of the slots, and when to look again.
fn say(input: &Input, slots: &Slots, own: &[Own<'_>], now: Timestamp, plan: &mut Plan) {
    slots.next.into_iter().chain(slots.opens).for_each(|at| plan.wake(at));
    let mut note = |reason: &str, message: String| plan.findings.push(Finding::note(reason, message));
    if let Some(opens) = slots.opens {
        let message = format!(
            "a snapshot is late: it is begun in snapshots.catchUpWindow, or missed when startingDeadline is over; the next of the two is at {opens}"
        );
        note("CatchUpAwaited", message);
    }
    let newest = slots.ledger.iter().find(|slot| slot.state != SlotState::Waiting);
    if let Some(Slot { time, message: Some(message), state, .. }) = newest {
        let reason = match state {
            SlotState::Missed => Some("SlotMissed"),
            SlotState::Failed => Some("SnapshotFailed"),
            _ => None,
        };
        reason.into_iter().for_each(|reason| {
            note(reason, format!("there is no snapshot for the slot of {}: {message}", time.0));
        });
    }
    let lost = || slots.ledger.iter().filter(|slot| slot.state == SlotState::Lost);
    let names: Vec<&str> = lost().filter_map(|slot| slot.snapshot_identifier.as_deref()).take(NAMED).collect();
    if !names.is_empty() {
        let more = if lost().count() > names.len() { " and others" } else { "" };
        note(
            "SnapshotLost",
            format!(
                "{}{more} of {} are gone, and nothing here has deleted them: CloudTrail knows who did",
                names.join(", "),
                input.database
            ),
        );
    }
    if let Some(taking) = own.iter().find(|one| one.snapshot.status == "creating") {
        note("SnapshotInProgress", format!("RDS takes snapshot {}", taking.snapshot.identifier));
        now.checked_add(PROGRESS).ok().into_iter().for_each(|at| plan.wake(at));
    }
}

/// What can be done is done first: a change that a person must make possible keeps no snapshot from being taken or deleted, and neither
/// does a place of copies that does not answer.
fn settle(plan: &mut Plan, now: Timestamp) {
    if !plan.steps.is_empty() {
        for finding in plan.findings.iter_mut().filter(|finding| finding.weight > Weight::Waiting) {
            finding.weight = Weight::Note;
        }
    }
    for (reason, wait) in [("DatabaseNotAvailable", SOON), ("ChangePending", PROGRESS)] {
        if plan.findings.iter().any(|finding| finding.reason == reason) {
            now.checked_add(wait).ok().into_iter().for_each(|at| plan.wake(at));
        }
    }
}

/// Holds back what changes or deletes while the account is frozen. A snapshot, or an export, changes nothing, and most is lost where none
/// was taken.
fn hold(input: &Input, now: Timestamp, plan: &mut Plan) {
    let Some(freeze) = input.brakes.frozen(now) else {
        input.brakes.freezes_at(now).into_iter().for_each(|begins| plan.wake(begins));
        return;
    };
    plan.wake(freeze.to);
    let takes = |step: &Step| {
        let Step::Database(step) = step else { return matches!(step, Step::ExportDatabase { .. }) };
        let copies = |step: &CopyStep| matches!(step, CopyStep::CopySnapshot { .. } | CopyStep::ShareSnapshot { .. });
        matches!(step, DatabaseStep::CreateSnapshot { .. }) || matches!(step, DatabaseStep::Copy(step) if copies(step))
    };
    if plan.steps.iter().any(takes) {
        plan.steps.retain(takes);
    } else {
        plan.hold = Some(Hold::Frozen);
    }
    plan.findings.push(Finding::note(
        "Frozen",
        format!(
            "the AwsAccount is frozen until {}: {}; snapshots are taken and copied and exports made, none is deleted or verified, and no setting is changed",
            freeze.to, freeze.reason
        ),
    ));
}
