//! What is told of databases: by RDS itself, and by CloudTrail of the calls that others make.
//!
//! Sources: Amazon RDS User Guide, "Overview of events for Amazon RDS" (`SourceIdentifier` names the instance or cluster) and "Logging
//! Amazon RDS API calls in AWS CloudTrail" (`requestParameters` begin with a small letter: `dBInstanceIdentifier`).

use super::Ignored;
use super::envelope::Envelope;
use crate::ids::{ClusterId, DatabaseId, DatabaseKind, Scope};
use crate::query::Query;

/// What an event of RDS about a database outdates.
pub(super) fn told(envelope: &Envelope, scope: &Scope, kind: DatabaseKind) -> Result<Vec<Query>, Ignored> {
    let identifier = envelope.text("SourceIdentifier");
    let identifier = identifier.ok_or_else(|| Ignored::Malformed("it names no database".into()))?;
    Ok(whole(scope, kind, identifier))
}

/// What a call of RDS, by its name, outdates.
pub(super) fn called(envelope: &Envelope, scope: &Scope, name: &str) -> Result<Vec<Query>, Ignored> {
    let (kind, parameter) = match name {
        "ModifyDBInstance" | "CreateDBSnapshot" | "DeleteDBSnapshot" | "DeleteDBInstance" | "RebootDBInstance" => {
            (DatabaseKind::Instance, "dBInstanceIdentifier")
        }
        "ModifyDBCluster" | "CreateDBClusterSnapshot" | "DeleteDBClusterSnapshot" | "DeleteDBCluster" => {
            (DatabaseKind::Cluster, "dBClusterIdentifier")
        }
        _ => return Err(Ignored::Irrelevant),
    };
    // Whoever deletes a snapshot names the snapshot alone, and is told of which database it was.
    let given = |part: &str| envelope.text(&format!("{part}.{parameter}"));
    let identifier = given("requestParameters").or_else(|| given("responseElements"));
    let identifier = identifier.ok_or_else(|| Ignored::Malformed("it names no database".into()))?;
    Ok(whole(scope, kind, identifier))
}

/// Everything that is asked about a database: what happens to it and to its snapshots comes together.
fn whole(scope: &Scope, kind: DatabaseKind, identifier: &str) -> Vec<Query> {
    // RDS keeps identifiers in lower case, whatever a caller writes.
    let identifier = identifier.to_ascii_lowercase();
    let database = DatabaseId { scope: scope.clone(), kind, identifier: identifier.clone() };
    let mut outdated = vec![Query::Database(database.clone()), Query::DatabaseSnapshots(database)];
    if kind == DatabaseKind::Cluster {
        outdated.push(Query::DbCluster(ClusterId { scope: scope.clone(), cluster: identifier }));
    }
    outdated
}
