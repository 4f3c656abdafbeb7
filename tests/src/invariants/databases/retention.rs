//! Which snapshots a retention keeps, by counting on the fingers.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use runbook_api::backup_policy::Retention;
use runbook_core::observed::DatabaseSnapshot;

use super::backups::Backup;
use crate::cloud::rds::Held;

/// A snapshot that a policy has taken: its slot and what it is.
pub type Taken<'h> = (Timestamp, &'h DatabaseSnapshot);

/// The snapshots that a policy has taken of this very database, newest first.
pub fn own<'h>(policy: &Backup, database: &str, snapshots: &'h [DatabaseSnapshot]) -> Vec<Taken<'h>> {
    let mut own = BTreeMap::new();
    for one in snapshots {
        let tag = |name: &str| one.tags.get(&format!("ops.clocked.app/{name}")).map(String::as_str);
        let ours = tag("owner") == Some(&*policy.owner()) && tag("resource-arn") == Some(&*one.arn);
        let slot = tag("slot").and_then(|slot| slot.parse::<Timestamp>().ok());
        let of_it = one.snapshot_type == "manual" && one.source_resource_id.as_deref() == Some(database);
        if let (true, true, Some(slot)) = (ours, of_it, slot) {
            own.insert((slot, one.identifier.clone()), one);
        }
    }
    own.into_iter().rev().map(|((slot, _), one)| (slot, one)).collect()
}

/// The snapshots of a policy that its retention does not keep at a time.
pub fn expendable(policy: &Backup, held: &Held, at: Timestamp) -> BTreeSet<String> {
    let Some(snapshots) = policy.snapshots() else { return BTreeSet::new() };
    let Some(rules) = &snapshots.retention else { return BTreeSet::new() };
    let zone = TimeZone::get(snapshots.time_zone.as_deref().unwrap_or("UTC")).unwrap_or(TimeZone::UTC);
    let all = own(policy, &held.database.resource_id, &held.snapshots);
    let available: Vec<Taken<'_>> = all.into_iter().filter(|(_, one)| one.status == "available").collect();
    let day = |slot: Timestamp| zone.to_datetime(slot).date();
    let kept = |position: usize, slot: Timestamp| {
        let newer: Vec<Date> = available[..position].iter().map(|(slot, _)| day(*slot)).collect();
        // The newest of its period, and no more than so many periods before it.
        let by = |count: Option<i32>, period: fn(Date) -> String| {
            let periods: BTreeSet<String> = newer.iter().map(|day| period(*day)).collect();
            count.is_some_and(|count| periods.len() < size(count) && !periods.contains(&period(day(slot))))
        };
        let counted = [rules.keep_last, rules.daily, rules.weekly, rules.monthly].iter().any(Option::is_some);
        let by_count = rules.keep_last.is_some_and(|count| position < size(count))
            || by(rules.daily, |day| day.to_string())
            || by(rules.weekly, |day| day.strftime("%G-%V").to_string())
            || by(rules.monthly, |day| day.strftime("%Y-%m").to_string());
        position == 0 || ((by_count || !counted) && !is_too_old(rules, slot, at))
    };
    let gone = available.iter().enumerate().filter(|(position, (slot, _))| !kept(*position, *slot));
    gone.map(|(_, (_, one))| one.identifier.clone()).collect()
}

fn is_too_old(rules: &Retention, slot: Timestamp, at: Timestamp) -> bool {
    let most = |days: i32| SignedDuration::from_hours(24 * i64::from(days));
    rules.max_age_days.is_some_and(|days| at.duration_since(slot) >= most(days))
}

fn size(count: i32) -> usize {
    usize::try_from(count).unwrap_or_default()
}
