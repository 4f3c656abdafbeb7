//! What a step will have done: the facts, and what is remembered, as they are after it.

use jiff::Timestamp;

use super::exports;
use super::input::Input;
use super::settings::RETENTION;
use super::verification::Run;
use crate::facts::{Answer, Facts};
use crate::ids::DatabaseId;
use crate::observed::{Database, DatabaseSnapshot};
use crate::query::Query;
use crate::step::{CopyStep, DatabaseStep, Step};

/// Makes `facts` what they will be when `step` has been made.
pub fn predict(facts: &mut Facts, step: &Step) {
    let Step::Database(step) = step else { return };
    match step {
        DatabaseStep::ModifyBackupSettings { database, changes, apply_immediately, .. } => {
            change_database(facts, database, |database| {
                // What takes the database down waits for the maintenance window, unless it is asked for at once.
                let now = database.settings.retention_days;
                let waits = changes.retention_days.filter(|days| (*days == 0) != (now == 0) && !apply_immediately);
                database.settings = changes.applied_to(&database.settings);
                if changes.retention_days.is_some() {
                    database.pending.remove(RETENTION);
                }
                if let Some(days) = waits {
                    database.settings.retention_days = now;
                    database.pending.insert(RETENTION.into(), days.to_string());
                }
                if *apply_immediately {
                    database.pending.clear();
                }
            });
        }
        DatabaseStep::CreateSnapshot { database, resource_id, snapshot, tags, .. } => {
            // A database that is being backed up is not available.
            change_database(facts, database, |database| database.status = "backing-up".into());
            change_snapshots(facts, database, |snapshots| {
                snapshots.push(DatabaseSnapshot {
                    identifier: snapshot.clone(),
                    arn: database.snapshot_arn(snapshot),
                    source_resource_id: Some(resource_id.clone()),
                    snapshot_type: "manual".into(),
                    status: "creating".into(),
                    created_at: None,
                    percent_progress: 0,
                    encrypted: false,
                    tags: tags.iter().cloned().collect(),
                });
            });
        }
        DatabaseStep::DeleteSnapshot { database, snapshot, .. } => {
            change_snapshots(facts, database, |snapshots| snapshots.retain(|one| one.identifier != *snapshot));
        }
        DatabaseStep::Copy(step) => predict_copy(facts, step),
        step @ (DatabaseStep::RestoreInstance { .. }
        | DatabaseStep::SetMasterPassword { .. }
        | DatabaseStep::TagVerified { .. }
        | DatabaseStep::DeleteInstance { .. }) => crate::database_restore::predict::predict(facts, step),
    }
}

/// Makes `input` what it will be when `step` has been made at `now`: deletions are counted, and
/// verifications and exports are under way.
pub fn predict_input(input: &mut Input, step: &Step, now: Timestamp) {
    match step {
        Step::Database(DatabaseStep::DeleteSnapshot { snapshot, .. }) => {
            input.memory.deletions.push(now);
            input.memory.deleted.insert(snapshot.clone());
        }
        Step::Database(DatabaseStep::Copy(CopyStep::DeleteCopy { .. })) => input.memory.deletions.push(now),
        Step::VerifyBackup { verification, .. } => {
            input.runs.push(Run::read(&verification.object(), &input.policy.name));
        }
        Step::ExportDatabase { export, .. } => input.exported.push(exports::Run::of_due(export)),
        _ => {}
    }
}

fn predict_copy(facts: &mut Facts, step: &CopyStep) {
    match step {
        CopyStep::CopySnapshot { to, snapshot, kms_key, tags, .. } => change_snapshots(facts, to, |snapshots| {
            snapshots.push(DatabaseSnapshot {
                identifier: snapshot.clone(),
                arn: to.snapshot_arn(snapshot),
                // Only its tag says for sure which database a copy is of.
                source_resource_id: None,
                snapshot_type: "manual".into(),
                status: "creating".into(),
                created_at: None,
                percent_progress: 0,
                encrypted: kms_key.is_some(),
                tags: tags.iter().cloned().collect(),
            });
        }),
        // No list shows who a snapshot is shared with.
        CopyStep::ShareSnapshot { .. } => {}
        CopyStep::DeleteCopy { database, snapshot, .. } | CopyStep::DeleteShared { database, snapshot, .. } => {
            change_snapshots(facts, database, |snapshots| snapshots.retain(|one| one.identifier != *snapshot));
        }
    }
}

fn change_database(facts: &mut Facts, id: &DatabaseId, change: impl FnOnce(&mut Database)) {
    let query = Query::Database(id.clone());
    let Some(Ok(Answer::Database(Some(database)))) = facts.get(&query) else { return };
    let mut database = database.clone();
    change(&mut database);
    facts.insert(query, Ok(Answer::Database(Some(database))));
}

fn change_snapshots(facts: &mut Facts, id: &DatabaseId, change: impl FnOnce(&mut Vec<DatabaseSnapshot>)) {
    let query = Query::DatabaseSnapshots(id.clone());
    let Some(Ok(Answer::DatabaseSnapshots(snapshots))) = facts.get(&query) else { return };
    let mut snapshots = snapshots.clone();
    change(&mut snapshots);
    facts.insert(query, Ok(Answer::DatabaseSnapshots(snapshots)));
}
