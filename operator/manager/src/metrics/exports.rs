//! What is told of the exports of BackupPolicies.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use runbook_api::BackupPolicyStatus;
use runbook_api::scheduled_export::{ExportSlot, ExportState, ScheduledExportStatus};

/// What is told of one export of a policy.
pub struct ExportAge {
    /// Its name.
    pub name: String,
    /// Of which slot the newest is that is in S3, in seconds since 1970; where there is none, since when its slots count.
    pub newest: Option<i64>,
    /// The state of the last that has ended.
    pub last: Option<ExportState>,
}

impl ExportAge {
    /// What a status tells of the exports that are declared.
    pub fn of<'s>(names: impl Iterator<Item = &'s String>, status: &BackupPolicyStatus) -> Vec<Self> {
        let known = |name: &String| status.exports.iter().find(|one| one.name == *name);
        names
            .map(|name| Self {
                name: name.clone(),
                newest: known(name).and_then(newest),
                last: known(name).and_then(last),
            })
            .collect()
    }
}

/// A schedule that has just begun owes nothing yet: its age counts from there.
fn newest(one: &ScheduledExportStatus) -> Option<i64> {
    let made = one.last_succeeded.as_ref().map(|made| made.time.0);
    Some(made.or(one.scheduled.as_ref().map(|scheduled| scheduled.since.0))?.as_second())
}

fn last(one: &ScheduledExportStatus) -> Option<ExportState> {
    let ended =
        |slot: &&ExportSlot| matches!(slot.state, ExportState::Complete | ExportState::Failed | ExportState::Unknown);
    one.slots.iter().find(ended).map(|slot| slot.state)
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ExportLabels {
    policy_namespace: String,
    policy: String,
    export: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    policy_namespace: String,
    policy: String,
    export: String,
    state: String,
}

/// The metrics of exports.
#[derive(Clone, Default)]
pub(super) struct Exports {
    newest: Family<ExportLabels, Gauge>,
    last: Family<StateLabels, Gauge>,
}

impl Exports {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register_with_unit(
            "runbook_backup_export_timestamp",
            "Of which time the newest export is that is in S3, of a BackupPolicy with exports; since when its schedule counts where there is none",
            Unit::Seconds,
            self.newest.clone(),
        );
        registry.register(
            "runbook_backup_export",
            "1 for the state in which the last export of a BackupPolicy has ended",
            self.last.clone(),
        );
    }

    pub(super) fn clear(&self) {
        self.newest.clear();
        self.last.clear();
    }

    /// Sets what is told of the exports of one policy.
    pub(super) fn set(&self, policy_namespace: &str, policy: &str, ages: Vec<ExportAge>) {
        for ExportAge { name: export, newest, last } in ages {
            let (policy_namespace, policy) = (policy_namespace.to_owned(), policy.to_owned());
            if let Some(state) = last {
                let (policy_namespace, policy) = (policy_namespace.clone(), policy.clone());
                let labels =
                    StateLabels { policy_namespace, policy, export: export.clone(), state: format!("{state:?}") };
                self.last.get_or_create(&labels).set(1);
            }
            if let Some(newest) = newest {
                self.newest.get_or_create(&ExportLabels { policy_namespace, policy, export }).set(newest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ages(status: serde_json::Value) -> Vec<(Option<i64>, Option<ExportState>)> {
        let status = serde_json::from_value(json!({"exports": [status]})).unwrap();
        ExportAge::of(["user-data".to_owned()].iter(), &status).into_iter().map(|age| (age.newest, age.last)).collect()
    }

    #[test]
    fn a_schedule_that_has_begun_owes_nothing_yet() {
        let scheduled = json!({"schedule": "0 0 * * * UTC", "since": "1970-01-01T00:00:10Z"});
        let new = json!({"name": "user-data", "scheduled": scheduled, "slots": [{"time": "1970-01-01T00:00:20Z", "state": "Running"}]});
        assert_eq!(ages(new), [(Some(10), None)]);
        let made = json!({"name": "user-data", "scheduled": scheduled, "lastSucceeded": {"time": "1970-01-01T00:00:20Z"},
            "slots": [{"time": "1970-01-01T00:00:30Z", "state": "Waiting"}, {"time": "1970-01-01T00:00:25Z", "state": "Failed"}]});
        assert_eq!(ages(made), [(Some(20), Some(ExportState::Failed))]);
        // What is declared no longer is told no longer, and what was just declared is not known yet.
        assert_eq!(ages(json!({"name": "everything", "scheduled": scheduled})), [(None, None)]);
    }
}
