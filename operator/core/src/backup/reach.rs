//! Everything that a BackupPolicy may ever ask or do, whatever AWS is like.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::input::{Declared, Input, Scheduled};
use super::{copies, own, slots, verification};
use crate::iam::Permission;
use crate::observed::BackupSettings;
use crate::query::Query;
use crate::step::{DatabaseStep, SettingsChange, Step};

/// What IAM must allow for the policy to be brought about and kept so. Snapshots that were taken when the policy had another namePrefix
/// are not in it: they are deleted by hand, or the prefix is allowed besides.
pub fn permissions(input: &Input) -> Vec<Permission> {
    by_account(input).remove(&input.database.scope.connection).unwrap_or_default()
}

/// The same, by the AwsAccount whose role needs it: copies may be in others.
pub fn by_account(input: &Input) -> BTreeMap<String, Vec<Permission>> {
    let of_copies = input.snapshots.iter().flat_map(|scheduled| copies::reach::permissions(input, scheduled));
    let mut needed: BTreeMap<String, BTreeSet<Permission>> = BTreeMap::new();
    let home = at_home(input).into_iter().map(|one| (input.database.scope.connection.clone(), one));
    for (account, permission) in home.chain(of_copies) {
        needed.entry(account).or_default().insert(permission);
    }
    needed.into_iter().map(|(account, needed)| (account, needed.into_iter().collect())).collect()
}

fn at_home(input: &Input) -> Vec<Permission> {
    let id = &input.database;
    let mut asked = vec![Query::CallerIdentity(id.scope.clone()), Query::Database(id.clone())];
    let mut steps = Vec::new();
    if input.settings != Declared::default() {
        steps.push(modify(input));
    }
    if let Some(scheduled) = &input.snapshots {
        asked.extend([Query::DatabaseSnapshots(id.clone()), Query::RdsQuotas(id.scope.clone())]);
        steps.extend(snapshots(input, scheduled));
    }
    let of_restores: Vec<Permission> = match &input.verification {
        Some(verifications) => {
            asked.extend([Query::DatabaseSnapshots(id.clone()), Query::VerificationInstances(id.scope.clone())]);
            verification::reach::permissions(input, verifications)
        }
        None => Vec::new(),
    };
    // The Jobs of exports write by a role of their own.
    asked.extend(input.exports.iter().filter_map(|export| export.replica.clone()).map(Query::Database));
    let asked = asked.iter().flat_map(Query::permissions);
    let made = steps.into_iter().flat_map(|step| Step::Database(step).permissions());
    asked.chain(made).chain(of_restores).collect()
}

/// Which settings change makes no difference to IAM.
fn modify(input: &Input) -> DatabaseStep {
    let from =
        BackupSettings { retention_days: 0, window: None, copy_tags_to_snapshot: false, deletion_protection: false };
    DatabaseStep::ModifyBackupSettings {
        database: input.database.clone(),
        from: Box::new(from),
        changes: SettingsChange::default(),
        apply_immediately: false,
    }
}

fn snapshots(input: &Input, scheduled: &Scheduled) -> Vec<DatabaseStep> {
    let (database, slot) = (input.database.clone(), Timestamp::UNIX_EPOCH);
    let snapshot = slots::identifier(&scheduled.prefix, slot);
    let tags = own::owner_tags(input, &snapshot);
    let create = DatabaseStep::CreateSnapshot {
        database: database.clone(),
        resource_id: String::new(),
        snapshot: snapshot.clone(),
        slot: Some(slot),
        tags: tags.clone(),
    };
    let delete = DatabaseStep::DeleteSnapshot { database, snapshot, tags, created_at: slot };
    std::iter::once(create).chain(scheduled.retention.is_some().then_some(delete)).collect()
}
