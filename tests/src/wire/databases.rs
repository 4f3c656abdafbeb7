//! The databases of a benchmark, and the snapshots that its policies took before it began.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use runbook_core::DatabaseKind;
use runbook_core::observed::BackupSettings;
use runbook_core::ownership::{OWN_ARN_TAG, OWNER_TAG, SLOT_TAG};
use runbook_core::step::SettingsChange;

use super::{ACCOUNT, REGION};
use crate::cloud::rds::outside::Act;
use crate::cloud::rds::{Key, Rds, Stored};

/// Amazon RDS API Reference: the most that a page of DescribeDBInstances or DescribeDBSnapshots holds.
const A_PAGE: usize = 100;
/// As many snapshots as anybody measures with.
const QUOTA: i64 = 1_000_000;
/// The cluster id and the namespace of the benchmark's policies.
const OWNER: &str = "bench/bench";

/// Which databases there are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Databases {
    /// How many: `database-00000` and so on. Automated backups are kept for a day.
    pub count: u32,
    /// How many snapshots there are of each, a day apart, taken for slots of the BackupPolicy of the database's name.
    pub snapshots: u32,
    /// The hour of the day, in UTC, of those slots.
    pub slot_hour: i8,
}

impl Databases {
    /// Puts them into a region.
    pub(super) fn set_up(self, rds: &mut Rds, now: Timestamp) {
        (rds.databases_per_page, rds.snapshots_per_page, rds.quota) = (A_PAGE, A_PAGE, QUOTA);
        let slots: Vec<Timestamp> = self.slots(now).collect();
        for name in (0..self.count).map(|number| format!("database-{number:05}")) {
            let key: Key = (DatabaseKind::Instance, name);
            let settings = BackupSettings {
                retention_days: 1,
                window: Some("03:00-03:30".into()),
                copy_tags_to_snapshot: true,
                deletion_protection: true,
            };
            let stored = Stored::new(ACCOUNT, REGION, &key, settings);
            rds.databases.insert(key.clone(), stored.clone());
            for slot in &slots {
                let snapshot = format!("{}-scheduled-{}", key.1, slot.strftime("%Y%m%d-%H%M%S"));
                let tags = BTreeMap::from([
                    (OWNER_TAG.into(), format!("{OWNER}/{}", key.1)),
                    (OWN_ARN_TAG.into(), stored.arn_of_snapshot(key.0, &snapshot)),
                    (SLOT_TAG.into(), slot.to_string()),
                ]);
                rds.there(&key, &snapshot, *slot, "manual", tags);
            }
        }
    }

    /// The last slots before `now`, newest first.
    fn slots(self, now: Timestamp) -> impl Iterator<Item = Timestamp> {
        let today = TimeZone::UTC.to_datetime(now).date().at(self.slot_hour, 0, 0, 0);
        let newest = TimeZone::UTC.to_timestamp(today).ok();
        let days = (0..=i64::from(self.snapshots))
            .map(move |days| newest.and_then(|newest| newest.checked_sub(SignedDuration::from_hours(24 * days)).ok()));
        days.flatten().filter(move |slot| *slot <= now).take(usize::try_from(self.snapshots).unwrap_or(usize::MAX))
    }
}

/// BackupRetentionPeriod by database.
pub(super) fn retention(rds: &mut Rds, now: Timestamp) -> BTreeMap<String, i32> {
    rds.advance(now);
    rds.databases.iter().map(|((_, name), stored)| (name.clone(), stored.settings.retention_days)).collect()
}

/// Sets BackupRetentionPeriods behind the operator's back.
///
/// # Errors
/// The name of a database that there is not.
pub(super) fn set_retention(rds: &mut Rds, wanted: BTreeMap<String, i32>, now: Timestamp) -> Result<(), String> {
    for (name, days) in wanted {
        let changes = SettingsChange { retention_days: Some(days), ..SettingsChange::default() };
        if !rds.act(&(DatabaseKind::Instance, name.clone()), &Act::Settings(changes), now) {
            return Err(name);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_are_of_the_last_slots_that_there_were() {
        let slots = |now: &str, slot_hour| {
            let databases = Databases { count: 1, snapshots: 2, slot_hour };
            databases.slots(now.parse().unwrap()).map(|slot| slot.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(slots("2026-03-02T12:00:00Z", 2), ["2026-03-02T02:00:00Z", "2026-03-01T02:00:00Z"]);
        assert_eq!(slots("2026-03-02T12:00:00Z", 23), ["2026-03-01T23:00:00Z", "2026-02-28T23:00:00Z"]);
    }
}
