//! Databases of RDS and their snapshots: what takes its time there takes it here, and what is busy refuses.
//!
//! Sources of its rules: Amazon RDS API Reference (DescribeDBInstances, DescribeDBSnapshots, CreateDBSnapshot, DeleteDBSnapshot,
//! ModifyDBInstance, DescribeAccountAttributes, and the same of clusters).

mod calls;
pub mod colleagues;
pub mod outside;
pub mod restores;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use runbook_aws::RdsCall;
use runbook_core::DatabaseKind;
use runbook_core::observed::{BackupSettings, Database, DatabaseSnapshot};
use runbook_core::step::SettingsChange;

use self::restores::{Odds, Restored};
use crate::dice::{self, Dice};

/// A database, or a snapshot, by what it is and its identifier.
pub type Key = (DatabaseKind, String);

/// Databases on a page: fewer than RDS's, so that pages are turned.
const DATABASES_PER_PAGE: usize = 2;
/// Snapshots on a page.
const SNAPSHOTS_PER_PAGE: usize = 5;
/// DB instances that there may be in a region, unless AWS raises the quota.
pub const INSTANCES: i64 = 40;
/// How long it takes to create a snapshot, in milliseconds.
const CREATING: (u64, u64) = (8_000, 110_000);
/// How long it takes to delete one.
const DELETING: (u64, u64) = (2_000, 40_000);
/// How long it takes to change a setting.
const MODIFYING: (u64, u64) = (3_000, 30_000);

/// RDS in one region of one account.
#[derive(Clone, Debug)]
pub struct Rds {
    /// Databases.
    pub databases: BTreeMap<Key, Stored>,
    /// Snapshots.
    pub snapshots: BTreeMap<Key, Snapshot>,
    /// DB instances that were restored.
    pub restored: BTreeMap<String, Restored>,
    /// How many manual snapshots there may be, of instances and of clusters each.
    pub quota: i64,
    /// How many DB instances there may be.
    pub instances: i64,
    /// What goes wrong with restores.
    pub odds: Odds,
    /// How probably the creation of a snapshot fails.
    pub failures: f64,
    /// Databases on a page.
    pub databases_per_page: usize,
    /// Snapshots on a page.
    pub snapshots_per_page: usize,
    /// How long what takes, and what fails.
    pub dice: Dice,
}

/// A database.
#[derive(Clone, Debug)]
pub struct Stored {
    /// DBInstanceArn or DBClusterArn.
    pub arn: String,
    /// DbiResourceId or DbClusterResourceId.
    pub resource_id: String,
    /// How it is backed up.
    pub settings: BackupSettings,
    /// What waits for the maintenance window.
    pub waiting: BTreeMap<String, String>,
    /// Settings that are being changed, and when they are.
    coming: Option<(Timestamp, SettingsChange)>,
    /// Until when it is being modified.
    modified: Timestamp,
    /// Until when RDS backs it up by itself.
    backed_up: Timestamp,
}

/// A snapshot.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// DBSnapshotArn or DBClusterSnapshotArn.
    pub arn: String,
    /// Identifier of the database.
    pub source: String,
    /// DbiResourceId or DbClusterResourceId of the database.
    pub resource_id: String,
    /// `manual` or `automated`.
    pub snapshot_type: &'static str,
    /// When its creation began.
    pub begun: Timestamp,
    /// When its creation has ended.
    pub ends: Timestamp,
    /// Whether its creation fails.
    pub fails: bool,
    /// When it is gone, where it is being deleted.
    pub gone: Option<Timestamp>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

/// What RDS holds about one database.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// The database.
    pub database: Database,
    /// Its snapshots, and those of others that had its name.
    pub snapshots: Vec<DatabaseSnapshot>,
}

impl Default for Rds {
    fn default() -> Self {
        let (databases, snapshots) = (BTreeMap::new(), BTreeMap::new());
        let (databases_per_page, snapshots_per_page) = (DATABASES_PER_PAGE, SNAPSHOTS_PER_PAGE);
        Self {
            databases,
            snapshots,
            restored: BTreeMap::new(),
            quota: 100,
            instances: INSTANCES,
            odds: Odds::default(),
            failures: 0.0,
            databases_per_page,
            snapshots_per_page,
            dice: Dice::new(0),
        }
    }
}

impl Rds {
    /// Brings everything to what it is at `now`.
    pub fn advance(&mut self, now: Timestamp) {
        self.snapshots.retain(|_, snapshot| snapshot.gone.is_none_or(|gone| now < gone));
        self.advance_restored(now);
        for database in self.databases.values_mut() {
            if let Some((_, changes)) = database.coming.take_if(|(at, _)| *at <= now) {
                database.settings = changes.applied_to(&database.settings);
            }
        }
    }

    /// What is described: what these name, or all where none is named.
    fn described(&self, kind: DatabaseKind, identifiers: &[String], now: Timestamp) -> BTreeMap<String, Database> {
        let asked = |name: &String| identifiers.is_empty() || identifiers.contains(name);
        let keys = self.databases.keys().filter(|(of, name)| *of == kind && asked(name));
        let restored = self.restored.iter().filter(|(name, _)| kind == DatabaseKind::Instance && asked(name));
        let restored = restored.map(|(name, one)| (name.clone(), one.describe(name, now)));
        keys.filter_map(|key| Some((key.1.clone(), self.describe(key, now)?))).chain(restored).collect()
    }

    /// What RDS holds about a database.
    pub fn held(&mut self, key: &Key, now: Timestamp) -> Option<Held> {
        self.advance(now);
        let database = self.describe(key, now)?;
        let of_it = self.snapshots.iter().filter(|((kind, _), one)| (*kind, &one.source) == (key.0, &key.1));
        Some(Held { database, snapshots: of_it.map(|((_, name), one)| one.describe(name, now)).collect() })
    }

    /// The database that a call changes, or whose snapshots it does.
    pub fn changed_by(&self, call: &RdsCall) -> Option<Key> {
        match call {
            RdsCall::Modify { kind, identifier, .. } => Some((*kind, identifier.clone())),
            RdsCall::CreateSnapshot { kind, source, .. } => Some((*kind, source.clone())),
            RdsCall::DeleteSnapshot { kind, snapshot } => {
                let snapshot = self.snapshots.get(&(*kind, snapshot.clone()))?;
                Some((*kind, snapshot.source.clone()))
            }
            _ => None,
        }
    }

    fn describe(&self, key: &Key, now: Timestamp) -> Option<Database> {
        let stored = self.databases.get(key)?;
        let mut pending = stored.waiting.clone();
        if let Some(days) = stored.coming.as_ref().and_then(|(_, changes)| changes.retention_days) {
            pending.insert("BackupRetentionPeriod".into(), days.to_string());
        }
        let (restorable, engine) = match key.0 {
            DatabaseKind::Instance => (restores::RESTORABLE, "postgres"),
            DatabaseKind::Cluster => (SignedDuration::from_mins(1), "aurora-postgresql"),
        };
        let restorable = now.checked_sub(restorable).ok().filter(|_| stored.settings.retention_days > 0);
        Some(Database {
            arn: stored.arn.clone(),
            resource_id: stored.resource_id.clone(),
            status: self.status(key, stored, now).into(),
            engine: engine.into(),
            member_of: None,
            settings: stored.settings.clone(),
            pending,
            maintenance_window: Some("sun:20:00-sun:20:30".into()),
            latest_restorable_time: restorable,
            aws_backup: None,
            instance: (key.0 == DatabaseKind::Instance).then(|| Box::new(restores::like())),
            tags: BTreeMap::from([("team".into(), "clocked".into())]),
        })
    }

    fn status(&self, key: &Key, stored: &Stored, now: Timestamp) -> &'static str {
        let creates = |((kind, _), one): (&Key, &Snapshot)| {
            (*kind, &one.source) == (key.0, &key.1) && one.status(now) == "creating"
        };
        if now < stored.modified {
            "modifying"
        } else if now < stored.backed_up || self.snapshots.iter().any(creates) {
            "backing-up"
        } else {
            "available"
        }
    }

    fn takes(&self, what: &str, (least, most): (u64, u64), now: Timestamp) -> Timestamp {
        let mut rng = self.dice.nth(what, u64::try_from(now.as_millisecond()).unwrap_or_default());
        now.checked_add(dice::between(&mut rng, least, most)).unwrap_or(now)
    }

    /// Begins a snapshot.
    fn begin(&mut self, key: Key, source: &Key, tags: BTreeMap<String, String>, now: Timestamp) {
        let Some(stored) = self.databases.get(source) else { return };
        let name = &key.1;
        let mut rng = self.dice.nth(&format!("{name} fails"), u64::try_from(now.as_second()).unwrap_or_default());
        let snapshot = Snapshot {
            arn: stored.arn_of_snapshot(source.0, name),
            source: source.1.clone(),
            resource_id: stored.resource_id.clone(),
            snapshot_type: "manual",
            begun: now,
            ends: self.takes(&format!("{name} is created"), CREATING, now),
            fails: dice::happens(&mut rng, self.failures),
            gone: None,
            tags,
        };
        self.snapshots.insert(key, snapshot);
    }
}

impl Stored {
    /// A database at rest.
    pub fn new(account: &str, region: &str, key: &Key, settings: BackupSettings) -> Self {
        let (sort, id) = match key.0 {
            DatabaseKind::Instance => ("db", "db-"),
            DatabaseKind::Cluster => ("cluster", "cluster-"),
        };
        Self {
            arn: format!("arn:aws:rds:{region}:{account}:{sort}:{}", key.1),
            resource_id: format!("{id}{}-1", key.1.to_uppercase()),
            settings,
            waiting: BTreeMap::new(),
            coming: None,
            modified: Timestamp::MIN,
            backed_up: Timestamp::MIN,
        }
    }

    /// The ARN of a snapshot in the same place.
    pub fn arn_of_snapshot(&self, kind: DatabaseKind, name: &str) -> String {
        let sort = match kind {
            DatabaseKind::Instance => "snapshot",
            DatabaseKind::Cluster => "cluster-snapshot",
        };
        let place: Vec<&str> = self.arn.split(':').take(5).collect();
        format!("{}:{sort}:{name}", place.join(":"))
    }
}

impl Snapshot {
    /// `creating`, `available`, `failed` or `deleting`.
    pub fn status(&self, now: Timestamp) -> &'static str {
        match self {
            Self { gone: Some(_), .. } => "deleting",
            Self { ends, .. } if now < *ends => "creating",
            Self { fails: true, .. } => "failed",
            _ => "available",
        }
    }

    /// The snapshot as DescribeDBSnapshots shows it.
    pub fn describe(&self, name: &str, now: Timestamp) -> DatabaseSnapshot {
        let status = self.status(now);
        DatabaseSnapshot {
            identifier: name.into(),
            arn: self.arn.clone(),
            source_resource_id: Some(self.resource_id.clone()),
            snapshot_type: self.snapshot_type.into(),
            status: status.into(),
            created_at: (status != "creating").then_some(self.begun),
            percent_progress: if status == "creating" { 50 } else { 100 },
            encrypted: false,
            tags: self.tags.clone(),
        }
    }
}
