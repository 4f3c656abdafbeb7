//! An instance that this run has made: what becomes of it.

use jiff::Timestamp;
use runbook_api::database_restore::RestorePhase;

use super::input::Input;
use super::plan::{end, waiting};
use super::verify;
use crate::backup::status::is_broken;
use crate::facts::Facts;
use crate::observed::Database;
use crate::plan::{Finding, Plan};
use crate::run::Ended;

/// Decides what is to be done with the instance.
pub(super) fn plan(input: &Input, target: &Database, facts: &Facts, now: Timestamp) -> Plan {
    match &input.verification {
        Some(verification) => verify::plan(input, verification, target, facts, now),
        None => keep(input, target, now),
    }
}

fn keep(input: &Input, target: &Database, now: Timestamp) -> Plan {
    let (id, status) = (&input.target, target.status.as_str());
    let endpoint = target.instance.as_ref().and_then(|instance| instance.endpoint.as_ref());
    match (status, endpoint) {
        ("available", Some(endpoint)) => {
            let message = format!(
                "{id} is available at {}:{}, with the users and passwords that the backup holds; nobody here deletes it",
                endpoint.address, endpoint.port
            );
            end(input, Some(target), Ended::complete(message))
        }
        _ if is_broken(status) => {
            let message = format!(
                "{id} is {status}, which it does not leave by itself: look at its events in RDS; it is left as it is, and costs money until \
                 somebody deletes it"
            );
            end(input, Some(target), Ended::failed("RestoreFailed", message))
        }
        _ => {
            let finding = Finding::waiting("InstanceNotAvailable", format!("{id} is {status}: RDS restores it"));
            waiting(input, Some(target), RestorePhase::Restoring, finding, now)
        }
    }
}
