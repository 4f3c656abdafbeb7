//! What a tag on the service holds back.

use jiff::Timestamp;

use crate::ids::ServiceId;
use crate::observed::EcsService;
use crate::plan::{Finding, Plan};
use crate::report::Hold;

/// The tag by which anybody who may tag the service in AWS keeps the operator from changing it until a time in RFC 3339.
pub const HOLD_TAG: &str = "ops.clocked.app/hold-until";

/// Holds `plan` back while the tag says so.
pub fn by_tag(id: &ServiceId, service: &EcsService, now: Timestamp, plan: &mut Plan) {
    let Some(text) = service.tags.get(HOLD_TAG) else { return };
    match text.trim().parse::<Timestamp>() {
        Ok(until) if now < until => {
            plan.hold = Some(Hold::HeldByTag);
            plan.findings.push(Finding::note(
                "HeldByTag",
                format!("{id} carries the tag {HOLD_TAG}: nothing is written before {until}; remove the tag to go on"),
            ));
            plan.wake(until);
        }
        Ok(_) => {}
        // Somebody wants nothing to be changed and has not managed to say until when.
        Err(_) => plan.findings.push(Finding::stalled(
            "InvalidHoldTag",
            format!("{id} carries the tag {HOLD_TAG}={text}, which is no time: write it as 2026-03-01T18:00:00Z, or remove it"),
        )),
    }
}
