//! The one database that the tests are about.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use runbook_api::aws_account::{Grant, Verb};
use runbook_api::backup_policy::BackupPolicySpec;
use runbook_api::common::Mode;
use runbook_core::account::Access;
use runbook_core::backup::slots::identifier;
use runbook_core::backup::{Input, input};
use runbook_core::facts::Answer;
use runbook_core::ids::ObjectId;
use runbook_core::observed::{BackupSettings, Database, DatabaseSnapshot, Quota};
use runbook_core::ownership::{OWN_ARN_TAG, OWNER_TAG, SLOT_TAG, owner};
use runbook_core::{DatabaseId, DatabaseKind, Facts, Query};
use serde_json::{Value, json};

use crate::world;

pub const CLUSTER_ID: &str = "production";
pub const PREFIX: &str = "clocked-db-scheduled";

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

/// Three hours after the slot of `0 0 * * *`.
pub fn now() -> Timestamp {
    at("2026-03-01T03:00:00Z")
}

pub fn policy_id() -> ObjectId {
    ObjectId { namespace: world::NAMESPACE.into(), name: "clocked-db".into() }
}

pub fn database_id(kind: DatabaseKind) -> DatabaseId {
    DatabaseId { scope: world::scope(), kind, identifier: "clocked-db".into() }
}

pub fn access(mode: Mode) -> Access {
    access_without(&[], mode)
}

/// Everything but these verbs is granted.
pub fn access_without(refused: &[Verb], mode: Mode) -> Access {
    let verbs = [Verb::Snapshot, Verb::DeleteSnapshot, Verb::Restore, Verb::Export];
    let resources = [
        "arn:aws:rds:*:*:db:clocked-db",
        "arn:aws:rds:*:*:cluster:clocked-db",
        "arn:aws:rds:*:*:db:rbv-*",
        "arn:aws:s3:::clocked-backups/database/*",
    ];
    let grant = Grant {
        namespaces: vec![world::NAMESPACE.into()],
        verbs: verbs.into_iter().filter(|verb| !refused.contains(verb)).collect(),
        resources: resources.map(Into::into).into(),
    };
    world::access(&[grant], mode)
}

/// A spec; the source goes without saying.
pub fn spec(mut value: Value) -> BackupPolicySpec {
    if value.get("source").is_none() {
        value["source"] = json!({"rdsInstance": "clocked-db"});
    }
    serde_json::from_value(value).unwrap()
}

pub fn input_of(spec: &BackupPolicySpec) -> Input {
    input::validate(spec, &policy_id(), CLUSTER_ID, &access(Mode::Enforce)).unwrap()
}

/// A database that is backed up for a week.
pub fn database(kind: DatabaseKind) -> Database {
    Database {
        arn: database_id(kind).arn(),
        resource_id: "db-ABCDEFGHIJKL".into(),
        status: "available".into(),
        engine: "postgres".into(),
        member_of: None,
        settings: BackupSettings {
            retention_days: 7,
            window: Some("01:00-02:00".into()),
            copy_tags_to_snapshot: true,
            deletion_protection: true,
        },
        pending: BTreeMap::new(),
        maintenance_window: Some("sun:04:00-sun:04:30".into()),
        latest_restorable_time: Some(at("2026-03-01T02:55:00Z")),
        aws_backup: None,
        instance: None,
        tags: BTreeMap::new(),
    }
}

/// A snapshot that the policy has taken for a slot.
pub fn snapshot(kind: DatabaseKind, slot: Timestamp) -> DatabaseSnapshot {
    let identifier = identifier(PREFIX, slot);
    let arn = database_id(kind).snapshot_arn(&identifier);
    let tags = [(OWNER_TAG, owner(CLUSTER_ID, &policy_id())), (OWN_ARN_TAG, arn.clone()), (SLOT_TAG, slot.to_string())];
    DatabaseSnapshot {
        identifier,
        arn,
        source_resource_id: Some("db-ABCDEFGHIJKL".into()),
        snapshot_type: "manual".into(),
        status: "available".into(),
        created_at: slot.checked_add(SignedDuration::from_mins(5)).ok(),
        percent_progress: 100,
        encrypted: false,
        tags: tags.map(|(key, value)| (key.to_owned(), value)).into(),
    }
}

/// The questions that a plan may ask, by their name.
pub fn queries(kind: DatabaseKind) -> [(&'static str, Query); 5] {
    [
        ("CallerIdentity", Query::CallerIdentity(world::scope())),
        ("Database", Query::Database(database_id(kind))),
        ("DatabaseSnapshots", Query::DatabaseSnapshots(database_id(kind))),
        ("RdsQuotas", Query::RdsQuotas(world::scope())),
        ("VerificationInstances", Query::VerificationInstances(world::scope())),
    ]
}

/// All answers.
pub fn facts(kind: DatabaseKind, database: Option<Database>, snapshots: Vec<DatabaseSnapshot>, used: i64) -> Facts {
    let mut facts = Facts::default();
    let quota = Quota { used, max: 100 };
    let quotas = ["ManualSnapshots", "ManualClusterSnapshots"].map(|name| (name.to_owned(), quota));
    let answers = [
        world::identity(world::ACCOUNT),
        Answer::Database(database.map(Box::new)),
        Answer::DatabaseSnapshots(snapshots),
        Answer::RdsQuotas(quotas.into()),
        Answer::VerificationInstances(BTreeMap::new()),
    ];
    for ((_, query), answer) in queries(kind).into_iter().zip(answers) {
        facts.insert(query, Ok(answer));
    }
    facts
}
