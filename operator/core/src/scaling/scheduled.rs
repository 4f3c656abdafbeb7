//! Scheduled actions: from the spec to what AWS is to hold. A window becomes a pair of them.

use runbook_api::scaling_policy::Autoscaling;
use runbook_api::scheduled::{ScheduledActionSpec, Window};

use super::schedule::{Bounds, Schedule};
use crate::observed::{Capacity, ScheduledAction};
use crate::plan::Finding;

/// A scheduled action that is declared.
#[derive(Clone, Debug, PartialEq)]
pub struct Scheduled {
    /// As AWS is to hold it.
    pub action: ScheduledAction,
    /// When it fires.
    pub schedule: Schedule,
    /// Where it comes from.
    pub origin: Origin,
    /// The minimum that is right once it has fired, where it sets one.
    pub min: Option<i32>,
    /// The maximum that is right once it has fired, where it sets one.
    pub max: Option<i32>,
}

/// Where a scheduled action comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// An entry of `scheduledActions`.
    Raw,
    /// The begin of the window of this name.
    WindowStart(String),
    /// The end of the window of this name.
    WindowEnd(String),
}

impl Scheduled {
    /// Between when it fires; `applied` is the same action in AWS, if it is there, from whose creation a rate counts.
    pub fn bounds(&self, applied: Option<&ScheduledAction>) -> Bounds {
        bounds(&self.action, applied.and_then(|applied| applied.created_at))
    }
}

/// Between when an action fires.
pub fn bounds(action: &ScheduledAction, created: Option<jiff::Timestamp>) -> Bounds {
    Bounds { start: action.start_time, end: action.end_time, created }
}

/// The actions that a spec declares: those of the windows, then the raw ones. `capacity` is the policy's own band, which the end of a
/// window restores.
///
/// Where services are made smaller in `stepped` stages no window lowers the maximum in AWS, which would take the service all the way at
/// once when it fires: AWS keeps the highest maximum of them all, and the operator goes down from there. A raw action does as it says.
///
/// # Errors
/// A stalled finding that names the entry and the field that is wrong.
pub fn declared(autoscaling: &Autoscaling, capacity: &Capacity, stepped: bool) -> Result<Vec<Scheduled>, Finding> {
    let mut all = Vec::new();
    let highest = autoscaling.windows.iter().map(|window| window.max_capacity).fold(capacity.max, i32::max);
    let kept = stepped.then_some(highest);
    for window in &autoscaling.windows {
        all.extend(of_window(window, capacity, kept)?);
    }
    for action in &autoscaling.scheduled_actions {
        all.push(raw(action)?);
    }
    for (index, one) in all.iter().enumerate() {
        if all[..index].iter().any(|other| other.action.name == one.action.name) {
            return Err(Finding::stalled(
                "InvalidSpec",
                format!(
                    "two scheduled actions are named {}: rename the window or the scheduled action",
                    one.action.name
                ),
            ));
        }
    }
    Ok(all)
}

/// Both actions of a window; `kept` is the maximum that they set in AWS, where that is not their own.
fn of_window(window: &Window, own: &Capacity, kept: Option<i32>) -> Result<[Scheduled; 2], Finding> {
    let Window { name, start, end, time_zone, min_capacity, max_capacity } = window;
    let entry = format!("autoscaling.windows {name}");
    if min_capacity > max_capacity {
        return Err(upside_down(&entry, *min_capacity, *max_capacity));
    }
    let half = |field: &str, suffix: &str, expression: &str, limits: (i32, i32), origin: Origin| {
        let action = ScheduledAction {
            name: format!("{name}-{suffix}"),
            schedule: expression.into(),
            time_zone: time_zone.clone(),
            start_time: None,
            end_time: None,
            min_capacity: Some(limits.0),
            max_capacity: Some(kept.unwrap_or(limits.1)),
            created_at: None,
        };
        let parsed = parsed(&entry, field, action, origin)?;
        Ok(Scheduled { max: Some(limits.1), ..parsed })
    };
    Ok([
        half("start", "start", start, (*min_capacity, *max_capacity), Origin::WindowStart(name.clone()))?,
        half("end", "end", end, (own.min, own.max), Origin::WindowEnd(name.clone()))?,
    ])
}

/// The action that an entry of `scheduledActions` declares.
///
/// # Errors
/// A stalled finding that names the field that is wrong.
pub fn raw(spec: &ScheduledActionSpec) -> Result<Scheduled, Finding> {
    let entry = format!("autoscaling.scheduledActions {}", spec.name);
    match (spec.min_capacity, spec.max_capacity) {
        (None, None) => {
            return Err(Finding::stalled(
                "InvalidSpec",
                format!("{entry} changes nothing: set minCapacity, maxCapacity or both"),
            ));
        }
        (Some(min), Some(max)) if min > max => return Err(upside_down(&entry, min, max)),
        _ => {}
    }
    let action = ScheduledAction {
        name: spec.name.clone(),
        schedule: spec.schedule.clone(),
        time_zone: spec.time_zone.clone(),
        start_time: spec.start_time.as_ref().map(|time| time.0),
        end_time: spec.end_time.as_ref().map(|time| time.0),
        min_capacity: spec.min_capacity,
        max_capacity: spec.max_capacity,
        created_at: None,
    };
    parsed(&entry, "schedule", action, Origin::Raw)
}

fn upside_down(entry: &str, min: i32, max: i32) -> Finding {
    Finding::stalled(
        "InvalidSpec",
        format!("{entry}: minCapacity {min} exceeds maxCapacity {max}: lower the one or raise the other"),
    )
}

fn parsed(entry: &str, field: &str, action: ScheduledAction, origin: Origin) -> Result<Scheduled, Finding> {
    let invalid = |why: String| Finding::stalled("InvalidExpression", format!("{entry}: {field}: {why}"));
    let schedule =
        Schedule::parse(&action.schedule, action.time_zone.as_deref()).map_err(|error| invalid(error.to_string()))?;
    // A rate that starts when AWS is told of it has no first firing yet.
    let rate = action.schedule.starts_with("rate(");
    if !rate && schedule.next(jiff::Timestamp::MIN, &Bounds::default()).is_none() {
        return Err(invalid(format!("{} never fires: correct the day, the month or the year", action.schedule)));
    }
    let (min, max) = (action.min_capacity, action.max_capacity);
    Ok(Scheduled { action, schedule, origin, min, max })
}
