//! A BackupPolicy, dereferenced and validated: what the plan needs, and nothing that can be wrong.

use std::collections::BTreeSet;

use runbook_api::backup_policy::{AutomatedBackups, BackupPolicySpec, DatabaseSource, Retention, Snapshots};
use runbook_api::common::Mode;

use super::copies::Destination;
use super::exports::{self, Export};
use super::memory::Memory;
use super::retention::Rules;
use super::timetable::Timetable;
use super::verification::{self, Run, Verifications};
use super::window::Window;
use crate::account::{Access, Brakes};
use crate::ids::{DatabaseId, DatabaseKind, ObjectId};
use crate::ownership::owner;
use crate::plan::Finding;

/// Shortest backup window, in minutes (Amazon RDS API Reference, ModifyDBInstance, PreferredBackupWindow).
const SHORTEST_WINDOW: i32 = 30;
/// Longest identifier of a snapshot (Amazon RDS API Reference, CreateDBSnapshot).
pub(crate) const LONGEST_IDENTIFIER: usize = 255;
/// What an identifier ends with: the slot.
const SLOT: usize = "-YYYYmmdd-HHMMSS".len();

/// What a BackupPolicy declares, where, and on whose behalf.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// The database.
    pub database: DatabaseId,
    /// The policy.
    pub policy: ObjectId,
    /// What the tag on its snapshots says.
    pub owner: String,
    /// How RDS is to back the database up.
    pub settings: Declared,
    /// Whether it may be taken down for a moment.
    pub allow_outage: bool,
    /// Whether its settings are changed although others manage them.
    pub take_ownership: bool,
    /// Which snapshots are taken.
    pub snapshots: Option<Scheduled>,
    /// When backups are verified.
    pub verification: Option<Verifications>,
    /// The DatabaseRestores of the policy's namespace.
    pub runs: Vec<Run>,
    /// The names of all that there are, in whichever account, and of those that cannot be read. None where nobody knows: then nothing is
    /// taken for left behind.
    pub restores: Option<BTreeSet<String>>,
    /// When the database is exported.
    pub exports: Vec<Export>,
    /// The DatabaseBackups of the policy's namespace.
    pub exported: Vec<exports::Run>,
    /// Where snapshots are copied to.
    pub copies: Vec<Destination>,
    /// What the account's owner holds back.
    pub brakes: Brakes,
    /// What the policy's status remembers.
    pub memory: Memory,
}

/// How RDS is to back a database up; what is not declared stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// BackupRetentionPeriod.
    pub retention_days: Option<i32>,
    /// PreferredBackupWindow.
    pub window: Option<String>,
    /// CopyTagsToSnapshot.
    pub copy_tags_to_snapshot: Option<bool>,
    /// Whether DeletionProtection is turned on. It is never turned off.
    pub deletion_protection: bool,
}

/// Which snapshots are taken, and how long they are kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Scheduled {
    /// When one is due.
    pub timetable: Timetable,
    /// When one that is late may be begun.
    pub catch_up: Option<Window>,
    /// What identifiers begin with.
    pub prefix: String,
    /// Whether one is taken when the policy is created.
    pub run_on_create: bool,
    /// Which are kept; all without rules.
    pub retention: Option<Rules>,
}

impl Input {
    /// The input beside what the policy's status remembers.
    pub fn beside(self, memory: Memory) -> Self {
        Self { memory, ..self }
    }

    /// The input beside the DatabaseRestores of the policy's namespace.
    pub fn with_runs(self, runs: Vec<Run>, restores: BTreeSet<String>) -> Self {
        Self { runs, restores: Some(restores), ..self }
    }

    /// The input beside the DatabaseBackups of the policy's namespace.
    pub fn with_exported(self, exported: Vec<exports::Run>) -> Self {
        Self { exported, ..self }
    }

    /// The input with the places that snapshots are copied to.
    pub fn copied_to(self, copies: Vec<Destination>) -> Self {
        Self { copies, ..self }
    }
}

/// The database that a spec names, in the place in which it may work.
///
/// # Errors
/// A stalled finding when the spec names no database, or by what is no identifier; the schema refuses such an object, an older one may
/// still exist.
pub fn database(spec: &BackupPolicySpec, access: &Access) -> Result<DatabaseId, Finding> {
    database_of(&spec.source, access)
}

/// As [`database`], of any spec that names a source.
///
/// # Errors
/// As there.
pub(crate) fn database_of(source: &DatabaseSource, access: &Access) -> Result<DatabaseId, Finding> {
    let (field, kind, identifier) = match (&source.rds_instance, &source.rds_cluster) {
        (Some(instance), None) => ("rdsInstance", DatabaseKind::Instance, instance),
        (None, Some(cluster)) => ("rdsCluster", DatabaseKind::Cluster, cluster),
        _ => {
            return Err(invalid(
                "spec.source names no database, or two: set source.rdsInstance to the identifier of a DB instance, or source.rdsCluster to \
                 that of a DB cluster",
            ));
        }
    };
    if !is_identifier(identifier, 63) {
        return Err(invalid(format!(
            "source.{field}: {identifier:?} is no identifier: write a lower-case letter, then lower-case letters, digits and single \
             hyphens, and no ARN"
        )));
    }
    Ok(DatabaseId { scope: access.scope.clone(), kind, identifier: identifier.clone() })
}

/// The name of what a spec names, within whatever account: policies that name the same may be rivals.
pub fn resource(source: &DatabaseSource) -> Option<String> {
    match (&source.rds_instance, &source.rds_cluster) {
        (Some(instance), _) => Some(format!("db:{instance}")),
        (None, Some(cluster)) => Some(format!("cluster:{cluster}")),
        (None, None) => None,
    }
}

/// Whether a policy asks for the snapshots of its database.
pub fn lists_snapshots(spec: &BackupPolicySpec) -> bool {
    spec.snapshots.is_some() || spec.verification.is_some()
}

/// Whether a policy lays claim to its database: suspended and observing ones do not.
pub fn claims_database(spec: &BackupPolicySpec) -> bool {
    !spec.suspend && spec.mode == Mode::Enforce
}

/// Checks what no schema can see, and gathers what the plan needs.
///
/// # Errors
/// A stalled finding that says which field is wrong and what to write.
pub fn validate(
    spec: &BackupPolicySpec,
    policy: &ObjectId,
    cluster_id: &str,
    access: &Access,
) -> Result<Input, Finding> {
    let database = database(spec, access)?;
    let says_nothing = spec.automated.is_none() && spec.snapshots.is_none() && spec.verification.is_none();
    if says_nothing && !spec.deletion_protection && spec.exports.is_empty() {
        return Err(invalid(
            "the spec does not say how the database is backed up: set automated, snapshots, deletionProtection, verification, exports, or several of them",
        ));
    }
    let settings = settings(spec, database.kind)?;
    let snapshots = spec.snapshots.as_ref().map(|snapshots| scheduled(snapshots, &database)).transpose()?;
    let verification = spec.verification.as_ref();
    let verification =
        verification.map(|one| verification::input::validate(one, spec, &database, access)).transpose()?;
    let exports = exports::input::validate(spec, policy, cluster_id, &database, access)?;
    Ok(Input {
        database,
        policy: policy.clone(),
        owner: owner(cluster_id, policy),
        settings,
        allow_outage: spec.allow_outage,
        take_ownership: spec.take_ownership,
        snapshots,
        verification,
        runs: Vec::new(),
        restores: None,
        exports,
        exported: Vec::new(),
        copies: Vec::new(),
        brakes: access.brakes.clone(),
        memory: Memory::default(),
    })
}

fn settings(spec: &BackupPolicySpec, kind: DatabaseKind) -> Result<Declared, Finding> {
    let AutomatedBackups { retention_days, window, copy_tags_to_snapshot } = spec.automated.clone().unwrap_or_default();
    // Amazon RDS API Reference, ModifyDBInstance and ModifyDBCluster, BackupRetentionPeriod.
    let least = if kind == DatabaseKind::Cluster { 1 } else { 0 };
    if let Some(days) = retention_days.filter(|days| !(least..=35).contains(days)) {
        return Err(invalid(format!("automated.retentionDays: {days} is not allowed: write {least} to 35")));
    }
    if let Some(text) = &window {
        match Window::parse(text).map(|window| window.minutes()) {
            Some(SHORTEST_WINDOW..) => {}
            Some(minutes) => {
                return Err(invalid(format!(
                    "automated.window: {text} lasts {minutes} minutes, and RDS takes no window below {SHORTEST_WINDOW}: let it end later"
                )));
            }
            None => {
                return Err(invalid(format!(
                    "automated.window: {text:?} is no window: write two times of the day in UTC, for example 03:00-04:00"
                )));
            }
        }
    }
    Ok(Declared { retention_days, window, copy_tags_to_snapshot, deletion_protection: spec.deletion_protection })
}

fn scheduled(snapshots: &Snapshots, database: &DatabaseId) -> Result<Scheduled, Finding> {
    let timetable = Timetable::parse(
        "snapshots",
        (&snapshots.schedule, snapshots.time_zone.as_deref()),
        snapshots.jitter.as_ref(),
        &snapshots.starting_deadline,
    )?;
    let prefix = snapshots.name_prefix.clone().unwrap_or_else(|| format!("{}-scheduled", database.identifier));
    let reserved = ["rds-", "rbv-"].iter().any(|reserved| prefix.starts_with(reserved));
    if reserved || !is_identifier(&prefix, LONGEST_IDENTIFIER - SLOT) {
        return Err(invalid(format!(
            "snapshots.namePrefix: {prefix:?} cannot begin the identifier of a snapshot: write a lower-case letter, then lower-case letters, \
             digits and single hyphens, at most {}, not beginning with rds- or rbv-",
            LONGEST_IDENTIFIER - SLOT
        )));
    }
    let catch_up = match &snapshots.catch_up_window {
        None => None,
        Some(text) => match Window::parse(text).filter(|window| window.minutes() > 0) {
            Some(window) => Some(window),
            None => {
                return Err(invalid(format!(
                    "snapshots.catchUpWindow: {text:?} is no time: write two different times of the day, for example 22:00-06:00"
                )));
            }
        },
    };
    Ok(Scheduled {
        timetable,
        catch_up,
        prefix,
        run_on_create: snapshots.run_on_create,
        retention: snapshots.retention.as_ref().map(rules).transpose()?,
    })
}

pub(super) fn rules(retention: &Retention) -> Result<Rules, Finding> {
    let count = |field: &str, value: Option<i32>| match value.map(usize::try_from) {
        None => Ok(None),
        Some(Ok(value @ 1..)) => Ok(Some(value)),
        Some(_) => Err(invalid(format!(
            "snapshots.retention.{field}: {} keeps nothing: write 1 or more, or leave it out",
            value.unwrap_or_default()
        ))),
    };
    let rules = Rules {
        keep_last: count("keepLast", retention.keep_last)?,
        daily: count("daily", retention.daily)?,
        weekly: count("weekly", retention.weekly)?,
        monthly: count("monthly", retention.monthly)?,
        max_age_days: count("maxAgeDays", retention.max_age_days)?.and_then(|days| i64::try_from(days).ok()),
        min_verified: count("minVerified", retention.min_verified)?.unwrap_or_default(),
    };
    if rules == (Rules { min_verified: rules.min_verified, ..Rules::default() }) {
        return Err(invalid(
            "snapshots.retention says nothing: set keepLast, daily, weekly, monthly or maxAgeDays, or leave it out to keep all",
        ));
    }
    Ok(rules)
}

/// An identifier as RDS keeps it, of what may also be a cluster: in lower case (Amazon RDS API Reference, CreateDBSnapshot and
/// CreateDBClusterSnapshot). Grants are checked on an ARN made of it.
pub(crate) fn is_identifier(text: &str, longest: usize) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=longest).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(allowed)
        && !text.contains("--")
        && !text.ends_with('-')
}

pub(super) fn invalid(message: impl Into<String>) -> Finding {
    Finding::stalled("InvalidSpec", message)
}
