//! Everything that the DatabaseRestores of a policy may ever ask or do, whatever AWS is like.

use jiff::Timestamp;

use super::Verifications;
use crate::backup::input::Input;
use crate::backup::slots;
use crate::database_restore::{self, Memory, input};
use crate::iam::Permission;
use crate::ids::{DatabaseId, SnapshotId};
use crate::step::VERIFICATION_PREFIX;

/// What IAM must allow for the policy's backups to be verified: its own, and RDS's where they count.
pub(crate) fn permissions(input: &Input, verifications: &Verifications) -> Vec<Permission> {
    let own = input.snapshots.as_ref().map(|one| slots::identifier(&one.prefix, Timestamp::UNIX_EPOCH));
    // As RDS names them: `rds:INSTANCE-YYYY-mm-dd-HH-MM`.
    let automated = verifications.include_automated.then(|| format!("rds:{}-*", input.database.identifier));
    let restores = own.into_iter().chain(automated).filter_map(|one| restore(input, verifications, one));
    restores.flat_map(|restore| database_restore::reach::permissions(&restore)).collect()
}

fn restore(policy: &Input, verifications: &Verifications, identifier: String) -> Option<database_restore::Input> {
    let (scope, kind) = (policy.database.scope.clone(), policy.database.kind);
    let verification = verifications.restore.verification.as_ref()?;
    Some(database_restore::Input {
        target: DatabaseId { identifier: format!("{VERIFICATION_PREFIX}*"), ..policy.database.clone() },
        source: input::Source::Snapshot(SnapshotId { scope, kind, identifier }),
        declared: verifications.restore.target.clone(),
        verification: Some(input::verification(verification).ok()?),
        tags: Vec::new(),
        scheduled: true,
        deleting: false,
        ahead: 0,
        memory: Memory::default(),
    })
}
