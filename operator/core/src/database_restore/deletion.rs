//! What goes when a DatabaseRestore is deleted: an instance that was restored to be verified. A kept one stays.

use jiff::{SignedDuration, Timestamp};
use runbook_api::database_restore::{DatabaseRestoreSpec, RestorePhase};

use super::input::Input;
use super::plan::{is_own, is_too_new, waiting};
use super::verify;
use crate::deletion::left_behind;
use crate::facts::{Answer, Facts};
use crate::observed::Database;
use crate::plan::{Finding, Plan};
use crate::query::Query;
use crate::step::{DatabaseStep, Step, VERIFICATION_PREFIX};

/// Whether deleting the object may have to remove something: the plan restores, or an instance is there.
pub fn leaves_behind(facts: &Facts, steps: &[Step]) -> bool {
    let restores = |step: &Step| matches!(step, Step::Database(DatabaseStep::RestoreInstance { .. }));
    let is_scratch =
        |query: &Query| query.database().is_some_and(|database| database.identifier.starts_with(VERIFICATION_PREFIX));
    let there = |(query, answer): (&Query, &Result<Answer, _>)| {
        is_scratch(query) && matches!(answer, Ok(Answer::Database(Some(_))))
    };
    steps.iter().any(restores) || facts.iter().any(there)
}

/// How long a deletion waits for RDS, which deletes no instance that it is still making: as long as the restore itself may take.
pub fn patience(spec: &DatabaseRestoreSpec) -> Option<SignedDuration> {
    let timeout = spec.verification.as_ref()?.timeout.seconds().ok()?;
    Some(SignedDuration::from_secs(timeout))
}

/// Decides what is removed. A plan without steps and more than notes has nothing left to remove.
pub(super) fn plan(input: &Input, target: Option<&Database>, now: Timestamp) -> Plan {
    match target.filter(|_| input.verification.is_some()) {
        None => Plan::default(),
        Some(target) if is_too_new(input, target) => {
            let message = format!("{} is being created: it is deleted when its tags can be seen", input.target);
            let finding = Finding::waiting("InstanceNotAvailable", message);
            waiting(input, None, RestorePhase::Deleting, finding, now)
        }
        Some(target) if !is_own(input, target) => {
            let message = format!("{} stays: its tags do not say that this restore has made it", input.target);
            Plan::only(left_behind(message))
        }
        Some(target) if target.status == "deleting" => {
            let finding = Finding::waiting("InstanceDeleting", format!("RDS deletes {}", input.target));
            waiting(input, Some(target), RestorePhase::Deleting, finding, now)
        }
        Some(target) => verify::delete(input, target, input.memory.verification.clone()),
    }
}
