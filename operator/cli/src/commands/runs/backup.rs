//! `backup`: a snapshot, now, as a DatabaseBackup.

use jiff::Timestamp;
use kube::ResourceExt;
use runbook_api::common::DeletionPolicy;
use runbook_api::database_backup::DatabaseBackupSpec;
use runbook_api::{BackupPolicy, DatabaseBackup};
use runbook_core::backup::slots;
use runbook_core::report::conditions::whole_seconds;

use super::alone::{self, Scene};
use super::{metadata, policy, wait};
use crate::arguments::BackupOptions;
use crate::errors::CliError;
use crate::output::{BOLD, GREEN, Shown, line, tell};

/// Creates a DatabaseBackup.
pub async fn run(options: &BackupOptions) -> Result<Shown, CliError> {
    if let Some(files) = options.run.alone.given() {
        let scene = Scene::read(&options.run, files)?;
        let now = whole_seconds(Timestamp::now());
        let object = object(scene.policy(), options.snapshot_identifier.clone(), now);
        return alone::perform(&scene, alone::identified(object), &options.run).await;
    }
    let (cluster, namespace, policy) = policy(&options.run.of).await?;
    let object = object(&policy, options.snapshot_identifier.clone(), whole_seconds(Timestamp::now()));
    cluster.create(&object, options.run.dry_run).await?;
    let name = object.name_any();
    let snapshot = object.spec.snapshot_identifier.unwrap_or_default();
    if options.run.dry_run {
        let text = format!(": DatabaseBackup {namespace}/{name} would be made, which takes snapshot {snapshot}\n");
        return Ok(Shown::text(line(BOLD, "dry run", &text)));
    }
    let text = format!(": DatabaseBackup {namespace}/{name}, which takes snapshot {snapshot}\n");
    let head = line(GREEN, "made", &text);
    if !options.run.wait {
        let more = format!("to see what becomes of it: kubectl get databasebackup {name} -n {namespace}\n");
        return Ok(Shown::text(format!("{head}{more}")));
    }
    tell(head.trim_end());
    wait::until_ended::<DatabaseBackup>(&cluster, &namespace, &name, options.run.timeout).await
}

/// The object to create. Where no identifier is said, its snapshot is named as the policy's are, with the present second.
fn object(policy: &BackupPolicy, identifier: Option<String>, now: Timestamp) -> DatabaseBackup {
    let spec = &policy.spec;
    let declared = spec.snapshots.as_ref().and_then(|snapshots| snapshots.name_prefix.clone());
    let database = spec.source.rds_instance.as_ref().or(spec.source.rds_cluster.as_ref()).cloned().unwrap_or_default();
    let prefix = declared.unwrap_or_else(|| format!("{database}-manual"));
    let snapshot = identifier.unwrap_or_else(|| slots::identifier(&prefix, now));
    let spec = DatabaseBackupSpec {
        account_ref: spec.account_ref.clone(),
        source: spec.source.clone(),
        region: spec.region.clone(),
        snapshot_identifier: Some(snapshot),
        export: None,
        deletion_policy: DeletionPolicy::Retain,
    };
    DatabaseBackup { metadata: metadata(policy, now, &spec), spec, status: None }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_snapshot_by_hand_is_named_as_the_policy_names_its_own() {
        let policy = |spec: serde_json::Value| -> BackupPolicy {
            serde_json::from_value(json!({"metadata": {"name": "clocked-db", "namespace": "clocked"}, "spec": spec}))
                .unwrap()
        };
        let now: Timestamp = "2026-03-01T02:30:15Z".parse().unwrap();
        let source = json!({"rdsInstance": "clocked-db"});
        let snapshots = json!({"schedule": "0 2 * * *", "namePrefix": "clocked-manual"});
        let made = object(&policy(json!({"source": source, "snapshots": snapshots, "region": "eu-west-1"})), None, now);
        assert_eq!(made.spec.snapshot_identifier.as_deref(), Some("clocked-manual-20260301-023015"));
        assert_eq!(made.metadata.name.as_ref().unwrap().split_at(27).0, "clocked-db-20260301-023015-");
        assert_eq!(made.spec.region.as_deref(), Some("eu-west-1"));
        let made = object(&policy(json!({"source": source, "deletionProtection": true})), None, now);
        assert_eq!(made.spec.snapshot_identifier.as_deref(), Some("clocked-db-manual-20260301-023015"));
        let made = object(&policy(json!({"source": source})), Some("before-migration".into()), now);
        assert_eq!(made.spec.snapshot_identifier.as_deref(), Some("before-migration"));
        let name = |identifier: &str| {
            object(&policy(json!({"source": source})), Some(identifier.into()), now).metadata.name.unwrap()
        };
        assert_eq!(name("before-migration"), name("before-migration"), "an answer that was lost");
        assert_ne!(name("before-migration"), name("after-migration"), "another snapshot in the same second");
    }
}
