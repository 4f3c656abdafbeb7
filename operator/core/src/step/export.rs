//! The write that begins an export, as data.

use std::fmt;

use k8s_openapi::api::batch::v1::Job;
use serde::Serialize;

use crate::ids::{DatabaseId, ObjectId};

/// Make the Job that exports a database to S3. Writes to Kubernetes alone; what the Job does in AWS it does by its own role.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportStep {
    /// What is exported.
    pub database: DatabaseId,
    /// What is connected to, where it is another.
    pub replica: Option<DatabaseId>,
    /// The Job.
    pub id: ObjectId,
    /// uid of the DatabaseBackup that it is of.
    pub uid: String,
    /// The bucket.
    pub bucket: String,
    /// Key of the dump.
    pub key: String,
    /// What the export may write, as an ARN: a grant must cover it.
    pub bucket_arn: String,
    /// As it is made.
    #[serde(skip)]
    pub job: Job,
}

impl ExportStep {
    /// The ARNs that a grant of `export` must cover: of the data, and of where it goes.
    pub fn resources(&self) -> Vec<String> {
        let databases = std::iter::once(&self.database).chain(&self.replica).map(DatabaseId::arn);
        databases.chain([self.bucket_arn.clone()]).collect()
    }
}

impl fmt::Display for ExportStep {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "export {}", self.database)?;
        if let Some(replica) = &self.replica {
            write!(formatter, " from read replica {}", replica.identifier)?;
        }
        write!(formatter, " to s3://{}/{} by Job {}", self.bucket, self.key, self.id)
    }
}
