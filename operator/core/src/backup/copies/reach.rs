//! Everything that copies may ever ask or do, whatever AWS is like.

use jiff::Timestamp;

use super::destination::{Destination, Place};
use super::listed::{owner_tags, shared_tags};
use crate::backup::input::{Input, Scheduled};
use crate::backup::slots;
use crate::iam::{Permission, key_of};
use crate::ids::Scope;
use crate::query::Query;
use crate::step::{CopyStep, DatabaseStep, Step};

/// What IAM must allow, by the AwsAccount whose role needs it.
pub fn permissions(input: &Input, scheduled: &Scheduled) -> Vec<(String, Permission)> {
    let usable = input.copies.iter().filter_map(|one| Some((one, one.place.as_ref().ok()?)));
    usable.flat_map(|(destination, place)| of(input, scheduled, destination, place)).collect()
}

fn of(input: &Input, scheduled: &Scheduled, destination: &Destination, place: &Place) -> Vec<(String, Permission)> {
    let (home, there) = (&input.database, &place.database);
    let asked = [
        Query::CallerIdentity(there.scope.clone()),
        Query::DatabaseSnapshots(there.clone()),
        Query::RdsQuotas(there.scope.clone()),
    ];
    let staged = place.staging.iter().map(|staging| Query::DatabaseSnapshots(staging.clone()));
    let asked = asked.into_iter().chain(staged).flat_map(|query| {
        let within = query.scope().connection.clone();
        query.permissions().into_iter().map(move |needed| (within.clone(), needed)).collect::<Vec<_>>()
    });
    let slot = Timestamp::UNIX_EPOCH;
    let snapshot = slots::identifier(&scheduled.prefix, slot);
    let copy = |from: &crate::DatabaseId, source: &str, to: &crate::DatabaseId, made: &str, key: &Option<String>| {
        CopyStep::CopySnapshot {
            from: from.clone(),
            source: source.into(),
            to: to.clone(),
            snapshot: made.into(),
            slot,
            kms_key: key.clone(),
            option_group: destination.option_group.clone().filter(|_| to == there),
            tags: owner_tags(input, to, made),
        }
    };
    let mut steps = Vec::new();
    match &place.staging {
        None => steps.push(copy(home, &snapshot, there, &snapshot, &destination.kms_key)),
        Some(staging) => {
            let made = format!("{snapshot}-to-{}", destination.name);
            let tags = shared_tags(input, staging, &made, &destination.name);
            steps.push(copy(home, &snapshot, staging, &made, &destination.share_key));
            steps.push(CopyStep::ShareSnapshot {
                database: staging.clone(),
                snapshot: made.clone(),
                account: there.scope.account_id.clone(),
                tags: tags.clone(),
            });
            steps.push(copy(staging, &made, there, &snapshot, &destination.kms_key));
            steps.push(CopyStep::DeleteShared { database: staging.clone(), snapshot: made, tags });
        }
    }
    if destination.retention.is_some() {
        let (database, tags) = (there.clone(), owner_tags(input, there, &snapshot));
        steps.push(CopyStep::DeleteCopy { database, snapshot: snapshot.clone(), tags, slot });
    }
    let made = steps.into_iter().flat_map(|step| {
        let step = Step::Database(DatabaseStep::Copy(step));
        let Scope { connection, .. } = step.scope();
        step.permissions().into_iter().map(move |needed| (connection.clone(), needed)).collect::<Vec<_>>()
    });
    // Whoever copies what is shared reads it under the key of the other account.
    let shared_key = place.staging.as_ref().and(destination.share_key.as_ref());
    let read = shared_key.into_iter().flat_map(|key| key_of(key, there));
    let read = read.map(|needed| (there.scope.connection.clone(), needed));
    asked.chain(made).chain(read).collect()
}
