//! What is measured about the operator itself.

pub mod exports;

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use runbook_api::backup_policy::SlotState;
use runbook_api::scheduled_verification::VerificationState;
use runbook_aws::AwsMetrics;
use runbook_core::events::Kind;

/// The metrics, and the registry that they are served from. Clones share their values.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    /// What is measured about calls to AWS.
    pub aws: AwsMetrics,
    reconciles: Family<ReconcileLabels, Counter>,
    durations: Family<KindLabels, Histogram>,
    steps: Family<StepLabels, Counter>,
    drift_found: Family<KindLabels, Counter>,
    drift_corrected: Family<KindLabels, Counter>,
    status_writes: Family<WriteLabels, Counter>,
    watch_errors: Family<KindLabels, Counter>,
    objects: Family<StateLabels, Gauge>,
    leader: Gauge,
    aws_events: Family<EventLabels, Counter>,
    aws_event_age: Family<KindLabels, Histogram>,
    event_queues: Family<QueueLabels, Gauge>,
    backup_newest: Family<ObjectLabels, Gauge>,
    backup_restorable: Family<ObjectLabels, Gauge>,
    backup_snapshots: Family<ObjectLabels, Gauge>,
    backup_slots: Family<SlotLabels, Gauge>,
    backup_verified: Family<ObjectLabels, Gauge>,
    backup_verification: Family<SlotLabels, Gauge>,
    backup_time_to_restore: Family<ObjectLabels, Gauge>,
    backup_left_instances: Family<ObjectLabels, Gauge>,
    exports: exports::Exports,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ObjectLabels {
    // Prometheus itself puts the operator's namespace into `namespace`.
    policy_namespace: String,
    policy: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SlotLabels {
    policy_namespace: String,
    policy: String,
    state: String,
}

/// What is told of one BackupPolicy.
pub struct BackupAge {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// When its newest snapshot was taken, in seconds since 1970; 0 where there is none. Of one with a schedule only.
    pub newest: Option<i64>,
    /// LatestRestorableTime, where there are automated backups.
    pub restorable: Option<i64>,
    /// How many snapshots there are.
    pub snapshots: i64,
    /// The state of each slot that is remembered.
    pub slots: Vec<SlotState>,
    /// When the newest backup that was found good was taken, in seconds since 1970; 0 where there is none. Of one with verifications only.
    pub verified: Option<i64>,
    /// The state of the last verification that has ended.
    pub verification: Option<VerificationState>,
    /// DB instances of verifications that are left behind in its namespace. Of one with verifications only.
    pub left_instances: Option<i64>,
    /// How many seconds RDS took to restore the newest backup that was found good.
    pub time_to_restore: Option<i64>,
    /// What is told of its exports.
    pub exports: Vec<exports::ExportAge>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EventLabels {
    kind: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QueueLabels {
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabels {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReconcileLabels {
    kind: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StepLabels {
    kind: &'static str,
    step: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WriteLabels {
    kind: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    kind: &'static str,
    state: &'static str,
}

impl ObjectLabels {
    fn with(&self, state: impl Debug) -> SlotLabels {
        let Self { policy_namespace, policy } = self.clone();
        SlotLabels { policy_namespace, policy, state: format!("{state:?}") }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Metrics that count from zero.
    pub fn new() -> Self {
        let metrics = Self {
            registry: Arc::default(),
            aws: AwsMetrics::default(),
            reconciles: Family::default(),
            // 1 ms to 4 min: from an answer out of the cache to a wait for the budget.
            durations: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.001, 4.0, 10))),
            steps: Family::default(),
            drift_found: Family::default(),
            drift_corrected: Family::default(),
            status_writes: Family::default(),
            watch_errors: Family::default(),
            objects: Family::default(),
            leader: Gauge::default(),
            aws_events: Family::default(),
            // 1 s to 34 min: from a deployment's end to what CloudTrail told late.
            aws_event_age: Family::new_with_constructor(|| Histogram::new(exponential_buckets(1.0, 2.0, 12))),
            event_queues: Family::default(),
            backup_newest: Family::default(),
            backup_restorable: Family::default(),
            backup_snapshots: Family::default(),
            backup_slots: Family::default(),
            backup_verified: Family::default(),
            backup_verification: Family::default(),
            backup_time_to_restore: Family::default(),
            backup_left_instances: Family::default(),
            exports: exports::Exports::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&self) {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("runbook_build", "The version that runs", build);
        registry.register("runbook_reconciles", "Reconciles, by what came of them", self.reconciles.clone());
        registry.register_with_unit(
            "runbook_reconcile_duration",
            "How long reconciles took",
            Unit::Seconds,
            self.durations.clone(),
        );
        registry.register("runbook_steps", "Writes to AWS, by what came of them", self.steps.clone());
        registry.register(
            "runbook_drift_found",
            "Times that AWS was found to differ from a spec it had followed",
            self.drift_found.clone(),
        );
        registry.register(
            "runbook_drift_corrected",
            "Times that such a difference was corrected",
            self.drift_corrected.clone(),
        );
        registry.register(
            "runbook_status_writes",
            "Writes of a status, by what came of them",
            self.status_writes.clone(),
        );
        registry.register(
            "runbook_watch_errors",
            "Watches of the API server that failed and were begun again",
            self.watch_errors.clone(),
        );
        registry.register("runbook_objects", "Objects, by state", self.objects.clone());
        registry.register("runbook_leader", "1 when this process leads", self.leader.clone());
        registry.register(
            "runbook_aws_events",
            "Events of AWS that were received, by what came of them",
            self.aws_events.clone(),
        );
        registry.register_with_unit(
            "runbook_aws_event_age",
            "How long ago what events told of had happened when they were received",
            Unit::Seconds,
            self.aws_event_age.clone(),
        );
        registry.register(
            "runbook_event_queues",
            "Queues of events that this process listens to, by how they do",
            self.event_queues.clone(),
        );
        registry.register_with_unit(
            "runbook_backup_newest_timestamp",
            "When the newest available snapshot of a BackupPolicy with a schedule was taken; 0 where there is none",
            Unit::Seconds,
            self.backup_newest.clone(),
        );
        registry.register_with_unit(
            "runbook_backup_restorable_timestamp",
            "The latest time to which a BackupPolicy's database can be restored from automated backups",
            Unit::Seconds,
            self.backup_restorable.clone(),
        );
        registry.register("runbook_backup_snapshots", "Snapshots of a BackupPolicy", self.backup_snapshots.clone());
        registry.register(
            "runbook_backup_slots",
            "The last slots of a BackupPolicy's schedule, by what came of them",
            self.backup_slots.clone(),
        );
        registry.register_with_unit(
            "runbook_backup_verified_timestamp",
            "When the newest snapshot was taken that a restore has shown to be good, of a BackupPolicy with verifications; 0 where there is none",
            Unit::Seconds,
            self.backup_verified.clone(),
        );
        registry.register(
            "runbook_backup_verification",
            "1 for the state in which the last verification of a BackupPolicy has ended",
            self.backup_verification.clone(),
        );
        registry.register_with_unit(
            "runbook_backup_time_to_restore",
            "How long RDS took to restore the newest snapshot that was found good",
            Unit::Seconds,
            self.backup_time_to_restore.clone(),
        );
        registry.register(
            "runbook_backup_left_instances",
            "DB instances of verifications whose DatabaseRestore is gone, as a BackupPolicy with verifications finds them in its namespace",
            self.backup_left_instances.clone(),
        );
        self.exports.register(&mut registry);
        self.aws.register(&mut registry);
        drop(registry);
        for kind in Kind::ALL {
            let _ = self.aws_events.get_or_create(&EventLabels { kind: kind.as_str(), outcome: "Outdated" });
            let _ = self.aws_event_age.get_or_create(&KindLabels { kind: kind.as_str() });
        }
        self.event_queues(0, 0);
    }

    /// Counts an event, and how old it was.
    pub fn aws_event(&self, kind: Kind, outcome: &'static str, age: Option<Duration>) {
        self.aws_events.get_or_create(&EventLabels { kind: kind.as_str(), outcome }).inc();
        if let Some(age) = age {
            self.aws_event_age.get_or_create(&KindLabels { kind: kind.as_str() }).observe(age.as_secs_f64());
        }
    }

    /// Sets how many queues are listened to, and how many of them fail.
    pub fn event_queues(&self, all: usize, failing: usize) {
        for (state, count) in [("Receiving", all.saturating_sub(failing)), ("Failing", failing)] {
            self.event_queues.get_or_create(&QueueLabels { state }).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// Begins to count a kind. What is counted is told from the start as zero: Prometheus sees no increase in what appears as one.
    pub fn begin(&self, kind: &'static str) {
        let _ = self.reconciles.get_or_create(&ReconcileLabels { kind, outcome: "Panicked" });
        let _ = self.drift_found.get_or_create(&KindLabels { kind });
        let _ = self.drift_corrected.get_or_create(&KindLabels { kind });
        let _ = self.status_writes.get_or_create(&WriteLabels { kind, outcome: "Failed" });
        let _ = self.watch_errors.get_or_create(&KindLabels { kind });
    }

    /// Counts a reconcile.
    pub fn reconciled(&self, kind: &'static str, outcome: &'static str, took: Duration) {
        self.reconciles.get_or_create(&ReconcileLabels { kind, outcome }).inc();
        self.durations.get_or_create(&KindLabels { kind }).observe(took.as_secs_f64());
    }

    /// Counts a step, made or tried.
    pub fn step(&self, kind: &'static str, step: &'static str, outcome: &'static str) {
        self.steps.get_or_create(&StepLabels { kind, step, outcome }).inc();
    }

    /// Counts a difference that somebody made.
    pub fn drift_found(&self, kind: &'static str) {
        self.drift_found.get_or_create(&KindLabels { kind }).inc();
    }

    /// Counts a difference that was corrected.
    pub fn drift_corrected(&self, kind: &'static str) {
        self.drift_corrected.get_or_create(&KindLabels { kind }).inc();
    }

    /// Counts a write of a status.
    pub fn status_written(&self, kind: &'static str, outcome: &'static str) {
        self.status_writes.get_or_create(&WriteLabels { kind, outcome }).inc();
    }

    /// Counts a watch that failed.
    pub fn watch_failed(&self, kind: &'static str) {
        self.watch_errors.get_or_create(&KindLabels { kind }).inc();
    }

    /// Sets how many objects of a kind are in each state.
    pub fn objects(&self, kind: &'static str, states: impl IntoIterator<Item = (&'static str, usize)>) {
        for (state, count) in states {
            self.objects.get_or_create(&StateLabels { kind, state }).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// Sets what is told of all BackupPolicies. What is told of those that are gone goes.
    pub fn backups(&self, ages: impl IntoIterator<Item = BackupAge>) {
        self.backup_newest.clear();
        self.backup_restorable.clear();
        self.backup_snapshots.clear();
        self.backup_slots.clear();
        self.backup_verified.clear();
        self.backup_verification.clear();
        self.backup_time_to_restore.clear();
        self.backup_left_instances.clear();
        self.exports.clear();
        for age in ages {
            self.exports.set(&age.namespace, &age.name, age.exports);
            let labels = ObjectLabels { policy_namespace: age.namespace, policy: age.name };
            self.backup_snapshots.get_or_create(&labels).set(age.snapshots);
            for (family, value) in [
                (&self.backup_newest, age.newest),
                (&self.backup_restorable, age.restorable),
                (&self.backup_verified, age.verified),
                (&self.backup_time_to_restore, age.time_to_restore),
                (&self.backup_left_instances, age.left_instances),
            ] {
                if let Some(value) = value {
                    family.get_or_create(&labels).set(value);
                }
            }
            for state in age.slots {
                self.backup_slots.get_or_create(&labels.with(state)).inc();
            }
            if let Some(state) = age.verification {
                self.backup_verification.get_or_create(&labels.with(state)).set(1);
            }
        }
    }

    /// Sets whether this process leads.
    pub fn leader(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    /// All metrics in OpenMetrics' text format.
    ///
    /// # Errors
    /// When a metric cannot be written as text.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        text::encode(&mut text, &registry)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_that_dashboards_use() {
        let metrics = Metrics::new();
        metrics.reconciled("ScalingPolicy", "InSync", Duration::from_millis(3));
        metrics.step("ScalingPolicy", "SetDesiredCount", "Succeeded");
        metrics.drift_found("ScalingPolicy");
        metrics.drift_corrected("ScalingPolicy");
        metrics.begin("AwsAccount");
        metrics.objects("ScalingPolicy", [("InSync", 3)]);
        metrics.leader(true);
        metrics.aws_event(Kind::ApiCall, "OwnWrite", Some(Duration::from_secs(3)));
        metrics.event_queues(3, 1);
        let text = metrics.encode().unwrap();
        for line in [
            r#"runbook_build_info{version=""#,
            r#"runbook_reconciles_total{kind="ScalingPolicy",outcome="InSync"} 1"#,
            r#"runbook_reconcile_duration_seconds_count{kind="ScalingPolicy"} 1"#,
            r#"runbook_steps_total{kind="ScalingPolicy",step="SetDesiredCount",outcome="Succeeded"} 1"#,
            r#"runbook_drift_found_total{kind="ScalingPolicy"} 1"#,
            r#"runbook_drift_corrected_total{kind="ScalingPolicy"} 1"#,
            r#"runbook_drift_corrected_total{kind="AwsAccount"} 0"#,
            r#"runbook_objects{kind="ScalingPolicy",state="InSync"} 3"#,
            "runbook_leader 1",
            r#"runbook_aws_events_total{kind="ApiCall",outcome="OwnWrite"} 1"#,
            r#"runbook_aws_event_age_seconds_count{kind="ApiCall"} 1"#,
            r#"runbook_event_queues{state="Failing"} 1"#,
        ] {
            assert!(text.contains(line), "no {line} in:\n{text}");
        }
    }
}
