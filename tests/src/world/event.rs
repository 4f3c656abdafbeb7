//! What people, pipelines, AWS and the weather do in a scenario.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use runbook_core::observed::{AppliedPolicy, AppliedPolicyKind, Capacity, ScheduledAction, Suspended};
use serde_json::{Value, json};

use super::objects::set;
use super::{ACCOUNT, CLUSTER, REGION, id_of};
use crate::cloud::ecs::Service;
use crate::cloud::rds::{self, colleagues, outside::Act};
use crate::cloud::{FakeAws, Scaled};
use crate::journal::What;
use crate::kubernetes::kinds::{AWS_ACCOUNT, BACKUP_POLICY, SCALING_POLICY};
use crate::kubernetes::{ApiServer, Key, Kind};
use crate::stage::Stage;

/// Something that happens at a time. A service goes by its name, the Aurora Replicas of a cluster by their ResourceId.
#[derive(Clone, Debug)]
pub enum Event {
    /// A person edits an object: the value at a JSON pointer; `null` removes it.
    Set(&'static Kind, Key, &'static str, Value),
    /// A person creates an object.
    Create(&'static Kind, Value),
    /// A person deletes an object.
    Delete(&'static Kind, Key),
    /// A person asks for a reconcile now.
    RequestReconcile(Key),
    /// A person asks for a look at a BackupPolicy now.
    RequestBackup(Key),
    /// A colleague changes desiredCount by hand, or adds and deletes Aurora Replicas.
    Desired(String, i32),
    /// The autoscaler moves a registered service to a place in its band: 0.0 is the minimum, 1.0 the maximum.
    Autoscale(String, f64),
    /// A colleague registers another band.
    Register(String, i32, i32),
    /// A colleague deregisters the scalable target; its policies go along.
    Deregister(String),
    /// A colleague puts a scheduled action that fires at a minute after eight.
    Schedule(String, i32),
    /// A colleague deletes all scaling policies of a service.
    DropPolicies(String),
    /// A colleague puts a policy of his own on a scalable target.
    PutPolicy(String, &'static str),
    /// Somebody deploys a new version, or modifies a cluster.
    Deploy(String, Duration),
    /// Somebody creates the service.
    CreateService(String, i32),
    /// Somebody does something about a database.
    Database(rds::Key, Act),
    /// Somebody does something about instances that were restored.
    Restored(colleagues::Act),
    /// A person deletes the newest DatabaseRestore that has not ended; or gives up what it has made and then deletes it.
    DeleteRestore {
        /// Whether it is given up.
        abandon: bool,
    },
    /// All DatabaseRestores are lost, as with the cluster's etcd.
    LoseRestores,
    /// IAM denies an operation, or allows it again.
    Deny(&'static str, bool),
    /// AWS throttles: calls a second and burst, or no longer.
    Throttle(Option<(f64, f64)>),
    /// Every watch ends.
    DropWatches,
    /// The API server forgets the past.
    Compact,
    /// Both: every watch must begin anew.
    Gone,
    /// The API server cannot be reached for a time.
    Outage(Duration),
    /// Watches lag by up to so many milliseconds.
    WatchLag(u64),
    /// An operator is killed.
    Kill,
    /// An operator is asked to end by itself, and started again: a rolling update.
    Restart,
}

/// The places where events happen.
pub struct Places {
    /// Time and memory.
    pub stage: Arc<Stage>,
    /// Kubernetes.
    pub kubernetes: ApiServer,
    /// AWS.
    pub aws: FakeAws,
    /// Ends an operator: at once, or by asking it to.
    pub end: Box<dyn Fn(&Event) + Send + Sync>,
}

impl Places {
    /// Makes an event happen.
    pub fn apply(&self, event: &Event) {
        match event {
            Event::Set(kind, key, pointer, value) => {
                let act = format!("set {pointer} to {value}");
                self.kubernetes(
                    self.kubernetes.edit(kind, key, &act, |object| set(object, pointer, value.clone())).map(drop),
                );
            }
            Event::Create(kind, object) => self.kubernetes(self.kubernetes.create(kind, object.clone()).map(drop)),
            Event::Delete(kind, key) => self.kubernetes(self.kubernetes.delete(kind, key)),
            Event::RequestReconcile(key) | Event::RequestBackup(key) => {
                let kind = if matches!(event, Event::RequestBackup(_)) { BACKUP_POLICY } else { SCALING_POLICY };
                let now = json!(self.stage.now().to_string());
                let pointer = "/metadata/annotations/ops.clocked.app~1reconcile-requested-at";
                let edit = |object: &mut Value| set(object, pointer, now);
                self.kubernetes(self.kubernetes.edit(kind, key, "request reconcile", edit).map(drop));
            }
            Event::Database(key, act) => self.aws.outside_database((ACCOUNT, REGION), key, act),
            Event::Restored(act) => self.aws.outside_restored((ACCOUNT, REGION), act),
            Event::DeleteRestore { abandon } => self.delete_restore(*abandon),
            Event::LoseRestores => self.lose_restores(),
            Event::DropWatches => self.note("watches end", || self.kubernetes.drop_watches()),
            Event::Compact => self.note("the past is compacted", || self.kubernetes.compact()),
            Event::Gone => self.note("watches end and the past is compacted", || {
                self.kubernetes.compact();
                self.kubernetes.drop_watches();
            }),
            Event::Outage(length) => {
                self.stage.journal.push(self.stage.now(), What::Away { length: *length });
                self.kubernetes.outage(*length);
            }
            Event::WatchLag(lag) => self.note(&format!("watches lag by {lag} ms"), || {
                self.kubernetes.set_weather(|weather| weather.watch_lag = *lag);
            }),
            Event::Kill | Event::Restart => (self.end)(event),
            Event::Deny(operation, denied) => self.note(&format!("{operation} denied: {denied}"), || {
                self.aws.set(|state| {
                    if *denied {
                        state.denied.insert((*operation).into());
                    } else {
                        state.denied.remove(*operation);
                    }
                });
            }),
            Event::Throttle(rate) => {
                self.note(&format!("AWS's rate: {rate:?}"), || self.aws.set(|state| state.rate = *rate))
            }
            _ => self.change_service(event),
        }
    }

    fn change_service(&self, event: &Event) {
        let outside =
            |service: &str, act: &str, change: &dyn Fn(&mut crate::cloud::Region, jiff::Timestamp) -> bool| {
                self.aws.outside((ACCOUNT, REGION), &id_of(service), act, change);
            };
        match event {
            Event::Desired(service, to) => outside(service, "colleague sets the size", &|region, now| {
                match region.scaled(&id_of(service), now) {
                    Some(Scaled::Service(found)) => found.set_desired(*to, now),
                    Some(Scaled::Cluster(cluster)) => cluster.set(*to, now),
                    None => return false,
                }
                true
            }),
            Event::Autoscale(service, place) => outside(service, "autoscaler", &|region, now| {
                let id = id_of(service);
                let Some(capacity) = region.targets.get(&id).map(|target| target.capacity) else { return false };
                #[allow(clippy::cast_possible_truncation)]
                let step = (f64::from(capacity.max - capacity.min) * place).round() as i32;
                match region.scaled(&id, now) {
                    Some(Scaled::Service(found)) => found.set_desired(capacity.min + step, now),
                    Some(Scaled::Cluster(cluster)) => cluster.autoscale(capacity.min + step, now),
                    None => return false,
                }
                true
            }),
            Event::Register(service, min, max) => outside(service, "colleague registers a band", &|region, now| {
                let capacity = Capacity { min: *min, max: *max, suspended: Suspended::default() };
                region.register(&id_of(service), capacity, now)
            }),
            Event::Deregister(service) => outside(service, "colleague deregisters the target", &|region, _| {
                region.targets.remove(&id_of(service)).is_some()
            }),
            Event::Schedule(service, minute) => {
                outside(service, "colleague puts a scheduled action", &|region, now| {
                    let action = ScheduledAction {
                        name: "theirs".into(),
                        schedule: format!("cron({minute} 8 * * ? *)"),
                        time_zone: None,
                        start_time: None,
                        end_time: None,
                        min_capacity: Some(1),
                        max_capacity: None,
                        created_at: Some(now),
                    };
                    region
                        .targets
                        .get_mut(&id_of(service))
                        .is_some_and(|target| target.actions.insert(action.name.clone(), action).is_none())
                })
            }
            Event::DropPolicies(service) => outside(service, "colleague deletes the policies", &|region, _| {
                region.targets.get_mut(&id_of(service)).is_some_and(|target| {
                    target.policies.clear();
                    true
                })
            }),
            Event::PutPolicy(service, name) => outside(service, "colleague puts a policy", &|region, _| {
                let kind = AppliedPolicyKind::Other("PredictiveScaling".into());
                region.put_policy(&id_of(service), AppliedPolicy { name: (*name).into(), kind })
            }),
            Event::Deploy(service, length) => outside(service, "deployment", &|region, now| {
                let length = SignedDuration::try_from(*length).unwrap_or_default();
                match region.scaled(&id_of(service), now) {
                    Some(Scaled::Service(found)) => found.deploy(length, now),
                    Some(Scaled::Cluster(cluster)) => cluster.modify(length, now),
                    None => return false,
                }
                true
            }),
            Event::CreateService(service, desired) => outside(service, "created", &|region, _| {
                let created = Service::new(ACCOUNT, REGION, CLUSTER, service, *desired);
                region.clusters.entry(CLUSTER.into()).or_default().insert(service.clone(), created).is_none()
            }),
            _ => {}
        }
    }

    pub(super) fn kubernetes(&self, result: Result<(), crate::kubernetes::Failure>) {
        if let Err(failure) = result {
            self.stage.journal.push(self.stage.now(), What::Note(format!("edit refused: {}", failure.message)));
        }
    }

    fn note(&self, text: &str, act: impl FnOnce()) {
        self.stage.journal.push(self.stage.now(), What::Note(text.into()));
        act();
    }
}

/// Sets the mode of an AwsAccount.
pub fn account_mode(name: &str, mode: &str) -> Event {
    Event::Set(AWS_ACCOUNT, Key::new("", name), "/spec/mode", json!(mode))
}
