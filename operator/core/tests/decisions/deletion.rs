//! What a deletion removes: what is ours, and nothing else.

use proptest::prelude::*;
use proptest::sample::select;
use runbook_api::ScalingPolicySpec;
use runbook_api::common::{DeletionPolicy, Mode};
use runbook_core::facts::Answer;
use runbook_core::observed::AppliedPolicyKind;
use runbook_core::ownership::OWNER_TAG;
use runbook_core::plan::Weight;
use runbook_core::scaling::input::{Band, Deletion};
use runbook_core::scaling::{self, Input, Size, input, predict, reach};
use runbook_core::{Facts, Plan, Query, Step};

use crate::any;
use crate::world;

const OURS: &str = "production/clocked/clocked-app";

fn input_of(spec: &ScalingPolicySpec) -> Input {
    let access = world::access(&world::everything_granted(), Mode::Enforce);
    let spec = ScalingPolicySpec { deletion_policy: DeletionPolicy::Delete, ..spec.clone() };
    let input = input::validate(&spec, &world::policy_id(), "production", &access).unwrap();
    Input { deletion: Some(Deletion::default()), ..input }
}

fn plan(input: &Input, facts: &Facts) -> Plan {
    scaling::plan(input, facts, world::now())
}

/// The facts with a target that can carry tags, and these on it.
fn tagged(mut facts: Facts, owner: Option<&str>) -> Facts {
    let query = Query::ScalableTarget(world::service_id().into());
    if let Some(Ok(Answer::ScalableTarget(Some(target)))) = facts.get(&query) {
        let mut target = target.clone();
        target.arn = Some(world::TARGET_ARN.into());
        facts.insert(query, Ok(Answer::ScalableTarget(Some(target))));
    }
    let tags = owner.map(|owner| (OWNER_TAG.to_owned(), owner.to_owned())).into_iter().collect();
    facts.insert(world::tags_query(&world::service_id().into()), Ok(Answer::ScalableTargetTags(tags)));
    facts
}

fn owner() -> impl Strategy<Value = Option<&'static str>> {
    select(vec![
        None,
        Some(OURS),
        Some(OURS),
        Some("staging/clocked/clocked-app"),
        Some("production/other/clocked-app"),
    ])
}

/// Names of the policies that are on the target and not of a name and type that the spec declares, and of such actions.
fn foreign(input: &Input, facts: &Facts) -> (Vec<String>, Vec<String>) {
    let (tracking, steps, scheduled) = match &input.size {
        Size::Band(Band { tracking, step_scaling, scheduled, .. }) => {
            let scheduled: Vec<&str> = scheduled.iter().map(|one| one.action.name.as_str()).collect();
            (tracking.as_slice(), step_scaling.as_slice(), scheduled)
        }
        Size::Fixed(_) => (&[][..], &[][..], Vec::new()),
    };
    let Some(Ok(Answer::ScalingPolicies(policies))) = facts.get(&world::queries()[3].1) else { panic!("no policies") };
    let Some(Ok(Answer::ScheduledActions(actions))) = facts.get(&world::queries()[4].1) else { panic!("no actions") };
    let ours = |name: &str, kind: &AppliedPolicyKind| match kind {
        AppliedPolicyKind::TargetTracking(_) => tracking.iter().any(|(declared, _)| declared == name),
        AppliedPolicyKind::StepScaling(_) => steps.iter().any(|(declared, _)| declared == name),
        AppliedPolicyKind::Other(_) => false,
    };
    let policies = policies.iter().filter(|policy| !ours(&policy.name, &policy.kind)).map(|policy| policy.name.clone());
    let actions = actions.iter().filter(|action| !scheduled.contains(&action.name.as_str()));
    (policies.collect(), actions.map(|action| action.name.clone()).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_a_deletion_predicts_needs_no_step(spec in any::spec(), facts in any::full_facts(), owner in owner()) {
        let (input, mut facts) = (input_of(&spec), tagged(facts, owner));
        let first = plan(&input, &facts);
        first.steps.iter().for_each(|step| predict::predict(&mut facts, step));
        let second = plan(&input, &facts);
        prop_assert_eq!(&second.steps, &Vec::new());
        prop_assert_eq!(&second.needs, &Vec::new());
    }

    #[test]
    fn each_step_of_a_deletion_may_be_the_last(spec in any::spec(), facts in any::full_facts(), owner in owner()) {
        let (input, mut facts) = (input_of(&spec), tagged(facts, owner));
        let mut left = plan(&input, &facts).steps;
        while !left.is_empty() {
            predict::predict(&mut facts, &left.remove(0));
            prop_assert_eq!(&plan(&input, &facts).steps, &left);
        }
    }

    #[test]
    fn nothing_that_is_not_ours_is_removed(spec in any::spec(), facts in any::full_facts(), owner in owner()) {
        let (input, facts) = (input_of(&spec), tagged(facts, owner));
        let (policies, actions) = foreign(&input, &facts);
        for step in plan(&input, &facts).steps {
            prop_assert_eq!(owner, Some(OURS), "{}", step);
            match &step {
                Step::DeregisterScalableTarget { .. } => {
                    prop_assert!(policies.is_empty() && actions.is_empty(), "{} takes {:?} {:?} along", step, policies, actions);
                }
                Step::DeleteScalingPolicy { name, .. } => prop_assert!(!policies.contains(name), "{}", step),
                Step::DeleteScheduledAction { from, .. } => prop_assert!(!actions.contains(&from.name), "{}", step),
                other => prop_assert!(false, "{} removes nothing", other),
            }
        }
    }

    #[test]
    fn what_is_ours_goes(spec in any::spec(), facts in any::full_facts()) {
        let (input, mut facts) = (input_of(&spec), tagged(facts, Some(OURS)));
        let registered = matches!(facts.get(&world::queries()[2].1), Some(Ok(Answer::ScalableTarget(Some(_)))));
        let (policies, actions) = foreign(&input, &facts);
        let first = plan(&input, &facts);
        prop_assume!(first.findings.iter().all(|finding| finding.weight < Weight::Stalled));
        first.steps.iter().for_each(|step| predict::predict(&mut facts, step));
        let stays = matches!(facts.get(&world::queries()[2].1), Some(Ok(Answer::ScalableTarget(Some(_)))));
        prop_assert_eq!(stays, registered && !(policies.is_empty() && actions.is_empty()));
        if registered {
            prop_assert_eq!(foreign(&input, &facts), (policies.clone(), actions.clone()));
            if let Some(Ok(Answer::ScalingPolicies(left))) = facts.get(&world::queries()[3].1) {
                prop_assert_eq!(left.len(), policies.len());
            }
        }
    }

    #[test]
    fn a_part_of_the_picture_removes_nothing(spec in any::spec(), facts in any::partial_facts()) {
        let plan = plan(&input_of(&spec), &facts);
        let complete = world::queries().iter().all(|(_, query)| matches!(facts.get(query), Some(Ok(_))));
        prop_assert!(complete || plan.steps.is_empty());
        prop_assert!(plan.needs.is_empty() || plan.steps.is_empty());
        prop_assert!(complete || !plan.needs.is_empty() || !plan.findings.is_empty(), "it would be let go");
    }

    #[test]
    fn whatever_a_deletion_asks_or_does_is_allowed(spec in any::spec(), facts in any::full_facts(), owner in owner()) {
        let input = input_of(&spec);
        // What a policy of another time has left needs what that policy needed.
        if matches!(input.size, Size::Fixed(_)) {
            return Ok(());
        }
        let allowed = reach::permissions(&Input { deletion: None, ..input.clone() });
        let asked = plan(&input, &facts).needs;
        let steps = plan(&input, &tagged(facts, owner)).steps;
        let needed = asked.iter().flat_map(Query::permissions).chain(steps.iter().flat_map(|step| step.permissions()));
        for needed in needed {
            // The alarms of a policy that is declared no longer were allowed when it was put.
            prop_assert!(allowed.contains(&needed) || needed.action.starts_with("cloudwatch:"), "{:?}", needed);
        }
    }
}
