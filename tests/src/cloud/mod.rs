//! AWS in memory: ECS services, Aurora Replicas, scalable targets and scaling policies, databases and their snapshots, with the limits and refusals that the operator meets.
//!
//! Sources of its rules: ECS API Reference (DescribeServices, UpdateService), Application Auto Scaling API Reference
//! (RegisterScalableTarget, PutScalingPolicy, DescribeScalableTargets, DescribeScalingPolicies).

pub mod api;
pub mod aurora;
pub mod autoscaling;
pub mod bucket;
pub mod door;
pub mod ecs;
pub mod postgres;
pub mod queues;
pub mod rds;
pub mod refusal;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use runbook_aws::Api;
use runbook_core::observed::{AppliedPolicy, Capacity, ScheduledAction};
use runbook_core::ownership::OWNER_TAG;
use serde_json::Value;

use crate::journal::{Held, ObjectKey, OutsideRds, What};
use crate::process::Process;
use crate::stage::{Stage, lock};
use aurora::Cluster;
use autoscaling::Target;
use bucket::Bucket;
use ecs::Service;
use rds::Rds;

/// What Kubernetes holds at a moment: the journal keeps it with each write, to judge the write by.
pub type Intent = Arc<dyn Fn() -> Vec<(ObjectKey, Arc<Value>)> + Send + Sync>;

/// AWS. Clones share one state.
#[derive(Clone)]
pub struct FakeAws {
    stage: Arc<Stage>,
    intent: Intent,
    state: Arc<Mutex<State>>,
}

/// All accounts.
#[derive(Debug, Default)]
pub struct State {
    regions: BTreeMap<(String, String), Region>,
    /// Whom credentials belong to, where that is not the account that was asked for.
    pub strangers: BTreeMap<String, String>,
    /// Operations that IAM denies.
    pub denied: BTreeSet<String>,
    /// Calls a second that AWS sustains, and how many at once: None for as many as one likes.
    pub rate: Option<(f64, f64)>,
    /// Shortest and longest time of a call's way there, and of its way back, in milliseconds.
    pub latency: (u64, u64),
    buckets: BTreeMap<(String, String, Api, bool), Bucket>,
}

/// One region of one account.
#[derive(Clone, Debug, Default)]
pub struct Region {
    /// Clusters and their services.
    pub clusters: BTreeMap<String, BTreeMap<String, Service>>,
    /// Aurora clusters by identifier.
    pub aurora: BTreeMap<String, Cluster>,
    /// Scalable targets by ResourceId.
    pub targets: BTreeMap<String, Target>,
    /// Databases and their snapshots.
    pub rds: Rds,
}

impl fmt::Debug for FakeAws {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("FakeAws").finish_non_exhaustive()
    }
}

impl FakeAws {
    /// An AWS without any account.
    pub fn new(stage: Arc<Stage>, intent: Intent) -> Self {
        let state = State { latency: (5, 80), ..State::default() };
        Self { stage, intent, state: Arc::new(Mutex::new(state)) }
    }

    /// The way in for one life of the operator.
    pub fn door(&self, process: &Arc<Process>) -> Arc<door::Door> {
        Arc::new(door::Door::new(self.clone(), Arc::clone(process)))
    }

    /// Changes how AWS answers: denials, rates, latency.
    pub fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut lock(&self.state));
    }

    /// Sets up a region of an account.
    pub fn set_up(&self, account: &str, region: &str, change: impl FnOnce(&mut Region)) {
        change(lock(&self.state).region(account, region));
    }

    /// What AWS holds about what scales, by its ResourceId; `None` when there is no such thing.
    pub fn held(&self, account: &str, region: &str, id: &str) -> Option<Held> {
        lock(&self.state).region(account, region).held(id, self.stage.now())
    }

    /// Somebody other than the operator changes what scales, or its scalable target. Nothing happens where `change` returns false.
    pub fn outside(
        &self,
        place: (&str, &str),
        id: &str,
        act: &str,
        change: impl FnOnce(&mut Region, Timestamp) -> bool,
    ) {
        let now = self.stage.now();
        let mut state = lock(&self.state);
        let region = state.region(place.0, place.1);
        let before = region.held(id, now);
        if change(region, now) {
            let after = region.held(id, now);
            self.stage.journal.push(now, What::Outside { act: act.into(), resource: id.into(), before, after });
        }
    }
}

impl FakeAws {
    /// What RDS holds about a database; `None` when there is no such database.
    pub fn held_database(&self, place: (&str, &str), key: &rds::Key) -> Option<rds::Held> {
        lock(&self.state).region(place.0, place.1).rds.held(key, self.stage.now())
    }

    /// Somebody other than the operator does something about a database.
    pub fn outside_database(&self, place: (&str, &str), key: &rds::Key, act: &rds::outside::Act) {
        let now = self.stage.now();
        let mut state = lock(&self.state);
        let rds = &mut state.region(place.0, place.1).rds;
        let before = rds.held(key, now);
        if rds.act(key, act, now) {
            let after = rds.held(key, now);
            let (act, database) = (act.describe(), key.clone());
            let what = OutsideRds { act, database, before, after };
            self.stage.journal.push(now, What::OutsideRds(Box::new(what)));
        }
    }

    /// Fires every scheduled action that fell due after `since`.
    pub fn fire(&self, since: Timestamp) {
        let due: Vec<(String, String, String, ScheduledAction)> = {
            let state = lock(&self.state);
            let now = self.stage.now();
            let targets = state.regions.iter().flat_map(|((account, region), all)| {
                all.targets.iter().map(move |(id, target)| (account, region, id, target))
            });
            let all = targets.flat_map(|(account, region, id, target)| {
                let due = target.due(since, now).into_iter();
                due.map(move |action| (account.clone(), region.clone(), id.clone(), action))
            });
            all.collect()
        };
        for (account, region, id, action) in due {
            let act = format!("scheduled action {} fires", action.name);
            self.outside((&account, &region), &id, &act, |region, now| {
                let Some(mut capacity) = region.targets.get(&id).map(|target| target.capacity) else { return false };
                capacity.min = action.min_capacity.unwrap_or(capacity.min);
                capacity.max = action.max_capacity.unwrap_or(capacity.max);
                region.register(&id, capacity, now)
            });
        }
    }
}

impl State {
    fn region(&mut self, account: &str, region: &str) -> &mut Region {
        self.regions.entry((account.into(), region.into())).or_default()
    }
}

impl Region {
    /// A service, with its counts as of `now`.
    pub fn service(&mut self, cluster: &str, service: &str, now: Timestamp) -> Option<&mut Service> {
        let service = self.clusters.get_mut(cluster)?.get_mut(service)?;
        service.advance(now);
        Some(service)
    }

    /// What AWS holds about what scales.
    pub fn held(&mut self, id: &str, now: Timestamp) -> Option<Held> {
        let target = self.targets.get(id);
        let capacity = target.map(|target| target.capacity);
        let policies = target.map(Target::applied).unwrap_or_default();
        let actions = target.map(|target| target.actions.values().cloned().collect()).unwrap_or_default();
        let owner = target.and_then(|target| target.tags.get(OWNER_TAG)).cloned();
        let held = Held { capacity, owner, policies, actions, ..Held::default() };
        match self.scaled(id, now)? {
            Scaled::Service(service) => {
                Some(Held { desired: service.desired, deploying: service.deploying(now), ..held })
            }
            Scaled::Cluster(cluster) => {
                let (desired, permanent) = (cluster.readers(), cluster.permanent());
                Some(Held { desired, permanent, settling: cluster.is_settling(now), deploying: false, ..held })
            }
        }
    }

    /// What scales, with its counts as of `now`.
    pub fn scaled(&mut self, id: &str, now: Timestamp) -> Option<Scaled<'_>> {
        match id.strip_prefix("cluster:") {
            Some(cluster) => {
                let cluster = self.aurora.get_mut(cluster)?;
                cluster.advance(now);
                Some(Scaled::Cluster(cluster))
            }
            None => {
                let (cluster, service) = id.strip_prefix("service/")?.split_once('/')?;
                self.service(cluster, service, now).map(Scaled::Service)
            }
        }
    }

    /// Registers or changes a scalable target: what scales is moved into the band at once, as AWS does.
    pub fn register(&mut self, id: &str, capacity: Capacity, now: Timestamp) -> bool {
        match self.scaled(id, now) {
            None => return false,
            Some(Scaled::Service(service)) => service.set_desired(capacity.clamp(service.desired), now),
            Some(Scaled::Cluster(cluster)) => cluster.bring(&capacity, now),
        }
        // Registered anew it is another.
        let arn = format!(
            "arn:aws:application-autoscaling:::scalable-target/{}-{}",
            id.replace(['/', ':'], "-"),
            now.as_nanosecond()
        );
        let target = self.targets.entry(id.to_owned()).or_insert_with(|| Target::new(arn, capacity, now));
        target.capacity = capacity;
        true
    }

    /// Adds or replaces a scaling policy of a registered target.
    pub fn put_policy(&mut self, id: &str, policy: AppliedPolicy) -> bool {
        match self.targets.get_mut(id) {
            Some(target) => {
                target.policies.insert(policy.name, policy.kind);
                true
            }
            None => false,
        }
    }

    /// Gives a registered target a tag.
    pub fn tag(&mut self, id: &str, key: &str, value: &str) {
        if let Some(target) = self.targets.get_mut(id) {
            target.tags.insert(key.into(), value.into());
        }
    }
}

/// What scales.
#[derive(Debug)]
pub enum Scaled<'r> {
    /// An ECS service.
    Service(&'r mut Service),
    /// The Aurora Replicas of a cluster.
    Cluster(&'r mut Cluster),
}

/// The ResourceId by which Application Auto Scaling knows a service.
pub fn resource_id(cluster: &str, service: &str) -> String {
    format!("service/{cluster}/{service}")
}

/// The ResourceId by which Application Auto Scaling knows the Aurora Replicas of a DB cluster.
pub fn cluster_id(cluster: &str) -> String {
    format!("cluster:{cluster}")
}
