//! What a step of a restore will have done: the facts as they are after it.

use std::collections::BTreeMap;

use crate::facts::{Answer, Facts};
use crate::ids::{DatabaseId, DatabaseKind, SnapshotId};
use crate::observed::{BackupSettings, Database, Instance};
use crate::ownership::VERIFIED_TAG;
use crate::query::Query;
use crate::step::{DatabaseStep, RestoredInstance};

/// Makes `facts` what they will be when `step` has been made.
pub fn predict(facts: &mut Facts, step: &DatabaseStep) {
    match step {
        DatabaseStep::RestoreInstance { database, instance, tags, .. } => {
            let created = restored(database, instance, tags.iter().cloned().collect());
            facts.insert(Query::Database(database.clone()), Ok(Answer::Database(Some(Box::new(created)))));
        }
        DatabaseStep::SetMasterPassword { database, resource_id, .. } => {
            let known = Answer::Credential(Some(resource_id.clone()));
            facts.insert(Query::Credential(database.clone()), Ok(known));
            set_status(facts, database, "resetting-master-credentials");
        }
        DatabaseStep::DeleteInstance { database, .. } => {
            set_status(facts, database, "deleting");
            let query = Query::VerificationInstances(database.scope.clone());
            let Some(Ok(Answer::VerificationInstances(instances))) = facts.get(&query) else { return };
            let mut instances = instances.clone();
            if let Some(instance) = instances.get_mut(&database.identifier) {
                instance.status = "deleting".into();
            }
            facts.insert(query, Ok(Answer::VerificationInstances(instances)));
        }
        DatabaseStep::TagVerified { database, snapshot, verified_at } => {
            let (scope, kind) = (database.scope.clone(), DatabaseKind::Instance);
            let query = Query::Snapshot(SnapshotId { scope, kind, identifier: snapshot.clone() });
            let Some(Ok(Answer::Snapshot(Some(found)))) = facts.get(&query) else { return };
            let mut found = found.clone();
            found.snapshot.tags.insert(VERIFIED_TAG.into(), verified_at.to_string());
            facts.insert(query, Ok(Answer::Snapshot(Some(found))));
        }
        DatabaseStep::ModifyBackupSettings { .. }
        | DatabaseStep::CreateSnapshot { .. }
        | DatabaseStep::DeleteSnapshot { .. }
        | DatabaseStep::Copy(_) => {}
    }
}

fn set_status(facts: &mut Facts, id: &DatabaseId, status: &str) {
    let query = Query::Database(id.clone());
    let Some(Ok(Answer::Database(Some(database)))) = facts.get(&query) else { return };
    let database = Database { status: status.into(), ..(**database).clone() };
    facts.insert(query, Ok(Answer::Database(Some(Box::new(database)))));
}

fn restored(id: &DatabaseId, instance: &RestoredInstance, tags: BTreeMap<String, String>) -> Database {
    Database {
        arn: id.arn(),
        resource_id: String::new(),
        status: "creating".into(),
        // Nothing else is verified.
        engine: "postgres".into(),
        member_of: None,
        settings: BackupSettings {
            retention_days: 0,
            window: None,
            copy_tags_to_snapshot: false,
            deletion_protection: false,
        },
        pending: BTreeMap::new(),
        maintenance_window: None,
        latest_restorable_time: None,
        aws_backup: None,
        instance: Some(Box::new(Instance {
            class: instance.class.clone(),
            subnet_group: Some(instance.subnet_group.clone()),
            security_groups: instance.security_groups.clone(),
            parameter_group: Some(instance.parameter_group.clone()),
            option_group: instance.option_group.clone(),
            multi_az: instance.multi_az,
            storage_type: instance.storage_type.clone(),
            iops: instance.iops,
            iam_authentication: instance.iam_authentication,
            ..Instance::default()
        })),
        tags,
    }
}
