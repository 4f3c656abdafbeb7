//! What an account's owner holds back: freezes, steps of a scale-in, how many targets change in an hour; and writes that get rarer where
//! somebody keeps undoing them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};
use runbook_api::ScalingPolicy;
use runbook_api::common::HistoryEntry;
use runbook_aws::Call;

use super::knowledge::Objects;
use super::oracle::{self, Policy};
use crate::cloud::resource_id;
use crate::journal::AwsCall;

/// How much sooner than due a step may be seen: the operator counts from before it asks for a place in the budget, AWS from its effect.
const SLACK: SignedDuration = SignedDuration::from_secs(25);
/// For so long a change of a target counts.
const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// Corrections further apart than this are no contest.
const APART: SignedDuration = SignedDuration::from_hours(2);
/// So many corrections of one thing are a contest.
pub const CONTEST: usize = 3;

/// What was written so far.
#[derive(Debug, Default)]
pub struct Brakes {
    /// When the operator last changed each service's size, and which process.
    moved: HashMap<String, (Timestamp, u32)>,
    /// What it has changed in each account, when last, and the uids of the policies that it was changed for, whose histories tell.
    changed: HashMap<String, BTreeMap<String, (Timestamp, BTreeSet<String>)>>,
}

/// What a write was made on: what its process may have known, and when it may have been decided.
#[derive(Clone, Copy, Debug)]
pub struct Grounds<'a> {
    /// The objects as it may have known them.
    pub states: &'a [&'a Objects],
    /// The first and the last moment, and those between that change what is right.
    pub moments: &'a [Timestamp],
    /// When each process died, or could tell nothing more.
    pub deaths: &'a BTreeMap<u32, Timestamp>,
}

impl Brakes {
    /// Judges a write that AWS has accepted: the rules that it breaks, and how.
    pub fn write(&mut self, at: Timestamp, call: &AwsCall, on: Grounds<'_>) -> Vec<(&'static str, String)> {
        let Some((service, before, after)) = &call.effect else { return Vec::new() };
        let known: Vec<(Policy, &Objects)> = on
            .states
            .iter()
            .flat_map(|objects| oracle::policies(objects).into_iter().map(move |policy| (policy, *objects)))
            .filter(|(policy, _)| is_of(policy, service))
            .collect();
        let mut broken = Vec::new();
        if !known.is_empty() {
            let shrinks = after.desired < before.desired;
            let held = |(policy, objects): &(Policy, &Objects)| is_frozen(policy, objects, call, on.moments);
            if known.iter().all(held) {
                broken.push(("in a freeze only what an override asks for is written", "the account is frozen".into()));
            }
            broken.extend(self.too_soon(at, service, &known, on).filter(|_| shrinks));
            broken.extend(self.too_many(at, service, &known));
            broken.extend(contested(at, call, on).filter(|_| after.desired != before.desired));
        }
        if matches!(call.call, Call::UpdateService { .. } | Call::RegisterScalableTarget { .. }) {
            self.moved.insert(service.clone(), (at, call.process));
        }
        let claims = |policy: &Policy| policy.claims(&call.call);
        let claimed = known.iter().any(|(policy, _)| claims(policy));
        for (policy, _) in known {
            let changed = self.changed.entry(policy.spec().account_ref.name.clone()).or_default();
            let (last, policies) = changed.entry(service.clone()).or_insert_with(|| (at, BTreeSet::new()));
            *last = at;
            policies.extend(uid(&policy).filter(|_| claims(&policy) || !claimed));
        }
        broken
    }

    /// A step of a scale-in that follows another too soon. What a process did that died before it could say so nobody knows of.
    fn too_soon(
        &self,
        at: Timestamp,
        service: &str,
        known: &[(Policy, &Objects)],
        on: Grounds<'_>,
    ) -> Option<(&'static str, String)> {
        let (last, by) = self.moved.get(service)?;
        let every = known.iter().map(|(policy, objects)| policy.pace(objects).map(|pace| pace.every)).min()??;
        let told = on.deaths.get(by).is_none_or(|died| *died > *last + super::end::REPORTED_WITHIN);
        let since = at.duration_since(*last);
        (told && since < every - SLACK)
            .then(|| ("a scale-in goes in steps", format!("the last was {since} before, and they are {every} apart")))
    }

    /// One target more than may be changed within the hour.
    fn too_many(&self, at: Timestamp, service: &str, known: &[(Policy, &Objects)]) -> Option<(&'static str, String)> {
        let name = &known.first()?.0.spec().account_ref.name;
        let recent = |last: &Timestamp| at.duration_since(*last) < HOUR - SLACK;
        let changed = self.changed.get(name)?;
        if changed.get(service).is_some_and(|(last, _)| at.duration_since(*last) < HOUR + SLACK) {
            return None;
        }
        let limit = known.iter().map(|(_, objects)| {
            let percent = oracle::account(objects, name)?.spec.safety?.max_changed_targets_percent?;
            let all = oracle::policies(objects);
            let targets = all.iter().filter(|policy| policy.spec().account_ref.name == *name && !policy.spec().suspend);
            Some((targets.count() * usize::try_from(percent).ok()? / 100).max(1))
        });
        let limit = limit.collect::<Option<Vec<usize>>>()?.into_iter().max()?;
        // Whoever deletes a policy deletes what it remembers, also where a rival names the same service. What a process did that died before
        // it could say so stands in the policy as claimed, and then as an act of which nobody knows.
        let remembered = |policies: &BTreeSet<String>| {
            let mut all = known.iter().flat_map(|(_, objects)| oracle::policies(objects));
            all.any(|policy| uid(&policy).is_some_and(|uid| policies.contains(&uid)))
        };
        let changed = changed.values().filter(|(last, policies)| recent(last) && remembered(policies)).count();
        (changed >= limit).then(|| {
            ("no more targets change within the hour than may", format!("{changed} were changed, and {limit} may be"))
        })
    }
}

/// Whether a write had to wait for the end of a freeze.
fn is_frozen(policy: &Policy, objects: &Objects, call: &AwsCall, moments: &[Timestamp]) -> bool {
    let Some(account) = oracle::account(objects, &policy.spec().account_ref.name) else { return false };
    let frozen = |at: &Timestamp| account.spec.freeze.iter().any(|freeze| freeze.from.0 <= *at && *at < freeze.to.0);
    let sizes = matches!(call.call, Call::UpdateService { .. } | Call::RegisterScalableTarget { .. });
    let overridden = sizes && moments.iter().any(|at| !policy.active(objects, *at).is_empty());
    moments.iter().all(frozen) && !overridden
}

/// A correction of a size that somebody keeps undoing, and that comes before its time.
fn contested(at: Timestamp, call: &AwsCall, on: Grounds<'_>) -> Option<(&'static str, String)> {
    let Call::UpdateService { cluster, service, .. } = &call.call else { return None };
    let objects: Objects = call.intent.iter().cloned().collect();
    let mut of_service =
        oracle::policies(&objects).into_iter().filter(|policy| policy.target() == resource_id(cluster, service));
    let (Some(policy), None) = (of_service.next(), of_service.next()) else { return None };
    let status = policy.object.status.as_ref()?;
    let followed = status.followed.as_ref()?;
    // A new spec or another override is followed at once.
    let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready")?;
    let seen = ready.reason == "InSync" && ready.observed_generation == policy.object.metadata.generation;
    let possible = policy.possible(&objects, on.moments);
    let drifted = possible.iter().all(|right| (right.least, right.most) == (followed.minimum, followed.maximum));
    let undone = undone(&policy.object, at);
    let wait = wait(undone.len())?;
    let since = at.duration_since(*undone.first()?);
    (seen && drifted && since < wait - SignedDuration::from_secs(1)).then(|| {
        let text = format!("{} corrections, the last {since} before, the next is due after {wait}", undone.len());
        ("what is undone each time is corrected ever more rarely", text)
    })
}

/// How long a correction waits after so many that were undone.
fn wait(corrections: usize) -> Option<SignedDuration> {
    let further = u32::try_from(corrections.checked_sub(CONTEST)?).ok()?;
    Some(SignedDuration::from_mins(2_i64.pow(further.min(16)).min(60)))
}

/// The corrections of the size that belong together, newest first.
pub fn undone(policy: &ScalingPolicy, at: Timestamp) -> Vec<Timestamp> {
    let history = policy.status.iter().flat_map(|status| &status.history);
    let corrects =
        |act: &&HistoryEntry| act.step == "SetDesiredCount" && act.reason == "Drift" && act.outcome == "Succeeded";
    let acts: Vec<&HistoryEntry> = history.filter(corrects).collect();
    let (mut times, mut later) = (Vec::new(), at);
    for (index, act) in acts.iter().enumerate() {
        if later.duration_since(act.time.0) > APART {
            break;
        }
        later = act.time.0;
        // A step that goes on from where the one before has ended corrects nothing that was undone.
        let goes_on = acts.get(index + 1).is_some_and(|older| ends(act).0.is_some() && ends(act).0 == ends(older).1);
        if !goes_on {
            times.push(act.time.0);
        }
    }
    times
}

/// From which size to which.
fn ends(act: &HistoryEntry) -> (Option<i32>, Option<i32>) {
    (act.from, act.to)
}

fn uid(policy: &Policy) -> Option<String> {
    policy.object.metadata.uid.clone()
}

fn is_of(policy: &Policy, service: &str) -> bool {
    policy.target() == service
}
