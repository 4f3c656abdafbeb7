//! Everything that a DatabaseRestore may ever ask or do, whatever AWS is like.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::input::{Input, Source};
use super::instance::set_up;
use crate::iam::Permission;
use crate::ids::DatabaseId;
use crate::observed::{BackupSettings, Database, Instance};
use crate::query::Query;
use crate::step::{DatabaseStep, RestoreFrom, Step};

/// What IAM must allow for the restore to be made and, where it is one, for the backup to be verified. Of groups that are not said, and
/// of a snapshot whose database is not known, any.
pub fn permissions(input: &Input) -> Vec<Permission> {
    let target = &input.target;
    let any = DatabaseId { identifier: "*".into(), ..target.clone() };
    let mut asked = vec![
        Query::CallerIdentity(target.scope.clone()),
        Query::Database(target.clone()),
        Query::RdsQuotas(target.scope.clone()),
    ];
    let from = match &input.source {
        Source::Snapshot(id) => {
            asked.push(Query::Snapshot(id.clone()));
            RestoreFrom::Snapshot { source: any.clone(), snapshot: id.identifier.clone() }
        }
        Source::PointInTime(source, time) => {
            RestoreFrom::PointInTime { source: source.clone(), resource_id: String::new(), time: *time }
        }
    };
    let asked = asked.iter().flat_map(Query::permissions);
    let made = steps(input, from, any).into_iter().flat_map(|step| Step::Database(step).permissions());
    asked.chain(made).collect::<BTreeSet<_>>().into_iter().collect()
}

fn steps(input: &Input, from: RestoreFrom, any: DatabaseId) -> Vec<DatabaseStep> {
    let Ok(instance) = set_up(&input.declared, Some(&anything(&any)), from.source()) else { return Vec::new() };
    let (database, tags, resource_id) = (input.target.clone(), input.tags.clone(), String::new());
    let mut steps = Vec::new();
    if input.verification.is_some() {
        let one = (database.clone(), resource_id.clone(), tags.clone());
        steps.push(DatabaseStep::SetMasterPassword { database: one.0, resource_id: one.1, tags: one.2 });
        steps.push(DatabaseStep::DeleteInstance { database: database.clone(), resource_id, tags: tags.clone() });
        // RDS's own get no tag.
        if let RestoreFrom::Snapshot { snapshot, .. } = &from
            && !snapshot.starts_with("rds:")
        {
            let verified_at = Timestamp::UNIX_EPOCH;
            steps.push(DatabaseStep::TagVerified { database: any, snapshot: snapshot.clone(), verified_at });
        }
    }
    steps.push(DatabaseStep::RestoreInstance { database, from, instance: Box::new(instance), tags });
    steps
}

/// A database that tells of everything that it may be anything.
fn anything(id: &DatabaseId) -> Database {
    let any = || Some("*".to_owned());
    Database {
        arn: id.arn(),
        resource_id: String::new(),
        status: String::new(),
        engine: String::new(),
        member_of: None,
        settings: BackupSettings {
            retention_days: 0,
            window: None,
            copy_tags_to_snapshot: false,
            deletion_protection: false,
        },
        pending: std::collections::BTreeMap::new(),
        maintenance_window: None,
        latest_restorable_time: None,
        aws_backup: None,
        instance: Some(Box::new(Instance {
            class: "*".into(),
            subnet_group: any(),
            security_groups: vec!["*".into()],
            parameter_group: any(),
            option_group: any(),
            ..Instance::default()
        })),
        tags: std::collections::BTreeMap::new(),
    }
}
