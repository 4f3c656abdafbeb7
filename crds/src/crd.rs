//! The CustomResourceDefinitions as they are shipped.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

use crate::{AwsAccount, ScalingPolicy};

/// Every CRD of the group, in the order in which they are installed.
pub fn all() -> Vec<CustomResourceDefinition> {
    vec![AwsAccount::crd(), ScalingPolicy::crd()]
}
