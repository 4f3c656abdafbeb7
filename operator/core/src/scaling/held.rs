//! What a tag on the service, a freeze of the account, or somebody who keeps undoing it, holds back.

use jiff::Timestamp;

use crate::account::Brakes;
use crate::contest::Contest;
use crate::ids::TargetId;
use crate::observed::Scaled;
use crate::plan::{Finding, Plan};
use crate::report::Hold;
use crate::step::Step;

/// The tag by which anybody who may tag the service in AWS keeps the operator from changing it until a time in RFC 3339.
pub const HOLD_TAG: &str = "ops.clocked.app/hold-until";

/// Holds `plan` back while the tag says so.
pub fn by_tag(id: &TargetId, scaled: &Scaled<'_>, now: Timestamp, plan: &mut Plan) {
    let Some(text) = scaled.tags.get(HOLD_TAG) else { return };
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

/// Holds a correction back while somebody keeps undoing it: whoever is right, two who write in turns do harm.
pub fn by_contest(id: &TargetId, contest: Option<&Contest>, drifted: bool, now: Timestamp, plan: &mut Plan) {
    let Some(contest) = contest else { return };
    plan.wake(contest.ends);
    let corrects = |step: &Step| !matches!(step, Step::AdoptScaleOut { .. });
    if !drifted || contest.until <= now || !plan.steps.iter().any(corrects) {
        return;
    }
    plan.steps.retain(|step| !corrects(step));
    let or_report = match id {
        TargetId::EcsService(_) => "or set spec.drift to Report, ",
        TargetId::AuroraReplicas(_) => "",
    };
    plan.findings.push(Finding::waiting(
        "Contested",
        format!(
            "{id} was put right {} times since {}, and somebody changed it again each time; the next correction is due at {}. \
             Find who it is (CloudTrail), and stop them, {or_report}or suspend this policy",
            contest.corrections, contest.since, contest.until
        ),
    ));
    plan.wake(contest.until);
}

/// Holds `plan` back while the account is frozen, but for the size where an override holds, and for what is written to Kubernetes.
pub fn by_freeze(brakes: &Brakes, overridden: bool, now: Timestamp, plan: &mut Plan) {
    let Some(freeze) = brakes.frozen(now) else {
        brakes.freezes_at(now).into_iter().for_each(|begins| plan.wake(begins));
        return;
    };
    plan.wake(freeze.to);
    let goes_on = |step: &Step| match step {
        Step::AdoptScaleOut { .. } => true,
        Step::SetDesiredCount { .. } | Step::RegisterScalableTarget { .. } => overridden,
        _ => false,
    };
    plan.findings.push(Finding::note(
        "Frozen",
        format!(
            "the AwsAccount is frozen until {}: {}; a ScalingOverride is followed nevertheless",
            freeze.to, freeze.reason
        ),
    ));
    if plan.steps.iter().any(goes_on) {
        plan.steps.retain(goes_on);
    } else {
        plan.hold = plan.hold.or(Some(Hold::Frozen));
    }
}
