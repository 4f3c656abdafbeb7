//! Every write about a service, one by one.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};
use runbook_aws::{Call, Reply};
use runbook_core::observed::Capacity;
use serde_json::Value;

use super::brakes::{Brakes, Grounds};
use super::knowledge::{self, Knowledge, Objects, before};
use super::oracle::overrides::overrides;
use super::oracle::{self, Policy};
use super::{Violation, end};
use crate::cloud::{cluster_id, resource_id};
use crate::fault::Fault;
use crate::journal::{AwsCall, Entry, Held, KubernetesCall, What};
use crate::world::Run;

/// How long after the operator has learned of a change a write may still follow the state before it. Its own object and the account
/// are looked at again just before each write; a rival that has just become the holder is not, so a write that was already claimed
/// may still follow.
pub const GRACE: SignedDuration = SignedDuration::from_millis(500);
/// How old the read may be that a write rests on: the reads of one reconcile, and the wait for its turn in the budget.
pub const FRESH: SignedDuration = SignedDuration::from_secs(60);

/// What a read or write is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Aspect {
    Service,
    Target,
    Policies,
    Actions,
}

/// What a process last saw of one aspect of one service.
#[derive(Clone, Debug)]
struct Sight {
    at: Timestamp,
    desired: Option<i32>,
    capacity: Option<Capacity>,
}

/// How large something is, and how much of that is permanent.
type Size = (i32, i32);

/// What scales, in its account and region.
type Place = (String, String, String);

#[derive(Default)]
struct Judge {
    violations: Vec<Violation>,
    /// What each process last saw, by what it is about.
    sights: HashMap<(u32, Aspect, Place), Sight>,
    /// When each process last listed all scaling policies, or all scheduled actions.
    listed: HashMap<(u32, Aspect, String, String), Timestamp>,
    /// The changes of each service that somebody made, and which process.
    changes: HashMap<String, Vec<(Timestamp, Option<u32>)>>,
    /// When each process last wrote, by what it wrote.
    wrote: HashMap<(u32, String), Timestamp>,
    /// The sizes that each process has seen, and how much of them was permanent.
    sizes: HashMap<(u32, Place), Vec<(Timestamp, Size)>>,
    /// When each process last read that a cluster is not available.
    unavailable: HashMap<(u32, Place), Timestamp>,
    /// When each process died.
    deaths: BTreeMap<u32, Timestamp>,
    brakes: Brakes,
    /// Who last wrote the Lease.
    leader: Option<u32>,
    /// Calls whose effect came after their caller gave up.
    late: Vec<(String, Timestamp)>,
}

/// Judges every write of a run.
pub fn judge(run: &Run) -> Vec<Violation> {
    let knowledge = knowledge::gather(&run.entries);
    let mut judge = Judge { deaths: end::deaths(run), ..Judge::default() };
    for entry in &run.entries {
        judge.entry(entry, &knowledge);
    }
    judge.violations
}

impl Judge {
    fn entry(&mut self, entry: &Entry, knowledge: &BTreeMap<u32, Knowledge>) {
        match &entry.what {
            What::Aws(call) if !call.call.is_write() => self.read(entry.at, call),
            // What AWS refused is no write.
            What::Aws(call) if call.effect.is_some() && call.result.is_ok() => self.write(entry.at, call, knowledge),
            What::Outside { resource, .. } => {
                self.changes.entry(resource.clone()).or_default().push((entry.at, None));
            }
            What::Kubernetes(call) => self.leader = leader_after(call).unwrap_or(self.leader),
            _ => {}
        }
    }

    fn read(&mut self, at: Timestamp, call: &AwsCall) {
        let (true, Ok(reply)) = (call.answered, &call.result) else { return };
        let (account, region) = (call.scope.account_id.clone(), call.scope.region.clone());
        let mut see = |aspect, resource: String, desired, capacity| {
            let key = (call.process, aspect, (account.clone(), region.clone(), resource));
            self.sights.insert(key, Sight { at, desired, capacity });
        };
        match (&call.call, reply) {
            (Call::DescribeServices { cluster, services }, Reply::Services(found)) => {
                for service in services {
                    let desired = found.iter().find(|(name, _)| name == service).map(|(_, found)| found.desired_count);
                    let id = resource_id(cluster, service);
                    see(Aspect::Service, id.clone(), desired, None);
                    let sizes = self.sizes.entry((call.process, (account.clone(), region.clone(), id))).or_default();
                    sizes.extend(desired.map(|desired| (at, (desired, 0))));
                }
            }
            (Call::DescribeDbClusters { clusters, .. }, Reply::DbClusters { clusters: found, .. }) => {
                for cluster in clusters {
                    let found = found.iter().find(|(name, _)| name == cluster).map(|(_, found)| found);
                    let readers = found.map(|found| (found.scaled().desired_count, found.scaled().permanent));
                    let id = cluster_id(cluster);
                    see(Aspect::Service, id.clone(), readers.map(|(readers, _)| readers), None);
                    let place = (account.clone(), region.clone(), id);
                    if found.is_some_and(|found| found.status != "available") {
                        self.unavailable.insert((call.process, place.clone()), at);
                    }
                    self.sizes.entry((call.process, place)).or_default().extend(readers.map(|readers| (at, readers)));
                }
            }
            (Call::DescribeScalableTargets { resource_ids, .. }, Reply::ScalableTargets { targets, .. }) => {
                for id in resource_ids {
                    let capacity = targets.iter().find(|(target, _)| target == id).map(|(_, target)| target.capacity);
                    see(Aspect::Target, id.clone(), None, capacity);
                }
            }
            (Call::DescribeScalingPolicies { resource_id, .. }, Reply::ScalingPolicies { next_token: None, .. }) => {
                match resource_id {
                    Some(id) => see(Aspect::Policies, id.clone(), None, None),
                    None => {
                        self.listed.insert((call.process, Aspect::Policies, account, region), at);
                    }
                }
            }
            (Call::DescribeScheduledActions { resource_id, .. }, Reply::ScheduledActions { next_token: None, .. }) => {
                match resource_id {
                    Some(id) => see(Aspect::Actions, id.clone(), None, None),
                    None => {
                        self.listed.insert((call.process, Aspect::Actions, account, region), at);
                    }
                }
            }
            _ => {}
        }
    }

    fn write(&mut self, at: Timestamp, call: &AwsCall, knowledge: &BTreeMap<u32, Knowledge>) {
        let Some((service, held, _)) = &call.effect else { return };
        let late = matches!(call.fault, Some(Fault::HangThenEffect(_)));
        let what = format!("op{} aws#{} {} of {service}", call.process, call.index, describe(&call.call));
        let mut say = |rule, why: String| self.violations.push(Violation { rule, at, what: format!("{what}: {why}") });

        let aspect = aspect(&call.call);
        let place = (call.scope.account_id.clone(), call.scope.region.clone(), service.clone());
        let mut sight = self.sights.get(&(call.process, aspect.clone(), place.clone())).cloned();
        if matches!(aspect, Aspect::Policies | Aspect::Actions) {
            let (account, region) = (call.scope.account_id.clone(), call.scope.region.clone());
            let listed = self.listed.get(&(call.process, aspect.clone(), account, region));
            if let Some(at) = listed.filter(|at| sight.as_ref().is_none_or(|sight| **at > sight.at)) {
                sight = Some(Sight { at: *at, desired: None, capacity: None });
            }
        }

        // Wanted: a policy that may write declares exactly this, as Kubernetes is now or as the operator could not know better.
        let mut seen = held.clone();
        seen.desired = sight.as_ref().and_then(|sight| sight.desired).unwrap_or(held.desired);
        let now: Objects = call.intent.iter().cloned().collect();
        let known = knowledge.get(&call.process).map(|known| known.between(before(call.began, GRACE), at));
        let states: Vec<&Objects> = known.into_iter().flatten().chain(std::iter::once(&now)).collect();
        let moments = moments(&states, before(call.began, FRESH), at);
        let mut sizes = vec![(seen.desired, seen.permanent)];
        // A step depends on the size that was read, and another may have been read since.
        if oracle::policies(&now).iter().any(|policy| policy.pace(&now).is_some()) {
            let read = self.sizes.get(&(call.process, place.clone())).into_iter().flatten();
            sizes.extend(read.filter(|(read, _)| *read >= before(call.began, FRESH)).map(|(_, size)| *size));
        }
        let so_seen = |&(desired, permanent): &Size| {
            let seen = Held { desired, permanent, ..seen.clone() };
            states.iter().any(|objects| is_wanted(call, &seen, objects, &moments))
        };
        if !sizes.iter().any(so_seen) {
            say("every write is wanted", why_not(call, &seen, &now, &moments));
        }

        // Held back by nobody.
        let on = Grounds { states: &states, moments: &moments, deaths: &self.deaths };
        for (rule, why) in self.brakes.write(at, call, on) {
            say(rule, why);
        }

        // Needed: what was last read differs; inside the band the size is the autoscaler's.
        match (&call.call, &sight) {
            (_, None) => say("a write follows a read", "nothing was read of it".into()),
            (Call::UpdateService { desired_count, .. }, Some(sight)) if sight.desired == Some(*desired_count) => {
                say("a write is needed", format!("desiredCount was already {desired_count} when it was read"));
            }
            (Call::UpdateService { .. }, Some(sight)) => {
                let mut bands = Vec::new();
                for objects in &states {
                    let policies = oracle::policies(objects).into_iter().filter(|policy| is_of(policy, service));
                    let banded = policies.filter(|policy| policy.spec().autoscaling.is_some());
                    bands.extend(banded.flat_map(|policy| policy.possible(objects, &moments)));
                }
                if !bands.is_empty() && bands.iter().all(|band| sight.desired.is_some_and(|size| band.has(size))) {
                    say("no write inside the band", format!("desiredCount was {:?} when it was read", sight.desired));
                }
            }
            // Registered again it moves a service that somebody has taken out of the band.
            (Call::RegisterScalableTarget { capacity, .. }, Some(sight))
                if sight.capacity == Some(*capacity) && !call.changed() && !held.settling =>
            {
                say("a write is needed", "the band was already registered when it was read".into());
            }
            (Call::DeregisterScalableTarget { .. }, Some(sight)) if sight.capacity.is_none() => {
                say("a write is needed", "the target was already gone when it was read".into());
            }
            _ => {}
        }

        // Left alone: what a person is changing.
        let seen_at = self.sights.get(&(call.process, Aspect::Service, place.clone())).map(|sight| sight.at);
        if matches!(call.call, Call::RegisterScalableTarget { .. })
            && seen_at.is_some()
            && self.unavailable.get(&(call.process, place.clone())).copied() == seen_at
        {
            say("a cluster that is not available is left alone", "it was not when it was read".into());
        }

        // Fresh: read in the same reconcile, and after the operator's own last write of the same.
        let subject = describe_subject(&call.call);
        if let Some(sight) = &sight {
            if sight.at < before(call.began, FRESH) {
                say(
                    "a write follows a fresh read",
                    format!("it was last read {} before", call.began.duration_since(sight.at)),
                );
            }
            if let Some(wrote) = self.wrote.get(&(call.process, subject.clone())).filter(|wrote| **wrote > sight.at) {
                say(
                    "a write follows a fresh read",
                    format!("it was not read again after the write {} before", at.duration_since(*wrote)),
                );
            }
        }

        // Claimed: the policy's status said so before. A policy that was deleted a moment ago had said so, too.
        let claims = |policy: &Policy| is_of(policy, service) && policy.claims(&call.call);
        let claimed = states.iter().any(|objects| oracle::policies(objects).iter().any(claims));
        let present = oracle::policies(&now).iter().any(|policy| is_of(policy, service));
        if !late && present && !claimed {
            say("a write is claimed before it is made", "no status says that it is about to be made".into());
        }

        // Guarded: what must be removed again is not created before the object waits for that.
        let creates = matches!(call.call, Call::RegisterScalableTarget { .. }) && held.capacity.is_none();
        let guarded = |policy: &Policy| claims(policy) && (policy.is_guarded() || !policy.needs_guard());
        if creates && claimed && !states.iter().any(|objects| oracle::policies(objects).iter().any(guarded)) {
            say("what must be removed again is guarded before it is made", "the policy has no finalizer".into());
        }

        // Effective: it changes something, unless somebody else did the same since the read.
        let since = sight.as_ref().map_or(Timestamp::MIN, |sight| sight.at);
        let disturbed = self
            .changes
            .get(service)
            .is_some_and(|changes| changes.iter().any(|(time, by)| *time >= since && *by != Some(call.process)))
            || self.late.iter().any(|(resource, time)| resource == service && *time >= since);
        // Readers that come or go keep AWS from doing what is registered; which they are it does not tell.
        if !call.changed() && !late && !disturbed && !held.settling {
            say("a write changes something", format!("it was already {held}"));
        }

        // One leader.
        if self.leader != Some(call.process) {
            say("only the leader writes", format!("op{:?} holds the Lease", self.leader));
        }
        self.wrote.insert((call.process, subject), at);
        if late {
            self.late.push((service.clone(), at));
        }
        if call.changed() {
            self.changes.entry(service.clone()).or_default().push((at, Some(call.process)));
        }
    }
}

/// Which process leads after it wrote the Lease; none for another request.
pub fn leader_after(call: &KubernetesCall) -> Option<Option<u32>> {
    let lease = call.state.as_ref().filter(|_| call.changed && call.object.resource == "leases")?;
    let holder = lease.pointer("/spec/holderIdentity").and_then(Value::as_str);
    Some(holder.filter(|holder| !holder.is_empty()).map(|_| call.process))
}

fn is_of(policy: &Policy, service: &str) -> bool {
    policy.target() == service
}

/// The moments at which something else may have been right: the first and the last, and those between at which an override ends.
fn moments(states: &[&Objects], from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
    let ends = states.iter().flat_map(|objects| overrides(objects)).map(|one| one.ends());
    let mut moments: Vec<Timestamp> = ends.filter(|end| (from..=to).contains(end)).chain([from, to]).collect();
    moments.sort_unstable();
    moments.dedup();
    moments
}

fn is_wanted(call: &AwsCall, seen: &Held, objects: &Objects, moments: &[Timestamp]) -> bool {
    let all = oracle::policies(objects);
    all.iter().any(|policy| {
        policy.declares(&call.call, seen, objects, moments)
            && policy.place(objects) == Some((call.scope.account_id.clone(), call.scope.region.clone()))
            && policy.wants(objects)
            && policy.rival(&all, objects).is_none()
    })
}

fn why_not(call: &AwsCall, seen: &Held, objects: &Objects, moments: &[Timestamp]) -> String {
    let all = oracle::policies(objects);
    let Some(policy) = all.iter().find(|policy| policy.declares(&call.call, seen, objects, moments)) else {
        return format!("no policy declares it (it was {seen})");
    };
    if let Some(rival) = policy.rival(&all, objects) {
        return format!("{} declares it, but {} holds the service", policy.key, rival.key);
    }
    format!("{} declares it, but may not write: suspended, Observe, or without a grant", policy.key)
}

fn aspect(call: &Call) -> Aspect {
    match call {
        Call::RegisterScalableTarget { .. } | Call::DeregisterScalableTarget { .. } => Aspect::Target,
        Call::PutTargetTrackingPolicy { .. } | Call::PutStepScalingPolicy { .. } | Call::DeleteScalingPolicy { .. } => {
            Aspect::Policies
        }
        Call::PutScheduledAction { .. } | Call::DeleteScheduledAction { .. } => Aspect::Actions,
        _ => Aspect::Service,
    }
}

fn describe(call: &Call) -> String {
    match call {
        Call::UpdateService { desired_count, .. } => format!("UpdateService to {desired_count}"),
        Call::RegisterScalableTarget { capacity, .. } => {
            format!("RegisterScalableTarget {} to {}", capacity.min, capacity.max)
        }
        Call::PutTargetTrackingPolicy { name, .. } => format!("PutScalingPolicy {name}"),
        other => other.operation().into(),
    }
}

fn describe_subject(call: &Call) -> String {
    format!("{} {}", call.operation(), call.resource())
}
