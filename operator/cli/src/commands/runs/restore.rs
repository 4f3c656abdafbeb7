//! `restore`: into a new database, as a DatabaseRestore.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use runbook_api::database_restore::{DatabaseRestoreSpec, PointInTime, RestoreOutcome, RestoreSource, RestoreTarget};
use runbook_api::{BackupPolicy, DatabaseRestore};
use runbook_core::report::conditions::whole_seconds;

use super::alone::{self, Scene};
use super::{metadata, policy, wait};
use crate::arguments::RestoreOptions;
use crate::errors::CliError;
use crate::output::{BOLD, GREEN, Shown, line, tell};

/// Creates a DatabaseRestore.
pub async fn run(options: &RestoreOptions) -> Result<Shown, CliError> {
    if let Some(files) = options.run.alone.given() {
        let scene = Scene::read(&options.run, files)?;
        let object = object(options, scene.policy(), whole_seconds(Timestamp::now()))?;
        return alone::perform(&scene, alone::identified(object), &options.run).await;
    }
    let (cluster, namespace, policy) = policy(&options.run.of).await?;
    let object = object(options, &policy, whole_seconds(Timestamp::now()))?;
    cluster.create(&object, options.run.dry_run).await?;
    let name = object.name_any();
    let said = format!(": DatabaseRestore {namespace}/{name}, {} into {}\n", what(options), options.to);
    if options.run.dry_run {
        return Ok(Shown::text(line(BOLD, "dry run", &said)));
    }
    let head = line(GREEN, "made", &said);
    if !options.run.wait {
        let more = format!("to see what becomes of it: kubectl get databaserestore {name} -n {namespace} -o wide\n");
        return Ok(Shown::text(format!("{head}{more}")));
    }
    tell(head.trim_end());
    wait::until_ended::<DatabaseRestore>(&cluster, &namespace, &name, options.run.timeout).await
}

fn what(options: &RestoreOptions) -> String {
    match (&options.snapshot, options.at) {
        (Some(snapshot), _) => format!("snapshot {snapshot}"),
        (None, Some(at)) => format!("the state of {at}"),
        (None, None) => "the latest state".into(),
    }
}

/// The object to create.
fn object(options: &RestoreOptions, policy: &BackupPolicy, now: Timestamp) -> Result<DatabaseRestore, CliError> {
    let spec = &policy.spec;
    let Some(instance) = &spec.source.rds_instance else {
        return Err(CliError::Usage(format!(
            "BackupPolicy {} is of a DB cluster, and only DB instances are restored here: restore it with aws rds \
             restore-db-cluster-from-snapshot",
            policy.name_any()
        )));
    };
    let point = || PointInTime { rds_instance: instance.clone(), time: options.at.map(Time) };
    let source = RestoreSource {
        backup_ref: None,
        snapshot_identifier: options.snapshot.clone(),
        point_in_time: options.snapshot.is_none().then(point),
    };
    let spec = DatabaseRestoreSpec {
        account_ref: spec.account_ref.clone(),
        region: spec.region.clone(),
        source,
        target: RestoreTarget {
            rds_instance: Some(options.to.clone()),
            instance_class: options.instance_class.clone(),
            ..RestoreTarget::default()
        },
        outcome: RestoreOutcome::Keep,
        verification: None,
    };
    Ok(DatabaseRestore { metadata: metadata(policy, now, &spec), spec, status: None })
}
