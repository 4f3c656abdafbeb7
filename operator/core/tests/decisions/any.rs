//! Any spec, any state of AWS: within what the schema and AWS allow, and with a taste for edges.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;
use runbook_api::ScalingPolicySpec;
use runbook_core::facts::Answer;
use runbook_core::observed::{
    AppliedPolicy, AppliedPolicyKind, Capacity, EcsService, ScalableTarget, ServiceLookup, Suspended,
    TargetTrackingConfiguration, TrackedMetric,
};
use runbook_core::{CloudError, ErrorClass, Facts};
use serde_json::{Value, json};

use crate::world;

const METRICS: [&str; 2] = ["ECSServiceAverageCPUUtilization", "ECSServiceAverageMemoryUtilization"];
const NAMES: [&str; 3] = ["cpu", "memory", "queue"];

/// Sizes crowd around a few numbers, so that bands and services meet at their edges.
fn size() -> impl Strategy<Value = i32> {
    prop_oneof![4 => 0..8i32, 1 => 0..=5000i32]
}

fn band() -> impl Strategy<Value = (i32, i32)> {
    (size(), size()).prop_map(|(one, other)| (one.min(other), one.max(other)))
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
    let suspended = (any::<bool>(), any::<bool>(), any::<bool>());
    let autoscaling = (band(), suspended, tracking).prop_map(|((min, max), (r#in, out, scheduled), tracking)| {
        json!({
            "minCapacity": min, "maxCapacity": max, "targetTracking": tracking,
            "suspended": {"dynamicScalingIn": r#in, "dynamicScalingOut": out, "scheduledScaling": scheduled},
        })
    });
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
    prop::option::of(capacity.prop_map(|capacity| ScalableTarget { arn: None, capacity }))
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
    let kind = prop_oneof![8 => tracking, 1 => Just(AppliedPolicyKind::Other("StepScaling".into()))];
    let by_name: BoxedStrategy<BTreeMap<&str, AppliedPolicyKind>> =
        prop::collection::btree_map(select(&NAMES[..]), kind, 0..3).boxed();
    by_name.prop_map(|policies| {
        policies.into_iter().map(|(name, kind)| AppliedPolicy { name: name.into(), kind }).collect()
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
    (account, lookup, target(), policies()).prop_map(|(account, lookup, target, policies)| {
        let answers = [
            world::identity(account),
            Answer::EcsService(lookup),
            Answer::ScalableTarget(target),
            Answer::ScalingPolicies(policies),
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
    (full_facts(), prop::array::uniform4(fate()), 0..4usize).prop_map(|(full, fates, spoilt)| {
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
