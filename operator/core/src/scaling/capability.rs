//! What can be done to what scales; to a service, by its status, controller, scheduling and manager: one table.

use jiff::Timestamp;

use super::aurora;
use crate::facts::Inquiry;
use crate::ids::{ClusterId, ServiceId, TargetId};
use crate::observed::{DbCluster, EcsService, Scaled, ServiceLookup};
use crate::ownership::stack;
use crate::plan::{Finding, Plan};
use crate::query::Query;

/// What AWS said of what scales.
#[derive(Clone, Copy, Debug)]
pub enum Lookup<'f> {
    /// Of an ECS service.
    Service(&'f ServiceId, &'f ServiceLookup),
    /// Of a DB cluster.
    Cluster(&'f ClusterId, Option<&'f DbCluster>),
}

impl<'f> Lookup<'f> {
    /// Asks what there is of the target.
    pub fn ask(inquiry: &mut Inquiry<'f>, target: &'f TargetId) -> Option<Self> {
        let query = Query::of_target(target);
        match target {
            TargetId::EcsService(id) => inquiry.ecs_service(query).map(|lookup| Self::Service(id, lookup)),
            TargetId::AuroraReplicas(id) => inquiry.db_cluster(query).map(|found| Self::Cluster(id, found.as_ref())),
        }
    }

    /// What was found, whether it can be scaled or not.
    pub fn found(self) -> Option<Scaled<'f>> {
        match self {
            Self::Service(_, ServiceLookup::Found(service)) => Some(service.scaled()),
            Self::Service(..) => None,
            Self::Cluster(_, cluster) => cluster.map(DbCluster::scaled),
        }
    }

    /// What was found, where it can be scaled.
    ///
    /// # Errors
    /// The plan that says why it cannot.
    pub fn scalable(self, take_ownership: bool, now: Timestamp) -> Result<Scaled<'f>, Box<Plan>> {
        match self {
            Self::Service(id, lookup) => {
                scalable(id, lookup, take_ownership).map_err(|finding| Box::new(Plan::only(finding)))
            }
            Self::Cluster(id, cluster) => aurora::scalable(id, cluster, now),
        }
    }
}

/// The service, where it is there and can be scaled.
///
/// # Errors
/// A stalled finding that says why it cannot.
pub fn scalable<'a>(id: &ServiceId, lookup: &'a ServiceLookup, take_ownership: bool) -> Result<Scaled<'a>, Finding> {
    let ServiceId { scope, cluster, service: name } = id;
    let place = format!("account {} in {}", scope.account_id, scope.region);
    let service = match lookup {
        ServiceLookup::Found(service) => service,
        ServiceLookup::ServiceMissing => {
            return Err(Finding::stalled(
                "TargetNotFound",
                format!(
                    "cluster {cluster} of {place} has no service {name}: create it, or correct spec.target.ecsService.service"
                ),
            ));
        }
        ServiceLookup::ClusterMissing => {
            return Err(Finding::stalled(
                "TargetNotFound",
                format!("{place} has no ECS cluster {cluster}: create it, or correct spec.target.ecsService.cluster"),
            ));
        }
    };
    if service.status != "ACTIVE" {
        return Err(Finding::stalled(
            "TargetNotFound",
            format!("service {id} is {}, not ACTIVE: create it again, or delete this policy", service.status),
        ));
    }
    if let Some(why) = unsupported(service) {
        return Err(Finding::stalled("Unsupported", format!("service {id} {why}: delete this policy")));
    }
    match stack(&service.tags).filter(|_| !take_ownership) {
        Some(stack) => Err(Finding::stalled(
            "ManagedElsewhere",
            format!(
                "service {id} belongs to the CloudFormation stack {stack}, whose next update would undo what is written here: take \
                 DesiredCount, and any scalable target, out of its template, then set takeOwnership: true"
            ),
        )),
        None => Ok(service.scaled()),
    }
}

/// Why a service cannot be scaled at all, in words that follow its name.
pub fn unsupported(service: &EcsService) -> Option<&'static str> {
    // ECS Developer Guide, "Amazon ECS services": a DAEMON service runs one task on each instance and has no desired count.
    if service.scheduling_strategy == "DAEMON" {
        return Some("has scheduling strategy DAEMON, which has no desired count");
    }
    // Express services are managed by ECS itself, which would set the count back.
    if service.resource_management_type.as_deref() == Some("ECS") {
        return Some("is an Express service, which ECS scales itself");
    }
    None
}
