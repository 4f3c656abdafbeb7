//! Every decision of the Runbook operator, as pure functions of spec, facts and time.
//!
//! Nothing here is async, reads a clock or talks to anybody: `now` is an argument, facts are data, and what is to be done is
//! returned as [`Step`]s. A policy is decided in rooms of the same names: `input` (the objects, dereferenced and validated),
//! `plan` (the decision), `predict` (what a step will have done), and `report` is shared by all.

pub mod account;
pub mod arn;
pub mod backoff;
pub mod backup;
pub mod checks;
pub mod claim;
pub mod contest;
pub mod database_backup;
pub mod database_restore;
pub mod deletion;
pub mod error;
pub mod events;
pub mod export;
pub mod facts;
pub mod iam;
pub mod ids;
pub mod observed;
pub mod ownership;
pub mod plan;
pub mod query;
pub mod report;
pub mod run;
pub mod scaling;
pub mod step;

pub use error::{CloudError, ErrorClass};
pub use facts::Facts;
pub use ids::{AwsResource, ClusterId, DatabaseId, DatabaseKind, Namespace, Scope, ServiceId, SnapshotId, TargetId};
pub use plan::{Finding, Plan};
pub use query::Query;
pub use step::Step;
