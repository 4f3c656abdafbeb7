//! A scripted AWS for the tests of this room: it answers from a small world, counts, delays, and fails on demand.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use runbook_aws::{
    Answered, AwsMetrics, Call, Cloud, Freshness, Origin, Plane, PlaneOptions, RdsCall, Reply, TokioClock, WriteGuard,
};
use runbook_core::account::{Budget, Rates};
use runbook_core::facts::Answer;
use runbook_core::observed::{
    AppliedPolicy, AppliedPolicyKind, BackupSettings, CallerIdentity, Capacity, ClusterMember, Database,
    DatabaseSnapshot, DbCluster, Deployment, EcsService, ScalableTarget, ScheduledAction, Suspended,
};
use runbook_core::{CloudError, ClusterId, DatabaseId, DatabaseKind, ErrorClass, Query, Scope, ServiceId, Step};
use tokio::time::Instant;

pub const ACCOUNT: &str = "123456789012";

pub fn scope() -> Scope {
    Scope { connection: "default".into(), account_id: ACCOUNT.into(), region: "eu-central-1".into() }
}

pub fn service(name: &str) -> ServiceId {
    ServiceId { scope: scope(), cluster: "app".into(), service: name.into() }
}

pub fn ecs(name: &str) -> Query {
    Query::EcsService(service(name))
}

pub fn cluster(name: &str) -> ClusterId {
    ClusterId { scope: scope(), cluster: name.into() }
}

fn db_cluster(name: &str, readers: usize) -> DbCluster {
    let member = |number: usize| ClusterMember { instance: format!("{name}-{number}"), is_writer: number == 0 };
    DbCluster {
        arn: cluster(name).arn(),
        status: "available".into(),
        engine: "aurora-postgresql".into(),
        members: (0..=readers).map(member).collect(),
        tags: BTreeMap::new(),
    }
}

pub fn target(name: &str) -> Query {
    Query::ScalableTarget(service(name).into())
}

pub fn policies(name: &str) -> Query {
    Query::ScalingPolicies(service(name).into())
}

pub fn actions(name: &str) -> Query {
    Query::ScheduledActions(service(name).into())
}

pub fn error(class: ErrorClass, code: &str) -> CloudError {
    CloudError {
        class,
        operation: "Scripted",
        resource: "scripted".into(),
        code: code.into(),
        message: "as scripted".into(),
        request_id: None,
    }
}

/// What the fake does to a call before it answers from its world.
pub type Script = Box<dyn FnMut(&Call) -> Verdict + Send>;

pub enum Verdict {
    Answer,
    Fail(CloudError),
    Panic,
    /// Never answers.
    Hang,
}

/// The fake: each call takes `latency`.
pub struct FakeAws {
    pub latency: Duration,
    pub world: Mutex<World>,
}

#[derive(Default)]
pub struct World {
    pub counts: BTreeMap<String, i32>,
    /// Aurora clusters, with how many readers they have.
    pub clusters: BTreeMap<String, usize>,
    /// Clusters a page, where that is not AWS's.
    pub cluster_page: Option<usize>,
    /// DB instances, with their snapshots.
    pub databases: BTreeMap<String, (Database, Vec<DatabaseSnapshot>)>,
    pub policies_each: usize,
    pub actions_each: usize,
    pub missing_clusters: BTreeSet<String>,
    /// Services that spoil any batch they are in.
    pub malformed: BTreeSet<String>,
    pub script: Option<Script>,
    /// When each call came, and what it was.
    pub calls: Vec<(Instant, Call)>,
    /// Scalable targets a page: AWS may answer with fewer than were asked for, and a token.
    pub target_page: usize,
    /// The band of every service, where they have one.
    pub band: Option<Capacity>,
    /// Services with a deployment under way.
    pub deploying: BTreeSet<String>,
}

impl FakeAws {
    pub fn with_services(names: impl IntoIterator<Item = String>) -> Arc<Self> {
        let world = World {
            counts: names.into_iter().map(|name| (name, 2)).collect(),
            policies_each: 1,
            actions_each: 1,
            target_page: 50,
            band: Some(capacity(1, 9)),
            ..World::default()
        };
        Arc::new(Self { latency: Duration::from_millis(20), world: Mutex::new(world) })
    }

    pub fn numbered(count: usize) -> Arc<Self> {
        Self::with_services((0..count).map(name))
    }

    pub fn script(&self, script: impl FnMut(&Call) -> Verdict + Send + 'static) {
        self.world.lock().unwrap().script = Some(Box::new(script));
    }

    pub fn calls(&self) -> Vec<Call> {
        self.world.lock().unwrap().calls.iter().map(|(_, call)| call.clone()).collect()
    }

    pub fn count(&self, operation: &str) -> usize {
        self.calls().iter().filter(|call| call.operation() == operation).count()
    }

    pub fn clear(&self) {
        self.world.lock().unwrap().calls.clear();
    }
}

pub fn name(number: usize) -> String {
    format!("s{number:04}")
}

/// A plane over the fake, with a budget that does not hold it up.
pub fn plane(cloud: &Arc<FakeAws>) -> Arc<Plane> {
    plane_with_budget(cloud, 1000.0)
}

pub fn plane_with_budget(cloud: &Arc<FakeAws>, rate: f64) -> Arc<Plane> {
    let epoch: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let clock = Arc::new(TokioClock::starting_at(epoch));
    let cloud: Arc<dyn Cloud> = Arc::clone(cloud) as Arc<dyn Cloud>;
    let plane = Plane::new(cloud, clock, PlaneOptions::default(), AwsMetrics::default());
    let rates = Rates { read: rate, modify: rate };
    plane.set_budget(
        ACCOUNT,
        "default",
        Budget { ecs: rates, application_auto_scaling: rates, rds: rates, sts: rates, sqs: rates },
    );
    plane
}

#[async_trait]
impl Cloud for FakeAws {
    async fn call(&self, _: &Scope, call: &Call) -> Result<Answered, CloudError> {
        let verdict = {
            let mut world = self.world.lock().unwrap();
            world.calls.push((Instant::now(), call.clone()));
            world.script.as_mut().map_or(Verdict::Answer, |script| script(call))
        };
        match verdict {
            Verdict::Answer => {}
            Verdict::Fail(error) => return Err(error),
            Verdict::Panic => panic!("as scripted"),
            Verdict::Hang => std::future::pending().await,
        }
        // What is read is what was true when the call came; writes have their effect at the end.
        let reply = if call.is_write() { None } else { Some(self.world.lock().unwrap().answer(call)) };
        tokio::time::sleep(self.latency).await;
        let reply = match reply {
            Some(reply) => reply?,
            None => self.world.lock().unwrap().write(call),
        };
        Ok(Answered { reply, request_id: Some("request-1".into()) })
    }
}

impl World {
    fn answer(&self, call: &Call) -> Result<Reply, CloudError> {
        match call {
            Call::GetCallerIdentity => Ok(Reply::CallerIdentity(CallerIdentity {
                account_id: ACCOUNT.into(),
                arn: "arn:aws:iam::123456789012:role/op".into(),
            })),
            Call::DescribeServices { cluster, services } => {
                assert!(services.len() <= 10, "AWS takes ten");
                assert_eq!(services.iter().collect::<BTreeSet<_>>().len(), services.len(), "no service twice");
                if self.missing_clusters.contains(cluster) {
                    return Err(error(ErrorClass::NotFound, "ClusterNotFoundException"));
                }
                if services.iter().any(|name| self.malformed.contains(name)) {
                    return Err(error(ErrorClass::Invalid, "InvalidParameterException"));
                }
                let found = services
                    .iter()
                    .filter_map(|name| Some((name.clone(), self.service(name, *self.counts.get(name)?))));
                Ok(Reply::Services(found.collect()))
            }
            Call::ListServices { cluster, next_token } => {
                if self.missing_clusters.contains(cluster) {
                    return Err(error(ErrorClass::NotFound, "ClusterNotFoundException"));
                }
                // Backwards: the order is AWS's.
                let (names, next_token) = page(self.counts.keys().rev().cloned().collect(), next_token, 100);
                Ok(Reply::ServiceNames { names, next_token })
            }
            Call::DescribeDbClusters { clusters, marker } => {
                assert!(clusters.len() <= 50, "more may not fit on a page");
                let found = self.clusters.iter().filter(|(name, _)| clusters.contains(name));
                let all = found.map(|(name, readers)| (name.clone(), db_cluster(name, *readers))).collect();
                let (clusters, marker) = page(all, marker, self.cluster_page.unwrap_or(100));
                Ok(Reply::DbClusters { clusters, marker })
            }
            Call::DescribeScalableTargets { resource_ids, next_token, .. } => {
                assert!(resource_ids.len() <= 50, "AWS takes fifty");
                let all: Vec<_> = resource_ids
                    .iter()
                    .filter(|id| self.counts.contains_key(id.rsplit('/').next().unwrap()))
                    .filter_map(|id| {
                        Some((id.clone(), ScalableTarget { arn: None, capacity: self.band?, created_at: None }))
                    })
                    .collect();
                let (targets, next_token) = page(all, next_token, self.target_page);
                Ok(Reply::ScalableTargets { targets, next_token })
            }
            Call::DescribeScalingPolicies { resource_id, next_token, .. } => {
                let all: Vec<_> = self
                    .counts
                    .keys()
                    .map(|name| format!("service/app/{name}"))
                    .filter(|id| resource_id.as_ref().is_none_or(|wanted| wanted == id))
                    .flat_map(|id| (0..self.policies_each).map(move |number| (id.clone(), policy(number))))
                    .collect();
                let (policies, next_token) = page(all, next_token, 10);
                Ok(Reply::ScalingPolicies { policies, next_token })
            }
            Call::DescribeScheduledActions { resource_id, next_token, .. } => {
                let all: Vec<_> = self
                    .counts
                    .keys()
                    .map(|name| format!("service/app/{name}"))
                    .filter(|id| resource_id.as_ref().is_none_or(|wanted| wanted == id))
                    .flat_map(|id| (0..self.actions_each).map(move |number| (id.clone(), action(number))))
                    .collect();
                let (actions, next_token) = page(all, next_token, 50);
                Ok(Reply::ScheduledActions { actions, next_token })
            }
            Call::Rds(RdsCall::DescribeDatabases { identifiers, marker, .. }) => {
                assert!(identifiers.len() <= 100, "more may not fit on a page");
                let found = self.databases.iter().filter(|(name, _)| identifiers.contains(name));
                let all = found.map(|(name, (database, _))| (name.clone(), database.clone())).collect();
                let (databases, marker) = page(all, marker, 100);
                Ok(Reply::Databases { databases, marker })
            }
            Call::Rds(RdsCall::DescribeSnapshots { source, snapshot, marker, .. }) => {
                let found = self.databases.iter().filter(|(name, _)| source.as_ref().is_none_or(|of| of == *name));
                let all =
                    found.flat_map(|(name, (_, snapshots))| snapshots.iter().map(|one| (name.clone(), one.clone())));
                let all = all.filter(|(_, one)| snapshot.as_ref().is_none_or(|name| *name == one.identifier));
                let (snapshots, marker) = page(all.collect(), marker, 100);
                Ok(Reply::Snapshots { snapshots, marker })
            }
            write => panic!("{write:?} is not a read"),
        }
    }

    fn service(&self, name: &str, desired_count: i32) -> EcsService {
        let deployments = if self.deploying.contains(name) { vec![deployment(), deployment()] } else { vec![] };
        EcsService { deployments, ..ecs_service(desired_count) }
    }

    fn write(&mut self, call: &Call) -> Reply {
        if let Call::UpdateService { service, desired_count, .. } = call {
            self.counts.insert(service.clone(), *desired_count);
        }
        Reply::Done
    }
}

/// A DB instance as it is when nothing is done to it, with so many snapshots.
pub fn database(name: &str, snapshots: usize) -> (Database, Vec<DatabaseSnapshot>) {
    let settings = BackupSettings {
        retention_days: 7,
        window: Some("03:00-04:00".into()),
        copy_tags_to_snapshot: true,
        deletion_protection: true,
    };
    let database = Database {
        arn: database_id(name).arn(),
        resource_id: format!("db-{name}"),
        status: "available".into(),
        engine: "postgres".into(),
        member_of: None,
        settings,
        pending: BTreeMap::new(),
        maintenance_window: None,
        latest_restorable_time: None,
        aws_backup: None,
        instance: None,
        tags: BTreeMap::new(),
    };
    (database, (0..snapshots).map(|number| snapshot(name, &format!("{name}-{number}"))).collect())
}

/// A snapshot of it that is available.
pub fn snapshot(of: &str, identifier: &str) -> DatabaseSnapshot {
    DatabaseSnapshot {
        identifier: identifier.into(),
        arn: database_id(of).snapshot_arn(identifier),
        source_resource_id: Some(format!("db-{of}")),
        snapshot_type: "manual".into(),
        status: "available".into(),
        created_at: Some(Timestamp::UNIX_EPOCH),
        percent_progress: 100,
        encrypted: false,
        tags: BTreeMap::from([("owner".to_owned(), "test".to_owned())]),
    }
}

pub fn database_id(name: &str) -> DatabaseId {
    DatabaseId { scope: scope(), kind: DatabaseKind::Instance, identifier: name.into() }
}

fn page<T: Clone>(all: Vec<T>, token: &Option<String>, size: usize) -> (Vec<T>, Option<String>) {
    let start: usize = token.as_ref().map_or(0, |token| token.parse().unwrap());
    let end = (start + size).min(all.len());
    (all[start.min(end)..end].to_vec(), (end < all.len()).then(|| end.to_string()))
}

/// The answer to one question.
pub async fn one(plane: &Plane, query: Query, freshness: Freshness) -> Result<Answer, CloudError> {
    let mut answers = plane.observe(std::slice::from_ref(&query), freshness).await;
    assert_eq!(answers.len(), 1);
    let (asked, answer, _) = answers.remove(0);
    assert_eq!(asked, query);
    answer
}

pub fn capacity(min: i32, max: i32) -> Capacity {
    Capacity { min, max, suspended: Suspended::default() }
}

fn deployment() -> Deployment {
    Deployment {
        id: "ecs-svc/1".into(),
        status: "ACTIVE".into(),
        rollout_state: None,
        desired_count: 1,
        running_count: 1,
        created_at: None,
    }
}

fn action(number: usize) -> ScheduledAction {
    ScheduledAction {
        name: format!("a{number}"),
        schedule: "cron(0 8 * * ? *)".into(),
        time_zone: None,
        start_time: None,
        end_time: None,
        min_capacity: Some(2),
        max_capacity: None,
        created_at: None,
    }
}

fn policy(number: usize) -> AppliedPolicy {
    AppliedPolicy { name: format!("p{number}"), kind: AppliedPolicyKind::Other("StepScaling".into()) }
}

pub fn ecs_service(desired_count: i32) -> EcsService {
    EcsService {
        arn: "arn".into(),
        status: "ACTIVE".into(),
        desired_count,
        running_count: desired_count,
        pending_count: 0,
        deployments: Vec::new(),
        scheduling_strategy: "REPLICA".into(),
        deployment_controller: "ECS".into(),
        deployment_strategy: None,
        resource_management_type: None,
        tags: BTreeMap::new(),
    }
}

/// A Lease with so much time left.
pub struct Lease(pub Duration);

impl WriteGuard for Lease {
    fn time_left(&self) -> Duration {
        self.0
    }
}

pub fn leader() -> Arc<Lease> {
    Arc::new(Lease(Duration::from_secs(15)))
}

pub fn origin() -> Origin {
    Origin { object: "ScalingPolicy clocked/web".into(), reason: "Applying".into() }
}

/// Services without a scalable target: their size is theirs.
pub fn unbanded(count: usize) -> Arc<FakeAws> {
    let cloud = FakeAws::numbered(count);
    cloud.world.lock().unwrap().band = None;
    cloud
}

pub fn scale(name: &str, from: i32, to: i32) -> Step {
    Step::SetDesiredCount { service: service(name), from, to }
}
