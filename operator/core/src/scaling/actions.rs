//! Which scheduled actions are to be put, and what there is to say about them.

use jiff::Timestamp;

use super::expected::AROUND_A_FIRING;
use super::scheduled::{Origin, Scheduled};
use crate::ids::TargetId;
use crate::observed::{Capacity, ScalableTarget, ScheduledAction};
use crate::plan::{Finding, Plan};
use crate::step::Step;

/// Adds to `plan` what brings the `applied` actions of a service in line with the `declared` ones. An action that will never fire again is
/// done: AWS may have removed it, and it is not missing.
pub fn put(
    id: &TargetId,
    declared: &[Scheduled],
    applied: &[ScheduledAction],
    target: Option<&ScalableTarget>,
    now: Timestamp,
    plan: &mut Plan,
) {
    for scheduled in declared {
        let current = applied.iter().find(|applied| applied.name == scheduled.action.name);
        let is_done = scheduled.schedule.next(now, &bounds(scheduled, current, now)).is_none();
        let has_fired =
            current.is_none() && target.is_some_and(|target| fired_already(scheduled, &target.capacity, now));
        if is_done || has_fired || current.is_some_and(|current| current.is_equivalent(&scheduled.action)) {
            continue;
        }
        plan.steps.push(Step::PutScheduledAction {
            target: id.clone(),
            from: current.cloned().map(Box::new),
            action: Box::new(scheduled.action.clone()),
        });
    }
}

/// Whether an action that fires but once is not there because it has fired: by AWS's clock, which may be ahead of ours.
fn fired_already(scheduled: &Scheduled, registered: &Capacity, now: Timestamp) -> bool {
    let ScheduledAction { min_capacity, max_capacity, .. } = &scheduled.action;
    let fires = scheduled.schedule.next(now, &scheduled.bounds(None));
    scheduled.schedule.is_once()
        && fires.is_some_and(|fires| fires.duration_since(now) <= AROUND_A_FIRING)
        && min_capacity.is_none_or(|min| min == registered.min)
        && max_capacity.is_none_or(|max| max == registered.max)
}

/// A rate that AWS has not been told of counts from when it is.
fn bounds(scheduled: &Scheduled, current: Option<&ScheduledAction>, now: Timestamp) -> super::schedule::Bounds {
    let bounds = scheduled.bounds(current);
    super::schedule::Bounds { created: bounds.created.or(Some(now)), ..bounds }
}

/// Adds what a reader of the spec may have overlooked: raw actions that nothing undoes, and windows that overlap now.
pub fn notes(declared: &[Scheduled], now: Timestamp, plan: &mut Plan) {
    for one in declared.iter().filter(|one| one.origin == Origin::Raw) {
        let undone = |limit: fn(&ScheduledAction) -> Option<i32>| {
            let Some(value) = limit(&one.action) else { return true };
            declared.iter().any(|other| limit(&other.action).is_some_and(|other| other != value))
        };
        let limits = [
            ("minCapacity", undone(|action| action.min_capacity)),
            ("maxCapacity", undone(|action| action.max_capacity)),
        ];
        for (limit, _) in limits.iter().filter(|(_, undone)| !undone) {
            plan.findings.push(Finding::note(
                "NoCounterpart",
                format!(
                    "scheduled action {} sets {limit} and no other sets it back: add one that does, or declare a window",
                    one.action.name
                ),
            ));
        }
    }
    let last = |scheduled: &Scheduled| scheduled.schedule.last(now, &scheduled.bounds(None));
    for one in declared {
        let Origin::WindowStart(name) = &one.origin else { continue };
        let end_of = |name: &String| declared.iter().find(|other| other.origin == Origin::WindowEnd(name.clone()));
        let (began, ended) = (last(one), end_of(name).and_then(last));
        if began.is_none() || began <= ended {
            continue;
        }
        let inside = declared.iter().find_map(|other| match &other.origin {
            Origin::WindowEnd(other_name) if other_name != name && last(other) > began => Some(other_name),
            _ => None,
        });
        if let Some(other) = inside {
            plan.findings.push(Finding::note(
                "WindowsOverlap",
                format!(
                    "window {other} ended inside window {name}, so the policy's own band holds although {name} has not ended: let the two not overlap"
                ),
            ));
        }
    }
}
