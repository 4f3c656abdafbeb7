//! The objects that people write.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use runbook_core::DatabaseKind;
use serde_json::{Value, json};

use super::run::EPOCH;
use super::{CLUSTER, NAMESPACE, REGION};
use crate::cloud::postgres::{SESSIONS, USERS};

/// An AwsAccount that grants the namespace `clocked` everything on all services and databases.
pub fn account(name: &str, account_id: &str) -> Value {
    json!({
        "apiVersion": "ops.clocked.app/v1alpha1", "kind": "AwsAccount",
        "metadata": {"name": name},
        "spec": {
            "accountId": account_id, "regions": [REGION], "mode": "Enforce",
            "grants": [
                {
                    "namespaces": [NAMESPACE], "verbs": ["observe", "scale"],
                    "resources": ["arn:aws:ecs:*:*:service/*/*", "arn:aws:rds:*:*:cluster:*"]
                },
                {
                    "namespaces": [NAMESPACE], "verbs": ["observe", "snapshot", "deleteSnapshot"],
                    "resources": ["arn:aws:rds:*:*:db:*", "arn:aws:rds:*:*:cluster:*"]
                },
                {"namespaces": [NAMESPACE], "verbs": ["observe", "restore"], "resources": ["arn:aws:rds:*:*:db:*"]}
            ]
        }
    })
}

/// A ScalingPolicy for a service of the cluster, without a size.
pub fn policy(namespace: &str, name: &str, service: &str) -> Value {
    json!({
        "apiVersion": "ops.clocked.app/v1alpha1", "kind": "ScalingPolicy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "accountRef": {"name": "default"},
            "target": {"ecsService": {"cluster": CLUSTER, "service": service}},
            "mode": "Enforce", "suspend": false, "allowZero": false,
            // What a colleague does by hand is put back, unless a scenario says otherwise.
            "drift": {"scaleOut": "Correct"}
        }
    })
}

/// A policy with a fixed size.
pub fn fixed(name: &str, service: &str, replicas: i32) -> Value {
    with(policy(NAMESPACE, name, service), "/spec/replicas", json!(replicas))
}

/// A policy with a band and target tracking entries.
pub fn band(name: &str, service: &str, (min, max): (i32, i32), tracking: &[Value]) -> Value {
    let autoscaling = json!({"minCapacity": min, "maxCapacity": max, "targetTracking": tracking});
    with(policy(NAMESPACE, name, service), "/spec/autoscaling", autoscaling)
}

/// The policy for the Aurora Replicas of a cluster that a policy for a service would be: what says nothing of them is left out.
pub fn of_aurora(object: Value, cluster: &str) -> Value {
    let object = with(object, "/spec/target", json!({"auroraReplicas": {"cluster": cluster}}));
    let mut object = with(object, "/spec/drift", Value::Null);
    let entries = object.pointer_mut("/spec/autoscaling/targetTracking").and_then(Value::as_array_mut);
    for entry in entries.into_iter().flatten() {
        match entry["predefinedMetric"].as_str() {
            Some("ECSServiceAverageCPUUtilization") => {
                entry["predefinedMetric"] = json!("RDSReaderAverageCPUUtilization")
            }
            Some(_) => entry["predefinedMetric"] = json!("RDSReaderAverageDatabaseConnections"),
            None => {}
        }
    }
    object
}

/// A target tracking entry: `cpu` and `memory` by their own metrics, any other name by a metric of that name.
pub fn tracking(name: &str, target: i64) -> Value {
    let predefined = match name {
        "cpu" => Some("ECSServiceAverageCPUUtilization"),
        "memory" => Some("ECSServiceAverageMemoryUtilization"),
        _ => None,
    };
    match predefined {
        Some(metric) => json!({
            "name": name, "predefinedMetric": metric, "targetValue": target,
            "scaleOutCooldown": "60s", "disableScaleIn": false
        }),
        None => json!({
            "name": name, "targetValue": target, "disableScaleIn": true,
            "customizedMetric": {"namespace": "Clocked", "metricName": name, "statistic": "Average"}
        }),
    }
}

/// A step scaling entry.
pub fn steps(name: &str, by: i32) -> Value {
    json!({
        "name": name, "adjustmentType": "ChangeInCapacity", "cooldown": "1m",
        "stepAdjustments": [{"metricIntervalLowerBound": 0, "scalingAdjustment": by}],
    })
}

/// A window, every day from one minute after eight to another, in UTC.
pub fn window(name: &str, (start, end): (i32, i32), (min, max): (i32, i32)) -> Value {
    json!({
        "name": name, "start": format!("cron({start} 8 * * ? *)"), "end": format!("cron({end} 8 * * ? *)"),
        "minCapacity": min, "maxCapacity": max,
    })
}

/// A ScalingOverride of a policy that ends so long after the beginning of the run; `size` says `atLeast`, `exactly` or `range`.
pub fn scaling_override(name: &str, policy: &str, size: &Value, ends: Duration) -> Value {
    let mut object = json!({
        "apiVersion": "ops.clocked.app/v1alpha1", "kind": "ScalingOverride",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"policyRef": {"name": policy}, "expiresAt": after_the_beginning(ends), "reason": "the sale begins at noon"}
    });
    for (field, value) in size.as_object().into_iter().flatten() {
        set(&mut object, &format!("/spec/{field}"), value.clone());
    }
    object
}

/// A time so long after the beginning of the run, as Kubernetes writes it.
pub fn after_the_beginning(time: Duration) -> Value {
    let begin = Timestamp::from_second(EPOCH).unwrap_or_default();
    json!(begin.checked_add(Duration::from_secs(time.as_secs())).unwrap_or(begin).to_string())
}

/// A policy that adopts scale-outs by hand for so many seconds, up to a size.
pub fn adopting(object: Value, seconds: u64, ceiling: i32) -> Value {
    let object = with(object, "/spec/drift", json!({"scaleOut": "Adopt", "adoptFor": format!("{seconds}s")}));
    with(object, "/spec/overrideCeiling", json!(ceiling))
}

/// `object` with the value at a JSON pointer set; objects on the way are made.
pub fn with(mut object: Value, pointer: &str, value: Value) -> Value {
    set(&mut object, pointer, value);
    object
}

/// Sets the value at a JSON pointer; `null` removes it. Objects on the way are made.
pub fn set(object: &mut Value, pointer: &str, value: Value) {
    let mut place = object;
    let mut parts =
        pointer.trim_start_matches('/').split('/').map(|part| part.replace("~1", "/").replace("~0", "~")).peekable();
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        if let (Value::Array(items), Ok(index)) = (&mut *place, part.parse::<usize>()) {
            let Some(_) = items.get(index) else { return };
            if last {
                items[index] = value;
                return;
            }
            place = match place {
                Value::Array(items) => &mut items[index],
                _ => return,
            };
            continue;
        }
        if !place.is_object() {
            *place = json!({});
        }
        let Some(fields) = place.as_object_mut() else { return };
        if last {
            if value.is_null() {
                fields.remove(&part);
            } else {
                fields.insert(part, value);
            }
            return;
        }
        place = fields.entry(part).or_insert_with(|| json!({}));
    }
}

/// A BackupPolicy for a database that snapshots it by a schedule; see [`with`] for the rest.
pub fn backup(name: &str, (kind, identifier): &(DatabaseKind, String), schedule: &str) -> Value {
    let source = match kind {
        DatabaseKind::Instance => json!({"rdsInstance": identifier}),
        DatabaseKind::Cluster => json!({"rdsCluster": identifier}),
    };
    json!({
        "apiVersion": "ops.clocked.app/v1alpha1", "kind": "BackupPolicy",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "accountRef": {"name": "default"}, "source": source, "mode": "Enforce", "suspend": false,
            "snapshots": {"schedule": schedule, "startingDeadline": "5m"},
        }
    })
}

/// What is asked of a restored database: it fails where the data is not as expected.
pub fn checks() -> Value {
    json!([
        {"name": "users", "sql": USERS, "expect": "value > 0"},
        {"name": "sessions", "sql": SESSIONS, "expect": "rows == 1 && value > 0"},
    ])
}

/// A DatabaseRestore with outcome Verify of what `source` says; see [`with`] for the rest.
pub fn verification(name: &str, source: Value) -> Value {
    json!({
        "apiVersion": "ops.clocked.app/v1alpha1", "kind": "DatabaseRestore",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "accountRef": {"name": "default"}, "source": source, "target": {}, "outcome": "Verify",
            "verification": {"checks": checks(), "checksTimeout": "30s", "timeout": "10m"},
        }
    })
}

/// What a BackupPolicy says of verifications by a schedule; see [`with`] for the rest.
pub fn scheduled_verification(schedule: &str) -> Value {
    json!({"schedule": schedule, "startingDeadline": "5m", "checks": checks(), "checksTimeout": "30s", "timeout": "10m"})
}

/// The tags of a snapshot that was taken for a slot of a BackupPolicy of the namespace.
pub fn backup_tags(policy: &str, arn: &str, slot: Timestamp) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("ops.clocked.app/owner".into(), format!("simulator/{NAMESPACE}/{policy}")),
        ("ops.clocked.app/resource-arn".into(), arn.into()),
        ("ops.clocked.app/slot".into(), slot.to_string()),
    ])
}
