//! The least policy of IAM: enough for whatever happens, and nothing that never happens.

use proptest::prelude::*;
use runbook_api::ScalingPolicySpec;
use runbook_api::common::Mode;
use runbook_core::Query;
use runbook_core::iam::Permission;
use runbook_core::scaling::{self, Input, input, reach};
use serde_json::{Value, json};

use crate::any;
use crate::world;

fn input_of(spec: &ScalingPolicySpec) -> Input {
    let access = world::access(&world::everything_granted(), Mode::Enforce);
    input::validate(spec, &world::policy_id(), "production", &access).unwrap()
}

fn actions(spec: Value) -> Vec<String> {
    let mut spec = spec;
    spec["target"] = json!({"ecsService": {"cluster": "clocked-cluster", "service": "clocked-app-service"}});
    let mut actions: Vec<String> = reach::permissions(&input_of(&serde_json::from_value(spec).unwrap()))
        .into_iter()
        .map(|permission| permission.action.into())
        .collect();
    actions.sort_unstable();
    actions.dedup();
    actions
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_asked_or_done_is_allowed(spec in any::spec(), facts in any::full_facts(), partial in any::partial_facts()) {
        let input = input_of(&spec);
        let allowed = reach::permissions(&input);
        for facts in [facts, partial] {
            let plan = scaling::plan(&input, &facts, world::now());
            let asked = plan.needs.iter().flat_map(Query::permissions);
            for needed in asked.chain(plan.steps.iter().flat_map(|step| step.permissions())) {
                prop_assert!(allowed.contains(&needed), "{:?}", needed);
            }
        }
    }

    #[test]
    fn a_steps_own_action_comes_first(spec in any::spec(), facts in any::full_facts()) {
        for step in scaling::plan(&input_of(&spec), &facts, world::now()).steps {
            let permissions: Vec<Permission> = step.permissions();
            prop_assert_eq!(permissions[0].action, step.iam_action());
        }
    }
}

#[test]
fn a_fixed_size_needs_no_write_to_autoscaling() {
    let needed = ["application-autoscaling:DescribeScalableTargets", "ecs:DescribeServices", "ecs:UpdateService"]
        .map(String::from);
    assert_eq!(actions(json!({"replicas": 3})), needed);
}

#[test]
fn a_band_without_policies_needs_no_alarms() {
    let needed = actions(json!({"autoscaling": {"minCapacity": 2, "maxCapacity": 4}}));
    assert!(needed.iter().any(|action| action == "application-autoscaling:RegisterScalableTarget"), "{needed:?}");
    assert!(
        !needed.iter().any(|action| action.starts_with("cloudwatch:") || action.ends_with("PutScalingPolicy")),
        "{needed:?}"
    );
}
