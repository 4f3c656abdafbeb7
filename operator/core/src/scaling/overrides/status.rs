//! The status of a ScalingOverride.
//!
//! | situation | `Ready` | `Stalled` | `Active` |
//! |---|---|---|---|
//! | it holds | True | False | True/Active |
//! | a newer one decides everything that it says | True | False | False/Superseded |
//! | it has ended | True | False | False/Expired |
//! | there is no such policy | False | True | False/PolicyNotFound |
//! | it asks for something that the policy does not allow | False | True | False/ZeroNotAllowed |

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use runbook_api::common::condition::{READY, RECONCILING, STALLED};
use runbook_api::{ScalingOverride, ScalingOverrideStatus, ScalingPolicy, ScalingPolicySpec};

use super::bounds::{Bounds, Declared, Lift};
use super::{Override, active};
use crate::observed::{Capacity, Suspended};
use crate::report::conditions::whole_seconds;
use crate::scaling::input::allows_zero;
use crate::scaling::{expected, scheduled};

/// Condition that tells whether an override holds.
pub const ACTIVE: &str = "Active";
/// Longest text about what changes.
const LONGEST: usize = 256;

/// What a spec declares at `now`, as far as overrides change it: within a window the band of that window. None where it says no size.
pub fn declared(spec: &ScalingPolicySpec, now: Timestamp) -> Option<Declared> {
    let ceiling = spec.override_ceiling;
    match (&spec.autoscaling, spec.replicas) {
        (Some(band), _) => {
            let own = Bounds::between(band.min_capacity, band.max_capacity);
            let bounds = if band.suspended.is_some_and(|suspended| suspended.scheduled_scaling) {
                own
            } else {
                let capacity =
                    Capacity { min: band.min_capacity, max: band.max_capacity, suspended: Suspended::default() };
                // What cannot be read is said of the policy itself.
                let scheduled = scheduled::declared(band, &capacity, false).unwrap_or_default();
                expected::by_windows(own, &scheduled, now)
            };
            Some(Declared { bounds, autoscaled: true, ceiling })
        }
        (None, Some(count)) => Some(Declared { bounds: Bounds::exactly(count), autoscaled: false, ceiling }),
        (None, None) => None,
    }
}

/// The status of `object`, beside all `siblings` (itself among them) that name the same policy.
pub fn status(
    object: &ScalingOverride,
    policy: Option<&ScalingPolicy>,
    siblings: &[Override],
    now: Timestamp,
) -> ScalingOverrideStatus {
    let said = say(object, policy, siblings, now);
    let previous = object.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let ready = if said.stalled { "False" } else { "True" };
    let stalled = if said.stalled { "True" } else { "False" };
    let holds = if said.reason == "Active" { "True" } else { "False" };
    let conditions = [(READY, ready), (STALLED, stalled), (RECONCILING, "False"), (ACTIVE, holds)];
    let conditions = conditions.map(|(type_, value)| {
        let before = previous.iter().find(|condition| condition.type_ == type_ && condition.status == value);
        Condition {
            type_: type_.into(),
            status: value.into(),
            reason: said.reason.into(),
            message: said.message.clone(),
            observed_generation: object.metadata.generation,
            last_transition_time: before
                .map_or_else(|| Time(whole_seconds(now)), |before| before.last_transition_time.clone()),
        }
    });
    ScalingOverrideStatus {
        observed_generation: object.metadata.generation,
        conditions: conditions.into(),
        changes: said.changes.map(|changes| changes.chars().take(LONGEST).collect()),
    }
}

struct Said {
    reason: &'static str,
    message: String,
    changes: Option<String>,
    stalled: bool,
}

impl Said {
    fn new(reason: &'static str, message: String) -> Self {
        Self { reason, message, changes: None, stalled: false }
    }
}

fn say(object: &ScalingOverride, policy: Option<&ScalingPolicy>, siblings: &[Override], now: Timestamp) -> Said {
    let name = &object.spec.policy_ref.name;
    let stalled = |reason, message| Said { stalled: true, ..Said::new(reason, message) };
    let Some(own) = Override::read(object) else {
        return stalled(
            "InvalidSpec",
            "the spec says no size: set exactly one of atLeast, exactly and range, with min up to max".into(),
        );
    };
    if !own.is_active(now) {
        return Said::new(
            "Expired",
            format!("it ended at {}; ScalingPolicy {name} holds as it is written", own.expires_at),
        );
    }
    let Some(policy) = policy else {
        return stalled(
            "PolicyNotFound",
            format!("there is no ScalingPolicy {name} in this namespace: create it, or delete this override"),
        );
    };
    if own.allows_zero() && !allows_zero(&policy.spec) {
        return stalled(
            "ZeroNotAllowed",
            format!("it would stop the service; set allowZero: true on ScalingPolicy {name} if that is meant"),
        );
    }
    let active = active(siblings, allows_zero(&policy.spec), now);
    let lift = Lift::of(&active);
    if !lift.decides(&own.name) {
        let newer = active.first().map(|newest| newest.name.as_str()).unwrap_or_default();
        return Said::new("Superseded", format!("the newer ScalingOverride {newer} decides instead"));
    }
    let changes = declared(&policy.spec, now).map(|declared| {
        let mut changes = lift.changes(&own.name, &declared);
        if let Some(limit) = declared.limit()
            && asks_for(&own) > limit
        {
            changes.push_str(&format!(" (asked for {}; set overrideCeiling on the policy to let it)", asks_for(&own)));
        }
        changes
    });
    let message = format!("it holds until {}", own.expires_at);
    Said { changes, ..Said::new("Active", message) }
}

fn asks_for(one: &Override) -> i32 {
    match one.change {
        super::Change::AtLeast(count) | super::Change::Exactly(count) => count,
        super::Change::Range { max, .. } => max,
    }
}
