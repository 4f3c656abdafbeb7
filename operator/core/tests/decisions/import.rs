//! What is in AWS, as a policy: a plan for it changes nothing.

use proptest::prelude::*;
use runbook_api::common::Mode;
use runbook_core::facts::Answer;
use runbook_core::observed::{
    AppliedPolicy, AppliedPolicyKind, Capacity, EcsService, ScalableTarget, ServiceLookup, Suspended,
    TargetTrackingConfiguration, TrackedMetric,
};
use runbook_core::scaling::import::{Imported, Seen, import};
use runbook_core::scaling::{self, input};
use runbook_core::{Facts, Query};

use crate::any;
use crate::world;

fn imported(facts: &Facts) -> Result<Imported, String> {
    let id = world::service_id();
    let (
        Some(Ok(Answer::EcsService(lookup))),
        Some(Ok(Answer::ScalableTarget(target))),
        Some(Ok(Answer::ScalingPolicies(policies))),
        Some(Ok(Answer::ScheduledActions(actions))),
    ) = (
        facts.get(&Query::EcsService(id.clone())),
        facts.get(&Query::ScalableTarget(id.clone().into())),
        facts.get(&Query::ScalingPolicies(id.clone().into())),
        facts.get(&Query::ScheduledActions(id.clone().into())),
    )
    else {
        panic!("not everything is answered")
    };
    import(Seen { id: &id, lookup, target: target.as_ref(), policies, actions }, world::now())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_for_what_was_imported_has_no_step(mut facts in any::full_facts()) {
        facts.insert(Query::CallerIdentity(world::scope()), Ok(world::identity(world::ACCOUNT)));
        if let Ok(Imported { spec, remarks }) = imported(&facts) {
            let access = world::access(&world::everything_granted(), Mode::Enforce);
            let input = input::validate(&spec, &world::policy_id(), "production", &access).unwrap();
            let plan = scaling::plan(&input, &facts, world::now());
            if spec.suspend {
                // What is outside its band would be moved, and a person is told.
                prop_assert!(remarks.iter().any(|remark| remark.contains("outside")), "{:?}", remarks);
                prop_assert!(!plan.steps.is_empty() || !plan.findings.is_empty());
            } else {
                prop_assert_eq!(&plan.steps, &Vec::new());
            }
        }
    }
}

fn facts(service: EcsService, target: Option<ScalableTarget>, policies: Vec<AppliedPolicy>) -> Facts {
    let mut facts = Facts::default();
    let id = world::service_id();
    let lookup = ServiceLookup::Found(Box::new(service));
    facts.insert(Query::EcsService(id.clone()), Ok(Answer::EcsService(lookup)));
    facts.insert(Query::ScalableTarget(id.clone().into()), Ok(Answer::ScalableTarget(target)));
    facts.insert(Query::ScalingPolicies(id.clone().into()), Ok(Answer::ScalingPolicies(policies)));
    facts.insert(Query::ScheduledActions(id.into()), Ok(Answer::ScheduledActions(Vec::new())));
    facts
}

fn tracking(name: &str, metric: TrackedMetric, target_value: f64) -> AppliedPolicy {
    let kind = AppliedPolicyKind::TargetTracking(TargetTrackingConfiguration {
        metric,
        target_value,
        scale_out_cooldown: Some(90),
        scale_in_cooldown: None,
        disable_scale_in: true,
    });
    AppliedPolicy { name: name.into(), kind }
}

fn band(min: i32, max: i32) -> Option<ScalableTarget> {
    Some(ScalableTarget {
        arn: None,
        capacity: Capacity { min, max, suspended: Suspended::default() },
        created_at: None,
    })
}

#[test]
fn what_can_be_declared_is_and_what_cannot_is_told() {
    let cpu = TrackedMetric::Predefined { metric_type: "ECSServiceAverageCPUUtilization".into(), resource_label: None };
    let fresh = TrackedMetric::Predefined { metric_type: "SomethingNew".into(), resource_label: None };
    let policies = vec![
        tracking("cpu", cpu, 62.5),
        tracking("math", TrackedMetric::MetricMath(Vec::new()), 10.0),
        tracking("fresh", fresh, 10.0),
        AppliedPolicy { name: "steps".into(), kind: AppliedPolicyKind::Other("PredictiveScaling".into()) },
    ];
    let Imported { spec, remarks } = imported(&facts(world::service(3, 3), band(2, 9), policies)).unwrap();
    let declared = serde_json::to_value(spec.autoscaling.unwrap().target_tracking).unwrap();
    let expected = serde_json::json!([{
        "name": "cpu", "predefinedMetric": "ECSServiceAverageCPUUtilization", "targetValue": "62.5",
        "scaleOutCooldown": "1m30s", "disableScaleIn": true,
    }]);
    assert_eq!(declared, expected);
    for (name, why) in [("math", "metric math"), ("fresh", "SomethingNew"), ("steps", "PredictiveScaling")] {
        assert!(remarks.iter().any(|remark| remark.contains(name) && remark.contains(why)), "{remarks:?}");
    }
}

#[test]
fn a_service_at_rest_may_stay_there() {
    let Imported { spec, .. } = imported(&facts(world::service(0, 0), None, vec![])).unwrap();
    assert_eq!((spec.replicas, spec.allow_zero, spec.suspend), (Some(0), true, false));
    let Imported { spec, .. } = imported(&facts(world::service(0, 0), band(0, 4), vec![])).unwrap();
    assert!(spec.allow_zero && !spec.suspend && spec.replicas.is_none());
}

#[test]
fn what_cannot_be_scaled_is_said_and_left_out() {
    let daemon = EcsService { scheduling_strategy: "DAEMON".into(), ..world::service(1, 1) };
    assert!(imported(&facts(daemon, None, vec![])).unwrap_err().contains("DAEMON"));
    let gone = EcsService { status: "DRAINING".into(), ..world::service(1, 1) };
    assert!(imported(&facts(gone, None, vec![])).unwrap_err().contains("DRAINING"));
    assert!(imported(&facts(world::service(6000, 6000), None, vec![])).unwrap_err().contains("6000"));
}
