//! Runs a scenario: one thread, one runtime, a paused clock.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use runbook_aws::Clock;
use runbook_operator::{Metrics, Operator, Options};
use tokio::sync::watch;

use super::event::{Event, Places};
use super::mutant_of_restores::databases;
use super::restores::verified;
use super::scenario::{Mutation, Scenario};
use super::{ACCOUNT, CLUSTER, REGION, panics};
use crate::cloud::aurora::Cluster;
use crate::cloud::autoscaling::fire;
use crate::cloud::ecs::Service;
use crate::cloud::postgres::Postgres;
use crate::cloud::queues::NoQueues;
use crate::cloud::rds::{self, Stored, colleagues, outside::Act, restores};
use crate::cloud::{FakeAws, cluster_id, resource_id};
use crate::dice::{self, Dice};
use crate::fault::Door;
use crate::journal::{Entry, Held, ObjectKey, What, timeline};
use crate::kubernetes::kinds::{AWS_ACCOUNT, BACKUP_POLICY, DATABASE_RESTORE, LEASE, SCALING_OVERRIDE, SCALING_POLICY};
use crate::kubernetes::{ApiServer, Kind};
use crate::process::Process;
use crate::stage::{Stage, lock};
use crate::world::mutant::Mutant;

/// When every run begins: at eight o'clock.
pub const EPOCH: i64 = 1_800_000_000;

/// The kinds that runs are judged by.
const KINDS: [&Kind; 6] = [SCALING_POLICY, SCALING_OVERRIDE, BACKUP_POLICY, DATABASE_RESTORE, AWS_ACCOUNT, LEASE];

/// Everything that happened in a run.
#[derive(Debug)]
pub struct Run {
    /// When it began.
    pub epoch: Timestamp,
    /// Everything, in order.
    pub entries: Vec<Entry>,
    /// From when on nothing was to be written any more.
    pub steady_from: Timestamp,
    /// Every policy, override, restore, account and lease at the end.
    pub objects: Vec<(ObjectKey, Arc<serde_json::Value>)>,
    /// What AWS held about everything that scales at the end, by account and ResourceId.
    pub held: Vec<((&'static str, String), Option<Held>)>,
    /// What RDS held about each database at the end.
    pub databases: Vec<(rds::Key, Option<rds::Held>)>,
    /// What RDS held of DB instances that were restored at the end.
    pub restored: BTreeMap<String, restores::Restored>,
    /// Snapshots that were said to be good before the run.
    pub verified: Vec<String>,
    /// When the script and the faults ended.
    pub calm_from: Timestamp,
    /// Whom credentials belonged to, by AwsAccount.
    pub strangers: BTreeMap<String, String>,
    /// Panics.
    pub panics: Vec<String>,
    /// How often AWS was called.
    pub aws_calls: u64,
    /// How often Kubernetes was called.
    pub kubernetes_calls: u64,
}

impl Run {
    /// The run as lines of text.
    pub fn timeline(&self) -> String {
        timeline(&self.entries, self.epoch)
    }
}

/// Runs a scenario on this thread.
///
/// # Errors
/// When no runtime can be made.
pub fn run(scenario: &Scenario) -> std::io::Result<Run> {
    panics::watch();
    // The jitter of kube's backoff comes from the thread's generator.
    fastrand::seed(scenario.seed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    let mut run = runtime.block_on(World::new(scenario).live());
    drop(runtime);
    run.panics.extend(panics::seen());
    Ok(run)
}

struct World<'s> {
    scenario: &'s Scenario,
    stage: Arc<Stage>,
    kubernetes: ApiServer,
    aws: FakeAws,
    living: Arc<Mutex<Vec<Arc<Process>>>>,
}

impl<'s> World<'s> {
    fn new(scenario: &'s Scenario) -> Self {
        let epoch = Timestamp::from_second(EPOCH).unwrap_or_default();
        let until = epoch.checked_add(scenario.turbulence).unwrap_or(epoch);
        let schedule = scenario.faults.schedule(scenario.seed, until);
        let stage = Arc::new(Stage::new(epoch, Dice::new(scenario.seed), schedule));
        let kubernetes = ApiServer::new(Arc::clone(&stage));
        let store = kubernetes.clone();
        let intent = move || KINDS.into_iter().flat_map(|kind| store.snapshot(kind)).collect();
        let aws = FakeAws::new(Arc::clone(&stage), Arc::new(intent));
        Self { scenario, stage, kubernetes, aws, living: Arc::default() }
    }

    async fn live(self) -> Run {
        let epoch = self.stage.now();
        self.set_up().await;
        let (stop, stopped) = watch::channel(false);
        let operators: Vec<_> = (0..self.scenario.replicas)
            .map(|replica| {
                tokio::spawn(keep_running(Replica {
                    number: replica,
                    replicas: self.scenario.replicas,
                    same_identity: self.scenario.same_identity,
                    mutation: self.scenario.mutation,
                    stage: Arc::clone(&self.stage),
                    kubernetes: self.kubernetes.clone(),
                    aws: self.aws.clone(),
                    living: Arc::clone(&self.living),
                    stopped: stopped.clone(),
                }))
            })
            .collect();
        let clock = tokio::spawn(fire(self.aws.clone(), Arc::clone(&self.stage)));
        self.play().await;
        let calm_from = self.stage.now();
        tokio::time::sleep(self.scenario.settle).await;
        let steady_from = self.stage.now();
        self.stage.journal.push(steady_from, What::Note("from now on nothing is to be written".into()));
        tokio::time::sleep(self.scenario.steady).await;
        clock.abort();
        let entries = self.stage.journal.entries();
        let objects = KINDS.into_iter().flat_map(|kind| self.kubernetes.snapshot(kind)).collect();
        let run = Run {
            epoch,
            entries,
            steady_from,
            objects,
            held: self.held(),
            databases: self.databases(),
            restored: self.aws.restored((ACCOUNT, REGION)),
            verified: verified(self.scenario),
            calm_from,
            strangers: self.scenario.strangers.clone(),
            panics: Vec::new(),
            aws_calls: self.stage.calls(Door::Aws),
            kubernetes_calls: self.stage.calls(Door::Kubernetes),
        };
        self.end(run, stop, operators).await
    }

    /// Stops the operators as a kubelet does, and looks whether they end and let go of the Lease.
    async fn end(
        &self,
        mut run: Run,
        stop: watch::Sender<bool>,
        operators: Vec<tokio::task::JoinHandle<Result<(), String>>>,
    ) -> Run {
        stop.send_replace(true);
        for operator in operators {
            match tokio::time::timeout(Duration::from_secs(120), operator).await {
                Ok(Ok(Ok(()))) => {}
                Ok(Ok(Err(error))) => run.panics.push(error),
                Ok(Err(error)) => run.panics.push(format!("the operator has panicked: {error}")),
                Err(_) => run.panics.push("the operator has not ended two minutes after it was told to".into()),
            }
        }
        for (key, lease) in self.kubernetes.snapshot(LEASE) {
            if lease
                .pointer("/spec/holderIdentity")
                .and_then(serde_json::Value::as_str)
                .is_some_and(|holder| !holder.is_empty())
            {
                run.panics.push(format!("{key} was not given back"));
            }
        }
        run
    }

    async fn set_up(&self) {
        let scenario = self.scenario;
        let latency = scenario.aws_latency;
        self.aws.set(|state| {
            state.latency = (latency / 10, latency);
            state.strangers = scenario.strangers.clone();
        });
        self.aws.set_up(ACCOUNT, REGION, |region| {
            region.clusters.entry(CLUSTER.into()).or_default();
        });
        let now = self.stage.now();
        for setup in &scenario.services {
            self.aws.set_up(setup.account, REGION, |region| {
                let service = Service::new(setup.account, REGION, CLUSTER, &setup.name, setup.desired);
                region.clusters.entry(CLUSTER.into()).or_default().insert(setup.name.clone(), service);
                if let Some(capacity) = setup.capacity {
                    region.register(&resource_id(CLUSTER, &setup.name), capacity, now);
                }
            });
        }
        for setup in &scenario.clusters {
            self.aws.set_up(ACCOUNT, REGION, |region| {
                let cluster = Cluster::new(ACCOUNT, REGION, &setup.name, setup.readers);
                region.aurora.insert(setup.name.clone(), cluster);
                if let Some(capacity) = setup.capacity {
                    region.register(&cluster_id(&setup.name), capacity, now);
                }
            });
        }
        self.set_up_databases();
        for account in &scenario.accounts {
            self.create(AWS_ACCOUNT, account);
        }
        let of = |kind: &'static Kind, all: &'s [serde_json::Value]| all.iter().map(move |object| (kind, object));
        let all = of(SCALING_POLICY, &scenario.policies).chain(of(BACKUP_POLICY, &scenario.backups));
        for (kind, object) in all.chain(of(DATABASE_RESTORE, &scenario.restores)) {
            // Creation times have whole seconds, and the oldest holds.
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.create(kind, object);
        }
        for object in &scenario.raw {
            self.kubernetes.put_raw(SCALING_POLICY, object.clone());
        }
    }

    fn set_up_databases(&self) {
        let now = self.stage.now();
        self.aws.set_up(ACCOUNT, REGION, |region| {
            region.rds.failures = self.scenario.failing_snapshots;
            region.rds.odds = self.scenario.odds;
            region.rds.dice = self.stage.dice;
            for setup in &self.scenario.databases {
                let stored = Stored::new(ACCOUNT, REGION, &setup.key, setup.settings.clone());
                region.rds.databases.insert(setup.key.clone(), stored);
                for one in &setup.snapshots {
                    let taken = now.checked_sub(one.age).unwrap_or(now);
                    region.rds.there(&setup.key, &one.name, taken, one.snapshot_type, one.tags.clone());
                }
            }
        });
    }

    fn create(&self, kind: &'static Kind, object: &serde_json::Value) {
        if let Err(failure) = self.kubernetes.create(kind, object.clone()) {
            self.stage.journal.push(self.stage.now(), What::Note(format!("create refused: {}", failure.message)));
        }
    }

    /// Plays the script to its end, then ends every disturbance.
    async fn play(&self) {
        let living = Arc::clone(&self.living);
        let end = move |event: &Event| {
            let oldest = lock(&living).first().map(Arc::clone);
            match (event, oldest) {
                (Event::Restart, Some(process)) => process.ask_to_end(),
                (_, Some(process)) => process.crash("killed"),
                (_, None) => {}
            }
        };
        let places = Places {
            stage: Arc::clone(&self.stage),
            kubernetes: self.kubernetes.clone(),
            aws: self.aws.clone(),
            end: Box::new(end),
        };
        let begin = tokio::time::Instant::now();
        let mut script = self.scenario.script.clone();
        script.sort_by_key(|(at, _)| *at);
        for (at, event) in &script {
            tokio::time::sleep_until(begin + *at).await;
            places.apply(event);
        }
        tokio::time::sleep_until(begin + self.scenario.turbulence).await;
        self.aws.set(|state| {
            state.denied.clear();
            state.rate = None;
        });
        for setup in &self.scenario.databases {
            // What waits for the maintenance window would keep a setting from being corrected for days.
            for act in [Act::Quota(100), Act::Maintain] {
                self.aws.outside_database((ACCOUNT, REGION), &setup.key, &act);
            }
        }
        self.aws.outside_restored((ACCOUNT, REGION), &colleagues::Act::Quota(rds::INSTANCES));
        self.kubernetes.set_weather(|weather| weather.watch_lag = 20);
    }

    fn databases(&self) -> Vec<(rds::Key, Option<rds::Held>)> {
        let keys = self.scenario.databases.iter().map(|setup| setup.key.clone());
        keys.map(|key| {
            let held = self.aws.held_database((ACCOUNT, REGION), &key);
            (key, held)
        })
        .collect()
    }

    fn held(&self) -> Vec<((&'static str, String), Option<Held>)> {
        let services = self.scenario.services.iter().map(|setup| (setup.account, resource_id(CLUSTER, &setup.name)));
        let clusters = self.scenario.clusters.iter().map(|setup| (ACCOUNT, cluster_id(&setup.name)));
        let mut all: Vec<(&'static str, String)> = services.chain(clusters).collect();
        for entry in self.stage.journal.entries() {
            if let What::Outside { resource, .. } = entry.what {
                all.push((ACCOUNT, resource));
            }
        }
        all.sort();
        all.dedup();
        let held = |(account, id): (&'static str, String)| {
            let held = self.aws.held(account, REGION, &id);
            ((account, id), held)
        };
        all.into_iter().map(held).collect()
    }
}

struct Replica {
    number: u32,
    replicas: u32,
    same_identity: bool,
    mutation: Option<Mutation>,
    stage: Arc<Stage>,
    kubernetes: ApiServer,
    aws: FakeAws,
    living: Arc<Mutex<Vec<Arc<Process>>>>,
    stopped: watch::Receiver<bool>,
}

/// Starts the operator, and starts it again when it dies, as a kubelet does.
async fn keep_running(replica: Replica) -> Result<(), String> {
    let mut life = 0;
    loop {
        let number = replica.number + life * replica.replicas;
        let process = Process::start(number, Arc::clone(&replica.stage));
        lock(&replica.living).push(Arc::clone(&process));
        let identity =
            if replica.same_identity { format!("operator-{}", replica.number) } else { format!("operator-{number}") };
        let mut stopped = replica.stopped.clone();
        let asked = Arc::clone(&process);
        let shutdown = async move {
            tokio::select! {
                biased;
                _ = stopped.wait_for(|stopped| *stopped) => {}
                () = asked.asked_to_end() => {}
            }
        };
        let ended = {
            let running = operator(&replica, &process, &identity).run(shutdown);
            tokio::select! {
                biased;
                () = process.died() => None,
                result = running => Some(result),
            }
        };
        lock(&replica.living).retain(|living| living.number != number);
        match ended {
            Some(Ok(())) if *replica.stopped.borrow() => return Ok(()),
            Some(Ok(())) => process.end(),
            Some(Err(error)) => return Err(format!("the operator ended by itself: {error}")),
            None => {}
        }
        life += 1;
        let mut rng = replica.stage.dice.nth("restart", u64::from(number));
        tokio::time::sleep(dice::between(&mut rng, 200, 20_000)).await;
    }
}

fn operator(replica: &Replica, process: &Arc<Process>, identity: &str) -> Operator {
    let door = replica.aws.door(process);
    let clock: Arc<dyn Clock> = Arc::new(replica.stage.clock);
    let cloud: Arc<dyn runbook_aws::Cloud> = match replica.mutation {
        None => door.clone(),
        Some(mutation) => Arc::new(Mutant::new(door.clone(), mutation)),
    };
    let mut options = Options::new("simulator", "runbook-system", identity);
    // Renewals are most of the requests of a quiet run: rarer than in production, they leave time for more seeds.
    options.lease.duration = Duration::from_secs(30);
    options.lease.renew_interval = Duration::from_secs(10);
    Operator {
        client: replica.kubernetes.client(process),
        cloud,
        connections: door,
        queues: Arc::new(NoQueues),
        databases: databases(Postgres::new(replica.aws.clone(), Arc::clone(process)), replica.mutation),
        clock,
        options,
        metrics: Metrics::default(),
    }
}
