//! Which backup is verified.

use jiff::Timestamp;
use runbook_api::scheduled_verification::Selection;

use super::{Backups, Verifications};
use crate::backoff::seed_of;
use crate::backup::input::Input;
use crate::observed::DatabaseSnapshot;

/// The backup that is restored for a slot: of those that are available, and about to stay.
pub(super) fn select<'b>(
    input: &Input,
    verifications: &Verifications,
    backups: &Backups<'b>,
    slot: Timestamp,
) -> Option<&'b DatabaseSnapshot> {
    let goes = |one: &DatabaseSnapshot| backups.going.iter().any(|going| going.snapshot.identifier == one.identifier);
    let own = backups.own.iter().map(|one| one.snapshot);
    let automated = backups.all.iter().filter(|one| {
        verifications.include_automated
            && one.snapshot_type == "automated"
            && one.source_resource_id.as_ref() == Some(&backups.database.resource_id)
    });
    let mut candidates: Vec<&DatabaseSnapshot> =
        own.chain(automated).filter(|one| one.status == "available" && !goes(one)).collect();
    candidates.sort_by(|one, other| (other.created_at, &other.identifier).cmp(&(one.created_at, &one.identifier)));
    match verifications.select {
        Selection::Newest => candidates.first().copied(),
        Selection::Random => {
            let count = u64::try_from(candidates.len()).unwrap_or_default();
            let index = seed_of(&format!("{}@{slot}", input.owner)).checked_rem(count)?;
            candidates.get(usize::try_from(index).ok()?).copied()
        }
    }
}
