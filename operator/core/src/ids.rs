//! What is where: identifiers computed from objects, never random.

use std::fmt;

use serde::Serialize;

use crate::arn::partition_of;

/// The place of an AWS resource, and the way there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Scope {
    /// Name of the AwsAccount whose credentials and endpoint are used.
    pub connection: String,
    /// Twelve digits.
    pub account_id: String,
    /// Region code.
    pub region: String,
}

/// An ECS service.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceId {
    /// Where the cluster is.
    pub scope: Scope,
    /// Name of the cluster.
    pub cluster: String,
    /// Name of the service.
    pub service: String,
}

impl ServiceId {
    /// The service's ARN, in the long format (the only one for services created since 2021).
    pub fn arn(&self) -> String {
        let Scope { account_id, region, .. } = &self.scope;
        let partition = partition_of(region);
        format!("arn:{partition}:ecs:{region}:{account_id}:service/{}/{}", self.cluster, self.service)
    }

    /// The ResourceId by which Application Auto Scaling knows the service.
    pub fn resource_id(&self) -> String {
        format!("service/{}/{}", self.cluster, self.service)
    }
}

impl fmt::Display for ServiceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.cluster, self.service)
    }
}

/// A Kubernetes object of a namespaced kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct ObjectId {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl fmt::Display for ObjectId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.namespace, self.name)
    }
}
