//! Retention, carried out: exports that are due go, unless the bucket keeps them locked.

use jiff::Timestamp;
use runbook_core::export::{Done, Order, Retention};
use tracing::info;

use crate::bucket::{Bucket, Deleted};
use crate::failure::Failure;
use crate::manifest::{Manifest, SUFFIX};
use crate::retention::{self, Export};

/// What became of an export that is due.
enum Became {
    Deleted,
    /// A lock keeps it, or it is another's.
    Retained,
    Foreign,
}

/// Deletes what is due. What cannot be done is told in `done`, and tried again after the next export: the export itself is complete.
pub async fn prune(bucket: &Bucket<'_>, order: &Order, rules: Retention, now: Timestamp, done: &mut Done) {
    let keys = match bucket.keys(&order.family()).await {
        Ok(keys) => keys,
        Err(failure) => {
            done.retention_refused = Some(failure.message);
            return;
        }
    };
    for export in retention::due(rules, order, &retention::exports(order, &keys), now) {
        match one(bucket, order, &export, now).await {
            Ok(Became::Deleted) => {
                info!(key = export.key, "deleted");
                done.deleted += 1;
            }
            Ok(Became::Retained) => done.retained += 1,
            Ok(Became::Foreign) => info!(key = export.key, "it is another's and stays"),
            Err(failure) => {
                // What refuses one refuses the others.
                done.retention_refused = Some(failure.message);
                return;
            }
        }
    }
}

async fn one(bucket: &Bucket<'_>, order: &Order, export: &Export, now: Timestamp) -> Result<Became, Failure> {
    let manifest_key = format!("{}{SUFFIX}", export.key);
    let Some(text) = bucket.text(&manifest_key).await? else { return Ok(Became::Deleted) };
    let own = serde_json::from_slice::<Manifest>(&text).is_ok_and(|manifest| is_of_family(&manifest, order, export));
    if !own {
        return Ok(Became::Foreign);
    }
    let (dump, manifest) = (bucket.find(&export.key).await?, bucket.find(&manifest_key).await?);
    let locked = [&dump, &manifest].into_iter().flatten().filter_map(|found| found.locked);
    if locked.into_iter().any(|until| until.is_none_or(|until| until > now)) {
        return Ok(Became::Retained);
    }
    // The manifest first: what has none is no export, and nobody takes half of one for a whole.
    for (key, found) in [(&manifest_key, manifest), (&export.key, dump)] {
        if let Some(found) = found
            && let Deleted::Locked = bucket.delete(key, found.version).await?
        {
            return Ok(Became::Retained);
        }
    }
    Ok(Became::Deleted)
}

/// Whether a manifest is of the same owner. Each run of a policy is an object of its own; what they have in common is the namespace.
fn is_of_family(manifest: &Manifest, order: &Order, export: &Export) -> bool {
    let namespace = |owner: &str| owner.split('/').take(2).map(String::from).collect::<Vec<_>>();
    manifest.object.key == export.key
        && manifest.object.bucket == order.s3.bucket
        && namespace(&manifest.owner) == namespace(&order.owner)
        && manifest.from.database_arn == order.database_arn
}
