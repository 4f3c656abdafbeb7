//! How a restore begins: from what, and into what.

use jiff::Timestamp;
use runbook_api::database_restore::RestorePhase;

use super::input::{Input, Source};
use super::instance;
use super::outlook::Outlook;
use super::plan::{end, waiting};
use super::turn::AT_A_TIME;
use super::verify;
use crate::backup::quota::instances;
use crate::facts::{Facts, Inquiry};
use crate::ids::{DatabaseId, SnapshotId};
use crate::observed::{Database, DatabaseSnapshot};
use crate::plan::{Finding, Plan, Progress};
use crate::query::Query;
use crate::run::Ended;
use crate::step::{DatabaseStep, RestoreFrom, Step};

/// Asks at once what will be asked if there is no instance yet.
pub(super) fn foresee(input: &Input, inquiry: &mut Inquiry<'_>) {
    match &input.source {
        Source::Snapshot(snapshot) => {
            inquiry.snapshot(Query::Snapshot(snapshot.clone()));
        }
        Source::PointInTime(source, _) => {
            inquiry.database(Query::Database(source.clone()));
        }
    }
    inquiry.rds_quotas(Query::RdsQuotas(input.target.scope.clone()));
}

/// Decides what is to be asked, or restored, while there is no instance.
pub(super) fn begin(input: &Input, facts: &Facts, now: Timestamp) -> Plan {
    let (from, source) = match &input.source {
        Source::Snapshot(snapshot) => match of_snapshot(input, snapshot, facts, now) {
            Ok(found) => found,
            Err(plan) => return *plan,
        },
        Source::PointInTime(source, time) => match of_time(source, *time, facts) {
            Ok(found) => found,
            Err(plan) => return *plan,
        },
    };
    let engine = source.filter(|_| input.verification.is_some()).map(|database| database.engine.as_str());
    if let Some(why) = engine.and_then(verify::not_asked) {
        return end(input, None, Ended::failed("EngineNotSupported", format!("{} {why}", from.source())));
    }
    let mut inquiry = Inquiry::new(facts);
    let quotas = inquiry.rds_quotas(Query::RdsQuotas(input.target.scope.clone()));
    let quotas = match (inquiry.open(), quotas) {
        (Some(missing), _) => return Plan::missing(missing),
        (None, Some(quotas)) => quotas,
        (None, None) => return Plan::default(),
    };
    let instance = match instance::set_up(&input.declared, source, from.source()) {
        Ok(instance) => instance,
        Err(finding) => return Plan::only(finding),
    };
    if let Some(finding) = instances(quotas) {
        return Plan::only(finding);
    }
    if input.verification.is_some() && !input.memory.requested && input.ahead >= AT_A_TIME {
        let message = format!(
            "at most {AT_A_TIME} databases are restored to be verified at a time in an account, and {} come before this one",
            input.ahead
        );
        return waiting(input, None, RestorePhase::Pending, Finding::waiting("VerificationsLimited", message), now);
    }
    let step = DatabaseStep::RestoreInstance {
        database: input.target.clone(),
        from,
        instance: Box::new(instance),
        tags: input.tags.clone(),
    };
    Plan {
        steps: vec![Step::Database(step)],
        progress: Some(Box::new(Progress::Restore(Outlook::of(input, RestorePhase::Pending)))),
        ..Plan::default()
    }
}

type Found<'f> = (RestoreFrom, Option<&'f Database>);

fn of_snapshot<'f>(input: &Input, id: &SnapshotId, facts: &'f Facts, now: Timestamp) -> Result<Found<'f>, Box<Plan>> {
    let mut inquiry = Inquiry::new(facts);
    let found = inquiry.snapshot(Query::Snapshot(id.clone()));
    let found = match (inquiry.open(), found) {
        (Some(missing), _) => return Err(Box::new(Plan::missing(missing))),
        (None, Some(Some(found))) => found,
        (None, _) if input.scheduled => {
            return Err(Box::new(given_up(input, &format!("{id} was deleted before it was restored"))));
        }
        (None, _) => {
            return Err(Box::new(Plan::only(Finding::stalled(
                "SnapshotNotFound",
                format!(
                    "{id} does not exist: look with kubectl runbook backups, and create a DatabaseRestore of another"
                ),
            ))));
        }
    };
    is_restorable(input, id, &found.snapshot, now)?;
    let source = DatabaseId { scope: id.scope.clone(), kind: id.kind, identifier: found.source.clone() };
    let database = of_source(&source, facts)?;
    Ok((RestoreFrom::Snapshot { source, snapshot: id.identifier.clone() }, database))
}

/// Amazon RDS API Reference, RestoreDBInstanceFromDBSnapshot: the snapshot must be available.
fn is_restorable(input: &Input, id: &SnapshotId, snapshot: &DatabaseSnapshot, now: Timestamp) -> Result<(), Box<Plan>> {
    match snapshot.status.as_str() {
        "available" => Ok(()),
        "creating" | "copying" => {
            let message = format!("{id} is {}: it is restored when it is available", snapshot.status);
            let finding = Finding::waiting("SnapshotInProgress", message);
            Err(Box::new(waiting(input, None, RestorePhase::Pending, finding, now)))
        }
        status if input.scheduled => {
            Err(Box::new(given_up(input, &format!("{id} is {status} and cannot be restored"))))
        }
        status => Err(Box::new(Plan::only(Finding::stalled(
            "SnapshotUnusable",
            format!("{id} is {status} and cannot be restored: create a DatabaseRestore of another"),
        )))),
    }
}

/// What a schedule has chosen and is no longer there comes not back: its run ends, or nothing would be verified until somebody deletes it.
fn given_up(input: &Input, why: &str) -> Plan {
    end(input, None, Ended::failed("NotVerified", format!("nothing is known of the backup: {why}")))
}

fn of_time<'f>(source: &DatabaseId, time: Option<Timestamp>, facts: &'f Facts) -> Result<Found<'f>, Box<Plan>> {
    let stalled = |reason: &str, message: String| Err(Box::new(Plan::only(Finding::stalled(reason, message))));
    let Some(database) = of_source(source, facts)? else {
        return stalled(
            "TargetNotFound",
            format!(
                "{source} does not exist, and only one that does is restored to a point in time: name a snapshot instead"
            ),
        );
    };
    let Some(latest) = database.latest_restorable_time else {
        return stalled(
            "NotRestorable",
            format!(
                "{source} has no automated backups, so it is restored to no point in time: name a snapshot instead"
            ),
        );
    };
    if let Some(time) = time.filter(|time| *time > latest) {
        return stalled(
            "TimeNotRestorable",
            format!(
                "{source} can be restored to {latest} at the latest, and not yet to {time}: it is tried again as that moves on"
            ),
        );
    }
    let resource_id = database.resource_id.clone();
    Ok((RestoreFrom::PointInTime { source: source.clone(), resource_id, time }, Some(database)))
}

/// The database that the data is of, where it still exists: what is not said is as of it.
fn of_source<'f>(source: &DatabaseId, facts: &'f Facts) -> Result<Option<&'f Database>, Box<Plan>> {
    let mut inquiry = Inquiry::new(facts);
    let database = inquiry.database(Query::Database(source.clone()));
    match (inquiry.open(), database) {
        (Some(missing), _) => Err(Box::new(Plan::missing(missing))),
        (None, Some(database)) => Ok(database.as_deref()),
        (None, None) => Ok(None),
    }
}
