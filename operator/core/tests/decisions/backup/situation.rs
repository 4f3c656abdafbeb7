//! A situation as a golden file writes it: what is declared and what AWS shows, without what goes without saying.

use std::collections::BTreeMap;

use jiff::Timestamp;
use runbook_api::backup_policy::{BackupPolicySpec, BackupPolicyStatus};
use runbook_api::common::Mode;
use runbook_core::account::{Access, Brakes};
use runbook_core::backup::{Input, Memory};
use runbook_core::observed::{Database, DatabaseSnapshot};
use runbook_core::ownership::{OWN_ARN_TAG, OWNER_TAG};
use runbook_core::{CloudError, DatabaseKind, ErrorClass, Facts};
use serde::Deserialize;
use serde_json::{Value, json};

use super::world as own;
use crate::world;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Situation {
    /// The spec; `source` goes without saying.
    spec: Value,
    #[serde(default)]
    aws: Aws,
    /// `spec.mode` of the account.
    #[serde(default)]
    pub account_mode: Mode,
    /// What else the account says: `freeze`, `safety`.
    #[serde(default)]
    account: serde_json::Map<String, Value>,
    /// The time; three in the morning of 1 March 2026 unless said otherwise.
    now: Option<Timestamp>,
    /// When the policy was created; a month before unless said otherwise.
    created: Option<Timestamp>,
    /// The status of the policy, as far as it is remembered. Unless said otherwise slots count since the policy was created.
    status: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Aws {
    /// The account that the credentials belong to.
    caller: Option<String>,
    /// The database is not there.
    #[serde(default)]
    missing: bool,
    #[serde(default)]
    database: Shown,
    #[serde(default)]
    snapshots: Vec<Snapshot>,
    /// Manual snapshots of the region, of a hundred that may be.
    #[serde(default)]
    used: i64,
    /// Questions that AWS answers with an error.
    #[serde(default)]
    errors: BTreeMap<String, String>,
    /// Questions that nobody has asked yet.
    #[serde(default)]
    unasked: Vec<String>,
}

/// What is other than `world::database` says.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Shown {
    status: Option<String>,
    member_of: Option<String>,
    retention: Option<i32>,
    window: Option<String>,
    copy_tags: Option<bool>,
    deletion_protection: Option<bool>,
    #[serde(default)]
    pending: BTreeMap<String, String>,
}

/// An own snapshot that is available, unless said otherwise.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Snapshot {
    slot: Timestamp,
    status: Option<String>,
    /// Whose it is: `production/namespace/name`, or nobody's where this is empty.
    owner: Option<String>,
    /// The ARN in the tag, where it was copied from another snapshot.
    copied_from: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    /// Of a database that had the name before.
    #[serde(default)]
    of_former: bool,
}

impl Situation {
    pub fn now(&self) -> Timestamp {
        self.now.unwrap_or_else(own::now)
    }

    pub fn spec(&self) -> BackupPolicySpec {
        own::spec(self.spec.clone())
    }

    pub fn kind(&self) -> DatabaseKind {
        if self.spec().source.rds_cluster.is_some() { DatabaseKind::Cluster } else { DatabaseKind::Instance }
    }

    pub fn previous(&self) -> BackupPolicyStatus {
        let status = self.status.clone().unwrap_or_else(|| match self.spec().snapshots {
            None => json!({}),
            Some(snapshots) => {
                let zone = snapshots.time_zone.unwrap_or_else(|| "UTC".into());
                json!({"scheduled": {"schedule": format!("{} {zone}", snapshots.schedule), "since": "2026-02-01T00:00:00Z"}})
            }
        });
        serde_json::from_value(status).unwrap()
    }

    pub fn beside(&self, input: Input) -> Input {
        let created = self.created.unwrap_or_else(|| own::at("2026-02-01T00:00:00Z"));
        input.beside(Memory::of(&self.previous(), Some(created)))
    }

    pub fn access(&self) -> Access {
        let mut spec = json!({"accountId": world::ACCOUNT, "regions": ["eu-central-1"], "mode": "Enforce"});
        spec.as_object_mut().unwrap().extend(self.account.clone());
        let brakes = Brakes::of("default", &serde_json::from_value(spec).unwrap()).unwrap();
        Access { brakes, ..own::access(self.account_mode) }
    }

    pub fn facts(&self) -> Facts {
        let kind = self.kind();
        let database = (!self.aws.missing).then(|| self.aws.database.observed(kind));
        let snapshots = self.aws.snapshots.iter().map(|one| one.observed(kind)).collect();
        let all = own::facts(kind, database, snapshots, self.aws.used);
        let mut facts = Facts::default();
        for (name, query) in own::queries(kind) {
            if self.aws.unasked.iter().any(|unasked| unasked == name) {
                continue;
            }
            let answer = match (self.aws.errors.get(name), &self.aws.caller) {
                (Some(class), _) => Err(error(class, name)),
                (None, Some(caller)) if name == "CallerIdentity" => Ok(world::identity(caller)),
                _ => all.get(&query).unwrap().clone(),
            };
            facts.insert(query, answer);
        }
        facts
    }
}

impl Shown {
    fn observed(&self, kind: DatabaseKind) -> Database {
        let mut database = own::database(kind);
        let settings = &mut database.settings;
        settings.retention_days = self.retention.unwrap_or(settings.retention_days);
        settings.copy_tags_to_snapshot = self.copy_tags.unwrap_or(settings.copy_tags_to_snapshot);
        settings.deletion_protection = self.deletion_protection.unwrap_or(settings.deletion_protection);
        settings.window = self.window.clone().or(settings.window.take());
        database.status = self.status.clone().unwrap_or(database.status);
        database.member_of = self.member_of.clone();
        database.pending = self.pending.clone();
        database
    }
}

impl Snapshot {
    fn observed(&self, kind: DatabaseKind) -> DatabaseSnapshot {
        let mut snapshot = own::snapshot(kind, self.slot);
        snapshot.status = self.status.clone().unwrap_or(snapshot.status);
        snapshot.snapshot_type = self.kind.clone().unwrap_or(snapshot.snapshot_type);
        if snapshot.status == "creating" {
            snapshot.created_at = None;
        }
        match self.owner.as_deref() {
            None => {}
            Some("") => snapshot.tags.clear(),
            Some(owner) => drop(snapshot.tags.insert(OWNER_TAG.into(), owner.into())),
        }
        if let Some(arn) = &self.copied_from {
            snapshot.tags.insert(OWN_ARN_TAG.into(), arn.clone());
        }
        if self.of_former {
            snapshot.source_resource_id = Some("db-ZZZZZZZZZZZZ".into());
        }
        snapshot
    }
}

fn error(class: &str, query: &str) -> CloudError {
    let class = match class {
        "throttled" => ErrorClass::Throttled,
        "denied" => ErrorClass::Denied,
        _ => ErrorClass::Transient,
    };
    CloudError {
        class,
        operation: "Describe",
        resource: query.into(),
        code: "Code".into(),
        message: "as AWS says it".into(),
        request_id: None,
    }
}
