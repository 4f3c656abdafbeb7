//! A step about copies as a call: what is sent, what it changes, what it was decided on.

use runbook_core::Query;
use runbook_core::facts::Answer;
use runbook_core::observed::DatabaseSnapshot;
use runbook_core::step::CopyStep;
use runbook_core::{DatabaseId, SnapshotId};

use crate::call::RdsCall;

/// The call that makes a step.
pub(super) fn call_of(step: &CopyStep) -> RdsCall {
    let kind = step.database().kind;
    match step {
        CopyStep::CopySnapshot { from, source, to, snapshot, kms_key, option_group, tags, .. } => {
            RdsCall::CopySnapshot {
                kind,
                source: if is_beside(from, to) { source.clone() } else { from.snapshot_arn(source) },
                snapshot: snapshot.clone(),
                kms_key: kms_key.clone(),
                option_group: option_group.clone(),
                tags: tags.clone(),
            }
        }
        CopyStep::ShareSnapshot { snapshot, account, .. } => {
            RdsCall::ShareSnapshot { kind, snapshot: snapshot.clone(), account: account.clone() }
        }
        CopyStep::DeleteCopy { snapshot, .. } | CopyStep::DeleteShared { snapshot, .. } => {
            RdsCall::DeleteSnapshot { kind, snapshot: snapshot.clone() }
        }
    }
}

/// The questions whose answers a step changes.
pub(super) fn changes(step: &CopyStep) -> Vec<Query> {
    let database = step.database().clone();
    match step {
        // No list shows who a snapshot is shared with.
        CopyStep::ShareSnapshot { .. } => Vec::new(),
        CopyStep::CopySnapshot { .. } | CopyStep::DeleteCopy { .. } | CopyStep::DeleteShared { .. } => {
            vec![Query::DatabaseSnapshots(database.clone()), Query::RdsQuotas(database.scope)]
        }
    }
}

/// The questions whose answers a step was decided on: what is copied is asked for by itself, because both lists look alike.
pub(super) fn basis(step: &CopyStep) -> Vec<Query> {
    let list = Query::DatabaseSnapshots(step.database().clone());
    match step {
        CopyStep::CopySnapshot { from, source, .. } => {
            let (scope, identifier) = (from.scope.clone(), source.clone());
            vec![Query::Snapshot(SnapshotId { scope, kind: from.kind, identifier }), list]
        }
        CopyStep::ShareSnapshot { .. } | CopyStep::DeleteCopy { .. } | CopyStep::DeleteShared { .. } => vec![list],
    }
}

/// Whether an answer to one of [`basis`] is still what the step was decided on.
pub(super) fn still_holds(step: &CopyStep, answer: &Answer) -> bool {
    match (step, answer) {
        (CopyStep::CopySnapshot { from, .. }, Answer::Snapshot(Some(found))) => {
            found.source == from.identifier && found.snapshot.status == "available"
        }
        (CopyStep::CopySnapshot { snapshot, .. }, Answer::DatabaseSnapshots(listed)) => {
            !listed.iter().any(|one| one.identifier == *snapshot)
        }
        (
            CopyStep::ShareSnapshot { snapshot, tags, .. }
            | CopyStep::DeleteCopy { snapshot, tags, .. }
            | CopyStep::DeleteShared { snapshot, tags, .. },
            Answer::DatabaseSnapshots(listed),
        ) => listed.iter().any(|one| one.identifier == *snapshot && is_the_one(one, tags)),
        _ => false,
    }
}

/// Whether a snapshot is there, and carries what says that the policy made it.
fn is_the_one(found: &DatabaseSnapshot, tags: &[(String, String)]) -> bool {
    found.status == "available"
        && found.snapshot_type == "manual"
        && !tags.is_empty()
        && tags.iter().all(|(key, value)| found.tags.get(key) == Some(value))
}

/// Whether both are in the same region of the same account.
fn is_beside(one: &DatabaseId, other: &DatabaseId) -> bool {
    (&one.scope.account_id, &one.scope.region) == (&other.scope.account_id, &other.scope.region)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use runbook_core::ownership::{OWN_ARN_TAG, OWNER_TAG, SHARED_TAG};
    use runbook_core::{DatabaseKind, Scope};

    use super::*;

    fn database(region: &str, account_id: &str) -> DatabaseId {
        let scope = Scope { connection: account_id.into(), account_id: account_id.into(), region: region.into() };
        DatabaseId { scope, kind: DatabaseKind::Instance, identifier: "clocked-db".into() }
    }

    fn copy(from: DatabaseId, to: DatabaseId) -> CopyStep {
        CopyStep::CopySnapshot {
            from,
            source: "night".into(),
            to,
            snapshot: "night".into(),
            slot: jiff::Timestamp::UNIX_EPOCH,
            kms_key: None,
            option_group: None,
            tags: Vec::new(),
        }
    }

    #[test]
    fn what_is_elsewhere_is_named_by_its_arn() {
        let home = database("eu-central-1", "123456789012");
        let source = |to: DatabaseId| match call_of(&copy(home.clone(), to)) {
            RdsCall::CopySnapshot { source, .. } => source,
            _ => panic!("another call"),
        };
        let arn = "arn:aws:rds:eu-central-1:123456789012:snapshot:night";
        assert_eq!(source(database("eu-west-1", "123456789012")), arn);
        assert_eq!(source(database("eu-central-1", "210987654321")), arn);
        assert_eq!(source(home.clone()), "night");
    }

    #[test]
    fn only_what_was_made_to_be_shared_is_shared() {
        let at = database("eu-central-1", "123456789012");
        let arn = at.snapshot_arn("night-to-vault");
        let tags: Vec<(String, String)> =
            [(OWNER_TAG, "production/clocked/db"), (OWN_ARN_TAG, &arn), (SHARED_TAG, "vault")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into();
        let step = CopyStep::ShareSnapshot {
            database: at,
            snapshot: "night-to-vault".into(),
            account: "210987654321".into(),
            tags: tags.clone(),
        };
        let listed = |tags: BTreeMap<String, String>, status: &str| {
            Answer::DatabaseSnapshots(vec![DatabaseSnapshot {
                identifier: "night-to-vault".into(),
                arn: arn.clone(),
                source_resource_id: None,
                snapshot_type: "manual".into(),
                status: status.into(),
                created_at: None,
                percent_progress: 100,
                encrypted: true,
                tags,
            }])
        };
        let all: BTreeMap<String, String> = tags.into_iter().collect();
        assert!(still_holds(&step, &listed(all.clone(), "available")));
        assert!(!still_holds(&step, &listed(all.clone(), "creating")));
        for tag in [OWNER_TAG, OWN_ARN_TAG, SHARED_TAG] {
            let mut fewer = all.clone();
            fewer.remove(tag);
            assert!(!still_holds(&step, &listed(fewer, "available")), "{tag}");
        }
    }
}
