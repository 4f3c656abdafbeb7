//! What is measured about calls to AWS.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use runbook_core::CloudError;

use crate::call::Api;

/// The metrics of this room. Clones share their values.
#[derive(Clone, Debug)]
pub struct AwsMetrics {
    calls: Family<CallLabels, Counter>,
    durations: Family<OperationLabels, Histogram>,
    budget_waits: Family<BudgetLabels, Histogram>,
    batch_sizes: Family<BatchLabels, Histogram>,
    entries: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    service: &'static str,
    operation: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabels {
    service: &'static str,
    operation: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BudgetLabels {
    service: &'static str,
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BatchLabels {
    operation: &'static str,
}

impl Default for AwsMetrics {
    fn default() -> Self {
        Self {
            calls: Family::default(),
            // 10 ms to 20 s: from the fastest answer to past every timeout.
            durations: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.01, 2.0, 12))),
            // 10 ms to 45 min: a budget of one write a second makes thousands wait that long.
            budget_waits: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.01, 4.0, 10))),
            batch_sizes: Family::new_with_constructor(|| Histogram::new([1.0, 2.0, 5.0, 10.0, 25.0, 50.0])),
            entries: Gauge::default(),
        }
    }
}

impl AwsMetrics {
    /// Registers every metric, without a prefix of the registry: each name begins with `runbook_`.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("runbook_aws_calls", "Calls to AWS, by what came of them", self.calls.clone());
        registry.register_with_unit(
            "runbook_aws_call_duration",
            "How long calls to AWS took",
            Unit::Seconds,
            self.durations.clone(),
        );
        registry.register_with_unit(
            "runbook_budget_wait",
            "How long calls waited for the request budget",
            Unit::Seconds,
            self.budget_waits.clone(),
        );
        registry.register("runbook_aws_batch_size", "Questions answered by one call", self.batch_sizes.clone());
        registry.register(
            "runbook_plane_entries",
            "Questions that the observation plane remembers",
            self.entries.clone(),
        );
    }

    pub(crate) fn called(&self, api: Api, operation: &'static str, took: Duration, error: Option<&CloudError>) {
        let service = api.as_str();
        let outcome = error.map_or("Ok", |error| error.class.as_str());
        self.calls.get_or_create(&CallLabels { service, operation, outcome }).inc();
        self.durations.get_or_create(&OperationLabels { service, operation }).observe(took.as_secs_f64());
    }

    pub(crate) fn waited(&self, api: Api, write: bool, waited: Duration) {
        let labels = BudgetLabels { service: api.as_str(), kind: if write { "write" } else { "read" } };
        self.budget_waits.get_or_create(&labels).observe(waited.as_secs_f64());
    }

    pub(crate) fn batch(&self, operation: &'static str, size: usize) {
        let size = u32::try_from(size).map_or(f64::INFINITY, f64::from);
        self.batch_sizes.get_or_create(&BatchLabels { operation }).observe(size);
    }

    pub(crate) fn entries(&self, entries: usize) {
        self.entries.set(i64::try_from(entries).unwrap_or(i64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runbook_core::ErrorClass;

    #[test]
    #[allow(clippy::unwrap_used)]
    fn the_names_are_those_that_dashboards_use() {
        let (metrics, mut registry) = (AwsMetrics::default(), Registry::default());
        metrics.register(&mut registry);
        let error = CloudError {
            class: ErrorClass::Throttled,
            operation: "GetCallerIdentity",
            resource: String::new(),
            code: "Throttling".into(),
            message: String::new(),
            request_id: None,
        };
        metrics.called(Api::Sts, "GetCallerIdentity", Duration::from_millis(20), Some(&error));
        metrics.called(Api::Sts, "GetCallerIdentity", Duration::from_millis(20), None);
        metrics.waited(Api::Ecs, true, Duration::from_secs(1));
        metrics.batch("DescribeServices", 10);
        metrics.entries(3);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            r#"runbook_aws_calls_total{service="sts",operation="GetCallerIdentity",outcome="Throttled"} 1"#,
            r#"runbook_aws_calls_total{service="sts",operation="GetCallerIdentity",outcome="Ok"} 1"#,
            r#"runbook_aws_call_duration_seconds_count{service="sts",operation="GetCallerIdentity"} 2"#,
            r#"runbook_budget_wait_seconds_sum{service="ecs",kind="write"} 1.0"#,
            r#"runbook_aws_batch_size_sum{operation="DescribeServices"} 10.0"#,
            "runbook_plane_entries 3",
        ] {
            assert!(text.contains(line), "no {line} in:\n{text}");
        }
    }
}
