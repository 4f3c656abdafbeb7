//! What IAM must allow for runs.

use runbook_core::database_restore::{input, reach};
use runbook_core::iam::{Breadth, Strings, document};
use serde_json::json;

use super::cloud::access;

#[test]
fn only_what_is_restored_to_be_verified_may_be_deleted() {
    let spec = json!({
        "source": {"snapshotIdentifier": "before-migration"}, "outcome": "Verify",
        "verification": {"checks": [{"name": "users", "sql": "SELECT 1", "expect": "value > 0"}]},
    });
    let input = input::validate(
        &serde_json::from_value(spec).unwrap(),
        &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta::default(),
        "production",
        &access(),
        None,
    )
    .unwrap();
    let document = document(&reach::permissions(&input), Breadth::Service);
    let of = |action: &str| {
        let all = document.statement.iter().filter(|one| match &one.action {
            Strings::One(one) => one == action,
            Strings::Several(several) => several.iter().any(|one| one == action),
        });
        all.map(|one| one.resource.clone()).collect::<Vec<_>>()
    };
    let scratch = "arn:aws:rds:eu-central-1:123456789012:db:rbv-*".to_owned();
    assert_eq!(of("rds:DeleteDBInstance"), [Strings::One(scratch.clone())]);
    assert_eq!(of("rds:ModifyDBInstance"), [Strings::One(scratch)]);
    assert_eq!(of("rds:RestoreDBInstanceFromDBSnapshot").len(), 1);
    // A name that is no slot's stands for itself.
    let snapshot = "arn:aws:rds:eu-central-1:123456789012:snapshot:before-migration".to_owned();
    assert!(matches!(&of("rds:RestoreDBInstanceFromDBSnapshot")[0], Strings::Several(all) if all.contains(&snapshot)));
}
