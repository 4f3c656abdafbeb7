//! Everything that a DatabaseBackup may ever ask or do, whatever AWS is like.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::input::Input;
use crate::iam::Permission;
use crate::query::Query;
use crate::step::{DatabaseStep, Step};

/// What IAM must allow for the snapshot to be taken and, where `deletes`, to be deleted with its object.
pub fn permissions(input: &Input, deletes: bool) -> Vec<Permission> {
    let id = &input.database;
    if let Some(wanted) = &input.export {
        // The rest is done by the Job, whose role is not the operator's.
        let databases = std::iter::once(id).chain(&wanted.replica).map(|id| Query::Database(id.clone()));
        let asked: Vec<Query> = databases.chain([Query::CallerIdentity(id.scope.clone())]).collect();
        return asked.iter().flat_map(Query::permissions).collect::<BTreeSet<_>>().into_iter().collect();
    }
    let asked = [
        Query::CallerIdentity(id.scope.clone()),
        Query::Database(id.clone()),
        Query::DatabaseSnapshots(id.clone()),
        Query::RdsQuotas(id.scope.clone()),
    ];
    let (database, snapshot, tags) = (id.clone(), input.snapshot.clone(), input.tags.clone());
    let create = DatabaseStep::CreateSnapshot {
        database: database.clone(),
        resource_id: String::new(),
        snapshot: snapshot.clone(),
        slot: None,
        tags: tags.clone(),
    };
    let delete = DatabaseStep::DeleteSnapshot { database, snapshot, tags, created_at: Timestamp::UNIX_EPOCH };
    let steps = std::iter::once(create).chain(deletes.then_some(delete));
    let asked = asked.iter().flat_map(Query::permissions);
    let made = steps.flat_map(|step| Step::Database(step).permissions());
    asked.chain(made).collect::<BTreeSet<_>>().into_iter().collect()
}
