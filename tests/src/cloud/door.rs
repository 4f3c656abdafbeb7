//! The way into AWS for one life of the operator, with latency, faults, throttling and a record of every call.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use runbook_aws::{Answered, Call, Cloud, Connection, Connections, RdsCall, Reply};
use runbook_core::{CloudError, ErrorClass, Scope};

use super::bucket::Bucket;
use super::refusal::Refusal;
use super::{FakeAws, Region, State, rds, resource_id};
use crate::fault::{CallSite, Door as DoorOf, Fault};
use crate::journal::{AwsCall, Held, Scratch, Stored, What};
use crate::process::Process;
use crate::stage::lock;

/// Longest time that a call without an answer stays open before the connection breaks.
const HANG: Duration = Duration::from_secs(120);

/// The connection of one process to AWS.
#[derive(Debug)]
pub struct Door {
    aws: FakeAws,
    process: Arc<Process>,
    connections: Mutex<BTreeMap<String, Connection>>,
}

impl Door {
    /// The way in for a process.
    pub fn new(aws: FakeAws, process: Arc<Process>) -> Self {
        Self { aws, process, connections: Mutex::default() }
    }

    /// What AWS makes of a call that reached it, written down.
    fn arrive(
        &self,
        scope: &Scope,
        call: &Call,
        site: &CallSite,
        fault: Option<Fault>,
        answered: bool,
    ) -> Result<Reply, CloudError> {
        let stage = &self.process.stage;
        let now = stage.now();
        let request_id = request_id(site);
        let (mut effect, mut stored, mut scratch) = (None, None, None);
        let result = match refusal(fault) {
            Some(refusal) => Err(refusal),
            None => {
                let mut state = lock(&self.aws.state);
                state.admit(scope, call, now).and_then(|account| {
                    let scaled = scaled_by(call);
                    let region = state.region(&account, &scope.region);
                    let mut held = || scaled.as_ref().and_then(|id| region.held(id, now));
                    let before = held();
                    let database = database_of(call, region);
                    let restored = restored_of(call);
                    let restored_before = restored.and_then(|name| region.rds.restored.get(name).cloned());
                    let database_before = database.as_ref().and_then(|key| region.rds.held(key, now));
                    let reply = region.answer(&account, call, now)?;
                    let after = scaled.as_ref().and_then(|id| region.held(id, now));
                    effect = effect_of(scaled, before, after);
                    let database_after = database.as_ref().and_then(|key| region.rds.held(key, now));
                    stored = stored_of(database, database_before, database_after);
                    let restored_after = restored.and_then(|name| region.rds.restored.get(name).cloned());
                    scratch = restored.map(|_| Box::new(Scratch { before: restored_before, after: restored_after }));
                    Ok(reply)
                })
            }
        };
        let result = result.map_err(|refusal| refusal.of(call, Some(&request_id)));
        // A write with this fault had its effect, or not, and the caller cannot tell.
        let record = AwsCall {
            process: self.process.number,
            index: site.index,
            scope: scope.clone(),
            call: call.clone(),
            began: site.at,
            fault,
            result: result.clone(),
            request_id,
            answered,
            effect,
            stored,
            scratch,
            intent: if call.is_write() { (self.aws.intent)() } else { Vec::new() },
        };
        stage.journal.push(now, What::Aws(Box::new(record)));
        result
    }

    async fn hang(&self, call: &Call) -> Result<Answered, CloudError> {
        tokio::time::sleep(HANG).await;
        self.process.proceed().await;
        Err(no_answer("Timeout").of(call, None))
    }
}

#[async_trait]
impl Cloud for Door {
    async fn call(&self, scope: &Scope, call: &Call) -> Result<Answered, CloudError> {
        self.process.proceed().await;
        let stage = &self.process.stage;
        let key = format!("{} {} {}", scope.connection, call.operation(), call.resource());
        let (site, fault) = stage.call(DoorOf::Aws, &key, call.is_write());
        if fault == Some(Fault::CrashBefore) {
            self.process.crash(&format!("before aws#{} {key}", site.index));
            self.process.proceed().await;
        }
        let known = lock(&self.connections).get(&scope.connection).map(|connection| connection.account_id.clone());
        if known.as_deref() != Some(scope.account_id.as_str()) {
            return Err(Refusal::new(
                ErrorClass::Denied,
                "UnknownConnection",
                "the simulator was not told of this connection",
            )
            .of(call, None));
        }
        let latency = lock(&self.aws.state).latency;
        let mut rng = stage.dice.nth(&format!("latency {key}"), site.nth);
        let mut trip = || Duration::from_millis(rng.u64(latency.0..=latency.1));
        let (there, back) = (trip(), trip());
        tokio::time::sleep(there).await;
        match fault {
            Some(Fault::HangBefore) => return self.hang(call).await,
            Some(Fault::HangThenEffect(time)) => {
                // The call goes on although its caller may give up or die.
                let (door, scope, call) = (self.fork(), scope.clone(), call.clone());
                let effect = tokio::spawn(async move {
                    tokio::time::sleep(time).await;
                    let _ = door.arrive(&scope, &call, &site, fault, false);
                    door.hang(&call).await
                });
                return effect.await.unwrap_or_else(|_| Err(no_answer("Timeout").of(&Call::GetCallerIdentity, None)));
            }
            Some(Fault::Slow(time)) => tokio::time::sleep(time).await,
            _ => {}
        }
        let lost = matches!(fault, Some(Fault::ErrorAfter | Fault::CrashAfter)) || self.process.is_dead();
        let result = self.arrive(scope, call, &site, fault, !lost);
        match fault {
            Some(Fault::CrashAfter) => self.process.crash(&format!("after aws#{} {key}", site.index)),
            Some(Fault::ErrorAfter) => return Err(no_answer("ConnectionReset").of(call, None)),
            _ => {}
        }
        self.process.proceed().await;
        tokio::time::sleep(back).await;
        self.process.proceed().await;
        result.map(|reply| Answered { reply, request_id: Some(request_id(&site)) })
    }
}

impl Door {
    /// The same way in, for a call that outlives its caller.
    fn fork(&self) -> Self {
        Self { aws: self.aws.clone(), process: Arc::clone(&self.process), connections: Mutex::default() }
    }
}

impl Connections for Door {
    fn set_connection(&self, connection: Connection) {
        lock(&self.connections).insert(connection.name.clone(), connection);
    }

    fn remove_connection(&self, name: &str) {
        lock(&self.connections).remove(name);
    }
}

impl State {
    /// Lets a call in and says in which account it ends up, or refuses it before anything is looked at.
    fn admit(&mut self, scope: &Scope, call: &Call, now: jiff::Timestamp) -> Result<String, Refusal> {
        if let Some((rate, burst)) = self.rate {
            let key = (scope.account_id.clone(), scope.region.clone(), call.api(), call.is_write());
            if !self.buckets.entry(key).or_insert_with(|| Bucket::full(burst, now)).take(rate, burst, now) {
                return Err(Refusal::throttled());
            }
        }
        if self.denied.contains(call.operation()) {
            return Err(Refusal::denied());
        }
        Ok(self.strangers.get(&scope.connection).unwrap_or(&scope.account_id).clone())
    }
}

fn refusal(fault: Option<Fault>) -> Option<Refusal> {
    match fault {
        Some(Fault::ErrorBefore) => Some(Refusal::new(ErrorClass::Transient, "InternalFailure", "Internal failure")),
        Some(Fault::Throttle) => Some(Refusal::throttled()),
        Some(Fault::Conflict) => Some(Refusal::new(
            ErrorClass::Conflict,
            "ConcurrentUpdateException",
            "Concurrent updates caused an exception, for example, if you request an update to an Application Auto Scaling resource that already has a pending update.",
        )),
        Some(Fault::Denied) => Some(Refusal::denied()),
        _ => None,
    }
}

fn no_answer(code: &'static str) -> Refusal {
    Refusal::new(ErrorClass::Transient, code, "no answer came")
}

fn request_id(site: &CallSite) -> String {
    format!("request-{:08}", site.index)
}

/// The ResourceId of what a write scales.
fn scaled_by(call: &Call) -> Option<String> {
    match call {
        Call::UpdateService { cluster, service, .. } => Some(resource_id(cluster, service)),
        Call::RegisterScalableTarget { resource_id, .. }
        | Call::PutTargetTrackingPolicy { resource_id, .. }
        | Call::PutStepScalingPolicy { resource_id, .. }
        | Call::DeleteScalingPolicy { resource_id, .. }
        | Call::PutScheduledAction { resource_id, .. }
        | Call::DeleteScheduledAction { resource_id, .. }
        | Call::DeregisterScalableTarget { resource_id } => Some(resource_id.clone()),
        _ => None,
    }
}

/// The database that a write changes.
fn database_of(call: &Call, region: &Region) -> Option<rds::Key> {
    match call {
        Call::Rds(call) => region.rds.changed_by(call),
        _ => None,
    }
}

/// The DB instance that is restored, or was, and that a write is about.
fn restored_of(call: &Call) -> Option<&str> {
    match call {
        Call::Rds(
            RdsCall::Restore { identifier, .. }
            | RdsCall::SetMasterPassword { identifier, .. }
            | RdsCall::DeleteInstance { identifier },
        ) => Some(identifier),
        _ => None,
    }
}

fn stored_of(database: Option<rds::Key>, before: Option<rds::Held>, after: Option<rds::Held>) -> Option<Box<Stored>> {
    Some(Box::new(Stored { database: database?, before: before?, after: after? }))
}

fn effect_of(id: Option<String>, before: Option<Held>, after: Option<Held>) -> Option<(String, Held, Held)> {
    Some((id?, before?, after?))
}
