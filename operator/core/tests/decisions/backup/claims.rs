//! Who holds a database.

use runbook_api::{AwsAccount, BackupPolicy};
use runbook_core::backup::claim::claim;
use runbook_core::backup::input;
use serde_json::{Value, json};

use crate::world;

fn policy(change: impl Fn(&mut Value)) -> BackupPolicy {
    let mut object = json!({
        "apiVersion": "ops.clocked.app/v1alpha1", "kind": "BackupPolicy",
        "metadata": {"name": "db", "namespace": world::NAMESPACE, "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"source": {"rdsInstance": "clocked-db"}, "deletionProtection": true},
    });
    change(&mut object);
    serde_json::from_value(object).unwrap()
}

fn account(change: impl Fn(&mut Value)) -> AwsAccount {
    let mut spec = json!({
        "accountId": world::ACCOUNT, "regions": ["eu-central-1"], "mode": "Enforce",
        "grants": [{"namespaces": [world::NAMESPACE], "verbs": ["snapshot"], "resources": ["arn:aws:rds:*:*:db:clocked-*"]}],
    });
    change(&mut spec);
    AwsAccount::new("default", serde_json::from_value(spec).unwrap())
}

#[test]
fn a_database_is_held_by_its_arn() {
    let claim = claim(&policy(|_| {}), Some(&account(|_| {}))).unwrap();
    assert_eq!(claim.resource, "arn:aws:rds:eu-central-1:123456789012:db:clocked-db");
    assert_eq!(claim.claimant.id.to_string(), "clocked/db");
    assert_eq!(input::resource(&policy(|_| {}).spec.source).as_deref(), Some("db:clocked-db"));
}

#[test]
fn who_may_not_write_claims_nothing() {
    let with = account(|_| {});
    for change in [
        json!({"suspend": true}),
        json!({"mode": "Observe"}),
        json!({"region": "eu-west-1"}),
        json!({"source": {"rdsInstance": "other"}}),
        json!({"source": {"rdsInstance": "db:*"}}),
        json!({"source": {}}),
    ] {
        let changed =
            policy(|object| object["spec"].as_object_mut().unwrap().extend(change.as_object().unwrap().clone()));
        assert_eq!(claim(&changed, Some(&with)), None, "{change}");
    }
    let deleted = policy(|object| object["metadata"]["deletionTimestamp"] = json!("2026-01-02T00:00:00Z"));
    assert_eq!(claim(&deleted, Some(&with)), None);
    assert_eq!(claim(&policy(|_| {}), None), None);
    assert_eq!(claim(&policy(|_| {}), Some(&account(|spec| spec["mode"] = json!("Observe")))), None);
    let may_only_look = account(|spec| spec["grants"][0]["verbs"] = json!(["observe"]));
    assert_eq!(claim(&policy(|_| {}), Some(&may_only_look)), None);
}
