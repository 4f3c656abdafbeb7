//! Grants and IAM's wildcards.

use proptest::prelude::*;
use runbook_api::aws_account::{Grant, Verb};
use runbook_api::common::Mode;
use runbook_core::account::grants::Grants;
use runbook_core::arn;
use runbook_core::scaling::input;
use serde_json::json;

use crate::world;

/// IAM's wildcards as one would write them down, exponential as that is.
fn naive(pattern: &[char], text: &[char]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((&'*', rest)), _) => naive(rest, text) || (!text.is_empty() && naive(pattern, &text[1..])),
        (Some((&'?', rest)), Some((_, text))) => naive(rest, text),
        (Some((one, rest)), Some((other, text))) => one == other && naive(rest, text),
        _ => false,
    }
}

fn naive_arn(pattern: &str, arn: &str) -> bool {
    let parts = |text: &str| -> Vec<Vec<char>> { text.splitn(6, ':').map(|part| part.chars().collect()).collect() };
    let (patterns, parts) = (parts(pattern), parts(arn));
    patterns.len() == parts.len() && patterns.iter().zip(&parts).all(|(pattern, part)| naive(pattern, part))
}

fn verb() -> impl Strategy<Value = Verb> {
    use Verb::{DeleteSnapshot, Export, Notify, Observe, Restart, Restore, RunTask, Scale, Snapshot, Sql};
    proptest::sample::select(vec![
        Observe,
        Scale,
        Restart,
        RunTask,
        Snapshot,
        DeleteSnapshot,
        Restore,
        Export,
        Sql,
        Notify,
    ])
}

fn grant() -> impl Strategy<Value = Grant> {
    let namespaces = prop::collection::vec("[ab]", 1..3);
    let verbs = prop::collection::vec(verb(), 1..3);
    let resources = prop::collection::vec("arn:aws:ecs:\\*:\\*:[ab*?/]{1,5}", 1..3);
    (namespaces, verbs, resources).prop_map(|(namespaces, verbs, resources)| Grant { namespaces, verbs, resources })
}

fn allows(grants: &[Grant], namespace: &str, verb: Verb, resources: &[String]) -> bool {
    Grants::of("default", namespace, grants).check(verb, resources).is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn wildcards_agree_with_the_naive_reading(pattern in "[a:*?/]{0,10}", arn in "[ab:/]{0,10}") {
        prop_assert_eq!(arn::matches(&pattern, &arn), naive_arn(&pattern, &arn));
    }

    #[test]
    fn an_arn_matches_itself_and_its_mutilations(arn in "arn:aws:[a-z]{1,4}:[a-z0-9-]{0,8}:[0-9]{0,4}:[a-z/:]{1,8}", at in 0..40usize) {
        prop_assert!(arn::matches(&arn, &arn));
        let mutilated: String = arn.chars().enumerate().map(|(i, c)| if i == at && c != ':' { '?' } else { c }).collect();
        prop_assert!(arn::matches(&mutilated, &arn));
    }

    #[test]
    fn another_grant_takes_nothing_away(
        grants in prop::collection::vec(grant(), 0..4), more in grant(), at in 0..4usize,
        namespace in "[ab]", verb in verb(), resource in "arn:aws:ecs:r:1:[ab/]{1,4}",
    ) {
        let resources = [resource];
        let before = allows(&grants, &namespace, verb, &resources);
        let mut widened = grants.clone();
        widened.insert(at.min(grants.len()), more);
        prop_assert!(!before || allows(&widened, &namespace, verb, &resources));
    }

    #[test]
    fn permission_comes_from_one_grant_alone(
        grants in prop::collection::vec(grant(), 0..4), namespace in "[ab]", verb in verb(), resource in "arn:aws:ecs:r:1:[ab/]{1,4}",
    ) {
        let resources = [resource];
        let by_one = grants.iter().any(|grant| allows(std::slice::from_ref(grant), &namespace, verb, &resources));
        prop_assert_eq!(allows(&grants, &namespace, verb, &resources), by_one);
    }

    #[test]
    fn whoever_may_do_anything_may_look(grants in prop::collection::vec(grant(), 0..4), namespace in "[ab]", verb in verb(), resource in "arn:aws:ecs:r:1:[ab/]{1,4}") {
        let resources = [resource];
        prop_assert!(!allows(&grants, &namespace, verb, &resources) || allows(&grants, &namespace, Verb::Observe, &resources));
    }

    #[test]
    fn all_resources_must_be_granted(grants in prop::collection::vec(grant(), 0..4), namespace in "[ab]", verb in verb(), resources in prop::collection::vec("arn:aws:ecs:r:1:[ab/]{1,4}", 0..4)) {
        let each = resources.iter().all(|resource| allows(&grants, &namespace, verb, std::slice::from_ref(resource)));
        prop_assert_eq!(allows(&grants, &namespace, verb, &resources), each);
    }
}

#[test]
fn what_is_missing_is_written_ready_to_paste() {
    let resource = "arn:aws:ecs:eu-central-1:123456789012:service/clocked-cluster/app".to_owned();
    let finding =
        Grants::of("default", "clocked", &[]).check(Verb::Scale, std::slice::from_ref(&resource)).unwrap_err();
    let (_, yaml) = finding.message.split_once("spec.grants ").unwrap();
    let grant: Grant = serde_norway::from_str(yaml).unwrap();
    assert!(allows(&[grant], "clocked", Verb::Scale, &[resource]));
}

/// Grants are checked on an ARN made of names, so nothing but a name may go into it, whatever the schema let in.
#[test]
fn only_names_become_parts_of_an_arn() {
    let access = world::access(&world::everything_granted(), Mode::Enforce);
    let long = "x".repeat(256);
    for wrong in
        ["", "*", "we?", "a/b", "../other", "arn:aws:ecs:eu-central-1:1:service/c/s", "web ", "wéb", "web\n", &long]
    {
        for (cluster, service) in [(wrong, "web"), ("clocked-cluster", wrong)] {
            let spec = json!({"target": {"ecsService": {"cluster": cluster, "service": service}}, "replicas": 1});
            let finding = input::target(&serde_json::from_value(spec).unwrap(), &access).unwrap_err();
            assert_eq!(finding.reason, "InvalidSpec", "{wrong:?}");
        }
    }
    let spec = json!({"target": {"ecsService": {"cluster": "A-1_b", "service": &long[1..]}}, "replicas": 1});
    assert!(input::target(&serde_json::from_value(spec).unwrap(), &access).is_ok());
}
