//! `backups`: every snapshot that there is of a database, whoever made it.

use std::fmt::Write as _;

use jiff::Timestamp;
use runbook_api::AwsAccount;
use runbook_aws::Freshness;
use runbook_core::account::resolve;
use runbook_core::backup::input::database;
use runbook_core::facts::Answer;
use runbook_core::observed::DatabaseSnapshot;
use runbook_core::ownership::{OWN_ARN_TAG, OWNER_TAG, VERIFIED_TAG};
use runbook_core::{DatabaseId, Query};
use serde::{Deserialize, Serialize};

use super::policy;
use crate::arguments::BackupsOptions;
use crate::aws;
use crate::cluster::Existing;
use crate::errors::CliError;
use crate::kinds::Accounts;
use crate::output::{Format, Shown, json};

/// A snapshot as it is shown.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    snapshot_identifier: String,
    snapshot_type: String,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot_create_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verified_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
}

/// Lists the snapshots, and the latest time to which the database can be restored.
pub async fn run(options: &BackupsOptions) -> Result<Shown, CliError> {
    let (cluster, namespace, policy) = policy(&options.of).await?;
    let account = cluster.accounts().await?.into_iter().find_map(|(subject, account)| {
        (subject.name == policy.spec.account_ref.name).then(|| AwsAccount::deserialize(account).ok())?
    });
    let refused = |finding: runbook_core::Finding| CliError::Usage(finding.message);
    let access = resolve(&policy.spec.account_ref, policy.spec.region.as_deref(), &namespace, account.as_ref())
        .map_err(refused)?;
    let id = database(&policy.spec, &access).map_err(refused)?;
    let accounts = Accounts::new(&[], &Existing::read(&cluster).await?);
    let observer = aws::observer(&accounts, &options.aws, false);
    let questions = [Query::Database(id.clone()), Query::DatabaseSnapshots(id.clone())];
    let (mut restorable, mut snapshots) = (None, Vec::new());
    for (_, answer, _) in observer.observe(&questions, Freshness::Now).await {
        match answer? {
            Answer::Database(found) => restorable = found.and_then(|found| found.latest_restorable_time),
            Answer::DatabaseSnapshots(found) => snapshots = found,
            _ => {}
        }
    }
    shown(options.output, &id, restorable, &snapshots)
}

fn shown(
    format: Format,
    id: &DatabaseId,
    restorable: Option<Timestamp>,
    snapshots: &[DatabaseSnapshot],
) -> Result<Shown, CliError> {
    let mut listed: Vec<Listed> = snapshots.iter().map(list).collect();
    // Newest first; one that is being taken is the newest of all.
    let key = |one: &Listed| (one.snapshot_create_time.unwrap_or(Timestamp::MAX), one.snapshot_identifier.clone());
    listed.sort_by_key(|one| std::cmp::Reverse(key(one)));
    if format == Format::Json {
        let whole = serde_json::json!({"database": id.arn(), "latestRestorableTime": restorable, "snapshots": listed});
        return Ok(Shown::text(json("the backups", &whole)?));
    }
    let mut text = match restorable {
        Some(time) => format!("{id} can be restored to any time until {time}\n"),
        None => format!("{id} has no automated backups, or does not exist: it can be restored to no point in time\n"),
    };
    if listed.is_empty() {
        text.push_str("there is no snapshot of it\n");
        return Ok(Shown::text(text));
    }
    let head = ["SNAPSHOT", "TYPE", "STATUS", "TAKEN", "VERIFIED", "OWNER"].map(str::to_owned);
    let dash = |text: Option<String>| text.unwrap_or_else(|| "-".into());
    let rows = listed.into_iter().map(|one| {
        let taken = one.snapshot_create_time.and_then(|time| Timestamp::from_second(time.as_second()).ok());
        [
            one.snapshot_identifier,
            one.snapshot_type,
            one.status,
            dash(taken.map(|time| time.to_string())),
            dash(one.verified_at),
            dash(one.owner),
        ]
    });
    let rows: Vec<[String; 6]> = std::iter::once(head).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or_default();
    let widths = [width(0), width(1), width(2), width(3), width(4)];
    for row in &rows {
        for (cell, width) in row.iter().zip(widths) {
            let _ = write!(text, "{cell:width$}  ");
        }
        text.push_str(&row[5]);
        text.push('\n');
    }
    Ok(Shown::text(text))
}

/// A tag that was copied from something else says nothing of whose it is.
fn list(snapshot: &DatabaseSnapshot) -> Listed {
    let own = snapshot.tags.get(OWN_ARN_TAG).is_some_and(|arn| *arn == snapshot.arn);
    Listed {
        snapshot_identifier: snapshot.identifier.clone(),
        snapshot_type: snapshot.snapshot_type.clone(),
        status: snapshot.status.clone(),
        snapshot_create_time: snapshot.created_at,
        verified_at: snapshot
            .tags
            .get(VERIFIED_TAG)
            .filter(|_| own || !snapshot.tags.contains_key(OWN_ARN_TAG))
            .cloned(),
        owner: snapshot.tags.get(OWNER_TAG).filter(|_| own).cloned(),
    }
}

#[cfg(test)]
mod tests {
    use runbook_core::{DatabaseKind, Scope};

    use super::*;

    #[test]
    fn all_are_listed_whoever_made_them() {
        let scope = Scope { connection: "default".into(), account_id: "1".into(), region: "eu-central-1".into() };
        let id = DatabaseId { scope, kind: DatabaseKind::Instance, identifier: "clocked-db".into() };
        let snapshot = |name: &str, taken: Option<&str>, tags: &[(&str, &str)]| DatabaseSnapshot {
            identifier: name.into(),
            arn: id.snapshot_arn(name),
            source_resource_id: None,
            snapshot_type: if name.starts_with("rds:") { "automated" } else { "manual" }.into(),
            status: if taken.is_some() { "available" } else { "creating" }.into(),
            created_at: taken.map(|time| time.parse().unwrap()),
            percent_progress: 0,
            encrypted: false,
            tags: tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        };
        let own = id.snapshot_arn("mine");
        let all = [
            snapshot("rds:clocked-db-2026-03-01", Some("2026-03-01T03:00:00Z"), &[]),
            snapshot(
                "mine",
                Some("2026-03-01T02:00:00Z"),
                &[(OWNER_TAG, "p/c/db"), (OWN_ARN_TAG, &own), (VERIFIED_TAG, "2026-03-01T05:00:00Z")],
            ),
            snapshot("copied", Some("2026-02-01T02:00:00.5Z"), &[(OWNER_TAG, "p/c/db"), (OWN_ARN_TAG, &own)]),
            snapshot("new", None, &[]),
        ];
        let restorable = Some("2026-03-01T02:55:00Z".parse().unwrap());
        let shown = shown(Format::Text, &id, restorable, &all).unwrap();
        assert_eq!(
            shown.text,
            "DB instance clocked-db can be restored to any time until 2026-03-01T02:55:00Z\n\
             SNAPSHOT                   TYPE       STATUS     TAKEN                 VERIFIED              OWNER\n\
             new                        manual     creating   -                     -                     -\n\
             rds:clocked-db-2026-03-01  automated  available  2026-03-01T03:00:00Z  -                     -\n\
             mine                       manual     available  2026-03-01T02:00:00Z  2026-03-01T05:00:00Z  p/c/db\n\
             copied                     manual     available  2026-02-01T02:00:00Z  -                     -\n"
        );
    }
}
