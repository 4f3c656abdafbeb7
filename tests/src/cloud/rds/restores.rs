//! DB instances that were restored: made, modified and deleted, each in its time, with what the data in them is like.
//!
//! Sources of its rules: Amazon RDS API Reference (RestoreDBInstanceFromDBSnapshot, RestoreDBInstanceToPointInTime, ModifyDBInstance,
//! AddTagsToResource, DeleteDBInstance); Amazon RDS User Guide, "Viewing Amazon RDS DB instance status".

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use runbook_aws::{Password, Reply};
use runbook_core::observed::{BackupSettings, Database, Endpoint, Instance};
use runbook_core::step::{RestoreFrom, RestoredInstance};
use runbook_core::{DatabaseKind, ErrorClass};

use super::{Key, Rds};
use crate::cloud::refusal::Refusal;
use crate::dice;

/// How long it takes to make an instance, in milliseconds.
const CREATING: (u64, u64) = (20_000, 150_000);
/// How long where it takes long: longer than the shortest timeout of a verification.
const SLOW: (u64, u64) = (500_000, 800_000);
/// How long RDS backs it up before it is available.
const BACKING_UP: (u64, u64) = (0, 30_000);
/// How long its tags cannot be seen.
const UNTAGGED: (u64, u64) = (0, 15_000);
/// How long it takes to set a password.
const RESETTING: (u64, u64) = (2_000, 20_000);
/// How much later than RDS says so the password is set.
const LATER: (u64, u64) = (0, 3_000);
/// How long it takes to delete an instance.
const DELETING: (u64, u64) = (15_000, 100_000);
/// Where instances are reached.
const PORT: u16 = 5432;
/// Tags of a resource.
const TAGS: usize = 50;

/// How probably what goes wrong with restores does.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Odds {
    /// The data of a backup is not as expected.
    pub bad: f64,
    /// An instance becomes `incompatible-parameters`.
    pub broken: f64,
    /// An instance takes long.
    pub slow: f64,
    /// An instance lets nobody in, ever.
    pub unreachable: f64,
    /// A question is not answered.
    pub unanswered: f64,
}

/// What the data of a backup is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data {
    /// As expected.
    Good,
    /// There are no rows.
    Empty,
    /// A table is missing.
    Incomplete,
}

/// A DB instance that was restored.
#[derive(Clone, Debug, PartialEq)]
pub struct Restored {
    /// DBInstanceArn.
    pub arn: String,
    /// DbiResourceId.
    pub resource_id: String,
    /// The database that the data is of.
    pub source: String,
    /// The snapshot that was restored, if one was.
    pub snapshot: Option<String>,
    /// How it is set up.
    pub set_up: RestoredInstance,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// What is in it.
    pub data: Data,
    /// Whether it lets nobody in.
    pub unreachable: bool,
    /// From when its tags can be seen.
    tagged: Timestamp,
    /// Until when it is being made.
    created: Timestamp,
    /// Until when it is busy.
    busy: Timestamp,
    /// Whether it cannot be used.
    broken: bool,
    /// A password that is being set, and when it is.
    coming: Option<(Timestamp, Password)>,
    /// The password of the master user.
    password: Option<Password>,
    /// When it is gone, if it is being deleted.
    gone: Option<Timestamp>,
}

impl Restored {
    /// `creating`, `backing-up`, `available`, `resetting-master-credentials`, `incompatible-parameters` or `deleting`.
    pub fn status(&self, now: Timestamp) -> &'static str {
        match self {
            Self { gone: Some(_), .. } => "deleting",
            Self { created, .. } if now < *created => "creating",
            Self { broken: true, .. } => "incompatible-parameters",
            Self { busy, coming: Some(_), .. } if now < *busy => "resetting-master-credentials",
            Self { busy, .. } if now < *busy => "backing-up",
            _ => "available",
        }
    }

    /// It with other tags.
    pub fn with_tags(&self, tags: BTreeMap<String, String>) -> Self {
        Self { tags, ..self.clone() }
    }

    /// When it was made, or is.
    pub fn made(&self) -> Timestamp {
        self.created
    }

    /// Its tags, as far as they can be seen.
    pub fn seen_tags(&self, now: Timestamp) -> BTreeMap<String, String> {
        if now < self.tagged { BTreeMap::new() } else { self.tags.clone() }
    }

    /// Whether this is the password of its master user.
    pub fn lets_in(&self, password: &Password) -> bool {
        self.password.as_ref() == Some(password)
    }

    /// The instance as DescribeDBInstances shows it.
    pub fn describe(&self, name: &str, now: Timestamp) -> Database {
        let status = self.status(now);
        let is_made = status != "creating";
        let endpoint = Endpoint { address: format!("{name}.c0ffee.eu-central-1.rds.amazonaws.com"), port: PORT };
        let set_up = self.set_up.clone();
        let pending = self.coming.iter().filter(|_| now < self.busy);
        Database {
            arn: self.arn.clone(),
            resource_id: self.resource_id.clone(),
            status: status.into(),
            engine: "postgres".into(),
            member_of: None,
            // As of the source: what a restore is not told.
            settings: BackupSettings {
                retention_days: 7,
                window: Some("03:00-04:00".into()),
                copy_tags_to_snapshot: false,
                deletion_protection: false,
            },
            pending: pending.map(|_| ("MasterUserPassword".into(), "****".into())).collect(),
            maintenance_window: Some("sun:20:00-sun:20:30".into()),
            latest_restorable_time: None,
            aws_backup: None,
            instance: Some(Box::new(Instance {
                class: set_up.class,
                subnet_group: Some(set_up.subnet_group),
                security_groups: set_up.security_groups,
                parameter_group: Some(set_up.parameter_group),
                option_group: set_up.option_group,
                multi_az: set_up.multi_az,
                storage_type: set_up.storage_type,
                iops: set_up.iops,
                iam_authentication: set_up.iam_authentication,
                allocated_storage: Some(100),
                created_at: is_made.then_some(self.created),
                endpoint: is_made.then_some(endpoint),
                ..like()
            })),
            tags: self.seen_tags(now),
        }
    }
}

/// How every DB instance is set up that a restore may be of.
pub fn like() -> Instance {
    Instance {
        class: "db.m7g.large".into(),
        subnet_group: Some("private".into()),
        security_groups: vec!["sg-database".into()],
        parameter_group: Some("postgres17-ours".into()),
        allocated_storage: Some(100),
        storage_type: Some("gp3".into()),
        master_username: Some("clocked".into()),
        db_name: Some("clocked".into()),
        ..Instance::default()
    }
}

/// A restore, as it is asked for.
pub struct Wanted<'w> {
    /// DBInstanceIdentifier.
    pub identifier: &'w str,
    /// What is restored.
    pub from: &'w RestoreFrom,
    /// How the new instance is set up.
    pub set_up: &'w RestoredInstance,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

impl Rds {
    /// Brings what was restored to what it is at `now`.
    pub(super) fn advance_restored(&mut self, now: Timestamp) {
        self.restored.retain(|_, one| one.gone.is_none_or(|gone| now < gone));
        for one in self.restored.values_mut() {
            if let Some((_, password)) = one.coming.take_if(|(at, _)| *at <= now) {
                one.password = Some(password);
            }
        }
    }

    /// How many DB instances there are.
    pub(super) fn used_instances(&self) -> i64 {
        let instances = self.databases.keys().filter(|(kind, _)| *kind == DatabaseKind::Instance).count();
        i64::try_from(instances + self.restored.len()).unwrap_or(i64::MAX)
    }

    /// RestoreDBInstanceFromDBSnapshot and RestoreDBInstanceToPointInTime.
    pub(super) fn restore(&mut self, wanted: Wanted<'_>, now: Timestamp) -> Result<Reply, Refusal> {
        let Wanted { identifier, from, set_up, tags } = wanted;
        let key: Key = (DatabaseKind::Instance, identifier.to_owned());
        if self.databases.contains_key(&key) || self.restored.contains_key(identifier) {
            return Err(refusal(ErrorClass::Conflict, "DBInstanceAlreadyExists", "DB instance already exists"));
        }
        let (source, arn, inherited) = self.restorable(from, now)?;
        if self.used_instances() >= self.instances {
            return Err(refusal(ErrorClass::Invalid, "InstanceQuotaExceeded", "DB instance quota exceeded"));
        }
        if tags.len() > TAGS {
            return Err(refusal(ErrorClass::Invalid, "InvalidParameterValue", "Too many tags"));
        }
        let snapshot = match from {
            RestoreFrom::Snapshot { snapshot, .. } => Some(snapshot.clone()),
            RestoreFrom::PointInTime { .. } => None,
        };
        let place: Vec<&str> = arn.split(':').take(5).collect();
        let arn = format!("{}:db:{identifier}", place.join(":"));
        let restored = self.made(identifier, (source, snapshot), (arn, set_up.clone()), now);
        // Without tags of its own it has those of the source.
        let tags = if tags.is_empty() { inherited } else { tags };
        self.restored.insert(identifier.to_owned(), Restored { tags, ..restored });
        Ok(Reply::Done)
    }

    /// The database that the data is of, the ARN of what is restored, and its tags.
    fn restorable(
        &self,
        from: &RestoreFrom,
        now: Timestamp,
    ) -> Result<(String, String, BTreeMap<String, String>), Refusal> {
        let kind = DatabaseKind::Instance;
        match from {
            RestoreFrom::Snapshot { snapshot, .. } => {
                let Some(found) = self.snapshots.get(&(kind, snapshot.clone())) else {
                    return Err(refusal(ErrorClass::NotFound, "DBSnapshotNotFound", "DBSnapshot not found"));
                };
                if found.status(now) != "available" {
                    let message = format!("DBSnapshot {snapshot} is {}", found.status(now));
                    return Err(refusal(ErrorClass::Conflict, "InvalidDBSnapshotState", &message));
                }
                Ok((found.source.clone(), found.arn.clone(), found.tags.clone()))
            }
            RestoreFrom::PointInTime { source, time, .. } => {
                let key: Key = (kind, source.identifier.clone());
                let found = self.databases.get(&key).zip(self.describe(&key, now));
                let Some((stored, database)) = found else {
                    return Err(refusal(ErrorClass::NotFound, "DBInstanceNotFound", "DBInstance not found"));
                };
                let Some(latest) = database.latest_restorable_time else {
                    let code = "PointInTimeRestoreNotEnabled";
                    return Err(refusal(ErrorClass::Invalid, code, "The DB instance has no automated backups"));
                };
                if time.is_some_and(|time| time > latest) {
                    let message = "The time is after the latest restorable time";
                    return Err(refusal(ErrorClass::Invalid, "InvalidRestoreFault", message));
                }
                Ok((source.identifier.clone(), stored.arn.clone(), database.tags))
            }
        }
    }

    /// A new instance without tags, and how long all of it takes.
    pub(super) fn made(
        &self,
        name: &str,
        (source, snapshot): (String, Option<String>),
        (arn, set_up): (String, RestoredInstance),
        now: Timestamp,
    ) -> Restored {
        let second = u64::try_from(now.as_second()).unwrap_or_default();
        let chance = |what: &str, odds| dice::happens(&mut self.dice.nth(&format!("{name} {what}"), second), odds);
        let range = if chance("is slow", self.odds.slow) { SLOW } else { CREATING };
        let created = self.takes(&format!("{name} is made"), range, now);
        Restored {
            arn,
            resource_id: format!("db-{}-{second}", name.to_uppercase()),
            set_up,
            tags: BTreeMap::new(),
            data: self.data(&source, snapshot.as_deref()),
            unreachable: chance("is unreachable", self.odds.unreachable),
            tagged: self.takes(&format!("{name} is tagged"), UNTAGGED, now).min(created),
            created,
            busy: self.takes(&format!("{name} is backed up"), BACKING_UP, created),
            broken: chance("breaks", self.odds.broken),
            coming: None,
            password: None,
            gone: None,
            source,
            snapshot,
        }
    }

    /// What is in a backup: the same whenever it is restored.
    pub fn data(&self, source: &str, snapshot: Option<&str>) -> Data {
        let mut rng = self.dice.nth(&format!("data of {}", snapshot.unwrap_or(source)), 0);
        match dice::happens(&mut rng, self.odds.bad) {
            false => Data::Good,
            true if rng.bool() => Data::Empty,
            true => Data::Incomplete,
        }
    }

    /// ModifyDBInstance with MasterUserPassword and ApplyImmediately.
    pub(super) fn set_password(&mut self, name: &str, password: &Password, now: Timestamp) -> Result<Reply, Refusal> {
        let busy = self.takes(&format!("the password of {name} is set"), RESETTING, now);
        let at = self.takes(&format!("the password of {name} counts"), LATER, busy);
        if self.databases.contains_key(&(DatabaseKind::Instance, name.to_owned())) {
            return Ok(Reply::Done);
        }
        let Some(one) = self.restored.get_mut(name) else {
            return Err(refusal(ErrorClass::NotFound, "DBInstanceNotFound", "DBInstance not found"));
        };
        if one.status(now) != "available" {
            return Err(busy_as(one.status(now)));
        }
        one.busy = busy;
        one.coming = Some((at, password.clone()));
        Ok(Reply::Done)
    }

    /// AddTagsToResource: of a snapshot, or of an instance that was restored.
    pub(super) fn add_tags(&mut self, arn: &str, tags: &[(String, String)]) -> Result<Reply, Refusal> {
        let snapshot = self.snapshots.values_mut().find(|one| one.arn == arn).map(|one| &mut one.tags);
        let instance = self.restored.values_mut().find(|one| one.arn == arn).map(|one| &mut one.tags);
        let Some(all) = snapshot.or(instance) else {
            return Err(refusal(ErrorClass::NotFound, "DBSnapshotNotFound", "DBSnapshot not found"));
        };
        all.extend(tags.iter().cloned());
        Ok(Reply::Done)
    }

    /// DeleteDBInstance without a final snapshot.
    pub(super) fn delete_instance(&mut self, name: &str, now: Timestamp) -> Result<Reply, Refusal> {
        let gone = self.takes(&format!("{name} is deleted"), DELETING, now);
        let key: Key = (DatabaseKind::Instance, name.to_owned());
        if let Some(stored) = self.databases.get(&key) {
            if stored.settings.deletion_protection {
                let message = "Cannot delete protected DB Instance";
                return Err(refusal(ErrorClass::Invalid, "InvalidParameterCombination", message));
            }
            self.databases.remove(&key);
            return Ok(Reply::Done);
        }
        match self.restored.get_mut(name) {
            // DBInstanceNotFound: what is gone already is deleted, as the call promises.
            None => Ok(Reply::Done),
            Some(one) if ["available", "incompatible-parameters"].contains(&one.status(now)) => {
                one.gone = Some(gone);
                Ok(Reply::Done)
            }
            Some(one) => Err(busy_as(one.status(now))),
        }
    }
}

fn busy_as(status: &str) -> Refusal {
    refusal(ErrorClass::Conflict, "InvalidDBInstanceState", &format!("Instance is {status} and not available"))
}

fn refusal(class: ErrorClass, code: &'static str, message: &str) -> Refusal {
    Refusal::new(class, code, message)
}

/// How long ago the newest restorable time of an instance is.
pub const RESTORABLE: SignedDuration = SignedDuration::from_mins(5);
