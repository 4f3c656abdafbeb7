//! A run: the operator, the fakes and everybody else, from a scenario to a record of all that happened.

pub mod databases;
pub mod event;
pub mod generate;
pub mod mutant;
pub mod mutant_of_restores;
pub mod objects;
pub mod panics;
pub mod restores;
pub mod run;
pub mod scenario;

pub use run::{Run, run};
pub use scenario::{ClusterSetup, DatabaseSetup, Faults, Scenario, ServiceSetup, SnapshotSetup};

use crate::cloud::resource_id;

/// The account that most scenarios work in.
pub const ACCOUNT: &str = "123456789012";
/// A second account.
pub const OTHER_ACCOUNT: &str = "210987654321";
/// The region of all scenarios.
pub const REGION: &str = "eu-central-1";
/// The cluster of all services.
pub const CLUSTER: &str = "clocked-cluster";
/// The namespace of policies that are granted everything.
pub const NAMESPACE: &str = "clocked";
/// A namespace without grants.
pub const STRANGER: &str = "stranger";

/// The ResourceId of a service by its name, or of what is given by its ResourceId.
pub fn id_of(name: &str) -> String {
    if name.contains(':') { name.to_owned() } else { resource_id(CLUSTER, name) }
}
