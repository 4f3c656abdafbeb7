//! Whether a change would reach more targets of an account than may be changed within an hour.

use std::collections::BTreeMap;

use runbook_api::ScalingPolicy;
use runbook_core::Step;
use runbook_core::account::blast;

use super::verdict::{Planned, Verdict};
use crate::cluster::Existing;
use crate::kinds::{Candidate, Subject};
use crate::sources::Declared;

/// How many targets each AwsAccount has, by its name: those of policies in the files, and in the cluster where no file replaces them.
pub fn targets(declared: &Declared, existing: &Existing) -> BTreeMap<String, usize> {
    let files = declared.policies.iter().map(|policy| &policy.object);
    let known: Vec<ScalingPolicy> =
        existing.of_kind::<ScalingPolicy>().filter(|one| files.clone().all(|other| !is_same(one, other))).collect();
    let mut targets = BTreeMap::new();
    for policy in files.chain(&known).filter(|policy| !policy.spec.suspend) {
        *targets.entry(policy.spec.account_ref.name.clone()).or_default() += 1;
    }
    targets
}

fn is_same(one: &ScalingPolicy, other: &ScalingPolicy) -> bool {
    one.metadata.namespace == other.metadata.namespace && one.metadata.name == other.metadata.name
}

/// What the operator will not do within the hour, a line for each account.
pub fn notes(candidates: &[Candidate], planned: &[Planned], targets: &BTreeMap<String, usize>) -> Vec<String> {
    let changes = |subject: &Subject| {
        let of = planned.iter().find(|planned| planned.subject == *subject);
        of.is_some_and(|of| of.judged.verdict == Verdict::Changes && of.judged.steps.iter().any(Step::is_in_aws))
    };
    let mut changed: BTreeMap<&str, (usize, i32)> = BTreeMap::new();
    for candidate in candidates {
        if let Ok(prepared) = &candidate.prepared
            && let Some(percent) = prepared.access.brakes.changed_percent
            && changes(&candidate.subject)
        {
            changed.entry(&prepared.access.scope.connection).or_insert((0, percent)).0 += 1;
        }
    }
    changed
        .into_iter()
        .filter_map(|(account, (changed, percent))| note(account, changed, *targets.get(account)?, percent))
        .collect()
}

fn note(account: &str, changed: usize, targets: usize, percent: i32) -> Option<String> {
    let limit = blast::limit(targets, percent);
    (changed > limit).then(|| {
        format!(
            "AwsAccount {account}: {changed} of {targets} targets would be changed, and its safety.maxChangedTargetsPercent of {percent} lets \
             {limit} be changed within an hour: the others wait, Stalled with BlastRadius. If all are meant, raise it first"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_more_than_the_limit_is_said() {
        assert_eq!(note("default", 2, 20, 10), None);
        let note = note("default", 3, 20, 10).unwrap();
        assert!(note.contains("3 of 20") && note.contains("lets 2 be changed"), "{note}");
    }
}
