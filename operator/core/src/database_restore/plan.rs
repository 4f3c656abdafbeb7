//! The decision on a DatabaseRestore.

use jiff::{SignedDuration, Timestamp};
use runbook_api::database_restore::RestorePhase;

use super::input::Input;
use super::outlook::Outlook;
use super::{deletion, follow, source, verify};
use crate::account;
use crate::facts::{Facts, Inquiry};
use crate::observed::Database;
use crate::ownership::OWNER_TAG;
use crate::plan::{Finding, Plan, Progress};
use crate::query::Query;
use crate::run::Ended;

/// How soon to look again at an instance that RDS makes, changes or deletes.
const PROGRESS: SignedDuration = SignedDuration::from_secs(60);

/// Decides what is to be asked, or written, so that the restore is made once.
pub fn plan(input: &Input, facts: &Facts, now: Timestamp) -> Plan {
    if !input.deleting
        && let Some(ended) = &input.memory.ended
    {
        return ended.plan();
    }
    let scope = &input.target.scope;
    // Whose account it is comes first: with the wrong credentials nothing is read either.
    let mut inquiry = Inquiry::new(facts);
    let identity = inquiry.caller_identity(Query::CallerIdentity(scope.clone()));
    if let Some(missing) = inquiry.open() {
        return Plan::missing(missing);
    }
    if let Some(finding) = identity.and_then(|identity| account::plan::mismatch(scope, identity)) {
        return Plan::only(finding);
    }
    let mut inquiry = Inquiry::new(facts);
    let target = inquiry.database(Query::Database(input.target.clone()));
    if !input.deleting && !input.memory.seen {
        source::foresee(input, &mut inquiry);
    }
    match (inquiry.open(), target) {
        (Some(missing), _) => Plan::missing(missing),
        (None, Some(target)) if input.deleting => deletion::plan(input, target.as_deref(), now),
        (None, Some(Some(target))) => existing(input, target, facts, now),
        (None, Some(None)) => absent(input, facts, now),
        // An inquiry that is not open has all its answers.
        (None, None) => Plan::default(),
    }
}

/// Whether an instance is the one that this very run has made.
pub(super) fn is_own(input: &Input, target: &Database) -> bool {
    input.tags.iter().all(|(key, value)| target.tags.get(key) == Some(value))
}

/// Whether it may be this run's although its tags do not say so: one that was just asked for may be seen before its tags are.
pub(super) fn is_too_new(input: &Input, target: &Database) -> bool {
    input.memory.requested && !target.tags.contains_key(OWNER_TAG) && target.status == "creating"
}

fn existing(input: &Input, target: &Database, facts: &Facts, now: Timestamp) -> Plan {
    let id = &input.target;
    if is_own(input, target) {
        return follow::plan(input, target, facts, now);
    }
    if is_too_new(input, target) {
        let message = format!("{id} is being created, and its tags cannot be seen yet");
        return waiting(input, None, RestorePhase::Restoring, Finding::waiting("InstanceNotAvailable", message), now);
    }
    // Whoever took its tags off keeps it from being told from another's: it is left, and a person decides.
    if input.memory.seen {
        let tags: Vec<String> = input.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let message = format!(
            "{id} no longer has the tags that say that this restore has made it: put them back ({}), or delete it",
            tags.join(", ")
        );
        return Plan::only(Finding::stalled("TagsChanged", message));
    }
    let message = format!(
        "{id} exists already, and this restore has not made it: nothing is ever restored over a database. Create a DatabaseRestore with \
         another target.rdsInstance"
    );
    end(input, None, Ended::failed("TargetExists", message))
}

fn absent(input: &Input, facts: &Facts, now: Timestamp) -> Plan {
    if let Some(verdict) = input.verification.as_ref().and_then(|_| verify::settled(input, now)) {
        return verify::conclude(input, verdict, facts);
    }
    if input.memory.seen {
        let message = format!(
            "{} is gone, and nothing here has deleted it: CloudTrail knows who did. Create another DatabaseRestore",
            input.target
        );
        return end(input, None, Ended::failed("DatabaseLost", message));
    }
    match input.verification.as_ref().and_then(|verification| verify::too_late(input, verification, now)) {
        Some(why) => end(input, None, Ended::failed("NotVerified", format!("nothing is known of the backup: {why}"))),
        None => source::begin(input, facts, now),
    }
}

/// The run has ended.
pub(super) fn end(input: &Input, instance: Option<&Database>, ended: Ended) -> Plan {
    let phase = match ended {
        Ended::Complete { .. } => RestorePhase::Complete,
        Ended::Failed { .. } => RestorePhase::Failed,
    };
    let plan = ended.plan();
    let outlook =
        Outlook { instance: instance.cloned().map(Box::new), ended: Some(ended), ..Outlook::of(input, phase) };
    Plan { progress: Some(Box::new(Progress::Restore(outlook))), ..plan }
}

/// Something happens by itself.
pub(super) fn waiting(
    input: &Input,
    instance: Option<&Database>,
    phase: RestorePhase,
    finding: Finding,
    now: Timestamp,
) -> Plan {
    let outlook = Outlook { instance: instance.cloned().map(Box::new), ..Outlook::of(input, phase) };
    let mut plan = Plan { progress: Some(Box::new(Progress::Restore(outlook))), ..Plan::only(finding) };
    now.checked_add(PROGRESS).ok().into_iter().for_each(|at| plan.wake(at));
    plan
}
