//! What a policy declares of verifications, validated.

use runbook_api::aws_account::Verb;
use runbook_api::backup_policy::BackupPolicySpec;
use runbook_api::database_restore::{DatabaseRestoreSpec, RestoreOutcome, RestoreSource};
use runbook_api::scheduled_verification::{ScheduledVerification, Selection};

use crate::account::Access;
use crate::backup::timetable::Timetable;
use crate::database_restore;
use crate::ids::{DatabaseId, DatabaseKind};
use crate::plan::Finding;
use crate::step::VERIFICATION_PREFIX;

/// When backups are verified, which, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Verifications {
    /// When one is due.
    pub timetable: Timetable,
    /// Which backup is restored.
    pub select: Selection,
    /// Whether RDS's own automated backups count.
    pub include_automated: bool,
    /// What the DatabaseRestore says beside its source.
    pub restore: DatabaseRestoreSpec,
    /// Why none may be made, where a grant is missing. Nothing else waits for that.
    pub refused: Option<Finding>,
}

/// Checks what no schema can see.
///
/// # Errors
/// A stalled finding that says which field is wrong and what to write.
pub fn validate(
    declared: &ScheduledVerification,
    spec: &BackupPolicySpec,
    database: &DatabaseId,
    access: &Access,
) -> Result<Verifications, Finding> {
    if database.kind == DatabaseKind::Cluster {
        return Err(Finding::stalled(
            "InvalidSpec",
            "verification needs source.rdsInstance: only backups of DB instances are restored",
        ));
    }
    let timetable = Timetable::parse(
        "verification",
        (&declared.schedule, declared.time_zone.as_deref()),
        declared.jitter.as_ref(),
        &declared.starting_deadline,
    )?;
    // What is wrong with a check is said before anything is restored for it.
    database_restore::input::verification(&declared.verification)?;
    let target = declared.restore.clone().unwrap_or_default();
    if target.rds_instance.is_some() {
        return Err(Finding::stalled(
            "InvalidSpec",
            "verification.restore.rdsInstance: leave it out, the instance is deleted again and named by the operator",
        ));
    }
    Ok(Verifications {
        timetable,
        select: declared.select,
        include_automated: declared.include_automated,
        restore: DatabaseRestoreSpec {
            account_ref: spec.account_ref.clone(),
            region: spec.region.clone(),
            source: RestoreSource { backup_ref: None, snapshot_identifier: None, point_in_time: None },
            target,
            outcome: RestoreOutcome::Verify,
            verification: Some(declared.verification.clone()),
        },
        refused: refused(database, access),
    })
}

/// What a DatabaseRestore would be refused is said before one is made: the new instance has no name yet but what all begin with.
fn refused(database: &DatabaseId, access: &Access) -> Option<Finding> {
    let scratch = DatabaseId { identifier: format!("{VERIFICATION_PREFIX}*"), ..database.clone() };
    access.grants.check(Verb::Restore, &[database.arn(), scratch.arn()]).err()
}
