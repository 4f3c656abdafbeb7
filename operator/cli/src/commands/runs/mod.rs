//! `backup`, `restore`, `backups`: one snapshot now, one restore, and what there is to restore. Each is asked for by the name of the
//! BackupPolicy, which says the database, the account and the region. A run is an object that the operator follows; with files in place of
//! a cluster it is made from here.

mod alone;
pub mod backup;
pub mod list;
pub mod restore;
mod wait;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::ResourceExt;
use runbook_api::BackupPolicy;
use runbook_api::run::POLICY;
use runbook_api::scaling_override::MADE_BY;
use runbook_core::backoff::seed_of;
use runbook_core::backup::slots;
use serde::Serialize;

use crate::arguments::OfPolicy;
use crate::cluster::Cluster;
use crate::errors::CliError;

/// The label's value for what is made here.
const MAKER: &str = "cli";
/// Longest name of a run.
const LONGEST: usize = 40;

/// The cluster, the namespace and the policy that a command is about.
async fn policy(options: &OfPolicy) -> Result<(Cluster, String, BackupPolicy), CliError> {
    let cluster = Cluster::connect(&options.kube).await?;
    let namespace = options.namespace.clone().unwrap_or_else(|| cluster.default_namespace().to_owned());
    let name = &options.name;
    if let Some(policy) = cluster.find::<BackupPolicy>(&namespace, name).await? {
        return Ok((cluster, namespace, policy));
    }
    let there: Vec<String> =
        cluster.backups(Some(&namespace)).await?.into_iter().map(|(subject, _)| subject.name).collect();
    let there = match there.as_slice() {
        [] => "there is none; choose another namespace with -n".into(),
        names => format!("those that are there: {}", names.join(", ")),
    };
    Err(CliError::Usage(format!("there is no BackupPolicy {name} in namespace {namespace}: {there}")))
}

/// Metadata of a run: named after its policy, the second and what is asked for. So a request whose answer was lost is made once, and two
/// that ask for different things are two.
fn metadata(policy: &BackupPolicy, now: Timestamp, asked: &impl Serialize) -> ObjectMeta {
    let asked = serde_json::to_string(asked).unwrap_or_default();
    let slot = slots::identifier("", now);
    let distinct = format!("{}-{:04x}", slot.trim_start_matches('-'), seed_of(&asked) & 0xffff);
    let most = LONGEST.saturating_sub(distinct.len() + 1);
    let base: String = policy.name_any().chars().take(most).collect();
    let labels = [(MADE_BY, MAKER.to_owned()), (POLICY, policy.name_any())];
    ObjectMeta {
        name: Some(format!("{}-{distinct}", base.trim_end_matches(['-', '.']))),
        namespace: policy.namespace(),
        labels: Some(labels.map(|(key, value)| (key.to_owned(), value)).into()),
        ..ObjectMeta::default()
    }
}
