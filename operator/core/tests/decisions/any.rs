//! Any spec, any state of AWS: within what the schema and AWS allow, and with a taste for edges.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;
use runbook_api::ScalingPolicySpec;
use runbook_core::facts::Answer;
use runbook_core::observed::{
    AppliedPolicy, AppliedPolicyKind, Capacity, DbCluster, EcsService, ScalableTarget, ScheduledAction, ServiceLookup,
    StepAdjustment, StepScaling, StepScalingConfiguration, Suspended, TargetTrackingConfiguration, TrackedMetric,
};
use runbook_core::{CloudError, ErrorClass, Facts};
use serde_json::{Value, json};

use crate::world;

const METRICS: [&str; 2] = ["ECSServiceAverageCPUUtilization", "ECSServiceAverageMemoryUtilization"];
const NAMES: [&str; 3] = ["cpu", "memory", "queue"];
const APPLIED: [&str; 4] = ["cpu", "memory", "queue", "steps"];

/// Sizes crowd around a few numbers, so that bands and services meet at their edges.
fn size() -> impl Strategy<Value = i32> {
    prop_oneof![4 => 0..8i32, 1 => 0..=5000i32]
}

fn band() -> impl Strategy<Value = (i32, i32)> {
    (size(), size()).prop_map(|(one, other)| (one.min(other), one.max(other)))
}

/// Expressions that fire long before, shortly before, at, shortly after and long after the time of the tests, 2026-03-01T03:00Z.
const SCHEDULES: [&str; 10] = [
    "cron(0 8 ? * MON-FRI *)",
    "cron(0 19 ? * MON-FRI *)",
    "cron(58 2 * * ? *)",
    "cron(0 3 * * ? *)",
    "cron(4 3 ? * SUN *)",
    "cron(0 0 1 1 ? 2030)",
    "at(2026-02-01T00:00:00)",
    "at(2026-03-01T02:59:00)",
    "at(2027-01-01T00:00:00)",
    "rate(1 hour)",
];
const ACTIONS: [&str; 4] = ["office-start", "office-end", "morning", "theirs"];

fn windows() -> impl Strategy<Value = Value> {
    let window = (select(&SCHEDULES[..6]), select(&SCHEDULES[..6]), band()).prop_map(|(start, end, (min, max))| {
        json!([{"name": "office", "start": start, "end": end, "timeZone": "Europe/Berlin", "minCapacity": min, "maxCapacity": max}])
    });
    prop_oneof![2 => Just(json!([])), 1 => window]
}

fn scheduled_actions() -> impl Strategy<Value = Value> {
    let half = || prop::option::of(size());
    let action = (select(&SCHEDULES[..]), half(), half(), size()).prop_map(|(schedule, min, max, least)| {
        let (min, max) = match (min, max) {
            (None, None) => (Some(least), None),
            (Some(min), Some(max)) => (Some(min.min(max)), Some(min.max(max))),
            halves => halves,
        };
        json!({"schedule": schedule, "minCapacity": min, "maxCapacity": max})
    });
    prop::collection::btree_map(select(&["morning", "evening"][..]), action, 0..3).prop_map(|actions| {
        let named = actions.into_iter().map(|(name, mut action)| {
            action["name"] = json!(name);
            action
        });
        Value::from(named.collect::<Vec<_>>())
    })
}

fn step_scaling() -> impl Strategy<Value = Value> {
    let policy = (select(&["ChangeInCapacity", "PercentChangeInCapacity"][..]), 1..9i32).prop_map(|(kind, by)| {
        json!([{"name": "steps", "adjustmentType": kind, "stepAdjustments": [
            {"metricIntervalLowerBound": 0, "metricIntervalUpperBound": "10.5", "scalingAdjustment": by},
            {"metricIntervalLowerBound": "10.5", "scalingAdjustment": by * 2},
        ]}])
    });
    prop_oneof![2 => Just(json!([])), 1 => policy]
}

fn actions() -> impl Strategy<Value = Vec<ScheduledAction>> {
    let half = || prop::option::of(size());
    let action =
        (select(&SCHEDULES[..]), half(), half(), any::<bool>()).prop_map(|(schedule, min, max, old)| ScheduledAction {
            name: String::new(),
            schedule: schedule.into(),
            time_zone: Some("Europe/Berlin".into()),
            start_time: None,
            end_time: None,
            min_capacity: min,
            max_capacity: max,
            created_at: Some(if old { "2025-01-01T00:00:00Z" } else { "2026-03-01T02:00:00Z" }.parse().unwrap()),
        });
    prop::collection::btree_map(select(&ACTIONS[..]), action, 0..4).prop_map(|actions| {
        actions.into_iter().map(|(name, action)| ScheduledAction { name: name.into(), ..action }).collect()
    })
}

/// Any spec that the schema lets through.
pub fn spec() -> impl Strategy<Value = ScalingPolicySpec> {
    let tracking =
        (select(&METRICS[..]), 1..100i64, prop::option::of(0..600i64)).prop_map(|(metric, value, cooldown)| {
            let mut entry = json!({"predefinedMetric": metric, "targetValue": value});
            if let Some(cooldown) = cooldown {
                entry["scaleOutCooldown"] = json!(format!("{cooldown}s"));
            }
            entry
        });
    let tracking = prop::collection::btree_map(select(&NAMES[..]), tracking, 0..3).prop_map(|entries| {
        let mut taken = Vec::new();
        let mut list = Vec::new();
        for (name, mut entry) in entries {
            if !taken.contains(&entry["predefinedMetric"]) {
                taken.push(entry["predefinedMetric"].clone());
                entry["name"] = json!(name);
                list.push(entry);
            }
        }
        Value::from(list)
    });
    let suspended = (any::<bool>(), any::<bool>(), prop::bool::weighted(0.2));
    let more = (step_scaling(), windows(), scheduled_actions(), any::<bool>());
    let autoscaling = (band(), suspended, tracking, more).prop_map(
        |((min, max), (r#in, out, scheduled), tracking, (steps, windows, actions, prune))| {
            json!({
                "minCapacity": min, "maxCapacity": max, "targetTracking": tracking,
                "suspended": {"dynamicScalingIn": r#in, "dynamicScalingOut": out, "scheduledScaling": scheduled},
                "stepScaling": steps, "windows": windows, "scheduledActions": actions, "prune": prune,
            })
        },
    );
    (size(), prop::option::of(autoscaling)).prop_map(|(replicas, autoscaling)| {
        let id = world::service_id();
        let mut spec = json!({
            "target": {"ecsService": {"cluster": id.cluster, "service": id.service}},
            "replicas": replicas, "allowZero": true,
        });
        if let Some(autoscaling) = autoscaling {
            spec["autoscaling"] = autoscaling;
        }
        serde_json::from_value(spec).unwrap()
    })
}

fn service() -> impl Strategy<Value = EcsService> {
    let deployments = prop_oneof![
        3 => Just(vec![world::deployment("PRIMARY", Some("COMPLETED"))]),
        1 => Just(vec![world::deployment("PRIMARY", Some("IN_PROGRESS"))]),
        1 => Just(vec![world::deployment("PRIMARY", None), world::deployment("ACTIVE", None)]),
        1 => Just(Vec::new()),
    ];
    let often =
        |usual: &'static str, others: &'static [&'static str]| prop_oneof![8 => Just(usual), 1 => select(others)];
    let status = often("ACTIVE", &["DRAINING", "INACTIVE"]);
    let scheduling = often("REPLICA", &["DAEMON"]);
    let controller = often("ECS", &["CODE_DEPLOY", "EXTERNAL"]);
    let manager = often("CUSTOMER", &["ECS"]);
    (size(), size(), deployments, status, scheduling, controller, manager).prop_map(
        |(desired, running, deployments, status, scheduling, controller, manager)| EcsService {
            deployments,
            status: status.into(),
            scheduling_strategy: scheduling.into(),
            deployment_controller: controller.into(),
            resource_management_type: Some(manager.into()),
            ..world::service(desired, running)
        },
    )
}

fn target() -> impl Strategy<Value = Option<ScalableTarget>> {
    let suspended = any::<bool>().prop_map(|r#in| Suspended { dynamic_scaling_in: r#in, ..Suspended::default() });
    let capacity = (band(), suspended).prop_map(|((min, max), suspended)| Capacity { min, max, suspended });
    let since = select(&["2025-01-01T00:00:00Z", "2026-03-01T02:57:30Z"][..]).prop_map(|since| since.parse().ok());
    prop::option::of((capacity, since).prop_map(|(capacity, created_at)| ScalableTarget {
        arn: None,
        capacity,
        created_at,
    }))
}

fn policies() -> impl Strategy<Value = Vec<AppliedPolicy>> {
    let tracking =
        (select(&METRICS[..]), 1..100i32, prop::option::of(0..600i32)).prop_map(|(metric, value, cooldown)| {
            AppliedPolicyKind::TargetTracking(TargetTrackingConfiguration {
                metric: TrackedMetric::Predefined { metric_type: metric.into(), resource_label: None },
                target_value: value.into(),
                scale_out_cooldown: cooldown,
                scale_in_cooldown: None,
                disable_scale_in: false,
            })
        });
    let steps = (1..9i32).prop_map(|adjustment| {
        let configuration = StepScalingConfiguration {
            adjustment_type: "ChangeInCapacity".into(),
            steps: vec![StepAdjustment { lower: Some(0.0), upper: None, adjustment }],
            cooldown: None,
            min_adjustment_magnitude: None,
            metric_aggregation_type: None,
        };
        AppliedPolicyKind::StepScaling(StepScaling { configuration, arn: None, alarms: 1 })
    });
    let kind = prop_oneof![8 => tracking, 1 => Just(AppliedPolicyKind::Other("PredictiveScaling".into())), 1 => steps];
    let by_name: BoxedStrategy<BTreeMap<&str, AppliedPolicyKind>> =
        prop::collection::btree_map(select(&APPLIED[..]), kind, 0..4).boxed();
    by_name.prop_map(|policies| {
        policies.into_iter().map(|(name, kind)| AppliedPolicy { name: name.into(), kind }).collect()
    })
}

/// Any spec for Aurora Replicas: as for a service, within what there may be of them.
pub fn aurora_spec() -> impl Strategy<Value = ScalingPolicySpec> {
    spec().prop_filter_map("a band", |spec| {
        spec.autoscaling.as_ref()?;
        let mut spec = serde_json::to_value(&spec).unwrap();
        of_aurora(&mut spec);
        spec["target"] = json!({"auroraReplicas": {"cluster": world::cluster_id().cluster}});
        spec.as_object_mut().unwrap().remove("replicas");
        Some(serde_json::from_value(spec).unwrap())
    })
}

fn of_aurora(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match (name.as_str(), value.as_i64()) {
                    ("minCapacity" | "maxCapacity", Some(limit)) => *value = json!(limit.min(15)),
                    _ => of_aurora(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(of_aurora),
        Value::String(text) if text == METRICS[0] => *text = "RDSReaderAverageCPUUtilization".into(),
        Value::String(text) if text == METRICS[1] => *text = "RDSReaderAverageDatabaseConnections".into(),
        _ => {}
    }
}

/// Everything answered, of a cluster.
pub fn aurora_facts() -> impl Strategy<Value = Facts> {
    let status = prop_oneof![8 => Just("available"), 1 => select(&["modifying", "stopped"][..])];
    let engine = prop_oneof![8 => select(&["aurora-mysql", "aurora-postgresql"][..]), 1 => Just("postgres")];
    let found = (0..16i32, 0..6i32, status, engine, prop::bool::weighted(0.9)).prop_map(
        |(readers, others, status, engine, written)| {
            let mut cluster = world::cluster(readers, others);
            cluster.members.retain(|member| written || !member.is_writer);
            DbCluster { status: status.into(), engine: engine.into(), ..cluster }
        },
    );
    let lookup = prop_oneof![10 => found.prop_map(Some), 1 => Just(None)];
    (full_facts(), lookup).prop_map(|(of_service, lookup)| {
        let target = world::cluster_id().into();
        let mut facts = Facts::default();
        for ((name, query), (_, asked)) in world::queries_of(&target).into_iter().zip(world::queries()) {
            let answer = match name {
                "DbCluster" => Ok(Answer::DbCluster(lookup.clone())),
                _ => of_service.get(&asked).unwrap().clone(),
            };
            facts.insert(query, answer);
        }
        facts
    })
}

/// Everything answered.
pub fn full_facts() -> impl Strategy<Value = Facts> {
    let lookup = prop_oneof![
        10 => service().prop_map(|service| ServiceLookup::Found(Box::new(service))),
        1 => Just(ServiceLookup::ServiceMissing),
        1 => Just(ServiceLookup::ClusterMissing),
    ];
    let account = prop_oneof![20 => Just(world::ACCOUNT), 1 => Just("999999999999")];
    (account, lookup, target(), policies(), actions()).prop_map(|(account, lookup, target, policies, actions)| {
        let answers = [
            world::identity(account),
            Answer::EcsService(lookup),
            Answer::ScalableTarget(target),
            Answer::ScalingPolicies(policies),
            Answer::ScheduledActions(actions),
        ];
        let mut facts = Facts::default();
        for ((_, query), answer) in world::queries().into_iter().zip(answers) {
            facts.insert(query, Ok(answer));
        }
        facts
    })
}

pub fn class() -> impl Strategy<Value = ErrorClass> {
    use ErrorClass::{Conflict, Denied, Invalid, NotFound, Throttled, Transient};
    select(vec![Transient, Throttled, Denied, NotFound, Conflict, Invalid])
}

pub fn error() -> impl Strategy<Value = CloudError> {
    class().prop_map(|class| CloudError {
        class,
        operation: "DescribeServices",
        resource: "clocked-cluster/clocked-app-service".into(),
        code: "Code".into(),
        message: "message".into(),
        request_id: None,
    })
}

/// Some questions answered, some failed, some not asked, at least one of the latter two.
pub fn partial_facts() -> impl Strategy<Value = Facts> {
    let fate = || prop_oneof![2 => Just(None), 1 => Just(Some(None)), 1 => error().prop_map(|error| Some(Some(error)))];
    (full_facts(), prop::array::uniform5(fate()), 0..5usize).prop_map(|(full, fates, spoilt)| {
        let mut facts = Facts::default();
        for (index, ((_, query), fate)) in world::queries().into_iter().zip(fates).enumerate() {
            let fate = if index == spoilt { fate.or(Some(None)) } else { fate };
            match fate {
                None => facts.insert(query.clone(), full.get(&query).unwrap().clone()),
                Some(Some(error)) => facts.insert(query, Err(error)),
                Some(None) => {}
            }
        }
        facts
    })
}
