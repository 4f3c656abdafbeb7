//! Which band is right now.
//!
//! AWS's scheduled actions change the limits of the scalable target itself, so the declared band is not always the right one. For each
//! limit the last declared firing decides; before any, the policy's own band. Windows say by themselves whether now is inside one.
//! Raw actions change what is there, so only their firings since the target was registered count. Overrides come after all that.

use jiff::{SignedDuration, Timestamp};

use super::overrides::{self, Bounds, Lift};
use super::schedule::Schedule;
use super::scheduled::{Origin, Scheduled, bounds};
use crate::ids::TargetId;
use crate::observed::{Capacity, ScalableTarget, ScheduledAction};
use crate::plan::Finding;

/// How long before and after a firing what was right before and what is right after it are both right: AWS's clock is not ours, and
/// a firing may come late.
pub const AROUND_A_FIRING: SignedDuration = SignedDuration::from_mins(5);

/// What is right now.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// The limits that hold without overrides.
    pub declared: overrides::bounds::Declared,
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
    /// What scales.
    pub id: &'a TargetId,
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
    /// What overrides say.
    pub lift: &'a Lift<'a>,
    /// How far an override may raise the size.
    pub override_ceiling: Option<i32>,
}

/// One of the two limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    Min,
    Max,
}

impl Limit {
    fn of(self, bounds: Bounds) -> Option<i32> {
        match self {
            Self::Min => Some(bounds.least),
            Self::Max => bounds.most,
        }
    }

    fn set_by(self, action: &ScheduledAction) -> Option<i32> {
        match self {
            Self::Min => action.min_capacity,
            Self::Max => action.max_capacity,
        }
    }

    /// What is right once a declared action has fired.
    fn right_after(self, scheduled: &Scheduled) -> Option<i32> {
        match self {
            Self::Min => scheduled.min,
            Self::Max => scheduled.max,
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
/// While scheduled scaling is suspended in the spec no action fires, and the policy's own band holds. While an override suspends it the
/// band of the moment holds in which it began to: nothing fires in AWS either.
pub fn expected(basis: &Basis<'_>, now: Timestamp) -> Expected {
    let Basis { own, target, lift, .. } = *basis;
    let suspends = lift.suspend_scheduled();
    let mut suspended = own.suspended;
    suspended.scheduled_scaling = suspends.unwrap_or(suspended.scheduled_scaling);
    let own_band = Bounds::between(own.min, own.max);
    if own.suspended.scheduled_scaling && suspended.scheduled_scaling {
        return basis.settled(own_band, Capacity { suspended, ..*own }, Vec::new());
    }
    let (moment, next_at) = match lift.suspended_since() {
        Some(since) => (since.min(now), None),
        None => (now, basis.next_change(now)),
    };
    let registered = target.map(|target| Bounds::between(target.capacity.min, target.capacity.max));
    let right = basis.right(registered, moment);
    let mut expected = match right {
        Ok(band) => basis.settled(band, Capacity { suspended, ..*own }, Vec::new()),
        // Nothing is written on a band that nobody can tell; what is registered stays.
        Err(findings) => match target {
            Some(target) => {
                let capacity = Capacity { suspended, ..target.capacity };
                let declared = basis.declared(Bounds::between(capacity.min, capacity.max));
                Expected { declared, capacity, findings, next_at: None }
            }
            None => basis.settled(own_band, Capacity { suspended, ..*own }, findings),
        },
    };
    expected.next_at = next_at;
    expected
}

/// The band that windows make of a policy's own at `now`, whatever is registered: for whoever does not look at AWS.
pub fn by_windows(own: Bounds, scheduled: &[Scheduled], now: Timestamp) -> Bounds {
    let last = |limit: Limit| {
        let fired = scheduled.iter().filter(|scheduled| scheduled.origin != Origin::Raw).filter_map(|scheduled| {
            Some((scheduled.schedule.last(now, &scheduled.bounds(None))?, limit.right_after(scheduled)?))
        });
        fired.max_by_key(|(at, _)| *at).map(|(_, value)| value).or(limit.of(own))
    };
    match (last(Limit::Min), last(Limit::Max)) {
        (Some(least), Some(most)) if least <= most => Bounds::between(least, most),
        _ => own,
    }
}

impl Basis<'_> {
    fn declared(&self, bounds: Bounds) -> overrides::bounds::Declared {
        overrides::bounds::Declared { bounds, autoscaled: true, ceiling: self.override_ceiling }
    }

    fn lifted(&self, band: Bounds) -> Bounds {
        self.lift.bounds(&self.declared(band))
    }

    /// The band that holds without overrides, with what they say.
    fn settled(&self, band: Bounds, own: Capacity, findings: Vec<Finding>) -> Expected {
        let lifted = self.lifted(band);
        let capacity = Capacity { min: lifted.least, max: lifted.most.unwrap_or(own.max), suspended: own.suspended };
        Expected { declared: self.declared(band), capacity, findings, next_at: None }
    }

    /// The band that is right without overrides; the one that leaves what is registered as it is, where several are.
    fn right(&self, registered: Option<Bounds>, now: Timestamp) -> Result<Bounds, Vec<Finding>> {
        let [least, most] = [Limit::Min, Limit::Max].map(|limit| self.accepted(limit, now));
        let pairs = least.iter().flat_map(|least| most.iter().map(|most| (*least, *most)));
        let bands: Vec<Bounds> =
            pairs.filter(|(least, most)| least <= most).map(|(least, most)| Bounds::between(least, most)).collect();
        // As an override has made it, or as AWS fired it and an override is to make it.
        let moments = self.moments(now);
        let lifted = moments.iter().find(|band| Some(self.lifted(**band)) == registered);
        // Two actions of one moment fire one after the other, so for a while AWS may show a mixture.
        let mixed = bands.iter().find(|band| Some(**band) == registered);
        // What was such a mixture, and an override was made of it here, is no other a moment later.
        let mixed = mixed.or_else(|| bands.iter().find(|band| Some(self.lifted(**band)) == registered));
        if let Some(band) = lifted.or(mixed) {
            return Ok(*band);
        }
        let judged = [Limit::Min, Limit::Max].map(|limit| self.judge(limit, registered, &bands, now));
        match &judged {
            // What is written is a band of one moment, not one limit as before a firing and the other as after it.
            [Ok(min), Ok(max)] if min <= max => {
                let exact = Bounds::between(*min, *max);
                Ok(registered.map_or(exact, |registered| nearest(moments, registered, exact)))
            }
            [Ok(min), Ok(max)] => Err(vec![undecided(
                self.id,
                &format!(
                    "the schedule makes minCapacity {min} and maxCapacity {max}, which AWS refuses: let one action set both"
                ),
            )]),
            _ => Err(judged.into_iter().filter_map(Result::err).collect()),
        }
    }
}

impl Basis<'_> {
    /// The bands of each moment around now.
    fn moments(&self, now: Timestamp) -> Vec<Bounds> {
        let from = now.checked_sub(AROUND_A_FIRING).unwrap_or(Timestamp::MIN);
        let until = now.checked_add(AROUND_A_FIRING).unwrap_or(Timestamp::MAX);
        let firings = self.scheduled.iter().filter_map(|scheduled| {
            let applied = self.applied.iter().find(|applied| applied.name == scheduled.action.name);
            scheduled.schedule.next(from, &scheduled.bounds(applied)).filter(|fires| *fires <= until)
        });
        let at = |moment| {
            let limit = |limit, own| match self.last(limit, moment).1.as_slice() {
                [] => Some(own),
                [value] => Some(*value),
                _ => None,
            };
            let (least, most) = (limit(Limit::Min, self.own.min)?, limit(Limit::Max, self.own.max)?);
            (least <= most).then(|| Bounds::between(least, most))
        };
        std::iter::once(from).chain(firings).filter_map(at).collect()
    }
}

impl Basis<'_> {
    /// What one limit is at this very moment, without overrides.
    fn judge(
        &self,
        limit: Limit,
        registered: Option<Bounds>,
        bands: &[Bounds],
        now: Timestamp,
    ) -> Result<i32, Finding> {
        let own = limit.of(Bounds::between(self.own.min, self.own.max)).unwrap_or_default();
        let (fired_at, exact) = self.last(limit, now);
        if let Some(registered) = registered.and_then(|registered| limit.of(registered)) {
            // As an override makes it of a band that is right, or as it is without one: the same value of somebody else is as good.
            if bands
                .iter()
                .any(|band| [*band, self.lifted(*band)].map(|band| limit.of(band)).contains(&Some(registered)))
            {
                return Ok(exact.first().copied().unwrap_or(own));
            }
            if let Some(name) = self.foreign_set(limit, registered, fired_at, now) {
                return Err(undecided(
                    self.id,
                    &format!(
                        "{} is {registered} as scheduled action {name} sets it, which is not declared here: declare it, delete it, or set \
                         autoscaling.prune: true",
                        limit.name()
                    ),
                ));
            }
        }
        match exact.as_slice() {
            [] => Ok(own),
            [value] => Ok(*value),
            several => Err(undecided(
                self.id,
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
            let value = limit.right_after(scheduled)?;
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
            values.extend(limit.of(Bounds::between(self.own.min, self.own.max)));
        }
        let around = self.scheduled.iter().filter_map(|scheduled| {
            let value = limit.right_after(scheduled)?;
            let applied = self.applied.iter().find(|applied| applied.name == scheduled.action.name);
            let fires = scheduled.schedule.next(from, &scheduled.bounds(applied))?;
            // A raw action that is still to come fires on the target that there is by then.
            let near = fires <= until && (fires > now || self.counts(scheduled, fires));
            // What AWS makes of it is where the operator goes on from.
            near.then(|| [Some(value), limit.set_by(&scheduled.action)].into_iter().flatten())
        });
        values.extend(around.flatten());
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

/// Of the bands that are right around now the one that leaves most of what is registered as it is: what AWS has fired is not undone. AWS
/// knows no overrides, so it is the band without them that is compared.
fn nearest(moments: Vec<Bounds>, registered: Bounds, exact: Bounds) -> Bounds {
    let kept = |band: &Bounds| usize::from(band.least == registered.least) + usize::from(band.most == registered.most);
    // Of several the last wins, which is the one of this very moment.
    moments.into_iter().chain([exact]).max_by_key(kept).unwrap_or(exact)
}

fn undecided(service: &TargetId, why: &str) -> Finding {
    Finding::stalled(
        "BandUndecided",
        format!("which band is right for {service} cannot be told, so it is left as it is: {why}"),
    )
}
