//! Whose turn it is: few databases are restored to be verified at a time in an account, whoever asks for it.

use jiff::Timestamp;
use runbook_api::DatabaseRestore;
use runbook_api::common::condition::STALLED;
use runbook_api::database_restore::RestoreOutcome;

use crate::run::Ended;

/// Verifications that are under way at a time in an account.
pub const AT_A_TIME: usize = 2;

/// How many of the others come before `own`: those that have begun, and of those that have not those that are older. One that waits for
/// a person holds nobody up, unless it has begun: its instance is there, and costs money.
pub fn ahead<'o>(own: &DatabaseRestore, others: impl Iterator<Item = &'o DatabaseRestore>) -> usize {
    let counts = |other: &&DatabaseRestore| {
        let status = other.status.clone().unwrap_or_default();
        let is_stalled = status.conditions.iter().any(|one| one.type_ == STALLED && one.status == "True");
        other.spec.outcome == RestoreOutcome::Verify
            && Ended::of(&status.conditions).is_none()
            && (status.start_time.is_some() || !is_stalled && age(other) < age(own))
    };
    others.filter(counts).count()
}

fn age(object: &DatabaseRestore) -> (Option<Timestamp>, &Option<String>, &Option<String>) {
    let metadata = &object.metadata;
    (metadata.creation_timestamp.as_ref().map(|time| time.0), &metadata.namespace, &metadata.name)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn one(name: &str, created: &str, status: Value) -> DatabaseRestore {
        serde_json::from_value(json!({
            "metadata": {"name": name, "namespace": "clocked", "creationTimestamp": created},
            "spec": {
                "source": {"snapshotIdentifier": "a"},
                "outcome": "Verify",
                "verification": {"checks": [{"name": "users", "sql": "SELECT 1", "expect": "true"}]},
            },
            "status": status,
        }))
        .unwrap()
    }

    fn condition(type_: &str) -> Value {
        let time = "2026-03-01T00:00:00Z";
        json!([{"type": type_, "status": "True", "reason": "A", "message": "", "lastTransitionTime": time}])
    }

    #[test]
    fn who_has_begun_goes_on_and_the_oldest_come_next() {
        let (early, late) = ("2026-03-01T00:00:00Z", "2026-03-01T01:00:00Z");
        let begun = one("begun", late, json!({"startTime": late}));
        let ended = one("ended", early, json!({"startTime": early, "conditions": condition("Complete")}));
        let stalled = one("stalled", early, json!({"conditions": condition("Stalled")}));
        let (first, second) = (one("first", early, json!({})), one("second", late, json!({})));
        let all = [&begun, &ended, &stalled, &first, &second];
        let ahead = |own: &DatabaseRestore| ahead(own, all.into_iter().filter(|other| other.metadata != own.metadata));
        assert_eq!((ahead(&first), ahead(&second)), (1, 2));
        assert_eq!(ahead(&begun), 1, "which it is not asked: it has begun");
    }
}
