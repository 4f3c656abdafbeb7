//! Which band is right now.
//!
//! AWS's scheduled actions change the limits of the scalable target itself, so the declared band is not always the right one. For each
//! limit the last declared firing decides; before any, the policy's own band. Windows say by themselves whether now is inside one.
//! Raw actions change what is there, so only their firings since the target was registered count.

use jiff::{SignedDuration, Timestamp};

use super::schedule::Schedule;
use super::scheduled::{Origin, Scheduled, bounds};
use crate::ids::ServiceId;
use crate::observed::{Capacity, ScalableTarget, ScheduledAction};
use crate::plan::Finding;

/// How long before and after a firing what was right before and what is right after it are both right: AWS's clock is not ours, and
/// a firing may come late.
pub const AROUND_A_FIRING: SignedDuration = SignedDuration::from_mins(5);

/// What is right now.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// The limits that are to be registered: those that are, where they are right.
    pub capacity: Capacity,
    /// What there is to say about them.
    pub findings: Vec<Finding>,
    /// When something else may be right.
    pub next_at: Option<Timestamp>,
}

/// What the band rests on.
#[derive(Clone, Copy, Debug)]
pub struct Basis<'a> {
    /// The service.
    pub service: &'a ServiceId,
    /// The policy's own band.
    pub own: &'a Capacity,
    /// The actions that are declared.
    pub scheduled: &'a [Scheduled],
    /// The actions that AWS has.
    pub applied: &'a [ScheduledAction],
    /// Whether those that are not declared are deleted.
    pub prune: bool,
    /// What is registered.
    pub target: Option<&'a ScalableTarget>,
}

/// One of the two limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    Min,
    Max,
}

impl Limit {
    fn of(self, capacity: &Capacity) -> i32 {
        match self {
            Self::Min => capacity.min,
            Self::Max => capacity.max,
        }
    }

    fn set_by(self, action: &ScheduledAction) -> Option<i32> {
        match self {
            Self::Min => action.min_capacity,
            Self::Max => action.max_capacity,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Min => "minCapacity",
            Self::Max => "maxCapacity",
        }
    }
}

/// The limits that are right at `now`.
///
/// While scheduled scaling is suspended in the spec no action fires, and the policy's own band holds.
pub fn expected(basis: &Basis<'_>, now: Timestamp) -> Expected {
    let Basis { own, target, .. } = *basis;
    let mut expected = Expected { capacity: *own, findings: Vec::new(), next_at: None };
    if own.suspended.scheduled_scaling {
        return expected;
    }
    let registered = target.map(|target| target.capacity);
    let judged = [Limit::Min, Limit::Max].map(|limit| basis.judge(limit, registered, now));
    let values = judged.each_ref().map(|judgement| judgement.as_ref().map(|right| right.value));
    let [min, max] = &values;
    match (min, max) {
        (Ok(min), Ok(max)) if min <= max => (expected.capacity.min, expected.capacity.max) = (*min, *max),
        (Ok(min), Ok(max)) => {
            // One limit as before a firing, the other as after it.
            let [least, most] = judged.each_ref().map(|right| right.as_ref().map_or(0, |right| right.exact));
            (expected.capacity.min, expected.capacity.max) = (least, most);
            if least > most {
                expected.findings.push(undecided(
                    basis.service,
                    &format!("the schedule makes minCapacity {min} and maxCapacity {max}, which AWS refuses: let one action set both"),
                ));
            }
        }
        _ => expected
            .findings
            .extend([min, max].into_iter().filter_map(|value| value.as_ref().err()).map(|finding| (*finding).clone())),
    }
    // Nothing is written on a band that nobody can tell; what is registered stays.
    if let (false, Some(registered)) = (expected.findings.is_empty(), registered) {
        expected.capacity = Capacity { suspended: own.suspended, ..registered };
    }
    expected.next_at = basis.next_change(now);
    expected
}

/// What is right of one limit.
#[derive(Clone, Copy, Debug)]
struct Right {
    /// What is to be registered: what is, where it is right.
    value: i32,
    /// What is right at this very moment.
    exact: i32,
}

impl Basis<'_> {
    fn judge(&self, limit: Limit, registered: Option<Capacity>, now: Timestamp) -> Result<Right, Finding> {
        let own = limit.of(self.own);
        let (fired_at, exact) = self.last(limit, now);
        let accepted = self.accepted(limit, now);
        let right = |value| Right { value, exact: exact.first().copied().unwrap_or(own) };
        let registered = registered.map(|registered| limit.of(&registered));
        match (registered, exact.as_slice()) {
            (Some(registered), _) if accepted.contains(&registered) => Ok(right(registered)),
            (Some(registered), _) if self.foreign_set(limit, registered, fired_at, now).is_some() => {
                let name = self.foreign_set(limit, registered, fired_at, now).unwrap_or_default();
                Err(undecided(
                    self.service,
                    &format!(
                        "{} is {registered} as scheduled action {name} sets it, which is not declared here: declare it, delete it, or set \
                         autoscaling.prune: true",
                        limit.name()
                    ),
                ))
            }
            (_, []) => Ok(right(own)),
            (_, [value]) => Ok(right(*value)),
            (_, several) => Err(undecided(
                self.service,
                &format!(
                    "several scheduled actions set {} to {several:?} at the same moment, and which comes last is AWS's: let them differ in time",
                    limit.name()
                ),
            )),
        }
    }

    /// The actions that set a limit, each with its firing found by `find`.
    fn firings<'s>(
        &'s self,
        limit: Limit,
        find: impl Fn(&Schedule, &super::schedule::Bounds) -> Option<Timestamp> + 's,
    ) -> impl Iterator<Item = (Timestamp, i32)> + 's {
        self.scheduled.iter().filter_map(move |scheduled| {
            let value = limit.set_by(&scheduled.action)?;
            let applied = self.applied.iter().find(|applied| applied.name == scheduled.action.name);
            let fired = find(&scheduled.schedule, &scheduled.bounds(applied))?;
            self.counts(scheduled, fired).then_some((fired, value))
        })
    }

    /// Whether a firing has changed the target that there is: a raw action's only since it was registered.
    fn counts(&self, scheduled: &Scheduled, fired: Timestamp) -> bool {
        scheduled.origin != Origin::Raw
            || self.target.and_then(|target| target.created_at).is_some_and(|since| fired >= since)
    }

    /// When a limit was last set, and to what: several values where several actions set it at that moment, none where none did.
    fn last(&self, limit: Limit, now: Timestamp) -> (Option<Timestamp>, Vec<i32>) {
        let fired: Vec<(Timestamp, i32)> = self.firings(limit, |schedule, bounds| schedule.last(now, bounds)).collect();
        let last = fired.iter().map(|(at, _)| *at).max();
        let mut values: Vec<i32> = fired.iter().filter(|(at, _)| Some(*at) == last).map(|(_, value)| *value).collect();
        values.sort_unstable();
        values.dedup();
        (last, values)
    }

    /// Every value that is right around now.
    fn accepted(&self, limit: Limit, now: Timestamp) -> Vec<i32> {
        let from = now.checked_sub(AROUND_A_FIRING).unwrap_or(Timestamp::MIN);
        let until = now.checked_add(AROUND_A_FIRING).unwrap_or(Timestamp::MAX);
        let (_, mut values) = self.last(limit, from);
        if values.is_empty() {
            values.push(limit.of(self.own));
        }
        let around = self.scheduled.iter().filter_map(|scheduled| {
            let value = limit.set_by(&scheduled.action)?;
            let applied = self.applied.iter().find(|applied| applied.name == scheduled.action.name);
            let fires = scheduled.schedule.next(from, &scheduled.bounds(applied))?;
            // A raw action that is still to come fires on the target that there is by then.
            (fires <= until && (fires > now || self.counts(scheduled, fires))).then_some(value)
        });
        values.extend(around);
        values
    }

    /// The action of somebody else that has set a limit to what it is, later than the last declared one.
    fn foreign_set(&self, limit: Limit, registered: i32, declared: Option<Timestamp>, now: Timestamp) -> Option<&str> {
        let until = now.checked_add(AROUND_A_FIRING).unwrap_or(Timestamp::MAX);
        let declares = |name: &str| self.scheduled.iter().any(|scheduled| scheduled.action.name == name);
        let mut foreign = self.applied.iter().filter(|action| !self.prune && !declares(&action.name));
        let found = foreign.find(|action| {
            limit.set_by(action) == Some(registered)
                && match Schedule::parse(&action.schedule, action.time_zone.as_deref()) {
                    // What cannot be read may have fired.
                    Err(_) => true,
                    Ok(schedule) => {
                        let fired = schedule.last(until, &bounds(action, action.created_at));
                        fired.is_some_and(|fired| {
                            action.created_at.is_none_or(|created| fired >= created)
                                && declared.is_none_or(|declared| fired >= declared)
                        })
                    }
                }
        });
        found.map(|action| action.name.as_str())
    }

    /// When the next firing is so long past that only one band is right again.
    fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        let from = now.checked_sub(AROUND_A_FIRING).unwrap_or(Timestamp::MIN);
        let next = self.scheduled.iter().filter_map(|scheduled| {
            let applied = self.applied.iter().find(|applied| applied.name == scheduled.action.name);
            scheduled.schedule.next(from, &scheduled.bounds(applied))
        });
        next.min()?.checked_add(AROUND_A_FIRING + SignedDuration::from_secs(1)).ok()
    }
}

fn undecided(service: &ServiceId, why: &str) -> Finding {
    Finding::stalled(
        "BandUndecided",
        format!("which band is right for {service} cannot be told, so it is left as it is: {why}"),
    )
}
