//! What a policy declares of exports, validated.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use runbook_api::aws_account::Verb;
use runbook_api::backup_policy::BackupPolicySpec;
use runbook_api::common::DeletionPolicy;
use runbook_api::database_backup::DatabaseBackupSpec;
use runbook_api::export::DatabaseExport;
use runbook_api::scheduled_export::ScheduledExport;

use crate::account::Access;
use crate::backup::timetable::Timetable;
use crate::database_backup::export::Wanted;
use crate::ids::{DatabaseId, DatabaseKind, ObjectId};
use crate::plan::Finding;

/// When a database is exported, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Export {
    /// Its name.
    pub name: String,
    /// When one is due.
    pub timetable: Timetable,
    /// What the DatabaseBackup says beside its slot.
    pub spec: DatabaseBackupSpec,
    /// The DB instance that is connected to, where it is another than the one that is backed up.
    pub replica: Option<DatabaseId>,
    /// The bucket.
    pub bucket: String,
    /// What is written there, as an ARN.
    pub bucket_arn: String,
    /// Why none may be made, where a grant is missing. Nothing else waits for that.
    pub refused: Option<Finding>,
}

/// Checks what no schema can see.
///
/// # Errors
/// A stalled finding that says which export and which field is wrong, and what to write.
pub fn validate(
    spec: &BackupPolicySpec,
    policy: &ObjectId,
    cluster_id: &str,
    database: &DatabaseId,
    access: &Access,
) -> Result<Vec<Export>, Finding> {
    if database.kind == DatabaseKind::Cluster && !spec.exports.is_empty() {
        let message = "exports need source.rdsInstance: only DB instances are exported";
        return Err(Finding::stalled("InvalidSpec", message));
    }
    let named =
        |name: &str, finding: Finding| Finding { message: format!("exports, {name}: {}", finding.message), ..finding };
    let all = spec.exports.iter().map(|declared| {
        one(declared, spec, policy, cluster_id, database, access).map_err(|finding| named(&declared.name, finding))
    });
    all.collect()
}

fn one(
    declared: &ScheduledExport,
    policy: &BackupPolicySpec,
    id: &ObjectId,
    cluster_id: &str,
    database: &DatabaseId,
    access: &Access,
) -> Result<Export, Finding> {
    let timetable = Timetable::parse(
        "exports",
        (&declared.schedule, declared.time_zone.as_deref()),
        declared.jitter.as_ref(),
        &declared.starting_deadline,
    )?;
    let export = DatabaseExport {
        source: declared.source,
        replica: declared.replica.clone(),
        name: Some(declared.name.clone()),
        slot: None,
        start_before: None,
        contents: declared.contents.clone(),
    };
    let spec = DatabaseBackupSpec {
        account_ref: policy.account_ref.clone(),
        source: policy.source.clone(),
        region: policy.region.clone(),
        snapshot_identifier: None,
        export: Some(export.clone()),
        deletion_policy: DeletionPolicy::default(),
    };
    // What a DatabaseBackup would be refused for is said before one is made.
    let metadata =
        ObjectMeta { namespace: Some(id.namespace.clone()), name: Some(id.name.clone()), ..ObjectMeta::default() };
    let wanted = Wanted::of(&export, &spec, &metadata, cluster_id, access, Timestamp::UNIX_EPOCH)?;
    let export = Export {
        name: declared.name.clone(),
        timetable,
        spec,
        bucket: wanted.store.bucket.clone(),
        bucket_arn: wanted.object_arn(),
        replica: wanted.replica,
        refused: None,
    };
    Ok(Export { refused: access.grants.check(Verb::Export, &export.resources(database)).err(), ..export })
}

impl Export {
    /// The ARNs that a grant of `export` must cover: of the data, and of where it goes.
    pub fn resources(&self, database: &DatabaseId) -> Vec<String> {
        let databases = std::iter::once(database).chain(&self.replica).map(DatabaseId::arn);
        databases.chain([self.bucket_arn.clone()]).collect()
    }
}
