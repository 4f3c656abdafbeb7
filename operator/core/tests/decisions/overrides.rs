//! What holds for every override.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use runbook_api::common::Mode;
use runbook_api::scaling_override::MADE_BY;
use runbook_api::scaling_policy::{FollowedSize, ScalingPolicyStatus};
use runbook_api::{ScalingOverride, ScalingPolicy, ScalingPolicySpec};
use runbook_core::facts::Answer;
use runbook_core::observed::ServiceLookup;
use runbook_core::plan::Weight;
use runbook_core::report::{Outcome, Summary};
use runbook_core::scaling::overrides::intent::Memory;
use runbook_core::scaling::overrides::{self, Change, Override, keep};
use runbook_core::scaling::{self, Input, Size, input, predict, report};
use runbook_core::{Facts, Plan, Step};
use serde_json::{Value, json};

use crate::any;
use crate::world;

fn size() -> impl Strategy<Value = i32> {
    prop_oneof![4 => 0..9i32, 1 => 0..=5000i32]
}

fn over() -> impl Strategy<Value = Override> {
    let change = prop_oneof![
        size().prop_map(|n| Change::AtLeast(n.max(1))),
        size().prop_map(Change::Exactly),
        (size(), size()).prop_map(|(a, b)| Change::Range { min: a.min(b), max: a.max(b) }),
    ];
    ("[a-d]", 1..4i64, -2..3i64, change, prop::option::of(any::<bool>())).prop_map(
        |(name, age, ends, change, suspend_scheduled)| Override {
            name,
            created: world::now() - SignedDuration::from_secs(age),
            expires_at: world::now() + SignedDuration::from_secs(ends),
            change,
            suspend_scheduled,
        },
    )
}

fn several() -> impl Strategy<Value = Vec<Override>> {
    prop::collection::vec(over(), 0..4).prop_map(|mut all| {
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all.dedup_by(|one, other| one.name == other.name);
        all
    })
}

fn input_of(spec: &ScalingPolicySpec, overrides: Vec<Override>, memory: Memory) -> Input {
    let access = world::access(&world::everything_granted(), Mode::Enforce);
    input::validate(spec, &world::policy_id(), "production", &access).unwrap().beside(overrides, memory)
}

fn plan(input: &Input, facts: &Facts) -> Plan {
    scaling::plan(input, facts, world::now())
}

fn made(input: &mut Input, facts: &mut Facts, plan: &Plan, now: Timestamp) {
    for step in &plan.steps {
        predict::predict(facts, step);
        predict::predict_input(input, step, now);
    }
}

/// The status that a reconcile leaves.
fn remember(status: &ScalingPolicyStatus, plan: &Plan, facts: &Facts, now: Timestamp) -> ScalingPolicyStatus {
    let outcome = Outcome::of_plan(plan, None);
    let summary = Summary {
        outcome: &outcome,
        findings: &plan.findings,
        generation: Some(1),
        pending: &plan.steps,
        acts: &[],
        requested: None,
        facts,
        now,
        intent: plan.intent.as_deref(),
        outlook: None,
        progress: None,
        queues: &[],
        untold: false,
    };
    report::status("clocked-app", status, &summary)
}

/// A minute around a firing two bands are right, and an override may leave the one or the other as it is.
fn without_schedules(mut spec: ScalingPolicySpec) -> ScalingPolicySpec {
    if let Some(autoscaling) = &mut spec.autoscaling {
        autoscaling.windows.clear();
        autoscaling.scheduled_actions.clear();
    }
    spec
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn under_overrides_too_a_plan_ends_what_it_begins(
        spec in any::spec(), mut facts in any::full_facts(), overrides in several(), followed in any::<bool>(),
    ) {
        let mut input = input_of(&spec, overrides, Memory::default());
        if followed && let Some(intent) = plan(&input, &facts).intent {
            input.memory.followed = Some((intent.bounds, world::now() - SignedDuration::from_secs(60)));
        }
        let first = plan(&input, &facts);
        made(&mut input, &mut facts, &first, world::now());
        let mut then = plan(&input, &facts);
        // An adoption beside another override changes what both come to: that is planned with the override that it made.
        if first.steps.iter().any(|step| matches!(step, Step::AdoptScaleOut { .. })) {
            made(&mut input, &mut facts, &then, world::now());
            then = plan(&input, &facts);
        }
        prop_assert_eq!(then.steps, Vec::new(), "after {:?}", first.steps);
    }

    #[test]
    fn at_least_never_takes_tasks_away(spec in any::spec().prop_map(without_schedules), facts in any::full_facts(), least in 1..20i32) {
        let base = input_of(&spec, Vec::new(), Memory::default());
        let ends = world::now() + SignedDuration::from_secs(60);
        let sale = Override {
            name: "sale".into(), created: world::now(), expires_at: ends, change: Change::AtLeast(least), suspend_scheduled: None,
        };
        let raised = input_of(&spec, vec![sale], Memory::default());
        // Where nobody can tell the band, nothing is done that could be compared.
        let undecided = |input: &Input| {
            plan(input, &facts).findings.iter().any(|finding| finding.reason == "BandUndecided")
        };
        prop_assume!(!undecided(&base));
        let after = |input: &Input| {
            let mut facts = facts.clone();
            plan(input, &facts).steps.iter().for_each(|step| predict::predict(&mut facts, step));
            world::desired_count(&facts).unwrap_or_default()
        };
        // Without the override nothing may be decided at all: then there is nothing to compare with.
        let stalled = plan(&base, &facts).findings.iter().any(|finding| finding.weight == Weight::Stalled);
        prop_assert!(stalled || after(&raised) >= after(&base));
    }

    #[test]
    fn an_override_stays_within_its_limits(spec in any::spec(), overrides in several(), ceiling in prop::option::of(1..30i32), facts in any::full_facts()) {
        let spec = ScalingPolicySpec { override_ceiling: ceiling, ..spec };
        let input = input_of(&spec, overrides, Memory::default());
        let plan = plan(&input, &facts);
        // A band that nobody can tell stays as it is.
        let undecided = plan.findings.iter().any(|finding| finding.reason == "BandUndecided");
        if let Some(intent) = plan.intent.filter(|_| !undecided) {
            let declared = intent.declared;
            let limit = declared.limit().unwrap_or(i32::MAX);
            prop_assert!(intent.bounds.least <= limit);
            prop_assert!(intent.bounds.most.is_none_or(|most| most <= limit && intent.bounds.least <= most));
            prop_assert!(intent.bounds.most.is_some() || !declared.autoscaled);
        }
    }

    #[test]
    fn without_a_memory_nothing_is_taken_for_drift(spec in any::spec(), overrides in several(), facts in any::full_facts()) {
        let plan = plan(&input_of(&spec, overrides, Memory::default()), &facts);
        let adopts = plan.steps.iter().any(|step| matches!(step, Step::AdoptScaleOut { .. }));
        prop_assert!(!adopts);
    }

    #[test]
    fn every_override_is_told_one_thing(spec in any::spec(), siblings in several()) {
        let mut policy = ScalingPolicy::new("clocked-app", spec);
        policy.metadata.namespace = Some(world::NAMESPACE.into());
        for one in &siblings {
            let object = object(one);
            let status = overrides::status::status(&object, Some(&policy), &siblings, world::now());
            let find = |type_: &str| status.conditions.iter().find(|condition| condition.type_ == type_).unwrap();
            let active = find("Active");
            prop_assert_eq!(active.status == "True", active.reason == "Active");
            prop_assert_eq!(active.reason == "Expired", one.expires_at <= world::now());
            prop_assert_eq!(status.changes.is_some(), active.reason == "Active");
            prop_assert!(find("Ready").status != find("Stalled").status);
            let again = ScalingOverride { status: Some(status.clone()), ..object };
            let later = world::now() + SignedDuration::from_millis(1);
            prop_assert_eq!(overrides::status::status(&again, Some(&policy), &siblings, later), status);
        }
    }
}

fn object(one: &Override) -> ScalingOverride {
    let mut spec =
        json!({"policyRef": {"name": "clocked-app"}, "reason": "because", "expiresAt": one.expires_at.to_string()});
    match one.change {
        Change::AtLeast(n) => spec["atLeast"] = json!(n),
        Change::Exactly(n) => spec["exactly"] = json!(n),
        Change::Range { min, max } => spec["range"] = json!({"min": min, "max": max}),
    }
    if let Some(suspend) = one.suspend_scheduled {
        spec["suspendScheduled"] = json!(suspend);
    }
    let metadata = json!({
        "name": one.name, "namespace": world::NAMESPACE, "generation": 1, "creationTimestamp": one.created.to_string(),
    });
    let api = json!({"apiVersion": "ops.clocked.app/v1alpha1", "kind": "ScalingOverride"});
    let mut object = api;
    object["metadata"] = metadata;
    object["spec"] = spec;
    serde_json::from_value(object).unwrap()
}

fn fixed(replicas: i32) -> ScalingPolicySpec {
    let id = world::service_id();
    let target = json!({"ecsService": {"cluster": id.cluster, "service": id.service}});
    serde_json::from_value(json!({"target": target, "replicas": replicas})).unwrap()
}

fn facts_of(desired: i32) -> Facts {
    let mut facts = Facts::default();
    let service = ServiceLookup::Found(Box::new(world::service(desired, desired)));
    let answers = [world::identity(world::ACCOUNT), Answer::EcsService(service), Answer::ScalableTarget(None)];
    for ((_, query), answer) in world::queries().into_iter().zip(answers) {
        facts.insert(query, Ok(answer));
    }
    facts
}

/// What a colleague does by hand, followed over three hours: adopted once, held for an hour, taken back, and adopted anew next time.
#[test]
fn an_adoption_ends_and_is_not_repeated() {
    let mut status = ScalingPolicyStatus::default();
    let mut made_overrides: Vec<Override> = Vec::new();
    let mut names = Vec::new();
    let mut facts = facts_of(3);
    let mut sizes = Vec::new();
    for minute in 0..180 {
        let now = world::now() + SignedDuration::from_mins(minute);
        if minute == 5 || minute == 90 {
            facts = facts_of(5);
        }
        let mut input = input_of(&fixed(3), made_overrides.clone(), Memory::of(&status, status.observed_generation));
        let plan = scaling::plan(&input, &facts, now);
        status = remember(&status, &plan, &facts, now);
        for step in &plan.steps {
            if let Step::AdoptScaleOut { adoption, .. } = step {
                names.push(adoption.id.name.clone());
            }
        }
        made(&mut input, &mut facts, &plan, now);
        made_overrides = input.overrides;
        sizes.push(world::desired_count(&facts).unwrap());
    }
    assert_eq!(names.len(), 2, "{names:?}");
    assert_ne!(names[0], names[1]);
    assert_eq!((sizes[4], sizes[5], sizes[64], sizes[66]), (3, 5, 5, 3));
    assert_eq!((sizes[90], sizes[149], sizes[151]), (5, 5, 3));
}

#[test]
fn what_we_made_ourselves_is_not_adopted() {
    // The override goes before AWS was seen to follow it.
    let sale = Override {
        name: "sale".into(),
        created: world::now(),
        expires_at: world::now() + SignedDuration::from_secs(60),
        change: Change::Exactly(5),
        suspend_scheduled: None,
    };
    let mut facts = facts_of(3);
    let mut status = ScalingPolicyStatus::default();
    for (overrides, size) in [(vec![], 3), (vec![sale], 5), (vec![], 3), (vec![], 3)] {
        let mut input = input_of(&fixed(3), overrides, Memory::of(&status, status.observed_generation));
        let plan = plan(&input, &facts);
        status = remember(&status, &plan, &facts, world::now());
        made(&mut input, &mut facts, &plan, world::now());
        assert_eq!(world::desired_count(&facts), Some(size));
    }
    assert!(status.followed.is_some());
}

#[test]
fn the_same_act_is_adopted_under_the_same_name() {
    let followed = FollowedSize {
        minimum: 3,
        maximum: Some(3),
        since: serde_json::from_value(json!("2026-03-01T02:00:00Z")).unwrap(),
    };
    let status = ScalingPolicyStatus { followed: Some(followed), ..ScalingPolicyStatus::default() };
    let adopted = |desired: i32, known: Vec<Override>, later: i64| {
        let input = input_of(&fixed(3), known, Memory::of(&status, status.observed_generation));
        let now = world::now() + SignedDuration::from_secs(later);
        scaling::plan(&input, &facts_of(desired), now).steps.into_iter().find_map(|step| match step {
            Step::AdoptScaleOut { adoption, .. } => Some(*adoption),
            _ => None,
        })
    };
    let first = adopted(9, Vec::new(), 0).unwrap();
    assert_eq!(adopted(9, Vec::new(), 30).unwrap().id, first.id, "a crash before it was made makes no second");
    assert_ne!(adopted(8, Vec::new(), 0).unwrap().id, first.id);
    let object = first.object();
    assert_eq!(object.metadata.labels.as_ref().unwrap()[MADE_BY], "operator");
    let mut known = Override::read(&object).unwrap();
    known.expires_at = world::now();
    assert_eq!(adopted(9, vec![known], 0), None, "what has ended is not begun again");
}

/// Whoever knows how names are made can have one before the operator does.
#[test]
fn a_name_that_another_object_has_is_no_adoption() {
    let since = serde_json::from_value(json!("2026-03-01T02:00:00Z")).unwrap();
    let followed = Some(FollowedSize { minimum: 3, maximum: Some(3), since });
    let memory = Memory::of(&ScalingPolicyStatus { followed, ..ScalingPolicyStatus::default() }, None);
    let mut input = input_of(&fixed(3), Vec::new(), memory);
    let first = |input: &Input| scaling::plan(input, &facts_of(9), world::now()).steps.into_iter().next();
    let Some(Step::AdoptScaleOut { adoption, .. }) = first(&input) else { panic!("nothing is adopted") };
    let object = adoption.object();
    assert!(adoption.is_made(&object));
    let mut of_another = object.clone();
    of_another.spec.policy_ref.name = "another".into();
    assert!(!adoption.is_made(&of_another));
    let mut going = object;
    going.metadata.deletion_timestamp = Some(serde_json::from_value(json!("2026-03-01T02:00:00Z")).unwrap());
    assert!(!adoption.is_made(&going), "kept by a finalizer, it never holds");
    input.taken = Some(adoption.id.name.clone());
    assert!(matches!(first(&input), Some(Step::SetDesiredCount { from: 9, to: 3, .. })), "it is corrected instead");
    input.taken = Some("adopted-clocked-app-00000000".into());
    assert!(matches!(first(&input), Some(Step::AdoptScaleOut { .. })), "another act has another name");
}

#[test]
fn only_what_nobody_keeps_in_git_is_removed() {
    let made_by = |label: Value| {
        let one = Override {
            name: "a".into(),
            created: world::now(),
            expires_at: world::now(),
            change: Change::AtLeast(1),
            suspend_scheduled: None,
        };
        let mut object = object(&one);
        object.metadata.labels = serde_json::from_value(label).unwrap();
        keep::removed_at(&object)
    };
    assert_eq!(made_by(json!(null)), None);
    assert_eq!(made_by(json!({MADE_BY: "argocd"})), None);
    for maker in ["operator", "cli"] {
        assert_eq!(made_by(json!({MADE_BY: maker})), Some(world::now() + keep::KEPT));
    }
}

#[test]
fn a_policy_that_is_not_there_stalls_its_overrides() {
    let one = Override {
        name: "a".into(),
        created: world::now(),
        expires_at: world::now() + SignedDuration::from_secs(60),
        change: Change::AtLeast(1),
        suspend_scheduled: None,
    };
    let status = overrides::status::status(&object(&one), None, std::slice::from_ref(&one), world::now());
    assert!(status.conditions.iter().all(|condition| condition.reason == "PolicyNotFound"));
    assert!(status.conditions.iter().any(|condition| condition.type_ == "Stalled" && condition.status == "True"));
    let size = input_of(&fixed(3), Vec::new(), Memory::default()).size;
    assert!(matches!(size, Size::Fixed(3)));
}
