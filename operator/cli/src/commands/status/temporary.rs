//! What holds for a while: active overrides, among them adopted scale-outs.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use runbook_api::ScalingOverride;
use runbook_api::common::condition::STALLED;
use runbook_api::scaling_override::MADE_BY;
use runbook_core::scaling::overrides::status::ACTIVE;
use serde::{Deserialize, Serialize};

use crate::cluster::Raw;

/// An override that holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Temporary {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The ScalingPolicy that it changes.
    pub policy: String,
    /// When it ends.
    pub expires_at: Timestamp,
    /// What it changes, as the operator says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<String>,
    /// Why.
    pub reason: String,
    /// `operator` where it adopts what somebody did in AWS, `cli` for `kubectl runbook scale`; none where people wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made_by: Option<String>,
}

/// What an override's conditions come to: its state as it is counted, and what a person must do about it.
pub struct State<'c> {
    /// `Active`, `Expired`, `Superseded`, `Stalled`, `New`.
    pub name: &'static str,
    /// The condition that says so.
    pub said: Option<&'c Condition>,
}

impl<'c> State<'c> {
    /// The state that conditions tell of at `now`.
    pub fn of(conditions: &'c [Condition], expires_at: Timestamp, now: Timestamp) -> Self {
        let find = |type_: &str| conditions.iter().find(|condition| condition.type_ == type_);
        let said = find(ACTIVE);
        let name = match said {
            _ if find(STALLED).is_some_and(|condition| condition.status == "True") => "Stalled",
            // The operator may not have said so yet.
            _ if expires_at <= now => "Expired",
            None => "New",
            Some(said) if said.status == "True" => "Active",
            Some(said) if said.reason == "Superseded" => "Superseded",
            Some(_) => "Expired",
        };
        Self { name, said }
    }
}

/// Those that hold at `now`, the first to end first.
pub fn holding(objects: &[Raw], now: Timestamp) -> Vec<Temporary> {
    let overrides = objects.iter().filter(|(subject, _)| subject.kind == "ScalingOverride");
    let read = overrides.filter_map(|(_, object)| ScalingOverride::deserialize(object).ok());
    let mut holding: Vec<Temporary> = read.filter_map(|object| held(&object, now)).collect();
    holding.sort_by(|one, other| {
        (one.expires_at, &one.namespace, &one.name).cmp(&(other.expires_at, &other.namespace, &other.name))
    });
    holding
}

fn held(object: &ScalingOverride, now: Timestamp) -> Option<Temporary> {
    let status = object.status.clone().unwrap_or_default();
    let expires_at = object.spec.expires_at.0;
    (State::of(&status.conditions, expires_at, now).name == "Active").then(|| Temporary {
        namespace: object.namespace().unwrap_or_default(),
        name: object.name_any(),
        policy: object.spec.policy_ref.name.clone(),
        expires_at,
        changes: status.changes,
        reason: object.spec.reason.clone(),
        made_by: object.labels().get(MADE_BY).cloned(),
    })
}
