//! What statuses say of backups is what restored databases have said.

use std::collections::{BTreeMap, BTreeSet};

use runbook_api::verification::VerificationResult;

use super::objects::Restore;
use crate::invariants::Violation;
use crate::invariants::databases::backups::Backup;
use crate::journal::What;
use crate::world::Run;

const RULE: &str = "a backup is verified where its restore was found good";

/// Judges every status of a run that speaks of a verification.
pub fn judge(run: &Run) -> Vec<Violation> {
    let mut violations = Vec::new();
    // What each instance has answered, and the snapshots that were found good, or were before the run.
    let mut answers: BTreeMap<String, BTreeSet<bool>> = BTreeMap::new();
    let mut good: BTreeSet<String> = run.verified.iter().cloned().collect();
    for entry in &run.entries {
        match &entry.what {
            What::Asked(asked) => {
                answers.entry(asked.instance.clone()).or_default().extend(asked.good);
                good.extend(asked.snapshot.clone().filter(|_| asked.good == Some(true)));
            }
            What::Kubernetes(call) if call.changed && call.subresource == "status" => {
                let Some(state) = &call.state else { continue };
                let why = match &*call.object.resource {
                    "databaserestores" => Restore::read(&call.object, state).and_then(|one| wrong(&one, &answers)),
                    "backuppolicies" => {
                        let status = Backup::read(&call.object, state).and_then(|policy| policy.object.status);
                        let said = status.and_then(|status| status.last_verified);
                        said.map(|said| said.snapshot_identifier)
                            .filter(|snapshot| !good.contains(snapshot))
                            .map(|snapshot| format!("{snapshot} is said to be good, and was not found so"))
                    }
                    _ => None,
                };
                violations.extend(why.map(|why| Violation {
                    rule: RULE,
                    at: entry.at,
                    what: format!("{}: {why}", call.object),
                }));
            }
            _ => {}
        }
    }
    violations
}

fn wrong(restore: &Restore, answers: &BTreeMap<String, BTreeSet<bool>>) -> Option<String> {
    let complete = restore.verifies() && restore.ended("Complete");
    let Some(verdict) = restore.verdict() else {
        return complete.then(|| "it is Complete, and says nothing of the backup".into());
    };
    let instance = restore.object.status.as_ref().and_then(|status| status.rds_instance.clone()).unwrap_or_default();
    let said = |good: bool| answers.get(&instance).is_some_and(|all| all.contains(&good));
    let right = match verdict.result {
        VerificationResult::Passed => said(true) && verdict.checks.iter().all(|check| check.passed),
        VerificationResult::Failed => said(false) && !complete && verdict.checks.iter().any(|check| !check.passed),
        VerificationResult::Unknown => !complete,
    };
    (!right)
        .then(|| format!("the verdict is {:?}, and {instance} has said {:?}", verdict.result, answers.get(&instance)))
}
