//! Health, readiness and metrics over HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use kube::ResourceExt;
use runbook_api::BackupPolicy;
use runbook_api::scheduled_verification::VerificationState;
use runbook_core::report::State as ObjectState;
use tokio::net::TcpListener;
use tracing::info;

use crate::errors::OperatorError;
use crate::leader::Leadership;
use crate::metrics::exports::ExportAge;
use crate::metrics::{BackupAge, Metrics};
use crate::runner::kind::{Kind, Reported};
use crate::stores::{Reflected, Stores};

/// What is asked about the operator.
pub struct Health {
    /// Whether everything was listed once. A standby is ready too: it could lead at once.
    pub synced: AtomicBool,
    /// Whether this process leads.
    pub leadership: Arc<Leadership>,
    /// What is counted by state.
    pub stores: Arc<Stores>,
    /// What is measured.
    pub metrics: Metrics,
}

/// Opens the port. Port 0 chooses a free one, which is logged.
///
/// # Errors
/// When the address cannot be had.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, OperatorError> {
    let failed = |source| OperatorError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    info!(%address, "serving /healthz, /readyz and /metrics");
    Ok(listener)
}

/// Serves for ever.
pub async fn serve(listener: TcpListener, health: Arc<Health>) -> std::io::Result<()> {
    axum::serve(listener, router(health)).await
}

fn router(health: Arc<Health>) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(health)
}

async fn ready(State(health): State<Arc<Health>>) -> Response {
    if !health.synced.load(Ordering::Acquire) {
        return (StatusCode::SERVICE_UNAVAILABLE, "objects are being listed\n").into_response();
    }
    (if health.leadership.is_leader() { "leader\n" } else { "standby\n" }).into_response()
}

async fn metrics(State(health): State<Arc<Health>>) -> Response {
    health.metrics.leader(health.leadership.is_leader());
    count(&health.metrics, &health.stores.accounts);
    count(&health.metrics, &health.stores.policies);
    count(&health.metrics, &health.stores.backups);
    count(&health.metrics, &health.stores.database_backups);
    count(&health.metrics, &health.stores.database_restores);
    health.metrics.backups(ages(&health.stores.backups));
    match health.metrics.encode() {
        Ok(text) => ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text)
            .into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Counts the objects of a kind by state, when asked.
fn count<K: Kind>(metrics: &Metrics, reflected: &Reflected<K>) {
    let states: Vec<ObjectState> = reflected
        .store()
        .state()
        .iter()
        .map(|object| object.status().map_or(ObjectState::New, |status| ObjectState::of(status.conditions())))
        .collect();
    let counts = ObjectState::ALL.into_iter().map(|state| {
        let malformed = if state == ObjectState::Malformed { reflected.malformed_count() } else { 0 };
        (state.as_str(), malformed + states.iter().filter(|found| **found == state).count())
    });
    metrics.objects(K::KIND, counts);
}

/// How old the backups of each policy are that somebody wants to be told of: not of those that are suspended.
fn ages(reflected: &Reflected<BackupPolicy>) -> Vec<BackupAge> {
    let policies = reflected.store().state_filter(|policy| !policy.spec.suspend);
    let age = |policy: &Arc<BackupPolicy>| {
        let status = policy.status.clone().unwrap_or_default();
        let exports = ExportAge::of(policy.spec.exports.iter().map(|export| &export.name), &status);
        BackupAge {
            exports,
            namespace: policy.namespace().unwrap_or_default(),
            name: policy.name_any(),
            newest: policy.spec.snapshots.is_some().then(|| status.last_backup.map_or(0, |one| one.time.0.as_second())),
            restorable: status.latest_restorable_time.map(|time| time.0.as_second()),
            snapshots: status.retention.map_or(0, |retention| retention.snapshots.into()),
            slots: status.slots.iter().map(|slot| slot.state).collect(),
            verified: policy
                .spec
                .verification
                .is_some()
                .then(|| status.last_verified.as_ref().map_or(0, |verified| verified.time.0.as_second())),
            verification: status.verifications.iter().map(|slot| slot.state).find(|state| {
                matches!(state, VerificationState::Passed | VerificationState::Failed | VerificationState::Unknown)
            }),
            left_instances: policy
                .spec
                .verification
                .is_some()
                .then(|| i64::try_from(status.left_instances.len()).unwrap_or(i64::MAX)),
            time_to_restore: status.last_verified.and_then(|verified| verified.time_to_restore?.seconds().ok()),
        }
    };
    policies.iter().map(age).collect()
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use tower::ServiceExt;

    use super::*;

    async fn ask(health: &Arc<Health>, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router(health.clone()).oneshot(request).await.unwrap();
        let status = response.status();
        (status, String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.unwrap().into()).unwrap())
    }

    #[tokio::test]
    async fn a_standby_is_ready_when_everything_is_listed() {
        let (accounts, _account_writer) = Reflected::new();
        let (policies, _policy_writer) = Reflected::new();
        let (overrides, _override_writer) = Reflected::new();
        let (backups, _backup_writer) = Reflected::new();
        let (database_backups, database_restores) = (Reflected::new().0, Reflected::new().0);
        let health = Arc::new(Health {
            synced: AtomicBool::new(false),
            leadership: Arc::default(),
            stores: Arc::new(Stores { accounts, policies, overrides, backups, database_backups, database_restores }),
            metrics: Metrics::new(),
        });
        assert_eq!(ask(&health, "/healthz").await.0, StatusCode::OK);
        assert_eq!(ask(&health, "/readyz").await.0, StatusCode::SERVICE_UNAVAILABLE);
        health.synced.store(true, Ordering::Release);
        assert_eq!(ask(&health, "/readyz").await, (StatusCode::OK, "standby\n".into()));
        let (status, text) = ask(&health, "/metrics").await;
        assert_eq!(status, StatusCode::OK);
        assert!(text.contains(r#"runbook_objects{kind="ScalingPolicy",state="InSync"} 0"#), "{text}");
        assert!(text.contains("runbook_leader 0"), "{text}");
    }
}
