//! Who holds a target.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use runbook_api::{AwsAccount, ScalingPolicy};
use runbook_core::claim::{Claimant, hold, hold_before_creation};
use runbook_core::ids::ObjectId;
use runbook_core::scaling::claim::claim;
use serde_json::{Value, json};

use crate::world;

fn claimants() -> impl Strategy<Value = Vec<Claimant>> {
    // Creation times have whole seconds and often agree; namespace and name never do.
    let ids = prop::collection::btree_set(("[ab]", "[a-d]"), 1..8);
    (ids, prop::collection::vec(0..3i64, 8)).prop_map(|(ids, seconds)| {
        ids.into_iter()
            .zip(seconds)
            .map(|((namespace, name), second)| Claimant {
                created: Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second),
                id: ObjectId { namespace, name },
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn exactly_one_of_any_claimants_holds(claimants in claimants().prop_shuffle()) {
        let holders: Vec<_> = claimants.iter().filter(|one| hold(one, &claimants, "it").is_ok()).collect();
        prop_assert_eq!(holders.len(), 1);
        let oldest = claimants.iter().map(|one| one.created).min().unwrap();
        prop_assert_eq!(holders[0].created, oldest);
        for one in claimants.iter().filter(|one| *one != holders[0]) {
            let finding = hold(one, &claimants, "it").unwrap_err();
            prop_assert!(finding.message.contains(&holders[0].id.to_string()), "{}", finding.message);
        }
    }
}

#[test]
fn of_those_that_are_not_created_yet_none_holds() {
    let one = |created, name: &str| Claimant { created, id: ObjectId { namespace: "a".into(), name: name.into() } };
    let (first, second) = (one(Timestamp::MAX, "first"), one(Timestamp::MAX, "second"));
    let both = [first.clone(), second.clone()];
    for (claimant, rival) in [(&first, "a/second"), (&second, "a/first")] {
        assert!(hold_before_creation(claimant, &both, "it").unwrap_err().message.contains(rival));
    }
    assert_eq!(hold_before_creation(&first, &both[..1], "it"), Ok(()));
    // One that exists holds against those that do not.
    let old = one(Timestamp::UNIX_EPOCH, "old");
    let all = [first.clone(), old.clone()];
    assert_eq!(hold_before_creation(&old, &all, "it"), Ok(()));
    assert!(hold_before_creation(&first, &all, "it").unwrap_err().message.contains("a/old"));
}

fn policy(change: impl Fn(&mut Value)) -> ScalingPolicy {
    let mut object = json!({
        "apiVersion": "ops.clocked.app/v1alpha1", "kind": "ScalingPolicy",
        "metadata": {"name": "app", "namespace": world::NAMESPACE, "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"target": {"ecsService": {"cluster": "clocked-cluster", "service": "app"}}, "replicas": 1},
    });
    change(&mut object);
    serde_json::from_value(object).unwrap()
}

fn account(name: &str, change: impl Fn(&mut Value)) -> AwsAccount {
    let resources = ["arn:aws:ecs:*:*:service/clocked-cluster/*"];
    let mut spec = json!({
        "accountId": world::ACCOUNT, "regions": ["eu-central-1"], "mode": "Enforce",
        "grants": [{"namespaces": [world::NAMESPACE], "verbs": ["scale"], "resources": resources}],
    });
    change(&mut spec);
    AwsAccount::new(name, serde_json::from_value(spec).unwrap())
}

#[test]
fn two_accounts_of_one_id_lead_to_the_same_service() {
    let one = claim(&policy(|_| {}), Some(&account("default", |_| {}))).unwrap();
    let other = policy(|object| object["spec"]["accountRef"] = json!({"name": "second"}));
    let other = claim(&other, Some(&account("second", |_| {}))).unwrap();
    assert_eq!(one.resource, other.resource);
    assert_eq!(one.resource, "arn:aws:ecs:eu-central-1:123456789012:service/clocked-cluster/app");
}

#[test]
fn who_may_not_write_claims_nothing() {
    let with = account("default", |_| {});
    assert!(claim(&policy(|_| {}), Some(&with)).is_some());
    assert_eq!(claim(&policy(|object| object["spec"]["suspend"] = json!(true)), Some(&with)), None);
    assert_eq!(claim(&policy(|object| object["spec"]["mode"] = json!("Observe")), Some(&with)), None);
    assert_eq!(claim(&policy(|object| object["spec"]["region"] = json!("eu-west-1")), Some(&with)), None);
    assert_eq!(claim(&policy(|object| object["spec"]["target"] = json!({})), Some(&with)), None);
    let deleted = policy(|object| object["metadata"]["deletionTimestamp"] = json!("2026-01-02T00:00:00Z"));
    assert_eq!(claim(&deleted, Some(&with)), None);
    // While it removes what it created nobody else begins.
    let removing = policy(|object| {
        object["metadata"]["deletionTimestamp"] = json!("2026-01-02T00:00:00Z");
        object["metadata"]["finalizers"] = json!(["ops.clocked.app/cleanup"]);
    });
    assert!(claim(&removing, Some(&with)).is_some());
    assert_eq!(claim(&policy(|_| {}), None), None);
    let observing = account("default", |spec| spec["mode"] = json!("Observe"));
    assert_eq!(claim(&policy(|_| {}), Some(&observing)), None);
    let without = account("default", |spec| spec["grants"][0]["verbs"] = json!(["observe"]));
    assert_eq!(claim(&policy(|_| {}), Some(&without)), None);
}
