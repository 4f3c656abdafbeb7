//! Waiting until AWS follows. It changes nothing: whoever breaks it off has only stopped looking.

use std::time::Duration;

use jiff::Timestamp;
use kube::ResourceExt;
use runbook_api::common::condition::{READY, STALLED, SYNCED};
use runbook_api::{ScalingOverride, ScalingPolicy};
use runbook_core::report::State;
use tokio::time::{sleep, timeout};

use crate::cluster::Cluster;
use crate::errors::CliError;
use crate::output::{GREEN, Shown, length, line, tell};

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(1);
/// Looks in a row after which a stop is no more what was there before.
const PATIENCE: usize = 8;

/// What a look shows.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Look {
    Followed(String),
    /// It will not be followed, as things are.
    Stopped(String),
    Underway(String),
}

/// Waits until the policy follows the override, or none that was ended, for so many seconds.
///
/// # Errors
/// When it does not come about: the operator says why, or the time is over.
pub async fn until_followed(
    cluster: &Cluster,
    policy: &ScalingPolicy,
    name: Option<&str>,
    seconds: i64,
) -> Result<Shown, CliError> {
    let limit = Duration::from_secs(seconds.unsigned_abs());
    let mut last = String::from("the operator has not looked yet");
    let ended = tokio::select! {
        ended = timeout(limit, look_on(cluster, policy, name, &mut last)) => ended,
        _ = tokio::signal::ctrl_c() => return Err(CliError::Usage("broken off: nothing was taken back".into())),
    };
    match ended {
        Ok(ended) => ended.map(|said| Shown::text(line(GREEN, "followed", &format!(": {said}\n")))),
        Err(_) => Err(CliError::Usage(format!(
            "AWS does not follow after {}: {last} (nothing was taken back; kubectl runbook status says more)",
            length(seconds)
        ))),
    }
}

async fn look_on(
    cluster: &Cluster,
    policy: &ScalingPolicy,
    name: Option<&str>,
    last: &mut String,
) -> Result<String, CliError> {
    let namespace = policy.namespace().unwrap_or_default();
    let mut stopped = 0;
    loop {
        let said = match look(cluster, &namespace, &policy.name_any(), name).await {
            Ok(Look::Followed(said)) => return Ok(said),
            Ok(Look::Stopped(said)) => {
                stopped += 1;
                if stopped >= PATIENCE {
                    return Err(CliError::Usage(format!("AWS does not follow: {said} (nothing was taken back)")));
                }
                said
            }
            Ok(Look::Underway(said)) => {
                stopped = 0;
                said
            }
            // The cluster may be away for a moment.
            Err(error) => error.to_string(),
        };
        if said != *last {
            tell(&format!("waiting: {said}"));
            *last = said;
        }
        sleep(EVERY).await;
    }
}

async fn look(cluster: &Cluster, namespace: &str, policy: &str, name: Option<&str>) -> Result<Look, CliError> {
    let Some(policy) = cluster.find::<ScalingPolicy>(namespace, policy).await? else {
        return Ok(Look::Stopped("the ScalingPolicy is gone".into()));
    };
    let object = match name {
        Some(name) => match cluster.find::<ScalingOverride>(namespace, name).await? {
            Some(object) => Some(object),
            None => return Ok(Look::Stopped("the ScalingOverride is gone".into())),
        },
        None => None,
    };
    Ok(judge(&policy, object.as_ref(), Timestamp::now()))
}

fn judge(policy: &ScalingPolicy, object: Option<&ScalingOverride>, now: Timestamp) -> Look {
    let status = policy.status.clone().unwrap_or_default();
    let find = |type_: &str| status.conditions.iter().find(|condition| condition.type_ == type_);
    let said = |type_: &str| find(type_).map_or_else(String::new, |one| format!("{}: {}", one.reason, one.message));
    if let Some(object) = object
        && object.spec.expires_at.0 <= now
    {
        return Look::Stopped("the ScalingOverride has ended".into());
    }
    let seen = match object {
        // An override that holds is listed where AWS is compared with it.
        Some(object) => status.overrides.iter().any(|one| one.name == object.name_any()),
        None => status.overrides.iter().all(|one| !one.name.starts_with("scaled-")),
    };
    let fresh = status.observed_generation >= policy.metadata.generation;
    match State::of(&status.conditions) {
        State::Stalled => Look::Stopped(said(STALLED)),
        State::Held => Look::Stopped(said(READY)),
        State::InSync if seen && fresh => {
            let tasks =
                status.observed.map_or_else(String::new, |seen| format!(", desiredCount {}", seen.desired_count));
            Look::Followed(format!("ScalingPolicy {} is in sync{tasks}", policy.name_any()))
        }
        State::InSync => Look::Underway("the operator has not looked yet".into()),
        _ => Look::Underway(said(SYNCED)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn policy(overrides: &[&str], ready: (&str, &str), synced: (&str, &str), stalled: &str) -> ScalingPolicy {
        let condition = |type_: &str, status: &str, reason: &str| json!({"type": type_, "status": status, "reason": reason, "message": "why", "lastTransitionTime": "2026-01-01T00:00:00Z"});
        let overrides: Vec<Value> = overrides
            .iter()
            .map(|name| json!({"name": name, "expiresAt": "2026-03-01T13:00:00Z", "changes": "size 1 to 2"}))
            .collect();
        serde_json::from_value(json!({
            "apiVersion": "ops.clocked.app/v1alpha1", "kind": "ScalingPolicy",
            "metadata": {"name": "web", "namespace": "shop", "generation": 1},
            "spec": {"target": {"ecsService": {"cluster": "c", "service": "web"}}, "replicas": 1},
            "status": {"observedGeneration": 1, "overrides": overrides, "conditions": [
                condition("Ready", ready.0, ready.1), condition("Synced", synced.0, synced.1), condition("Stalled", stalled, "Because"),
            ]},
        }))
        .unwrap()
    }

    #[test]
    fn an_old_in_sync_is_not_taken_for_the_new_one() {
        let object: ScalingOverride = serde_json::from_value(json!({
            "apiVersion": "ops.clocked.app/v1alpha1", "kind": "ScalingOverride", "metadata": {"name": "scaled-web-1", "namespace": "shop"},
            "spec": {"policyRef": {"name": "web"}, "atLeast": 2, "expiresAt": "2026-03-01T13:00:00Z", "reason": "x"},
        }))
        .unwrap();
        let noon: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let sync = ("True", "InSync");
        let working = ("False", "Applying");
        let looks = |policy: ScalingPolicy, object: Option<&ScalingOverride>| judge(&policy, object, noon);
        assert!(matches!(looks(policy(&[], sync, sync, "False"), Some(&object)), Look::Underway(_)));
        assert!(matches!(looks(policy(&["scaled-web-1"], sync, working, "False"), Some(&object)), Look::Underway(_)));
        assert!(matches!(looks(policy(&["scaled-web-1"], sync, sync, "False"), Some(&object)), Look::Followed(_)));
        assert!(matches!(looks(policy(&["scaled-web-1"], sync, sync, "True"), Some(&object)), Look::Stopped(_)));
        let held = policy(&["scaled-web-1"], ("True", "Suspended"), ("Unknown", "Suspended"), "False");
        assert_eq!(looks(held, Some(&object)), Look::Stopped("Suspended: why".into()));
        assert!(matches!(looks(policy(&["scaled-web-1"], sync, sync, "False"), None), Look::Underway(_)));
        assert!(matches!(looks(policy(&["sale"], sync, sync, "False"), None), Look::Followed(_)));
        let after: Timestamp = "2026-03-01T13:00:00Z".parse().unwrap();
        assert!(matches!(judge(&policy(&[], sync, sync, "False"), Some(&object), after), Look::Stopped(_)));
    }
}
