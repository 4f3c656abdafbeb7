//! Application Auto Scaling in JSON 1.1.

use runbook_aws::Call;
use runbook_core::observed::{
    AppliedPolicy, AppliedPolicyKind, Capacity, ScalableTarget, Suspended, TargetTrackingConfiguration, TrackedMetric,
};
use runbook_core::{ErrorClass, Namespace};
use serde_json::{Value, json};

use super::{number, optional, text, texts, unknown};
use crate::cloud::refusal::Refusal;

const DIMENSION: &str = "ecs:service:DesiredCount";

pub(super) fn call_of(operation: &str, body: &Value) -> Result<Call, Refusal> {
    Ok(match operation {
        "DescribeScalableTargets" => Call::DescribeScalableTargets {
            namespace: Namespace::Ecs,
            resource_ids: texts(body, "ResourceIds"),
            next_token: optional(body, "NextToken"),
        },
        "DescribeScalingPolicies" => Call::DescribeScalingPolicies {
            namespace: Namespace::Ecs,
            resource_id: optional(body, "ResourceId"),
            next_token: optional(body, "NextToken"),
        },
        "DescribeScheduledActions" => Call::DescribeScheduledActions {
            namespace: Namespace::Ecs,
            resource_id: optional(body, "ResourceId"),
            next_token: optional(body, "NextToken"),
        },
        "RegisterScalableTarget" => Call::RegisterScalableTarget {
            resource_id: text(body, "ResourceId")?,
            capacity: Capacity {
                min: number(body, "MinCapacity")?,
                max: number(body, "MaxCapacity")?,
                suspended: suspended(&body["SuspendedState"]),
            },
            tags: tags(&body["Tags"]),
        },
        "PutScalingPolicy" => Call::PutTargetTrackingPolicy {
            resource_id: text(body, "ResourceId")?,
            name: text(body, "PolicyName")?,
            configuration: configuration(&body["TargetTrackingScalingPolicyConfiguration"])?,
        },
        _ => return Err(unknown(operation)),
    })
}

pub(super) fn targets(targets: &[(String, ScalableTarget)], next_token: Option<&str>) -> Value {
    let shown = targets.iter().map(|(id, target)| {
        let Suspended { dynamic_scaling_in, dynamic_scaling_out, scheduled_scaling } = target.capacity.suspended;
        json!({
            "ServiceNamespace": "ecs",
            "ResourceId": id,
            "ScalableDimension": DIMENSION,
            "MinCapacity": target.capacity.min,
            "MaxCapacity": target.capacity.max,
            "RoleARN": "arn:aws:iam::123456789012:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService",
            "CreationTime": target.created_at.map_or(1_760_000_000, |time| time.as_second()),
            "SuspendedState": {
                "DynamicScalingInSuspended": dynamic_scaling_in,
                "DynamicScalingOutSuspended": dynamic_scaling_out,
                "ScheduledScalingSuspended": scheduled_scaling,
            },
            "ScalableTargetARN": target.arn,
        })
    });
    json!({"ScalableTargets": shown.collect::<Vec<_>>(), "NextToken": next_token})
}

pub(super) fn policies(policies: &[(String, AppliedPolicy)], next_token: Option<&str>) -> Value {
    let shown = policies.iter().map(|(id, policy)| {
        let configuration = match &policy.kind {
            AppliedPolicyKind::TargetTracking(configuration) => shown(configuration),
            // Never put here.
            _ => Value::Null,
        };
        json!({
            "PolicyARN": format!("arn:aws:autoscaling:eu-central-1:123456789012:scalingPolicy:{id}:policyName/{}", policy.name),
            "PolicyName": policy.name,
            "ServiceNamespace": "ecs",
            "ResourceId": id,
            "ScalableDimension": DIMENSION,
            "PolicyType": policy.kind.type_name(),
            "TargetTrackingScalingPolicyConfiguration": configuration,
            "CreationTime": 1_760_000_000,
        })
    });
    json!({"ScalingPolicies": shown.collect::<Vec<_>>(), "NextToken": next_token})
}

fn shown(configuration: &TargetTrackingConfiguration) -> Value {
    let mut value = json!({
        "TargetValue": configuration.target_value,
        "ScaleOutCooldown": configuration.scale_out_cooldown,
        "ScaleInCooldown": configuration.scale_in_cooldown,
        "DisableScaleIn": configuration.disable_scale_in,
    });
    if let TrackedMetric::Predefined { metric_type, resource_label } = &configuration.metric {
        value["PredefinedMetricSpecification"] =
            json!({"PredefinedMetricType": metric_type, "ResourceLabel": resource_label});
    }
    value
}

fn configuration(body: &Value) -> Result<TargetTrackingConfiguration, Refusal> {
    let invalid = |why: &str| Refusal::new(ErrorClass::Invalid, "ValidationException", why);
    let cooldown = |field: &str| body[field].as_i64().and_then(|seconds| i32::try_from(seconds).ok());
    let predefined = &body["PredefinedMetricSpecification"];
    Ok(TargetTrackingConfiguration {
        metric: TrackedMetric::Predefined {
            metric_type: optional(predefined, "PredefinedMetricType")
                .ok_or_else(|| invalid("predefined metrics alone are served here"))?,
            resource_label: optional(predefined, "ResourceLabel"),
        },
        target_value: body["TargetValue"].as_f64().ok_or_else(|| invalid("TargetValue is missing"))?,
        scale_out_cooldown: cooldown("ScaleOutCooldown"),
        scale_in_cooldown: cooldown("ScaleInCooldown"),
        disable_scale_in: body["DisableScaleIn"].as_bool().unwrap_or_default(),
    })
}

fn suspended(body: &Value) -> Suspended {
    let is = |field: &str| body[field].as_bool().unwrap_or_default();
    Suspended {
        dynamic_scaling_in: is("DynamicScalingInSuspended"),
        dynamic_scaling_out: is("DynamicScalingOutSuspended"),
        scheduled_scaling: is("ScheduledScalingSuspended"),
    }
}

fn tags(body: &Value) -> Vec<(String, String)> {
    let tags = body.as_object().into_iter().flatten();
    tags.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}
