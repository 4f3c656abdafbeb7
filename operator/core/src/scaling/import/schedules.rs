//! Scheduled actions, as a spec says them.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use runbook_api::scaling_policy::Autoscaling;
use runbook_api::scheduled::ScheduledActionSpec;

use super::words::is_name;
use super::{MOST_TASKS, Seen};
use crate::observed::{ScalableTarget, ScheduledAction};
use crate::scaling::expected::{self, Basis};
use crate::scaling::overrides::Lift;
use crate::scaling::scheduled;

/// Bounds of the schema (`runbook_api::scheduled`).
const MOST_ACTIONS: usize = 50;
const LONGEST_ZONE: usize = 64;
/// What a name may have beside letters and digits.
const NAMES: &str = "._=+@-";

/// The actions that can be said; those that cannot are left alone.
pub fn expressed(actions: &[ScheduledAction], remarks: &mut Vec<String>) -> Vec<ScheduledActionSpec> {
    let mut entries = Vec::new();
    for action in actions {
        let entry = match entries.len() {
            MOST_ACTIONS => Err(format!("is beyond the {MOST_ACTIONS} that can be declared")),
            _ => entry(action),
        };
        match entry {
            Ok(entry) => entries.push(entry),
            Err(why) => remarks.push(format!(
                "scheduled action {} {why}: it is left out here and left alone in AWS, and where it sets the band the policy will say \
                 BandUndecided",
                action.name
            )),
        }
    }
    entries
}

fn entry(action: &ScheduledAction) -> Result<ScheduledActionSpec, String> {
    let ScheduledAction { name, schedule, time_zone, start_time, end_time, min_capacity, max_capacity, .. } = action;
    if !is_name(name, NAMES) {
        return Err("has a name that scheduledActions does not take".into());
    }
    if [min_capacity, max_capacity].into_iter().flatten().any(|limit| *limit > MOST_TASKS) {
        return Err(format!("sets a limit above {MOST_TASKS}, which cannot be declared"));
    }
    if time_zone.as_ref().is_some_and(|zone| zone.len() > LONGEST_ZONE) {
        return Err("has a time zone that cannot be declared".into());
    }
    let entry = ScheduledActionSpec {
        name: name.clone(),
        schedule: schedule.clone(),
        time_zone: time_zone.clone(),
        start_time: start_time.map(Time),
        end_time: end_time.map(Time),
        min_capacity: *min_capacity,
        max_capacity: *max_capacity,
    };
    // What the plan will read out of it must be what was put in.
    match scheduled::raw(&entry) {
        Ok(declared) if declared.action.is_equivalent(action) => Ok(entry),
        Ok(_) => Err("cannot be declared as it is".into()),
        Err(finding) => Err(format!("cannot be declared ({})", finding.message)),
    }
}

/// What a person must know where the registered band is not the one that the actions would have left.
pub fn difference(
    seen: &Seen<'_>,
    target: &ScalableTarget,
    autoscaling: &Autoscaling,
    now: Timestamp,
) -> Option<String> {
    let registered = target.capacity;
    let scheduled = scheduled::declared(autoscaling, &registered, false).ok()?;
    let basis = Basis {
        id: &seen.id.clone().into(),
        own: &registered,
        scheduled: &scheduled,
        applied: seen.actions,
        prune: false,
        target: Some(target),
        lift: &Lift::default(),
        override_ceiling: None,
    };
    let right = expected::expected(&basis, now).capacity;
    (right != registered).then(|| {
        format!(
            "minCapacity {} and maxCapacity {} are registered, outside what the scheduled actions would have left, {} and {}: the policy \
             is suspended, because without that it would register these; correct the actions or accept that, then remove suspend",
            registered.min, registered.max, right.min, right.max
        )
    })
}
