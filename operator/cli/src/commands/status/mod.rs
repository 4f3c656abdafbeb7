//! `status`: what needs attention, in one screen.

mod attention;
mod show;
mod temporary;

use jiff::Timestamp;

use self::attention::Overview;
use self::show::{json, text};
use crate::arguments::StatusOptions;
use crate::cluster::Cluster;
use crate::errors::CliError;
use crate::output::{Format, Shown};

/// Objects that are shown unless all are asked for.
const SCREEN: usize = 20;

/// Shows what the operator says of the objects in the cluster.
pub async fn run(options: &StatusOptions) -> Result<Shown, CliError> {
    let cluster = Cluster::connect(&options.kube).await?;
    let namespace = match (&options.namespace, options.all_namespaces) {
        (_, true) => None,
        (Some(namespace), _) => Some(namespace.clone()),
        (None, _) => Some(cluster.default_namespace().to_owned()),
    };
    let mut notes = Vec::new();
    // Whoever may see one namespace only may not see what is cluster-wide.
    let mut objects = cluster.accounts().await.unwrap_or_else(|error| {
        notes.push(format!("note: {error}"));
        Vec::new()
    });
    objects.extend(cluster.policies(namespace.as_deref()).await?);
    objects.extend(cluster.overrides(namespace.as_deref()).await?);
    objects.extend(cluster.backups(namespace.as_deref()).await?);
    objects.extend(cluster.database_backups(namespace.as_deref()).await?);
    objects.extend(cluster.database_restores(namespace.as_deref()).await?);
    let now = Timestamp::now();
    let overview = Overview::of(&objects, now);
    let most = if options.all { usize::MAX } else { SCREEN };
    let text = match options.output {
        Format::Text => text(&overview, namespace.as_deref(), now, most),
        Format::Json => json(&overview)?,
    };
    Ok(Shown { text, notes, ..Shown::default() })
}
