//! Copies that the policy has made, told from everything else by their tags.

use jiff::Timestamp;

use crate::backup::input::Input;
use crate::backup::own::Own;
use crate::ids::DatabaseId;
use crate::observed::{Database, DatabaseSnapshot};
use crate::ownership::{DATABASE_TAG, OWN_ARN_TAG, OWNER_TAG, SHARED_TAG, SLOT_TAG, is_own};

/// The copies in a list, newest first: made by hand and not by RDS or AWS Backup, with the policy's tag and their own ARN, and of this very
/// database. Which database a copy is of only its tag says for sure: another of the same name may have had it before.
pub fn copies<'f>(input: &Input, database: &Database, listed: &'f [DatabaseSnapshot]) -> Vec<Own<'f>> {
    newest_first(made(input, database, listed).filter(|one| !one.snapshot.tags.contains_key(SHARED_TAG)))
}

/// What was made to be shared for a destination, newest first.
pub fn shared<'f>(input: &Input, database: &Database, listed: &'f [DatabaseSnapshot], name: &str) -> Vec<Own<'f>> {
    let of = |one: &Own<'f>| one.snapshot.tags.get(SHARED_TAG).is_some_and(|of| of == name);
    newest_first(made(input, database, listed).filter(of))
}

/// What was made to be shared for a destination that is no longer declared.
pub fn orphans<'f>(input: &Input, database: &Database, listed: &'f [DatabaseSnapshot]) -> Vec<Own<'f>> {
    let declared = |name: &String| input.copies.iter().any(|one| one.name == *name);
    let of = |one: &Own<'f>| one.snapshot.tags.get(SHARED_TAG).is_some_and(|name| !declared(name));
    newest_first(made(input, database, listed).filter(of))
}

fn made<'f>(input: &Input, database: &Database, listed: &'f [DatabaseSnapshot]) -> impl Iterator<Item = Own<'f>> {
    listed
        .iter()
        .filter(|one| one.snapshot_type == "manual" && is_own(&one.tags, &one.arn, &input.owner))
        .filter(|one| one.tags.get(DATABASE_TAG).is_some_and(|of| *of == database.resource_id))
        .filter_map(|snapshot| Some(Own { slot: snapshot.tags.get(SLOT_TAG)?.parse().ok()?, snapshot }))
}

fn newest_first<'f>(all: impl Iterator<Item = Own<'f>>) -> Vec<Own<'f>> {
    let mut all: Vec<Own<'f>> = all.collect();
    all.sort_by(|one, other| (other.slot, &other.snapshot.identifier).cmp(&(one.slot, &one.snapshot.identifier)));
    all
}

/// Whether RDS is still copying it. What it will not become available from is not.
pub fn in_progress(snapshot: &DatabaseSnapshot) -> bool {
    !matches!(snapshot.status.as_str(), "available" | "failed" | "deleting" | "deleted")
}

/// The tags of a copy: whose it is, and what of. Its own ARN among them, so that a copy of it is known for one.
pub fn tags(
    input: &Input,
    database: &Database,
    at: &DatabaseId,
    snapshot: &str,
    slot: Timestamp,
) -> Vec<(String, String)> {
    let mut tags = owner_tags(input, at, snapshot);
    tags.push((SLOT_TAG.into(), slot.to_string()));
    tags.push((DATABASE_TAG.into(), database.resource_id.clone()));
    tags
}

/// The tags that must be on a copy for it to be deleted.
pub fn owner_tags(input: &Input, at: &DatabaseId, snapshot: &str) -> Vec<(String, String)> {
    vec![(OWNER_TAG.into(), input.owner.clone()), (OWN_ARN_TAG.into(), at.snapshot_arn(snapshot))]
}

/// The tags that must be on what was made to be shared for it to be shared, or deleted.
pub fn shared_tags(input: &Input, at: &DatabaseId, snapshot: &str, name: &str) -> Vec<(String, String)> {
    let mut tags = owner_tags(input, at, snapshot);
    tags.push((SHARED_TAG.into(), name.into()));
    tags
}
