//! Defects between the operator and AWS, made on purpose: what the invariants must notice.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use runbook_aws::{Answered, Call, Cloud, RdsCall, Reply};
use runbook_core::observed::{Capacity, DatabaseSnapshot, Suspended};
use runbook_core::{CloudError, Scope};

use super::mutant_of_restores::Restores;
use super::scenario::Mutation;
use crate::cloud::cluster_id;
use crate::stage::lock;

/// AWS as a defective operator would use it.
pub struct Mutant {
    cloud: Arc<dyn Cloud>,
    mutation: Mutation,
    done: AtomicBool,
    /// The snapshots that were read last.
    seen: Mutex<Vec<DatabaseSnapshot>>,
    /// The first snapshot that was to be taken.
    first: Mutex<Option<RdsCall>>,
    restores: Restores,
}

impl Mutant {
    /// A way into AWS with a defect.
    pub fn new(cloud: Arc<dyn Cloud>, mutation: Mutation) -> Self {
        let restores = Restores::new(Arc::clone(&cloud));
        Self {
            cloud,
            mutation,
            done: AtomicBool::new(false),
            seen: Mutex::default(),
            first: Mutex::default(),
            restores,
        }
    }
}

#[async_trait]
impl Cloud for Mutant {
    async fn call(&self, scope: &Scope, call: &Call) -> Result<Answered, CloudError> {
        match (self.mutation, call) {
            (Mutation::DoubleWrites, call) if call.is_write() => {
                self.cloud.call(scope, call).await?;
                self.cloud.call(scope, call).await
            }
            (Mutation::LoseWrites, call) if call.is_write() => {
                Ok(Answered { reply: Reply::Done, request_id: Some("request-lost".into()) })
            }
            // After a read that shows a service, it is set to its minimum: once, so that the run comes to an end.
            (Mutation::WriteInBand, Call::DescribeServices { cluster, services }) => {
                let answered = self.cloud.call(scope, call).await?;
                if let (Reply::Services(found), Some(service)) = (&answered.reply, services.first())
                    && found.first().is_some_and(|(_, service)| service.desired_count == 5)
                    && !self.done.swap(true, Ordering::Relaxed)
                {
                    let write =
                        Call::UpdateService { cluster: cluster.clone(), service: service.clone(), desired_count: 2 };
                    self.cloud.call(scope, &write).await?;
                }
                Ok(answered)
            }
            (Mutation::BlindWrite, Call::GetCallerIdentity) => {
                if !self.done.swap(true, Ordering::Relaxed) {
                    let (cluster, service) = (super::CLUSTER.into(), "app".into());
                    self.cloud.call(scope, &Call::UpdateService { cluster, service, desired_count: 4 }).await?;
                }
                self.cloud.call(scope, call).await
            }
            (Mutation::BusyCluster, Call::DescribeDbClusters { .. }) => {
                let answered = self.cloud.call(scope, call).await?;
                let Reply::DbClusters { clusters, .. } = &answered.reply else { return Ok(answered) };
                if let Some((name, _)) = clusters.iter().find(|(_, cluster)| cluster.status != "available")
                    && !self.done.swap(true, Ordering::Relaxed)
                {
                    let capacity = Capacity { min: 3, max: 4, suspended: Suspended::default() };
                    let resource_id = cluster_id(name);
                    let write = Call::RegisterScalableTarget { resource_id, capacity, tags: Vec::new() };
                    self.cloud.call(scope, &write).await?;
                }
                Ok(answered)
            }
            (Mutation::Restore(mutation), Call::Rds(what)) => self.restores.call(mutation, scope, what).await,
            (_, Call::Rds(what)) => self.rds(scope, what).await,
            _ => self.cloud.call(scope, call).await,
        }
    }
}

impl Mutant {
    async fn rds(&self, scope: &Scope, what: &RdsCall) -> Result<Answered, CloudError> {
        let changed = match (self.mutation, what) {
            (mutation, RdsCall::DescribeSnapshots { .. }) => {
                let answered = self.cloud.call(scope, &Call::Rds(what.clone())).await?;
                if let Reply::Snapshots { snapshots, .. } = &answered.reply {
                    *lock(&self.seen) = snapshots.iter().map(|(_, snapshot)| snapshot.clone()).collect();
                    if let Some(further) = self.further(mutation, what) {
                        self.done.store(self.cloud.call(scope, &Call::Rds(further)).await.is_ok(), Ordering::Relaxed);
                    }
                }
                return Ok(answered);
            }
            (Mutation::SecondSnapshot | Mutation::SkipSlot, RdsCall::CreateSnapshot { .. }) => {
                let first = lock(&self.first).get_or_insert_with(|| what.clone()).clone();
                if self.mutation == Mutation::SkipSlot && first == *what {
                    return Ok(Answered { reply: Reply::Done, request_id: Some("request-lost".into()) });
                }
                what.clone()
            }
            (Mutation::NoTags, RdsCall::CreateSnapshot { .. }) => {
                let mut changed = what.clone();
                if let RdsCall::CreateSnapshot { tags, .. } = &mut changed {
                    tags.clear();
                }
                changed
            }
            (Mutation::DeleteNewest, RdsCall::DeleteSnapshot { kind, .. }) => {
                let newest = lock(&self.seen)
                    .iter()
                    .filter(|one| one.status == "available" && !one.tags.is_empty())
                    .max_by_key(|one| one.created_at)
                    .map(|one| RdsCall::DeleteSnapshot { kind: *kind, snapshot: one.identifier.clone() });
                newest.unwrap_or_else(|| what.clone())
            }
            (Mutation::WrongSetting, RdsCall::Modify { .. }) => {
                let mut changed = what.clone();
                if let RdsCall::Modify { changes, .. } = &mut changed {
                    changes.retention_days = changes.retention_days.map(|days| days + 1);
                }
                changed
            }
            _ => what.clone(),
        };
        self.cloud.call(scope, &Call::Rds(changed)).await
    }

    /// What a defective operator does beside, once, when it has seen snapshots.
    fn further(&self, mutation: Mutation, what: &RdsCall) -> Option<RdsCall> {
        let RdsCall::DescribeSnapshots { kind, .. } = what else { return None };
        if self.done.load(Ordering::Relaxed) {
            return None;
        }
        let seen = lock(&self.seen);
        match mutation {
            Mutation::DeleteForeign => {
                let foreign = seen.iter().find(|one| one.snapshot_type == "manual" && one.tags.is_empty())?;
                Some(RdsCall::DeleteSnapshot { kind: *kind, snapshot: foreign.identifier.clone() })
            }
            Mutation::SecondSnapshot => {
                let mut again = lock(&self.first).clone()?;
                if let RdsCall::CreateSnapshot { snapshot, .. } = &mut again {
                    seen.iter().find(|one| one.identifier == *snapshot && one.status == "available")?;
                    snapshot.push_str("-again");
                }
                Some(again)
            }
            _ => None,
        }
    }
}
