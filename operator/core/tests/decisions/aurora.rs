//! What holds for every plan about Aurora Replicas.

use proptest::prelude::*;
use runbook_api::ScalingPolicySpec;
use runbook_api::common::Mode;
use runbook_core::facts::Answer;
use runbook_core::observed::DbCluster;
use runbook_core::plan::Weight;
use runbook_core::scaling::{self, Input, input, predict, reach};
use runbook_core::{CloudError, Facts, Plan, Query, Step};

use crate::any;
use crate::world;

fn input_of(spec: &ScalingPolicySpec) -> Input {
    let access = world::access(&world::everything_granted(), Mode::Enforce);
    input::validate(spec, &world::policy_id(), "production", &access).unwrap()
}

fn plan(input: &Input, facts: &Facts) -> Plan {
    scaling::plan(input, facts, world::now())
}

fn cluster(facts: &Facts) -> Option<&DbCluster> {
    match facts.get(&Query::DbCluster(world::cluster_id())) {
        Some(Ok(Answer::DbCluster(found))) => found.as_ref(),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_step_on_the_way_may_be_the_last_and_then_there_is_none(
        spec in any::aurora_spec(), mut facts in any::aurora_facts(),
    ) {
        let input = input_of(&spec);
        let mut left = plan(&input, &facts).steps;
        while !left.is_empty() {
            predict::predict(&mut facts, &left.remove(0));
            prop_assert_eq!(&plan(&input, &facts).steps, &left);
        }
    }

    #[test]
    fn nothing_but_the_scalable_target_is_written(spec in any::aurora_spec(), facts in any::aurora_facts()) {
        let input = input_of(&spec);
        let plan = plan(&input, &facts);
        for step in &plan.steps {
            let sized = matches!(step, Step::SetDesiredCount { .. } | Step::AdoptScaleOut { .. });
            prop_assert!(!sized, "{}", step);
            prop_assert_eq!(step.resources(), vec![world::cluster_id().arn()]);
            prop_assert!(step.to_string().contains("of Aurora cluster clocked-db"), "{}", step);
        }
        let cluster = cluster(&facts);
        let ready = |found: &DbCluster| found.status == "available" && found.engine.starts_with("aurora") && found.has_writer();
        prop_assert!(cluster.is_some_and(ready) || plan.steps.is_empty());
        // What is wrong is said, and what passes by itself is looked at again.
        prop_assert!(cluster.is_some_and(ready) || !plan.findings.is_empty());
        let waiting = plan.findings.iter().any(|finding| finding.weight == Weight::Waiting);
        prop_assert!(!waiting || plan.next_at.is_some_and(|at| at > world::now()));
    }

    #[test]
    fn a_band_is_registered_only_where_it_differs_or_moves_readers(
        spec in any::aurora_spec(), facts in any::aurora_facts(),
    ) {
        for step in plan(&input_of(&spec), &facts).steps {
            let Step::RegisterScalableTarget { from, to, .. } = step else { continue };
            let scaled = cluster(&facts).unwrap().scaled();
            prop_assert!(from != Some(to) || scaled.within(&to) != scaled.desired_count);
            prop_assert!(to.max <= 15);
        }
    }

    #[test]
    fn nothing_is_decided_on_a_cluster_that_was_not_read(
        spec in any::aurora_spec(), mut facts in any::aurora_facts(), error in any::error(),
    ) {
        let input = input_of(&spec);
        let failed: Result<Answer, CloudError> = Err(error);
        facts.insert(Query::DbCluster(world::cluster_id()), failed);
        let plan = plan(&input, &facts);
        prop_assert_eq!(plan.steps, Vec::new());
        prop_assert!(!plan.findings.is_empty());
    }

    #[test]
    fn whatever_is_asked_or_done_is_allowed(spec in any::aurora_spec(), facts in any::aurora_facts()) {
        let input = input_of(&spec);
        let allowed = reach::permissions(&input);
        let mut known = Facts::default();
        for _ in 0..4 {
            let plan = plan(&input, &known);
            let asked = plan.needs.iter().flat_map(Query::permissions);
            for needed in asked.chain(plan.steps.iter().flat_map(|step| step.permissions())) {
                prop_assert!(allowed.contains(&needed), "{:?}", needed);
                prop_assert!(!needed.action.starts_with("ecs:"), "{:?}", needed);
            }
            for query in plan.needs {
                let answer = facts.get(&query).unwrap().clone();
                known.insert(query, answer);
            }
        }
    }
}
