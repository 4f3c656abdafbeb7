//! Which size or band is right, and how a service may get there.

use jiff::{SignedDuration, Timestamp};
use runbook_core::observed::{Capacity, Suspended};

use super::entries::{is_step, same_action, same_policy};
use super::{Objects, Policy, account};
use crate::journal::Held;

/// How far AWS's clock and the operator's may be apart around a firing.
const AROUND: SignedDuration = SignedDuration::from_mins(5);

/// Sizes that are right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Not below.
    pub least: i32,
    /// Not above, if anything limits it.
    pub most: Option<i32>,
    /// Whether scheduled scaling is suspended.
    pub suspended: bool,
}

/// How services are made smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Percent of the present size, at least one task.
    pub percent: i32,
    /// Least time between two steps.
    pub every: SignedDuration,
}

impl Pace {
    /// The most tasks that may go at once.
    pub fn most(&self, size: i32) -> i32 {
        (size * self.percent / 100).max(1)
    }

    /// The next size on the way from one to another.
    pub fn next(pace: Option<&Self>, from: i32, to: i32) -> i32 {
        pace.map_or(to, |pace| if to < from { to.max(from - pace.most(from)) } else { to })
    }
}

impl Sizes {
    fn between((least, most): (i32, i32)) -> Self {
        Self { least, most: Some(most), suspended: false }
    }

    /// Whether a size is right.
    pub fn has(&self, size: i32) -> bool {
        size >= self.least && self.most.is_none_or(|most| size <= most)
    }

    /// Whether Application Auto Scaling leaves it as it is: some of it may be more than is right and stay nevertheless.
    pub fn keeps(&self, held: &Held) -> bool {
        held.desired == self.clamp(held.desired).max(held.permanent)
    }

    /// The nearest size that is right.
    pub fn clamp(&self, size: i32) -> i32 {
        match self.most {
            Some(most) if size > most => most,
            _ if size < self.least => self.least,
            _ => size,
        }
    }

    /// The scalable target with these limits.
    pub fn capacity(&self) -> Option<Capacity> {
        let suspended = Suspended { scheduled_scaling: self.suspended, ..Suspended::default() };
        self.most.map(|max| Capacity { min: self.least, max, suspended })
    }

    /// Whether these limits may be registered of what was so: the maximum goes down with its size, where that goes down.
    pub fn registered_as(&self, capacity: Capacity, before: &Held, pace: Option<&Pace>) -> bool {
        let Some(whole) = self.capacity() else { return false };
        let pace = pace.filter(|_| !self.keeps(before));
        let max = Pace::next(pace, before.desired, self.clamp(before.desired)).max(whole.max);
        capacity == Capacity { max, ..whole }
    }
}

impl Policy {
    /// How the account wants services to be made smaller.
    pub fn pace(&self, objects: &Objects) -> Option<Pace> {
        let step = account(objects, &self.spec().account_ref.name)?.spec.safety?.scale_in_step?;
        Some(Pace { percent: step.percent, every: SignedDuration::from_secs(step.every.seconds().ok()?) })
    }

    /// Every size that the policy itself declares: its own, and those of its windows.
    pub fn bands(&self) -> Vec<Sizes> {
        let Some(band) = &self.spec().autoscaling else {
            return self.spec().replicas.map(|count| Sizes::between((count, count))).into_iter().collect();
        };
        let windows = band.windows.iter().map(|window| (window.min_capacity, window.max_capacity));
        std::iter::once((band.min_capacity, band.max_capacity)).chain(windows).map(Sizes::between).collect()
    }

    /// What is right without overrides, long after the last firing. A window lasts from a minute to another, every day, in UTC.
    pub fn declared_at(&self, at: Timestamp) -> Option<Sizes> {
        let time = at.to_zoned(jiff::tz::TimeZone::UTC).time();
        let now = i32::from(time.hour()) * 60 + i32::from(time.minute());
        let windows = self.spec().autoscaling.iter().flat_map(|band| &band.windows);
        let open = windows.enumerate().find(|(_, window)| match (minute(&window.start), minute(&window.end)) {
            (Some(start), Some(end)) => (start..end).contains(&now),
            _ => false,
        });
        self.bands().get(open.map_or(0, |(index, _)| index + 1)).copied()
    }

    /// What is right at a time, with the overrides: several, where an override has suspended scheduled scaling near a firing.
    pub fn right(&self, objects: &Objects, at: Timestamp) -> Vec<Sizes> {
        let word = self.word(objects, at);
        let declared: Vec<Sizes> = match word.suspended_since {
            None => self.declared_at(at).into_iter().collect(),
            Some(since) => {
                let around = [since - AROUND, since, since + AROUND];
                // A window shorter than this begins and ends between two of these moments.
                let minutes = (-5..=5).map(|minutes| since + SignedDuration::from_mins(minutes));
                around.into_iter().chain(minutes).filter_map(|moment| self.declared_at(moment)).collect()
            }
        };
        declared.into_iter().map(|declared| word.over(self, declared)).collect()
    }

    /// Everything that may have been right at one of these moments.
    pub fn possible(&self, objects: &Objects, moments: &[Timestamp]) -> Vec<Sizes> {
        let bands = self.bands();
        // Around a firing each limit for itself is right as it was or as it will be.
        let mixed = bands.iter().flat_map(|one| bands.iter().map(|other| Sizes { most: other.most, ..*one }));
        let mixed: Vec<Sizes> = mixed.filter(|band| band.most.is_none_or(|most| band.least <= most)).collect();
        let words = moments.iter().map(|at| self.word(objects, *at));
        words.flat_map(|word| mixed.clone().into_iter().map(move |band| word.over(self, band))).collect()
    }

    /// Whether AWS is as the policy and its overrides declare.
    pub fn is_satisfied(&self, held: &Held, objects: &Objects, at: Timestamp) -> bool {
        let right = self.right(objects, at);
        let Some(band) = &self.spec().autoscaling else { return right.iter().any(|right| right.has(held.desired)) };
        let policies = band.target_tracking.iter().map(|entry| &entry.name);
        let policies: Vec<&String> = policies.chain(band.step_scaling.iter().map(|entry| &entry.name)).collect();
        let actions = self.actions(self.pace(objects).is_some());
        let stepped = |entry: &runbook_api::step_scaling::StepScaling| {
            held.policies.iter().any(|applied| applied.name == entry.name && is_step(entry, &applied.kind))
        };
        let alone = || {
            held.policies.iter().all(|applied| policies.contains(&&applied.name))
                && held.actions.iter().all(|action| actions.iter().any(|one| one.name == action.name))
        };
        right.iter().any(|right| held.capacity == right.capacity() && right.keeps(held))
            && band.step_scaling.iter().all(stepped)
            && actions.iter().all(|wanted| held.actions.iter().any(|action| same_action(wanted, action)))
            && (!band.prune || alone())
            && self.tracking().iter().all(|wanted| held.policies.iter().any(|applied| same_policy(wanted, applied)))
    }
}

/// The minute of the day of `cron(MINUTE HOUR * * ? *)`.
fn minute(cron: &str) -> Option<i32> {
    let mut fields = cron.strip_prefix("cron(")?.split(' ');
    let (minute, hour): (i32, i32) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(hour * 60 + minute)
}
