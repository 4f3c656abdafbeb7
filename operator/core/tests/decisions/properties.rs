//! What holds for every plan.

use jiff::SignedDuration;
use proptest::prelude::*;
use runbook_api::ScalingPolicySpec;
use runbook_api::common::Mode;
use runbook_core::facts::Answer;
use runbook_core::observed::{Capacity, ScalableTarget, ScheduledAction, Suspended};
use runbook_core::plan::Weight;
use runbook_core::report::Outcome;
use runbook_core::scaling::expected::{self, Basis};
use runbook_core::scaling::input::Band;
use runbook_core::scaling::overrides::{Change, Lift, Override};
use runbook_core::scaling::{self, Input, Size, input, predict};
use runbook_core::{Facts, Plan, Query, Step};

use crate::any;
use crate::world;

fn input_of(spec: &ScalingPolicySpec) -> Input {
    let access = world::access(&world::everything_granted(), Mode::Enforce);
    input::validate(spec, &world::policy_id(), "production", &access).unwrap()
}

fn plan(input: &Input, facts: &Facts) -> Plan {
    scaling::plan(input, facts, world::now())
}

/// The sizes that the policy allows now. Which band is right is judged by `expected` in tests of its own.
fn allowed(input: &Input, facts: &Facts) -> (i32, i32) {
    let (Size::Band(Band { capacity, scheduled, prune, .. }), Some(Ok(Answer::ScalableTarget(target)))) =
        (&input.size, facts.get(&world::queries()[2].1))
    else {
        let Size::Fixed(replicas) = &input.size else { panic!("no facts") };
        return (*replicas, *replicas);
    };
    let Some(Ok(Answer::ScheduledActions(applied))) = facts.get(&world::queries()[4].1) else { panic!("no facts") };
    let (id, target) = (&input.target, target.as_ref());
    let basis = Basis {
        id,
        own: capacity,
        scheduled,
        applied,
        prune: *prune,
        target,
        lift: &Lift::default(),
        override_ceiling: None,
    };
    let capacity = expected::expected(&basis, world::now()).capacity;
    (capacity.min, capacity.max)
}

/// The size that a step makes of `desired`.
fn size_after(step: &Step, desired: i32) -> i32 {
    match step {
        Step::SetDesiredCount { to, .. } => *to,
        Step::RegisterScalableTarget { to, .. } => to.clamp(desired),
        _ => desired,
    }
}

fn prunes(input: &Input) -> bool {
    matches!(input.size, Size::Band(Band { prune: true, .. }))
}

/// Whether the policy declares a scaling policy or scheduled action of this name.
fn declares(input: &Input, name: &str) -> bool {
    let Size::Band(Band { tracking, step_scaling, scheduled, .. }) = &input.size else { return false };
    tracking.iter().any(|(declared, _)| declared == name)
        || step_scaling.iter().any(|(declared, _)| declared == name)
        || scheduled.iter().any(|declared| declared.action.name == name)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_a_plan_predicts_needs_no_step(spec in any::spec(), mut facts in any::full_facts()) {
        let input = input_of(&spec);
        let first = plan(&input, &facts);
        first.steps.iter().for_each(|step| predict::predict(&mut facts, step));
        let second = plan(&input, &facts);
        prop_assert_eq!(&second.steps, &Vec::new());
        prop_assert_eq!(&second.needs, &Vec::new());
        if !first.steps.is_empty() {
            // A step that could be made leaves nobody stuck, and the service within what was declared.
            prop_assert!(second.findings.iter().all(|finding| finding.weight < Weight::Stalled));
            let (least, most) = allowed(&input, &facts);
            let desired = world::desired_count(&facts).unwrap();
            let settled = (least..=most).contains(&desired);
            prop_assert!(settled || second.findings.iter().any(|finding| finding.reason == "DeploymentInProgress"));
        }
    }

    #[test]
    fn each_step_on_the_way_may_be_the_last(spec in any::spec(), mut facts in any::full_facts()) {
        // A crash after any step: what is left is planned again, and no more than that.
        let input = input_of(&spec);
        let mut left = plan(&input, &facts).steps;
        while !left.is_empty() {
            predict::predict(&mut facts, &left.remove(0));
            prop_assert_eq!(&plan(&input, &facts).steps, &left);
        }
    }

    #[test]
    fn inside_the_band_the_size_is_the_autoscalers(spec in any::spec(), facts in any::full_facts()) {
        let input = input_of(&spec);
        let desired = world::desired_count(&facts).unwrap_or_default();
        let (least, most) = allowed(&input, &facts);
        if (least..=most).contains(&desired) {
            for step in plan(&input, &facts).steps {
                prop_assert!(!matches!(step, Step::SetDesiredCount { .. }), "{}", step);
                prop_assert_eq!(size_after(&step, desired), desired);
            }
        }
    }

    #[test]
    fn steps_keep_within_what_is_declared(spec in any::spec(), facts in any::full_facts()) {
        let input = input_of(&spec);
        let (least, most) = allowed(&input, &facts);
        let desired = world::desired_count(&facts).unwrap_or_default();
        let steps = plan(&input, &facts).steps;
        let moving = steps.iter().filter(|step| size_after(step, desired) != desired);
        let sizes: Vec<i32> = moving.map(|step| size_after(step, desired)).collect();
        prop_assert!(sizes.len() <= 1, "{:?} change the size", steps);
        prop_assert!(sizes.iter().all(|size| (least..=most).contains(size)));
        for step in &steps {
            match step {
                Step::SetDesiredCount { from, to, .. } => {
                    prop_assert_eq!(*from, desired);
                    prop_assert_ne!(from, to);
                }
                Step::RegisterScalableTarget { from, to, desired_count, tags, .. } => {
                    prop_assert_eq!(*desired_count, desired);
                    prop_assert_eq!((to.min, to.max), (least, most));
                    prop_assert_ne!(from.as_ref(), Some(to));
                    // AWS refuses tags on a change.
                    prop_assert_eq!(from.is_none(), !tags.is_empty());
                }
                Step::AdoptScaleOut { .. } => prop_assert!(false, "nothing is known to have been followed"),
                Step::DeregisterScalableTarget { .. } => prop_assert!(false, "the policy is not being deleted"),
                Step::VerifyBackup { .. } | Step::ExportDatabase { .. } | Step::Export(_) | Step::Database(_) => {
                    prop_assert!(false, "it is about no database");
                }
                Step::DeleteScalingPolicy { name, .. } => prop_assert!(prunes(&input) && !declares(&input, name)),
                Step::DeleteScheduledAction { from, .. } => {
                    prop_assert!(prunes(&input) && !declares(&input, &from.name));
                }
                Step::PutTargetTrackingPolicy { name, .. } | Step::PutStepScalingPolicy { name, .. } => {
                    prop_assert!(declares(&input, name));
                }
                Step::PutScheduledAction { action, from, .. } => {
                    prop_assert!(declares(&input, &action.name));
                    prop_assert!(from.as_ref().is_none_or(|from| !from.is_equivalent(action)));
                }
            }
        }
    }

    #[test]
    fn a_deployment_is_never_scaled_in(spec in any::spec(), facts in any::full_facts()) {
        use runbook_core::observed::ServiceLookup;
        if let Some(Ok(Answer::EcsService(ServiceLookup::Found(service)))) = facts.get(&world::queries()[1].1)
            && service.deployment_in_progress()
        {
            for step in plan(&input_of(&spec), &facts).steps {
                prop_assert!(size_after(&step, service.desired_count) >= service.desired_count, "{}", step);
            }
        }
    }

    #[test]
    fn policies_are_put_on_targets_only(spec in any::spec(), facts in any::full_facts()) {
        let registered = matches!(facts.get(&world::queries()[2].1), Some(Ok(Answer::ScalableTarget(Some(_)))));
        let steps = plan(&input_of(&spec), &facts).steps;
        let moves = |step: &Step| matches!(step, Step::SetDesiredCount { .. } | Step::RegisterScalableTarget { .. });
        let first_put = steps.iter().position(|step| !moves(step));
        let register = steps.iter().position(|step| matches!(step, Step::RegisterScalableTarget { .. }));
        prop_assert!(first_put.is_none() || registered || register < first_put && register.is_some());
    }

    #[test]
    fn nothing_is_decided_on_a_part_of_the_picture(spec in any::spec(), facts in any::partial_facts()) {
        let input = input_of(&spec);
        let plan = plan(&input, &facts);
        let fixed = matches!(input.size, Size::Fixed(_));
        let complete = world::queries().iter().all(|(name, query)| {
            matches!(facts.get(query), Some(Ok(_))) || (fixed && ["ScalingPolicies", "ScheduledActions"].contains(name))
        });
        prop_assert!(complete || plan.steps.is_empty());
        prop_assert!(plan.needs.is_empty() || plan.steps.is_empty());
        prop_assert!(complete || !plan.needs.is_empty() || !plan.findings.is_empty());
        // What is known is not asked again, and nothing is asked twice.
        for (index, query) in plan.needs.iter().enumerate() {
            prop_assert!(!matches!(facts.get(query), Some(Ok(_))));
            prop_assert!(!plan.needs[..index].contains(query));
        }
        // An outage is told from a mistake.
        if plan.needs.is_empty() && !complete {
            let outcome = Outcome::of_plan(&plan, None);
            prop_assert!(matches!(outcome, Outcome::Unavailable { .. } | Outcome::Stalled { .. }), "{:?}", outcome);
        }
    }

    #[test]
    fn what_the_action_of_somebody_else_has_set_stays(
        spec in any::spec(), facts in any::full_facts(), limits in (0..9i32, 9..20i32), which in 0..3u8, overridden: bool,
    ) {
        let mut input = input_of(&spec);
        if overridden {
            input.overrides.push(Override {
                name: "sale".into(),
                created: world::now() - SignedDuration::from_mins(1),
                expires_at: world::now() + SignedDuration::from_hours(1),
                change: Change::AtLeast(12),
                suspend_scheduled: None,
            });
        }
        let (min, max) = limits;
        // It fired an hour ago; nothing that is declared can have fired since, or says the same.
        if let Size::Band(band) = &mut input.size {
            band.prune = false;
            band.scheduled.clear();
            band.capacity = Capacity { min: min + 1, max: max + 1, suspended: Suspended::default() };
        }
        let theirs = ScheduledAction {
            name: "theirs".into(),
            schedule: "cron(0 2 * * ? *)".into(),
            time_zone: None,
            start_time: None,
            end_time: None,
            min_capacity: (which != 1).then_some(min),
            max_capacity: (which != 0).then_some(max),
            created_at: Some("2026-01-01T00:00:00Z".parse().unwrap()),
        };
        let capacity = Capacity { min, max, suspended: Suspended::default() };
        let since = "2026-01-01T00:00:00Z".parse().ok();
        let mut facts = facts;
        let target = ScalableTarget { arn: None, capacity, created_at: since };
        facts.insert(Query::ScalableTarget(world::service_id().into()), Ok(Answer::ScalableTarget(Some(target))));
        facts.insert(Query::ScheduledActions(world::service_id().into()), Ok(Answer::ScheduledActions(vec![theirs.clone()])));
        for step in plan(&input, &facts).steps {
            if let Step::RegisterScalableTarget { to, .. } = step {
                prop_assert!(theirs.min_capacity.is_none_or(|min| to.min == min), "{:?}", to);
                prop_assert!(theirs.max_capacity.is_none_or(|max| to.max == max), "{:?}", to);
            }
        }
    }

    #[test]
    fn four_rounds_answer_everything(spec in any::spec(), answers in any::full_facts()) {
        let input = input_of(&spec);
        let mut facts = Facts::default();
        for _ in 0..4 {
            for query in plan(&input, &facts).needs {
                let answer = answers.get(&query).unwrap().clone();
                facts.insert(query, answer);
            }
        }
        prop_assert_eq!(plan(&input, &facts), plan(&input, &answers));
    }

    #[test]
    fn a_stalled_plan_writes_nothing(spec in any::spec(), facts in any::full_facts()) {
        let plan = plan(&input_of(&spec), &facts);
        let stalled = plan.findings.iter().any(|finding| finding.weight == Weight::Stalled);
        prop_assert!(!stalled || plan.steps.is_empty());
        let waiting = plan.findings.iter().any(|finding| finding.weight == Weight::Waiting);
        prop_assert!(!waiting || plan.next_at.is_some());
        prop_assert!(plan.next_at.is_none_or(|at| at > world::now()));
    }
}
