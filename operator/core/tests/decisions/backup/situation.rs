//! A situation as a golden file writes it: what is declared and what AWS shows, without what goes without saying.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use runbook_api::aws_account::Verb;
use runbook_api::backup_policy::{BackupPolicySpec, BackupPolicyStatus};
use runbook_api::common::Mode;
use runbook_api::scheduled_export::{ExportState, MadeExport, ScheduledExport};
use runbook_api::scheduled_verification::VerificationState;
use runbook_core::account::{Access, Brakes};
use runbook_core::backup::exports;
use runbook_core::backup::verification::Run;
use runbook_core::backup::{Input, Memory};
use runbook_core::facts::Answer;
use runbook_core::observed::{Database, DatabaseSnapshot, Instance};
use runbook_core::ownership::{OWN_ARN_TAG, OWNER_TAG, RUN_TAG, VERIFIED_TAG};
use runbook_core::{CloudError, DatabaseId, DatabaseKind, ErrorClass, Facts};
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
    /// The DatabaseRestores of the namespace.
    #[serde(default)]
    restores: Vec<Restore>,
    /// The DatabaseBackups of the namespace.
    #[serde(default)]
    backups: Vec<Backup>,
    /// Verbs that the account does not grant.
    #[serde(default)]
    refused: Vec<Verb>,
}

/// A DatabaseRestore that the policy has made, unless said otherwise.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Restore {
    name: String,
    /// The slot that it was made for; none of one by hand.
    slot: Option<Timestamp>,
    snapshot: String,
    ended: Option<VerificationState>,
    message: Option<String>,
    passed_at: Option<Timestamp>,
    /// Seconds.
    took: Option<i64>,
}

/// A DatabaseBackup of the namespace that exports, made by the policy where it has a slot.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Backup {
    name: String,
    /// The export.
    of: String,
    slot: Option<Timestamp>,
    ended: Option<ExportState>,
    message: Option<String>,
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
    /// DB instances of verifications.
    #[serde(default)]
    instances: Vec<Scratch>,
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

/// An instance that a DatabaseRestore has made to verify a backup.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Scratch {
    identifier: String,
    /// What the tag says whose it is: `production/clocked/databaserestores/NAME`.
    owner: String,
    created: Option<Timestamp>,
    status: Option<String>,
    /// The ARN in the tag, where it was copied from another.
    copied_from: Option<String>,
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
    #[serde(default)]
    tags: BTreeMap<String, String>,
    aws_backup: Option<String>,
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
    /// When it was verified, by its tag.
    verified: Option<Timestamp>,
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
        // Few slots are enough beside verifications.
        let since = if self.spec().verification.is_some() { "2026-02-27T12:00:00Z" } else { "2026-02-01T00:00:00Z" };
        let since = |schedule: &str, zone: Option<&str>| json!({"schedule": format!("{schedule} {}", zone.unwrap_or("UTC")), "since": since});
        let mut status = json!({});
        if let Some(snapshots) = self.spec().snapshots {
            status["scheduled"] = since(&snapshots.schedule, snapshots.time_zone.as_deref());
        }
        if let Some(verification) = self.spec().verification {
            status["verificationScheduled"] = since(&verification.schedule, verification.time_zone.as_deref());
        }
        let exports = self.spec().exports;
        if !exports.is_empty() {
            let of = |one: &ScheduledExport| {
                let scheduled = json!({"schedule": format!("{} {}", one.schedule, one.time_zone.as_deref().unwrap_or("UTC")),
                    "since": "2026-02-27T12:00:00Z"});
                json!({"name": one.name, "scheduled": scheduled})
            };
            status["exports"] = exports.iter().map(of).collect();
        }
        serde_json::from_value(self.status.clone().unwrap_or(status)).unwrap()
    }

    pub fn beside(&self, input: Input) -> Input {
        let created = self.created.unwrap_or_else(|| own::at("2026-02-01T00:00:00Z"));
        let runs = self.restores.iter().map(|one| Run {
            name: one.name.clone(),
            slot: one.slot,
            snapshot: Some(one.snapshot.clone()),
            ended: one.ended.map(|state| (state, one.message.clone())),
            passed_at: one.passed_at,
            time_to_restore: one.took.map(SignedDuration::from_secs),
        });
        let exported = self.backups.iter().map(Backup::seen).collect();
        let names = self.restores.iter().map(|one| one.name.clone()).collect();
        input
            .beside(Memory::of(&self.previous(), Some(created)))
            .with_runs(runs.collect(), names)
            .with_exported(exported)
    }

    pub fn access(&self) -> Access {
        let mut spec = json!({"accountId": world::ACCOUNT, "regions": ["eu-central-1"], "mode": "Enforce"});
        spec.as_object_mut().unwrap().extend(self.account.clone());
        let brakes = Brakes::of("default", &serde_json::from_value(spec).unwrap()).unwrap();
        Access { brakes, ..own::access_without(&self.refused, self.account_mode) }
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
            let instances = || self.aws.instances.iter().map(|one| (one.identifier.clone(), one.observed())).collect();
            let answer = match (self.aws.errors.get(name), &self.aws.caller) {
                (None, _) if name == "VerificationInstances" => Ok(Answer::VerificationInstances(instances())),
                (Some(class), _) => Err(error(class, name)),
                (None, Some(caller)) if name == "CallerIdentity" => Ok(world::identity(caller)),
                _ => all.get(&query).unwrap().clone(),
            };
            facts.insert(query, answer);
        }
        facts
    }
}

impl Backup {
    fn seen(&self) -> exports::Run {
        let of = self.slot.map(|slot| (self.of.clone(), slot));
        let made = of.as_ref().filter(|_| self.ended == Some(ExportState::Complete)).map(|(name, slot)| MadeExport {
            time: Time(*slot),
            completion_time: None,
            location: Some(format!("s3://clocked-backups/database/{name}.dump.zst")),
            rows: Some(40),
            bytes: Some(1234),
        });
        let ended = self.ended.map(|state| (state, self.message.clone()));
        exports::Run { name: self.name.clone(), of, ended, made }
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
        database.tags.extend(self.tags.clone());
        database.aws_backup = self.aws_backup.clone();
        database
    }
}

impl Scratch {
    fn observed(&self) -> Database {
        let id = DatabaseId { identifier: self.identifier.clone(), ..own::database_id(DatabaseKind::Instance) };
        let arn = self.copied_from.clone().unwrap_or_else(|| id.arn());
        let tags = [(OWNER_TAG, self.owner.clone()), (OWN_ARN_TAG, arn), (RUN_TAG, "a-uid".into())];
        let instance = Instance { created_at: self.created, ..Instance::default() };
        let before = own::database(DatabaseKind::Instance);
        Database {
            arn: id.arn(),
            resource_id: "db-SCRATCH".into(),
            status: self.status.clone().unwrap_or(before.status),
            instance: Some(Box::new(instance)),
            tags: tags.map(|(key, value)| (key.to_owned(), value)).into(),
            ..before
        }
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
        if let Some(time) = self.verified {
            snapshot.tags.insert(VERIFIED_TAG.into(), time.to_string());
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
