//! RDS as far as runs see it: what steps change at once, and what moves when time passes.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use runbook_api::aws_account::{Grant, Verb};
use runbook_api::common::Mode;
use runbook_core::account::Access;
use runbook_core::checks::{FailureClass, SqlFailure, SqlOutcome, SqlValue};
use runbook_core::facts::{Answer, SqlResults};
use runbook_core::observed::{BackupSettings, Database, DatabaseSnapshot, Endpoint, Instance, Quota, SnapshotOf};
use runbook_core::ownership::VERIFIED_TAG;
use runbook_core::step::{DatabaseStep, RestoreFrom};
use runbook_core::{DatabaseId, DatabaseKind, Facts, Query, Step};

use crate::world;

pub const SOURCE: &str = "clocked-db";
/// How long RDS takes for anything.
const TAKES: SignedDuration = SignedDuration::from_mins(3);

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn instance_id(identifier: &str) -> DatabaseId {
    DatabaseId { scope: world::scope(), kind: DatabaseKind::Instance, identifier: identifier.into() }
}

pub fn access() -> Access {
    let grant = Grant {
        namespaces: vec![world::NAMESPACE.into()],
        verbs: vec![Verb::Snapshot, Verb::DeleteSnapshot, Verb::Restore],
        resources: ["clocked-db", "clocked-db-restored", "rbv-*"]
            .map(|name| format!("arn:aws:rds:*:*:db:{name}"))
            .into(),
    };
    world::access(&[grant], Mode::Enforce)
}

/// What there is in AWS, and what the restored database would answer.
#[derive(Clone, Debug)]
pub struct Cloud {
    pub databases: BTreeMap<String, Database>,
    /// Whether each of them moves on, and when.
    moves: BTreeMap<String, (Timestamp, &'static str)>,
    pub snapshots: BTreeMap<String, (String, DatabaseSnapshot)>,
    /// Databases whose password is known here.
    pub credentials: BTreeMap<String, String>,
    pub users: i64,
    /// The database does not let itself be asked.
    pub mute: bool,
    /// The connection is lost before the last statement.
    pub breaks: bool,
    pub quota: Quota,
    made: usize,
}

impl Cloud {
    pub fn new() -> Self {
        let instance = Instance {
            class: "db.t4g.medium".into(),
            subnet_group: Some("private".into()),
            security_groups: vec!["sg-1".into()],
            parameter_group: Some("clocked".into()),
            option_group: Some("default:postgres-15".into()),
            storage_type: Some("io2".into()),
            iops: Some(5000),
            master_username: Some("clocked".into()),
            db_name: Some("clocked".into()),
            ..Instance::default()
        };
        let mut cloud = Self {
            databases: BTreeMap::new(),
            moves: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            credentials: BTreeMap::new(),
            users: 3,
            mute: false,
            breaks: false,
            quota: Quota { used: 3, max: 40 },
            made: 0,
        };
        let source = cloud.database(SOURCE, "available", instance, BTreeMap::new());
        cloud.databases.insert(SOURCE.into(), source);
        cloud
    }

    fn database(&mut self, name: &str, status: &str, instance: Instance, tags: BTreeMap<String, String>) -> Database {
        self.made += 1;
        Database {
            arn: instance_id(name).arn(),
            resource_id: format!("db-{}", self.made),
            status: status.into(),
            engine: "postgres".into(),
            member_of: None,
            settings: BackupSettings {
                retention_days: 7,
                window: None,
                copy_tags_to_snapshot: false,
                deletion_protection: false,
            },
            pending: BTreeMap::new(),
            maintenance_window: None,
            latest_restorable_time: Some(at("2026-03-01T02:55:00Z")),
            aws_backup: None,
            instance: Some(Box::new(instance)),
            tags,
        }
    }

    pub fn snapshot(&mut self, name: &str, status: &str, tags: BTreeMap<String, String>) -> &mut DatabaseSnapshot {
        let snapshot = DatabaseSnapshot {
            identifier: name.into(),
            arn: instance_id(SOURCE).snapshot_arn(name),
            source_resource_id: Some("db-1".into()),
            snapshot_type: if name.starts_with("rds:") { "automated" } else { "manual" }.into(),
            status: status.into(),
            created_at: (status == "available").then(|| at("2026-03-01T00:05:00Z")),
            percent_progress: if status == "available" { 100 } else { 0 },
            encrypted: false,
            tags,
        };
        &mut self.snapshots.entry(name.into()).insert_entry((SOURCE.into(), snapshot)).into_mut().1
    }

    /// Time passes.
    pub fn move_on(&mut self, now: Timestamp) {
        let due: Vec<(String, &str)> = self
            .moves
            .iter()
            .filter(|(_, (when, _))| *when <= now)
            .map(|(name, (_, to))| (name.clone(), *to))
            .collect();
        for (name, to) in due {
            self.moves.remove(&name);
            if to == "gone" {
                self.databases.remove(&name);
                self.credentials.remove(&name);
            } else if let Some(database) = self.databases.get_mut(&name) {
                database.status = to.into();
                if let Some(instance) = &mut database.instance {
                    instance.endpoint = Some(Endpoint { address: format!("{name}.rds"), port: 5432 });
                }
            }
            if let Some((_, snapshot)) = self.snapshots.get_mut(&name) {
                (snapshot.status, snapshot.created_at, snapshot.percent_progress) = (to.into(), Some(now), 100);
            }
        }
    }

    /// Makes a step as RDS does.
    pub fn make(&mut self, step: &Step, now: Timestamp) {
        let Step::Database(step) = step else { panic!("{step}") };
        match step {
            DatabaseStep::CreateSnapshot { snapshot, tags, .. } => {
                self.snapshot(snapshot, "creating", tags.iter().cloned().collect());
                self.moves.insert(snapshot.clone(), (now + TAKES, "available"));
            }
            DatabaseStep::DeleteSnapshot { snapshot, .. } => {
                self.snapshots.remove(snapshot);
            }
            DatabaseStep::RestoreInstance { database, from, instance, tags } => {
                let name = database.identifier.clone();
                assert!(!self.databases.contains_key(&name), "restored over {name}");
                if let RestoreFrom::Snapshot { snapshot, .. } = from {
                    assert_eq!(self.snapshots[snapshot].1.status, "available");
                }
                let made = Instance {
                    class: instance.class.clone(),
                    security_groups: instance.security_groups.clone(),
                    master_username: Some("clocked".into()),
                    ..Instance::default()
                };
                let made = self.database(&name, "creating", made, tags.iter().cloned().collect());
                self.databases.insert(name.clone(), made);
                self.moves.insert(name, (now + TAKES, "available"));
            }
            DatabaseStep::SetMasterPassword { database, resource_id, .. } => {
                let name = database.identifier.clone();
                self.credentials.insert(name.clone(), resource_id.clone());
                self.databases.get_mut(&name).unwrap().status = "resetting-master-credentials".into();
                self.moves.insert(name, (now + TAKES, "available"));
            }
            DatabaseStep::DeleteInstance { database, .. } => {
                let name = database.identifier.clone();
                assert!(name.starts_with("rbv-"), "deleted {name}");
                self.databases.get_mut(&name).unwrap().status = "deleting".into();
                self.moves.insert(name, (now + TAKES, "gone"));
            }
            DatabaseStep::TagVerified { snapshot, verified_at, .. } => {
                let tags = &mut self.snapshots.get_mut(snapshot).unwrap().1.tags;
                tags.insert(VERIFIED_TAG.into(), verified_at.to_string());
            }
            DatabaseStep::ModifyBackupSettings { .. } | DatabaseStep::Copy(_) => panic!("no run does that: {step}"),
        }
    }

    /// The answers to what a plan asks.
    pub fn answer(&self, query: &Query, facts: &mut Facts) {
        let answer = match query {
            Query::CallerIdentity(_) => world::identity(world::ACCOUNT),
            Query::Database(id) => Answer::Database(self.databases.get(&id.identifier).cloned().map(Box::new)),
            Query::DatabaseSnapshots(_) => {
                Answer::DatabaseSnapshots(self.snapshots.values().map(|(_, snapshot)| snapshot.clone()).collect())
            }
            Query::Snapshot(id) => {
                Answer::Snapshot(self.snapshots.get(&id.identifier).map(|(source, snapshot)| {
                    Box::new(SnapshotOf { source: source.clone(), snapshot: snapshot.clone() })
                }))
            }
            Query::RdsQuotas(_) => Answer::RdsQuotas(
                [("DBInstances", self.quota), ("ManualSnapshots", Quota { used: 1, max: 100 })]
                    .map(|(name, quota)| (name.to_owned(), quota))
                    .into(),
            ),
            Query::Credential(id) => Answer::Credential(self.credentials.get(&id.identifier).cloned()),
            Query::Sql(question) => Answer::Sql(self.asked(&question.statements)),
            other => panic!("a run asks {other:?}"),
        };
        facts.insert(query.clone(), Ok(answer));
    }

    fn asked(&self, statements: &[(String, String)]) -> Result<SqlResults, SqlFailure> {
        if self.mute {
            return Err(SqlFailure::new(FailureClass::Unreachable, "nobody answers"));
        }
        let one = |(name, sql): &(String, String)| {
            let result = if sql.contains("missing") {
                Err(SqlFailure::new(FailureClass::Statement, "relation \"missing\" does not exist (42P01)"))
            } else {
                Ok(SqlOutcome { value: SqlValue::Int(self.users), rows: 1, ..SqlOutcome::empty() })
            };
            (name.clone(), result)
        };
        let mut results: SqlResults = statements.iter().map(one).collect();
        if let Some((_, last)) = results.last_mut().filter(|_| self.breaks) {
            *last = Err(SqlFailure::new(FailureClass::Unreachable, "the connection was lost"));
        }
        Ok(results)
    }
}
