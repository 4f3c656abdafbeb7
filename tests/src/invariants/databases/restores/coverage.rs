//! What runs went through that has to do with restores.

use runbook_api::scheduled_verification::VerificationState;
use runbook_aws::{Call, RdsCall};
use runbook_core::step::RestoreFrom;

use super::objects::Restore;
use crate::invariants::databases::backups::Backup;
use crate::invariants::statuses::Conditions;
use crate::journal::{AwsCall, KubernetesCall, What};

/// What a set of runs must have gone through.
pub const EXPECTED: [&str; 22] = [
    "verifications begun by schedule",
    "snapshots restored",
    "points in time restored",
    "passwords set",
    "databases that have passed their checks",
    "databases that have failed their checks",
    "databases that could not be asked",
    "instances deleted by their run",
    "instances deleted whose run is gone",
    "deletions of instances refused by RDS",
    "snapshots tagged as verified",
    "backups found good",
    "backups found bad",
    "backups of which nothing is known",
    "verifications whose time was over",
    "verifications that wait for others",
    "verifications that wait for a quota of instances",
    "verifications of what is not there",
    "verifications whose instance somebody has deleted",
    "verifications whose instance has lost its tags",
    "verifications missed",
    "verifications deleted midway",
];

/// What happened, in these words.
pub fn of(what: &What) -> Vec<&'static str> {
    match what {
        What::Asked(asked) => vec![match (asked.good, asked.failure) {
            (Some(true), _) => "databases that have passed their checks",
            (Some(false), _) => "databases that have failed their checks",
            (None, _) => "databases that could not be asked",
        }],
        What::Aws(call) => written(call).into_iter().collect(),
        What::Kubernetes(call) => said(call),
        What::Edited { act, state: Some(state), object }
            if act == "delete" && object.resource == "databaserestores" =>
        {
            let waits = state.pointer("/metadata/deletionTimestamp").is_some();
            waits.then_some("verifications deleted midway").into_iter().collect()
        }
        _ => Vec::new(),
    }
}

fn written(call: &AwsCall) -> Option<&'static str> {
    let Call::Rds(what) = &call.call else { return None };
    // What has never reached RDS was not refused by it.
    let refused = call.result.is_err() && call.fault.is_none();
    match what {
        RdsCall::Restore { .. } if refused => Some("restores refused by RDS"),
        RdsCall::DeleteInstance { .. } if refused => Some("deletions of instances refused by RDS"),
        _ if call.result.is_err() => None,
        RdsCall::Restore { from: RestoreFrom::Snapshot { .. }, .. } => Some("snapshots restored"),
        RdsCall::Restore { from: RestoreFrom::PointInTime { .. }, .. } => Some("points in time restored"),
        RdsCall::SetMasterPassword { .. } => Some("passwords set"),
        RdsCall::AddTags { .. } => Some("snapshots tagged as verified"),
        RdsCall::DeleteInstance { .. } => {
            let found = call.scratch.as_ref().and_then(|scratch| scratch.before.as_ref())?;
            let run = found.tags.get("ops.clocked.app/run")?;
            let uid =
                |state: &serde_json::Value| state.pointer("/metadata/uid").and_then(|uid| uid.as_str()) == Some(run);
            match call.intent.iter().any(|(_, state)| uid(state)) {
                true => Some("instances deleted by their run"),
                false => Some("instances deleted whose run is gone"),
            }
        }
        _ => None,
    }
}

fn said(call: &KubernetesCall) -> Vec<&'static str> {
    let Some(state) = call.state.as_deref().filter(|_| call.changed) else { return Vec::new() };
    let scheduled = state.pointer("/metadata/labels/ops.clocked.app~1policy").is_some();
    match (&*call.object.resource, call.method.as_str()) {
        ("databaserestores", "POST") if scheduled => vec!["verifications begun by schedule"],
        ("databaserestores", _) => {
            let Some(restore) = Restore::read(&call.object, state) else { return Vec::new() };
            let late = restore.verdict().and_then(|verdict| verdict.message.as_deref());
            let late = late.is_some_and(|message| message.contains("was not restored and asked within"));
            let mut found = Vec::from_iter(late.then_some("verifications whose time was over"));
            let conditions = Conditions(state);
            found.extend(match conditions.reason("Synced") {
                "VerificationsLimited" => Some("verifications that wait for others"),
                "InstanceQuotaExceeded" => Some("verifications that wait for a quota of instances"),
                "SnapshotNotFound" => Some("verifications of what is not there"),
                "DatabaseLost" => Some("verifications whose instance somebody has deleted"),
                "TagsChanged" => Some("verifications whose instance has lost its tags"),
                "ChecksFailed" => Some("backups found bad"),
                "NotVerified" => Some("backups of which nothing is known"),
                _ if restore.ended("Complete") => Some("backups found good"),
                _ => None,
            });
            found
        }
        ("backuppolicies", _) => {
            let policy = Backup::read(&call.object, state);
            let status = policy.and_then(|policy| policy.object.status);
            let missed = |status: &runbook_api::BackupPolicyStatus| {
                status.verifications.iter().any(|slot| slot.state == VerificationState::Missed)
            };
            Vec::from_iter(status.is_some_and(|status| missed(&status)).then_some("verifications missed"))
        }
        _ => Vec::new(),
    }
}
