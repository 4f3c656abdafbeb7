//! From a reference to an account to a place to work in.

use runbook_api::AwsAccount;
use runbook_api::common::AccountRef;
use runbook_core::account::{self, resolve};
use runbook_core::plan::Weight;
use runbook_core::{CloudError, ErrorClass, Facts, Finding, Query};
use serde_json::json;

use crate::world;

fn account(regions: &[&str]) -> AwsAccount {
    let spec = json!({"accountId": world::ACCOUNT, "regions": regions, "mode": "Enforce"});
    AwsAccount::new("default", serde_json::from_value(spec).unwrap())
}

fn place(region: Option<&str>, account: Option<&AwsAccount>) -> Result<String, Finding> {
    resolve(&AccountRef::default(), region, world::NAMESPACE, account).map(|access| access.scope.region)
}

fn refused(region: Option<&str>, account: Option<&AwsAccount>) -> (String, String) {
    let finding = place(region, account).unwrap_err();
    assert_eq!(finding.weight, Weight::Stalled);
    (finding.reason, finding.message)
}

#[test]
fn the_first_region_is_the_default_and_others_must_be_listed() {
    let account = account(&["eu-central-1", "eu-west-1"]);
    assert_eq!(place(None, Some(&account)), Ok("eu-central-1".into()));
    assert_eq!(place(Some("eu-west-1"), Some(&account)), Ok("eu-west-1".into()));
    let (reason, message) = refused(Some("us-east-1"), Some(&account));
    assert_eq!(reason, "RegionNotAllowed");
    assert!(message.contains("us-east-1") && message.contains("eu-central-1, eu-west-1"), "{message}");
}

#[test]
fn an_account_that_is_not_there_or_on_its_way_out_lets_nobody_work() {
    assert_eq!(refused(None, None).0, "AccountNotFound");
    let mut leaving = account(&["eu-central-1"]);
    leaving.metadata =
        serde_json::from_value(json!({"name": "default", "deletionTimestamp": "2026-01-01T00:00:00Z"})).unwrap();
    assert_eq!(refused(None, Some(&leaving)).0, "AccountNotFound");
    assert_eq!(refused(None, Some(&account(&[]))).0, "RegionNotAllowed");
}

#[test]
fn an_account_is_what_its_credentials_say() {
    let scope = world::scope();
    let decide = |answer: Option<Result<_, CloudError>>| {
        let mut facts = Facts::default();
        if let Some(answer) = answer {
            facts.insert(Query::CallerIdentity(scope.clone()), answer);
        }
        account::plan::plan(&scope, &[], &facts)
    };
    assert_eq!(decide(None).needs, [Query::CallerIdentity(scope.clone())]);
    assert_eq!(decide(Some(Ok(world::identity(world::ACCOUNT)))), runbook_core::Plan::default());
    let other = decide(Some(Ok(world::identity("999999999999"))));
    let finding = other.weightiest().unwrap();
    assert_eq!((finding.weight, finding.reason.as_str()), (Weight::Stalled, "AccountMismatch"));
    assert!(
        finding.message.contains("999999999999") && finding.message.contains(world::ACCOUNT),
        "{}",
        finding.message
    );
    let denied = CloudError {
        class: ErrorClass::Denied,
        operation: "AssumeRole",
        resource: "arn:aws:iam::123456789012:role/runbook".into(),
        code: "AccessDenied".into(),
        message: "not authorized".into(),
        request_id: None,
    };
    assert_eq!(decide(Some(Err(denied))).weightiest().unwrap().weight, Weight::Stalled);
}
