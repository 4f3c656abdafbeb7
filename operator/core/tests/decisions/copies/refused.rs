//! Destinations that cannot be used, and what that keeps from being done: nothing else.

use runbook_core::backup::{self, reach};
use runbook_core::iam::Purpose;
use runbook_core::plan::Weight;
use serde_json::{Value, json};

use super::cloud::Cloud;
use super::world::{Accounts, KEY, VAULT_KEY, dublin, scope, spec, vault};
use crate::backup::world as own;

/// Why the copies of this name are not made.
fn why(accounts: &Accounts, copy: Value) -> String {
    let (input, _) = accounts.input(&spec(json!([copy]), json!({})));
    match &input.copies[0].place {
        Err(finding) => {
            assert_eq!(finding.weight, Weight::Stalled);
            format!("{}: {}", finding.reason, finding.message)
        }
        Ok(_) => String::new(),
    }
}

fn with(mut copy: Value, field: &str, value: Value) -> Value {
    copy[field] = value;
    copy
}

#[test]
fn what_cannot_be_is_said_with_what_to_write() {
    let accounts = Accounts::default();
    assert_eq!(why(&accounts, dublin()), "");
    assert_eq!(why(&accounts, vault()), "");
    for (copy, said) in [
        (
            with(dublin(), "region", json!("eu-central-1")),
            "InvalidSpec: snapshots.copies dublin: the snapshots are there already",
        ),
        (
            with(dublin(), "region", json!("us-east-1")),
            "RegionNotAllowed: snapshots.copies dublin: AwsAccount default does not list region us-east-1",
        ),
        (with(dublin(), "kmsKeyId", json!(VAULT_KEY)), "is no key of eu-west-1"),
        (
            with(vault(), "accountRef", json!({"name": "nowhere"})),
            "AccountNotFound: snapshots.copies vault: there is no AwsAccount named nowhere",
        ),
        (with(vault(), "shareKmsKeyId", json!(KEY)), "is no key of eu-central-1"),
        (with(dublin(), "retention", json!({"keepLast": 0})), "keepLast: 0 keeps nothing"),
    ] {
        let why = why(&accounts, copy);
        assert!(why.contains(said), "{why}");
    }
}

#[test]
fn two_do_not_go_to_one_place() {
    let both = json!([dublin(), with(dublin(), "name", json!("other"))]);
    let (input, _) = Accounts::default().input(&spec(both, json!({})));
    assert!(input.copies[0].place.is_ok());
    let why = &input.copies[1].place.as_ref().unwrap_err().message;
    assert!(why.contains("dublin goes to the same place"), "{why}");
}

#[test]
fn the_key_the_database_and_the_account_of_a_copy_must_be_granted() {
    let granted = |resources: Value| json!([{"namespaces": ["clocked"], "verbs": ["snapshot", "deleteSnapshot"], "resources": resources}]);
    let (rds, kms) = ("arn:aws:rds:eu-*:*:db:clocked-db", "arn:aws:kms:*:*:key/*");
    let mut accounts = Accounts::default();
    accounts.own["grants"] = granted(json!(["arn:aws:rds:eu-central-1:*:db:clocked-db", kms]));
    let refused = why(&accounts, dublin());
    assert!(
        refused.contains("NotGranted") && refused.contains("db:clocked-db") && refused.contains("eu-west-1"),
        "{refused}"
    );
    accounts.own["grants"] = granted(json!([rds]));
    let refused = why(&accounts, dublin());
    assert!(refused.contains("NotGranted") && refused.contains(KEY), "{refused}");
    // The account of the copies grants too, whatever the own one does.
    accounts.own["grants"] = granted(json!([rds, kms]));
    accounts.vault["grants"] = json!([]);
    let refused = why(&accounts, vault());
    assert!(refused.contains("AwsAccount vault does not grant namespace clocked the verb snapshot"), "{refused}");
}

#[test]
fn a_place_that_cannot_be_used_keeps_no_snapshot_from_being_taken() {
    let mut accounts = Accounts::default();
    accounts.vault["grants"] = json!([]);
    let (input, access) = accounts.input(&spec(json!([vault()]), json!({"retention": {"keepLast": 1}})));
    let mut cloud = Cloud::default();
    let input = input.beside(own_memory());
    let plan = backup::plan(&input, &cloud.facts(), own::now());
    access.grants.allow_steps(&plan.steps).unwrap();
    assert_eq!(plan.steps.iter().map(|step| step.name()).collect::<Vec<_>>(), ["CreateSnapshot"]);
    assert!(
        plan.findings.iter().any(|said| said.reason == "NotGranted" && said.weight == Weight::Note),
        "{:?}",
        plan.findings
    );
    // Afterwards it is what a person must see to.
    plan.steps.iter().for_each(|step| cloud.make(step).unwrap());
    cloud.time_passes(own::now());
    let plan = backup::plan(&input, &cloud.facts(), own::now());
    assert_eq!(plan.weightiest().map(|said| said.reason.as_str()), Some("NotGranted"));
}

fn own_memory() -> backup::Memory {
    let scheduled = json!({"scheduled": {"schedule": "0 0 * * * UTC", "since": "2026-02-28T12:00:00Z"}});
    backup::Memory::of(&serde_json::from_value(scheduled).unwrap(), Some(own::at("2026-02-01T00:00:00Z")))
}

#[test]
fn a_place_that_does_not_answer_keeps_no_snapshot_from_being_taken_and_all_from_being_deleted() {
    let (input, _) = Accounts::default().input(&spec(json!([dublin()]), json!({"retention": {"keepLast": 1}})));
    let input = input.beside(own_memory());
    let mut cloud = Cloud::default();
    for slot in ["2026-02-26T00:00:00Z", "2026-02-27T00:00:00Z"] {
        cloud
            .list(&scope("default", "eu-central-1"))
            .push(own::snapshot(runbook_core::DatabaseKind::Instance, own::at(slot)));
    }
    cloud.silent.insert((crate::world::ACCOUNT.into(), "eu-west-1".into()));
    let names = |cloud: &Cloud| {
        let plan = backup::plan(&input, &cloud.facts(), own::now());
        (plan.steps.iter().map(|step| step.name()).collect::<Vec<_>>(), plan)
    };
    let (steps, plan) = names(&cloud);
    assert_eq!(steps, ["CreateSnapshot"]);
    plan.steps.iter().for_each(|step| cloud.make(step).unwrap());
    cloud.time_passes(own::now());
    let (steps, plan) = names(&cloud);
    assert_eq!(steps, Vec::<&str>::new());
    assert!(plan.findings.iter().any(|said| said.reason == "DeletionsHeldBack"), "{:?}", plan.findings);
    assert_eq!(plan.weightiest().map(|said| said.weight), Some(Weight::Unavailable));
    cloud.silent.clear();
    assert_eq!(names(&cloud).0, ["CopySnapshot", "CopySnapshot"]);
}

#[test]
fn the_role_of_the_other_account_need_not_delete() {
    let accounts = Accounts::default();
    let (input, _) = accounts.input(&spec(json!([vault(), dublin()]), json!({})));
    let needed = reach::by_account(&input);
    let deletes = |account: &str, region: &str| {
        let of = format!(":{region}:");
        needed[account].iter().any(|one| one.purpose == Purpose::DeleteSnapshots && one.resource.arn.contains(&of))
    };
    assert!(!deletes("vault", "eu-central-1"), "deletion: External");
    // Its own part: what was made to be shared, and the copies that it keeps by rules.
    assert!(deletes("default", "eu-central-1") && deletes("default", "eu-west-1"));
    let (input, _) = accounts.input(&spec(json!([dublin()]), json!({})));
    assert_eq!(reach::by_account(&input).keys().collect::<Vec<_>>(), ["default"]);
}
