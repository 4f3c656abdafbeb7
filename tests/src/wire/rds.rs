//! Amazon RDS in the query protocol: forms in, XML out. DB instances and their snapshots are served, and no clusters.
//!
//! Source of names and forms: Amazon RDS API Reference (DescribeDBInstances, DescribeDBSnapshots, DescribeAccountAttributes,
//! ModifyDBInstance).

use std::collections::BTreeMap;
use std::fmt::Write;

use jiff::Timestamp;
use runbook_aws::{Call, RdsCall, Reply};
use runbook_core::observed::{Database, DatabaseSnapshot};
use runbook_core::step::SettingsChange;
use runbook_core::{CloudError, DatabaseKind, ErrorClass};

use super::unknown;
use crate::cloud::refusal::Refusal;

/// The parameters of a request, by name.
pub type Form = BTreeMap<String, String>;

/// The call that a request means.
///
/// # Errors
/// As AWS refuses what it does not know.
pub fn call_of(form: &Form) -> Result<Call, Refusal> {
    let text = |name: &str| form.get(name).cloned();
    let required = |name: &str| {
        text(name).ok_or_else(|| Refusal::new(ErrorClass::Invalid, "MissingParameter", format!("{name} is missing")))
    };
    let kind = DatabaseKind::Instance;
    Ok(Call::Rds(match form.get("Action").map_or("", String::as_str) {
        "DescribeDBInstances" => {
            RdsCall::DescribeDatabases { kind, identifiers: filter(form, "db-instance-id"), marker: text("Marker") }
        }
        "DescribeDBSnapshots" => RdsCall::DescribeSnapshots {
            kind,
            source: text("DBInstanceIdentifier"),
            snapshot: filter(form, "db-snapshot-id").pop(),
            marker: text("Marker"),
        },
        "DescribeAccountAttributes" => RdsCall::DescribeAccountAttributes,
        "ModifyDBInstance" => RdsCall::Modify {
            kind,
            identifier: required("DBInstanceIdentifier")?,
            changes: SettingsChange {
                retention_days: text("BackupRetentionPeriod").and_then(|days| days.parse().ok()),
                window: text("PreferredBackupWindow"),
                copy_tags_to_snapshot: text("CopyTagsToSnapshot").map(|copy| copy == "true"),
                deletion_protection: text("DeletionProtection").map(|protect| protect == "true"),
            },
            apply_immediately: text("ApplyImmediately").is_some_and(|at_once| at_once == "true"),
        },
        action => return Err(unknown(action)),
    }))
}

/// The values of a filter.
fn filter(form: &Form, name: &str) -> Vec<String> {
    let is_named = |(key, value): &(&String, &String)| key.ends_with(".Name") && *value == name;
    let Some((key, _)) = form.iter().find(is_named) else { return Vec::new() };
    let values = format!("{}.Values.Value.", key.trim_end_matches(".Name"));
    form.iter().filter(|(key, _)| key.starts_with(&values)).map(|(_, value)| value.clone()).collect()
}

/// The body of an answer.
pub fn answer_of(call: &Call, reply: &Reply) -> String {
    let (operation, result) = (call.operation(), result_of(reply));
    let metadata = "<ResponseMetadata><RequestId>request-rds</RequestId></ResponseMetadata>";
    format!(
        "<{operation}Response xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\"><{operation}Result>{result}</{operation}Result>{metadata}\
         </{operation}Response>"
    )
}

fn result_of(reply: &Reply) -> String {
    let page = |list: &str, items: String, marker: Option<&String>| {
        let marker = marker.map(|marker| element("Marker", marker)).unwrap_or_default();
        format!("<{list}>{items}</{list}>{marker}")
    };
    match reply {
        Reply::Databases { databases, marker } => {
            let items = databases.iter().map(|(name, database)| instance(name, database)).collect();
            page("DBInstances", items, marker.as_ref())
        }
        Reply::Snapshots { snapshots, marker } => {
            let items = snapshots.iter().map(|(source, one)| snapshot(source, one)).collect();
            page("DBSnapshots", items, marker.as_ref())
        }
        Reply::Quotas(quotas) => {
            let quota = |(name, quota): (&String, &runbook_core::observed::Quota)| {
                let parts = [element("AccountQuotaName", name), element("Used", quota.used), element("Max", quota.max)];
                format!("<AccountQuota>{}</AccountQuota>", parts.concat())
            };
            format!("<AccountQuotas>{}</AccountQuotas>", quotas.iter().map(quota).collect::<String>())
        }
        _ => String::new(),
    }
}

/// The body of a refusal.
pub fn refusal_of(error: &CloudError) -> String {
    // RDS's word for it (Common Errors of the query protocol).
    let code = if error.class == ErrorClass::Throttled { "Throttling" } else { &error.code };
    format!(
        "<ErrorResponse xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\"><Error><Type>Sender</Type>{}{}</Error>\
         <RequestId>request-rds</RequestId></ErrorResponse>",
        element("Code", code),
        element("Message", &error.message)
    )
}

fn instance(name: &str, database: &Database) -> String {
    let settings = &database.settings;
    let mut xml = String::from("<DBInstance>");
    xml += &element("DBInstanceIdentifier", name);
    xml += &element("DBInstanceArn", &database.arn);
    xml += &element("DbiResourceId", &database.resource_id);
    xml += &element("DBInstanceStatus", &database.status);
    xml += &element("Engine", &database.engine);
    xml += &element("BackupRetentionPeriod", settings.retention_days);
    xml += &optional("PreferredBackupWindow", settings.window.as_ref());
    xml += &element("CopyTagsToSnapshot", settings.copy_tags_to_snapshot);
    xml += &element("DeletionProtection", settings.deletion_protection);
    xml += &optional("PreferredMaintenanceWindow", database.maintenance_window.as_ref());
    xml += &optional("LatestRestorableTime", database.latest_restorable_time.map(shown).as_ref());
    let pending: String = database.pending.iter().map(|(name, value)| element(name, value)).collect();
    let _ = write!(xml, "<PendingModifiedValues>{pending}</PendingModifiedValues>");
    // How it is set up matters to restores alone.
    xml += "<DBInstanceClass>db.m7g.large</DBInstanceClass><MultiAZ>false</MultiAZ>";
    xml + &tags(&database.tags) + "</DBInstance>"
}

fn snapshot(source: &str, snapshot: &DatabaseSnapshot) -> String {
    let mut xml = String::from("<DBSnapshot>");
    xml += &element("DBSnapshotIdentifier", &snapshot.identifier);
    xml += &element("DBInstanceIdentifier", source);
    xml += &element("DBSnapshotArn", &snapshot.arn);
    xml += &optional("DbiResourceId", snapshot.source_resource_id.as_ref());
    xml += &element("SnapshotType", &snapshot.snapshot_type);
    xml += &element("Status", &snapshot.status);
    xml += &optional("SnapshotCreateTime", snapshot.created_at.map(shown).as_ref());
    xml += &element("PercentProgress", snapshot.percent_progress);
    xml + &tags(&snapshot.tags) + "</DBSnapshot>"
}

fn tags(tags: &BTreeMap<String, String>) -> String {
    let tag = |(key, value)| format!("<Tag>{}{}</Tag>", element("Key", key), element("Value", value));
    format!("<TagList>{}</TagList>", tags.iter().map(tag).collect::<String>())
}

fn optional(name: &str, value: Option<&String>) -> String {
    value.map(|value| element(name, value)).unwrap_or_default()
}

fn element(name: &str, value: impl ToString) -> String {
    let value = value.to_string().replace('&', "&amp;").replace('<', "&lt;");
    format!("<{name}>{value}</{name}>")
}

/// RDS gives times in milliseconds.
fn shown(time: Timestamp) -> String {
    format!("{time:.3}")
}
