//! Any BackupPolicy, any database, any snapshots: within what the schema and AWS allow, and with a taste for edges.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;
use runbook_api::backup_policy::BackupPolicySpec;
use runbook_api::scheduled_export::{ExportState, ScheduledExport};
use runbook_api::scheduled_verification::VerificationState::{Failed, Passed, Unknown};
use runbook_core::backup::memory::{Exports, Verifications};
use runbook_core::backup::verification::Run;
use runbook_core::backup::{Memory, exports, ledger, slots};
use runbook_core::observed::{Database, DatabaseSnapshot};
use runbook_core::ownership::{OWN_ARN_TAG, OWNER_TAG, VERIFIED_TAG};
use runbook_core::{DatabaseKind, Facts};
use serde_json::{Value, json};

use super::world;

const SCHEDULES: [&str; 6] = ["0 0 * * *", "0 3 * * *", "*/20 * * * *", "30 2 * * SUN", "0 0 1 * *", "59 2 1 3 *"];
const ZONES: [&str; 3] = ["UTC", "Europe/Berlin", "Pacific/Apia"];
const STATUSES: [&str; 5] = ["available", "backing-up", "storage-optimization", "storage-full", "stopped"];
const PENDING: [(&str, &str); 4] = [
    ("BackupRetentionPeriod", "0"),
    ("BackupRetentionPeriod", "7"),
    ("BackupRetentionPeriod", "14"),
    ("DBInstanceClass", "db.m7g.large"),
];

pub fn kind() -> impl Strategy<Value = DatabaseKind> {
    select(vec![DatabaseKind::Instance, DatabaseKind::Cluster])
}

fn days() -> impl Strategy<Value = i32> {
    select(vec![0, 1, 7, 14])
}

fn window() -> impl Strategy<Value = &'static str> {
    select(vec!["01:00-02:00", "02:00-03:00", "04:00-05:00", "23:50-00:30"])
}

pub fn retention() -> impl Strategy<Value = Value> {
    let count = || prop::option::of(select(vec![1, 2, 3, 7]));
    let all = (count(), count(), count(), count(), prop::option::of(select(vec![1, 3, 30, 400])));
    all.prop_filter("something is kept", |all| *all != (None, None, None, None, None)).prop_map(
        |(keep_last, daily, weekly, monthly, max_age)| {
            json!({"keepLast": keep_last, "daily": daily, "weekly": weekly, "monthly": monthly, "maxAgeDays": max_age})
        },
    )
}

fn verification() -> impl Strategy<Value = Value> {
    let (schedule, jitter) = (select(&SCHEDULES[..]), select(vec!["0s", "10m", "24h"]));
    let select_one = select(vec!["Newest", "Random"]);
    (schedule, select(&ZONES[..]), jitter, select(vec!["1m", "3h", "168h"]), select_one, any::<bool>()).prop_map(
        |(schedule, zone, jitter, deadline, select, automated)| {
            json!({"schedule": schedule, "timeZone": zone, "jitter": jitter, "startingDeadline": deadline, "select": select,
                "includeAutomated": automated, "checks": [{"name": "any", "sql": "SELECT 1", "expect": "value == 1"}]})
        },
    )
}

/// The DatabaseRestores of the namespace: of slots near the present, and of others.
pub fn runs() -> impl Strategy<Value = Vec<Run>> {
    let hours = prop_oneof![0..72i64, 0..900i64];
    let ended = prop::option::weighted(0.8, select(vec![Passed, Failed, Unknown]));
    let one = (hours, ended, any::<bool>()).prop_map(|(hours, ended, own)| {
        let slot = world::now() - SignedDuration::from_hours(hours);
        Run {
            name: format!("clocked-db-{hours}"),
            slot: own.then_some(slot),
            snapshot: Some(slots::identifier(world::PREFIX, slot)),
            ended: ended.map(|state| (state, None)),
            passed_at: (ended == Some(Passed)).then_some(slot),
            time_to_restore: Some(SignedDuration::from_mins(hours)),
        }
    });
    prop::collection::vec(one, 0..4)
}

/// Exports of which any may be due, under names that say which.
fn some_exports() -> impl Strategy<Value = Value> {
    let one = (select(&SCHEDULES[..]), select(vec!["0s", "10m", "24h"]), select(vec!["1m", "3h", "168h"]));
    prop::collection::vec(one, 0..3).prop_map(|all| {
        let one = |(number, (schedule, jitter, deadline)): (usize, (&str, &str, &str))| {
            json!({"name": format!("export-{number}"), "schedule": schedule, "jitter": jitter, "startingDeadline": deadline,
                "source": "Primary", "connection": {"secretRef": {"name": "clocked-db-export"}}, "serviceAccountName": "exporter",
                "s3": {"bucket": "clocked-backups", "prefix": "database/"}})
        };
        all.into_iter().enumerate().map(one).collect()
    })
}

/// The DatabaseBackups of the namespace: of slots near the present, and of others.
pub fn exported() -> impl Strategy<Value = Vec<exports::Run>> {
    let hours = prop_oneof![0..72i64, 0..900i64];
    let ended = prop::option::weighted(0.8, select(vec![ExportState::Complete, ExportState::Failed]));
    let one = (0..3usize, hours, ended, any::<bool>()).prop_map(|(number, hours, ended, own)| {
        let slot = world::now() - SignedDuration::from_hours(hours);
        let of = own.then(|| (format!("export-{number}"), slot));
        exports::Run {
            name: format!("export-{number}-{hours}"),
            of,
            ended: ended.map(|state| (state, None)),
            made: None,
        }
    });
    prop::collection::vec(one, 0..4)
}

fn snapshots() -> impl Strategy<Value = Value> {
    let catch_up = prop::option::of(select(vec!["22:00-06:00", "03:00-03:01", "12:00-13:00"]));
    let (jitter, deadline) = (select(vec!["0s", "10m", "24h"]), select(vec!["1m", "3h", "12h", "168h"]));
    (
        select(&SCHEDULES[..]),
        select(&ZONES[..]),
        jitter,
        deadline,
        catch_up,
        any::<bool>(),
        prop::option::of(retention()),
    )
        .prop_map(|(schedule, zone, jitter, deadline, catch_up, on_create, retention)| {
            json!({"schedule": schedule, "timeZone": zone, "jitter": jitter, "startingDeadline": deadline,
                "catchUpWindow": catch_up, "runOnCreate": on_create, "retention": retention})
        })
}

/// Any spec that the schema lets through.
pub fn spec(kind: DatabaseKind) -> impl Strategy<Value = BackupPolicySpec> {
    let automated =
        (prop::option::of(days()), prop::option::of(window()), prop::option::of(any::<bool>()), any::<bool>());
    let runs = (prop::option::of(snapshots()), prop::option::of(verification()), some_exports());
    (prop::option::of(automated), any::<bool>(), runs).prop_filter_map(
        "something is declared",
        move |(automated, protection, (mut snapshots, verification, exports))| {
            let verification = verification.filter(|_| kind == DatabaseKind::Instance);
            if let (Some(snapshots), Some(_)) = (&mut snapshots, &verification)
                && snapshots["retention"].is_object()
            {
                snapshots["retention"]["minVerified"] = json!(2);
            }
            let mut spec =
                json!({"deletionProtection": protection, "snapshots": snapshots, "verification": verification});
            if kind == DatabaseKind::Instance {
                spec["exports"] = exports;
            }
            spec["source"] = match kind {
                DatabaseKind::Instance => json!({"rdsInstance": "clocked-db"}),
                DatabaseKind::Cluster => json!({"rdsCluster": "clocked-db"}),
            };
            if let Some((days, window, copy, outage)) = automated {
                let days = days.map(|days| if kind == DatabaseKind::Cluster { days.max(1) } else { days });
                spec["automated"] = json!({"retentionDays": days, "window": window, "copyTagsToSnapshot": copy});
                spec["allowOutage"] = json!(outage);
            }
            let declares = protection || spec.get("automated").is_some() || !spec["snapshots"].is_null();
            declares.then(|| serde_json::from_value(spec).unwrap())
        },
    )
}

pub fn database(kind: DatabaseKind) -> impl Strategy<Value = Database> {
    let pending = prop::option::of(select(&PENDING[..]));
    let status = prop_oneof![3 => Just("available"), 1 => select(&STATUSES[..])];
    (status, days(), window(), any::<bool>(), any::<bool>(), pending).prop_map(
        move |(status, days, window, copy, protection, pending)| {
            let mut database = world::database(kind);
            database.status = status.into();
            database.settings.retention_days = if kind == DatabaseKind::Cluster { days.max(1) } else { days };
            database.settings.window = Some(window.into());
            database.settings.copy_tags_to_snapshot = copy;
            database.settings.deletion_protection = protection;
            database.pending = pending.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            database
        },
    )
}

/// A snapshot, own and available for the most part.
pub fn snapshot(kind: DatabaseKind) -> impl Strategy<Value = DatabaseSnapshot> {
    let hours = prop_oneof![3 => (0..40i64).prop_map(|days| days * 24 + 3), 1 => 0..9000i64];
    let status = prop_oneof![6 => Just("available"), 1 => select(vec!["creating", "failed", "copying"])];
    (hours, status, prop_oneof![6 => Just(0), 1 => 1..5i32]).prop_map(move |(hours, status, foreign)| {
        let mut snapshot = world::snapshot(kind, world::now() - SignedDuration::from_hours(hours));
        snapshot.status = status.into();
        match foreign {
            1 => drop(snapshot.tags.insert(OWNER_TAG.into(), "staging/clocked/clocked-db".into())),
            2 => drop(
                snapshot.tags.insert(OWN_ARN_TAG.into(), "arn:aws:rds:eu-central-1:123456789012:snapshot:other".into()),
            ),
            3 => snapshot.source_resource_id = Some("db-ZZZZZZZZZZZZ".into()),
            4 => snapshot.snapshot_type = "automated".into(),
            _ if hours % 5 == 0 => drop(snapshot.tags.insert(VERIFIED_TAG.into(), world::now().to_string())),
            _ => {}
        }
        snapshot
    })
}

pub fn all_snapshots(kind: DatabaseKind) -> impl Strategy<Value = Vec<DatabaseSnapshot>> {
    prop::collection::vec(snapshot(kind), 0..30).prop_map(|mut snapshots| {
        snapshots.sort_by(|one, other| one.identifier.cmp(&other.identifier));
        snapshots.dedup_by(|one, other| one.identifier == other.identifier);
        snapshots
    })
}

pub fn facts(kind: DatabaseKind) -> impl Strategy<Value = Facts> {
    (prop::option::weighted(0.95, database(kind)), all_snapshots(kind), select(vec![0, 79, 80, 99, 100]))
        .prop_map(move |(database, snapshots, used)| world::facts(kind, database, snapshots, used))
}

fn moment() -> impl Strategy<Value = Timestamp> {
    prop_oneof![0..72i64, 0..9000i64].prop_map(|hours| world::now() - SignedDuration::from_hours(hours))
}

/// What a status may remember of a policy with this spec.
pub fn memory(spec: BackupPolicySpec) -> impl Strategy<Value = Memory> {
    let deletions = prop::collection::vec((0..40i64).prop_map(|hours| world::now() - world::hours(hours)), 0..4);
    (prop::option::of((any::<bool>(), moment())), moment(), any::<bool>(), deletions).prop_map(
        move |(scheduled, created, was_suspended, deletions)| {
            let text = |snapshots: &runbook_api::backup_policy::Snapshots| {
                format!("{} {}", snapshots.schedule, snapshots.time_zone.as_deref().unwrap_or("UTC"))
            };
            let schedule =
                |same| if same { spec.snapshots.as_ref().map(text).unwrap_or_default() } else { "other".into() };
            let scheduled = scheduled.map(|(same, since)| (schedule(same), since));
            let created = Some(created);
            let was_suspended = was_suspended && scheduled.is_some();
            // The same for both: what differs in one differs in the other.
            let of_verification = |since| {
                let one = spec.verification.as_ref()?;
                Some((format!("{} {}", one.schedule, one.time_zone.as_deref().unwrap_or("UTC")), since))
            };
            let verifications = Verifications {
                remembered: ledger::Memory {
                    scheduled: scheduled.as_ref().and_then(|(_, since)| of_verification(*since)),
                    ..ledger::Memory::default()
                },
                ..Verifications::default()
            };
            let since = scheduled.as_ref().map(|(_, since)| *since);
            let of_export = |one: &ScheduledExport| {
                let scheduled = since.map(|since| (format!("{} UTC", one.schedule), since));
                let remembered = ledger::Memory { scheduled, ..ledger::Memory::default() };
                (one.name.clone(), Exports { remembered, ..Exports::default() })
            };
            let exports = spec.exports.iter().map(of_export).collect();
            Memory { created, scheduled, was_suspended, deletions, verifications, exports, ..Memory::default() }
        },
    )
}
