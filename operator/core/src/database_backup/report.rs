//! The status of a DatabaseBackup.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use runbook_api::database_backup::DatabaseBackupStatus;
use runbook_api::export::ExportStatus;

use super::export::plan::Export;
use super::outlook::Outlook;
use crate::plan::Progress;
use crate::report::Summary;
use crate::report::coalesce::Volatile;
use crate::report::conditions::whole_seconds;
use crate::run;

/// The status of a run after a reconcile.
pub fn status(previous: &DatabaseBackupStatus, summary: &Summary<'_>) -> DatabaseBackupStatus {
    let outlook = match summary.progress {
        Some(Progress::Backup(outlook)) => Some(outlook),
        _ => None,
    };
    let ended = outlook.and_then(|outlook| outlook.ended.as_ref());
    let conditions = summary.conditions(&previous.conditions);
    let told = DatabaseBackupStatus {
        observed_generation: summary.observed_generation(previous.observed_generation),
        conditions: run::conditions(conditions, &previous.conditions, ended, summary),
        last_handled_reconcile_at: summary.handled(previous.last_handled_reconcile_at.as_deref()),
        plan: summary.plan(previous.plan.as_ref()),
        history: summary.history(&previous.history, previous.plan.as_ref(), &previous.conditions),
        ..previous.clone()
    };
    match outlook {
        Some(outlook) => with_outlook(told, outlook, summary),
        None => told,
    }
}

fn with_outlook(told: DatabaseBackupStatus, outlook: &Outlook, summary: &Summary<'_>) -> DatabaseBackupStatus {
    let now = || Time(whole_seconds(summary.now));
    let begins = !summary.pending.is_empty() && summary.is_working() || !summary.acts.is_empty();
    let snapshot = outlook.snapshot.as_ref();
    let ended = outlook.ended.is_some();
    DatabaseBackupStatus {
        snapshot_identifier: Some(outlook.snapshot_identifier.clone()).filter(|name| !name.is_empty()),
        export: outlook.export.as_ref().map(|export| of_export(export, told.export.as_ref())),
        snapshot_arn: snapshot.map(|one| one.arn.clone()).or(told.snapshot_arn),
        snapshot_create_time: snapshot
            .and_then(|one| one.created_at)
            .map(|time| Time(whole_seconds(time)))
            .or(told.snapshot_create_time),
        start_time: told.start_time.or_else(|| begins.then(now)),
        completion_time: told.completion_time.or_else(|| ended.then(now)),
        percent_progress: snapshot.map(|one| one.percent_progress.clamp(0, 100)).or(told.percent_progress),
        ..told
    }
}

/// What was seen once stays: a Job's pod may be gone when it is looked at again.
fn of_export(export: &Export, before: Option<&ExportStatus>) -> ExportStatus {
    let before = before.cloned().unwrap_or_default();
    let job_name = export.job_name.clone().or(before.job_name.clone());
    let Some(done) = &export.done else { return ExportStatus { job_name, ..before } };
    let count = |number: u64| Some(i64::try_from(number).unwrap_or(i64::MAX));
    ExportStatus {
        job_name,
        location: Some(format!("s3://{}/{}", export.bucket, done.key)),
        tables: count(done.tables),
        rows: count(done.rows),
        bytes: count(done.bytes),
        sha256: Some(done.sha256.clone()),
        deleted: count(done.deleted),
        retained: count(done.retained),
    }
}

impl Volatile for DatabaseBackupStatus {
    fn settled(&self) -> Self {
        Self { percent_progress: None, ..self.clone() }
    }
}
