//! `AWS API Call via CloudTrail`: which call changes what.
//!
//! Sources: CloudTrail User Guide, "CloudTrail record contents"; Application Auto Scaling User Guide, "Log Application Auto Scaling API
//! calls using AWS CloudTrail" (they are recorded as those of `autoscaling.amazonaws.com`).

use super::envelope::Envelope;
use super::{Ignored, database, resource};
use crate::ids::{Namespace, Scope, TargetId};
use crate::query::Query;

/// What the recorded call outdates.
pub(super) fn outdated(envelope: &Envelope, scope: &Scope, own: impl Fn(&str) -> bool) -> Result<Vec<Query>, Ignored> {
    let (Some(source), Some(name)) = (envelope.text("eventSource"), envelope.text("eventName")) else {
        return Err(Ignored::Malformed("it tells of no call".into()));
    };
    if source == "rds.amazonaws.com" {
        let outdated = database::called(envelope, scope, name);
        return told_of_others(envelope, own).and(outdated);
    }
    let changed: fn(TargetId) -> Vec<Query> = match (source, name) {
        (
            "ecs.amazonaws.com",
            "CreateService" | "UpdateService" | "DeleteService" | "TagResource" | "UntagResource",
        ) => |target| vec![Query::of_target(&target)],
        ("autoscaling.amazonaws.com" | "application-autoscaling.amazonaws.com", name) => match name {
            // It moves the size into the band at once.
            "RegisterScalableTarget" => |target| vec![Query::ScalableTarget(target.clone()), Query::of_target(&target)],
            // It deletes policies and scheduled actions, too.
            "DeregisterScalableTarget" => |target| {
                vec![
                    Query::ScalableTarget(target.clone()),
                    Query::ScalingPolicies(target.clone()),
                    Query::ScheduledActions(target),
                ]
            },
            "PutScalingPolicy" | "DeleteScalingPolicy" => |target| vec![Query::ScalingPolicies(target)],
            "PutScheduledAction" | "DeleteScheduledAction" => |target| vec![Query::ScheduledActions(target)],
            _ => return Err(Ignored::Irrelevant),
        },
        _ => return Err(Ignored::Irrelevant),
    };
    told_of_others(envelope, own)?;
    target(envelope, scope, name).map(changed)
}

/// Whether the call was made, and by somebody else.
fn told_of_others(envelope: &Envelope, own: impl Fn(&str) -> bool) -> Result<(), Ignored> {
    if envelope.text("errorCode").is_some() {
        return Err(Ignored::Refused);
    }
    if envelope.text("requestID").is_some_and(own) {
        return Err(Ignored::OwnWrite);
    }
    Ok(())
}

fn target(envelope: &Envelope, scope: &Scope, name: &str) -> Result<TargetId, Ignored> {
    let given = |parameter: &str| envelope.text(&format!("requestParameters.{parameter}"));
    if let Some(resource_id) = given("resourceId") {
        // EC2 Auto Scaling records under the same name, and other services scale by the same calls.
        return match given("serviceNamespace") {
            Some("ecs") => resource::scalable(scope, resource_id),
            // Of its dimensions one is scaled here.
            Some("rds") if given("scalableDimension").is_none_or(|of| of == Namespace::Rds.dimension()) => {
                resource::cluster(scope, resource_id)
            }
            _ => Err(Ignored::Irrelevant),
        };
    }
    let service = match name {
        "TagResource" | "UntagResource" => match given("resourceArn") {
            Some(arn) if arn.contains(":service/") => resource::service(scope, None, arn),
            _ => Err(Ignored::Irrelevant),
        },
        "CreateService" => match given("serviceName") {
            Some(service) => resource::service(scope, given("cluster"), service),
            None => Err(Ignored::Malformed("it names no service".into())),
        },
        "UpdateService" | "DeleteService" => match given("service") {
            Some(service) => resource::service(scope, given("cluster"), service),
            None => Err(Ignored::Malformed("it names no service".into())),
        },
        _ => Err(Ignored::Irrelevant),
    };
    service.map(TargetId::EcsService)
}
