//! The status of a DatabaseRestore.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use runbook_api::database_restore::DatabaseRestoreStatus;
use runbook_api::run::Endpoint;

use super::outlook::Outlook;
use crate::plan::Progress;
use crate::report::Summary;
use crate::report::coalesce::Volatile;
use crate::report::conditions::whole_seconds;
use crate::run;

/// The status of a run after a reconcile.
pub fn status(previous: &DatabaseRestoreStatus, summary: &Summary<'_>) -> DatabaseRestoreStatus {
    let outlook = match summary.progress {
        Some(Progress::Restore(outlook)) => Some(outlook),
        _ => None,
    };
    let ended = outlook.and_then(|outlook| outlook.ended.as_ref());
    let conditions = summary.conditions(&previous.conditions);
    let told = DatabaseRestoreStatus {
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

fn with_outlook(told: DatabaseRestoreStatus, outlook: &Outlook, summary: &Summary<'_>) -> DatabaseRestoreStatus {
    let now = || Time(whole_seconds(summary.now));
    // Before AWS is asked for the first time: it is counted from then on when it is too late.
    let begins = summary.is_working() && !(summary.pending.is_empty() && summary.acts.is_empty());
    let found = outlook.instance.as_ref();
    let available = found.is_some_and(|instance| instance.status == "available");
    let endpoint = found.and_then(|instance| instance.instance.as_ref()?.endpoint.as_ref());
    let endpoint = endpoint.map(|one| Endpoint { address: one.address.clone(), port: i32::from(one.port) });
    let ended = outlook.ended.is_some();
    DatabaseRestoreStatus {
        phase: Some(outlook.phase),
        rds_instance: Some(outlook.rds_instance.clone()),
        resource_arn: found.map(|instance| instance.arn.clone()).or(told.resource_arn),
        instance_status: found.map(|instance| instance.status.chars().take(64).collect()),
        endpoint: endpoint.or(told.endpoint),
        snapshot_identifier: outlook.snapshot_identifier.clone(),
        start_time: told.start_time.or_else(|| begins.then(now)),
        available_time: told.available_time.or_else(|| available.then(now)),
        completion_time: told.completion_time.or_else(|| ended.then(now)),
        verification: outlook.verification.clone(),
        ..told
    }
}

impl Volatile for DatabaseRestoreStatus {
    fn settled(&self) -> Self {
        self.clone()
    }
}
