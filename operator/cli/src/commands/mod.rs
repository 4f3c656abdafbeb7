//! A page for each command.

pub mod completion;
pub mod crds;
pub mod iam_policy;
pub mod import;
pub mod plan;
pub mod runs;
pub mod scale;
pub mod status;
pub mod version;

use crate::arguments::Sources;
use crate::cluster::{Cluster, Existing};
use crate::errors::CliError;

/// What exists in the cluster, where that was asked for.
async fn existing(sources: &Sources) -> Result<Existing, CliError> {
    if sources.cluster {
        Existing::read(&Cluster::connect(&sources.kube).await?).await
    } else {
        Ok(Existing::default())
    }
}
