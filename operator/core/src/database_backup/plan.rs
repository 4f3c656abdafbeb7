//! The decision on a DatabaseBackup.

use jiff::{SignedDuration, Timestamp};

use super::input::Input;
use super::outlook::Outlook;
use super::{deletion, export};
use crate::account;
use crate::backup::quota::{Kept, Room, room};
use crate::backup::status::ready_for_snapshot;
use crate::facts::{Facts, Inquiry};
use crate::observed::{Database, DatabaseSnapshot};
use crate::plan::{Finding, Plan, Progress};
use crate::query::Query;
use crate::run::Ended;
use crate::step::{DatabaseStep, Step};

/// How soon to look again at a database that is not ready.
const SOON: SignedDuration = SignedDuration::from_secs(30);
/// How soon to look again at a snapshot that RDS takes.
const PROGRESS: SignedDuration = SignedDuration::from_secs(60);

/// Decides what is to be asked, or written, so that the snapshot is taken once.
pub fn plan(input: &Input, facts: &Facts, now: Timestamp) -> Plan {
    if !input.deleting
        && let Some(ended) = &input.memory.ended
    {
        return ended.plan();
    }
    let scope = &input.database.scope;
    // Whose account it is comes first: with the wrong credentials nothing is read either.
    let mut inquiry = Inquiry::new(facts);
    let identity = inquiry.caller_identity(Query::CallerIdentity(scope.clone()));
    if let Some(missing) = inquiry.open() {
        return Plan::missing(missing);
    }
    if let Some(finding) = identity.and_then(|identity| account::plan::mismatch(scope, identity)) {
        return Plan::only(finding);
    }
    if input.deleting {
        return deletion::plan(input, facts, now);
    }
    if let Some(wanted) = &input.export {
        return export::plan(input, wanted, facts, now);
    }
    let mut inquiry = Inquiry::new(facts);
    let database = inquiry.database(Query::Database(input.database.clone()));
    let snapshots = inquiry.database_snapshots(Query::DatabaseSnapshots(input.database.clone()));
    match (inquiry.open(), database, snapshots) {
        (Some(missing), ..) => Plan::missing(missing),
        (None, Some(database), Some(snapshots)) => {
            let taken = snapshots.iter().find(|one| one.identifier == input.snapshot);
            match (taken, database) {
                (Some(taken), _) => follow(input, taken, now),
                (None, _) if input.memory.seen => end(
                    input,
                    None,
                    Ended::failed(
                        "SnapshotLost",
                        format!(
                            "snapshot {} is gone, and nothing here has deleted it: CloudTrail knows who did",
                            input.snapshot
                        ),
                    ),
                ),
                (None, Some(database)) => take(input, database, snapshots, facts, now),
                (None, None) => Plan::only(Finding::stalled(
                    "TargetNotFound",
                    format!("{} does not exist: create it, or create a DatabaseBackup of another", input.database),
                )),
            }
        }
        // An inquiry that is not open has all its answers.
        (None, ..) => Plan::default(),
    }
}

/// Whether a snapshot is the one that this very run has taken.
pub(super) fn is_own(input: &Input, snapshot: &DatabaseSnapshot) -> bool {
    snapshot.snapshot_type == "manual" && input.tags.iter().all(|(key, value)| snapshot.tags.get(key) == Some(value))
}

fn follow(input: &Input, taken: &DatabaseSnapshot, now: Timestamp) -> Plan {
    let name = &input.snapshot;
    if !is_own(input, taken) {
        let message = format!(
            "there is a snapshot {name} that this backup has not taken: create a DatabaseBackup with another snapshotIdentifier"
        );
        return end(input, None, Ended::failed("NameTaken", message));
    }
    match taken.status.as_str() {
        "available" => {
            let message = format!("snapshot {name} of {} is available", input.database);
            end(input, Some(taken), Ended::complete(message))
        }
        "failed" => {
            let message = format!(
                "RDS says that snapshot {name} of {} has failed: look for the reason in the events of RDS, and create another DatabaseBackup",
                input.database
            );
            end(input, Some(taken), Ended::failed("SnapshotFailed", message))
        }
        status => {
            let message =
                format!("RDS takes snapshot {name}: {status}, {} percent", taken.percent_progress.clamp(0, 100));
            let mut plan = Plan::only(Finding::waiting("SnapshotInProgress", message));
            now.checked_add(PROGRESS).ok().into_iter().for_each(|at| plan.wake(at));
            with_outlook(plan, input, Some(taken), None)
        }
    }
}

fn take(input: &Input, database: &Database, all: &[DatabaseSnapshot], facts: &Facts, now: Timestamp) -> Plan {
    let id = &input.database;
    if let Some(cluster) = &database.member_of {
        return Plan::only(Finding::stalled(
            "MemberOfCluster",
            format!(
                "{id} is a member of cluster {cluster}, which is backed up as a whole: create a DatabaseBackup with source.rdsCluster: {cluster}"
            ),
        ));
    }
    if let Err(finding) = ready_for_snapshot(id, &database.status) {
        let mut plan = Plan::only(finding);
        now.checked_add(SOON).ok().into_iter().for_each(|at| plan.wake(at));
        return with_outlook(plan, input, None, None);
    }
    let mut inquiry = Inquiry::new(facts);
    let quotas = inquiry.rds_quotas(Query::RdsQuotas(id.scope.clone()));
    let mut plan = match (inquiry.open(), quotas) {
        (Some(missing), _) => return Plan::missing(missing),
        (None, Some(quotas)) => match room(id, quotas, &Kept::of(None, all)) {
            Room::Yes(finding) => Plan { findings: finding.into_iter().collect(), ..Plan::default() },
            Room::No(finding) => return with_outlook(Plan::only(finding), input, None, None),
        },
        (None, None) => return Plan::default(),
    };
    plan.steps.push(Step::Database(DatabaseStep::CreateSnapshot {
        database: id.clone(),
        resource_id: database.resource_id.clone(),
        snapshot: input.snapshot.clone(),
        slot: None,
        tags: input.tags.clone(),
    }));
    with_outlook(plan, input, None, None)
}

fn end(input: &Input, snapshot: Option<&DatabaseSnapshot>, ended: Ended) -> Plan {
    let plan = ended.plan();
    with_outlook(plan, input, snapshot, Some(ended))
}

fn with_outlook(plan: Plan, input: &Input, snapshot: Option<&DatabaseSnapshot>, ended: Option<Ended>) -> Plan {
    let outlook =
        Outlook { snapshot_identifier: input.snapshot.clone(), snapshot: snapshot.cloned(), export: None, ended };
    Plan { progress: Some(Box::new(Progress::Backup(outlook))), ..plan }
}
