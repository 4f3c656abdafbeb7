//! kstatus, as Flux, `kubectl wait` and Argo CD's health checks read a status (sigs.k8s.io/cli-utils `pkg/kstatus/status`:
//! `checkGenericProperties`, then `checkReadyCondition`).

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use runbook_api::common::condition::{READY, RECONCILING, STALLED};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Current,
    InProgress,
    Failed,
}

/// What kstatus says of an object that is not being deleted.
pub fn compute(generation: i64, observed_generation: Option<i64>, conditions: &[Condition]) -> Status {
    let is = |type_: &str, status: &str| conditions.iter().any(|one| one.type_ == type_ && one.status == status);
    if observed_generation.is_some_and(|observed| observed != generation) || is(RECONCILING, "True") {
        Status::InProgress
    } else if is(STALLED, "True") {
        Status::Failed
    } else if is(READY, "False") || is(READY, "Unknown") {
        Status::InProgress
    } else {
        Status::Current
    }
}
