//! Which exports go, and which uploads were left behind.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use runbook_core::export::{Compression, FILE_TIME, Order, Retention};

use crate::manifest::SUFFIX;

/// A dump that has a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// Key of the dump.
    pub key: String,
    /// Which slot its key says.
    pub slot: Timestamp,
}

/// The exports of an order's name among all keys that begin alike, newest first. `user-data-eu-20260301-010000` is none of `user-data`.
pub fn exports(order: &Order, keys: &[String]) -> Vec<Export> {
    let manifest = |key: &str| keys.iter().any(|other| other.strip_suffix(SUFFIX) == Some(key));
    let mut found: Vec<Export> = keys
        .iter()
        .filter_map(|key| slot_of(order, key).map(|slot| Export { key: key.clone(), slot }))
        .filter(|export| manifest(&export.key))
        .collect();
    found.sort_by(|one, other| other.slot.cmp(&one.slot).then_with(|| other.key.cmp(&one.key)));
    found
}

/// Those that no rule keeps, oldest first. The newest, and that of the order itself, are always kept.
pub fn due(rules: Retention, order: &Order, exports: &[Export], now: Timestamp) -> Vec<Export> {
    let too_old = |export: &Export| {
        let lasts = rules.max_age_days.map(|days| SignedDuration::from_hours(24 * i64::from(days)));
        lasts.and_then(|lasts| export.slot.checked_add(lasts).ok()).is_some_and(|until| until <= now)
    };
    let beyond = |index: usize| rules.keep_last.is_some_and(|most| index >= most as usize);
    let own = order.key();
    let candidates = exports.iter().enumerate().skip(1).filter(|(_, export)| export.key != own);
    candidates
        .filter(|(index, export)| too_old(export) || beyond(*index))
        .map(|(_, export)| export.clone())
        .rev()
        .collect()
}

/// Whether an upload was left behind: by an earlier attempt at this very export, or by one of this name whose Job is over.
pub fn is_left_behind(order: &Order, key: &str, initiated: Option<Timestamp>, now: Timestamp) -> bool {
    if key == order.key() {
        return true;
    }
    let lasts = SignedDuration::from_secs(i64::from(order.deadline_seconds));
    let over = initiated.and_then(|at| at.checked_add(lasts).ok()).is_some_and(|until| until <= now);
    slot_of(order, key).is_some() && over
}

/// The slot that the key of a dump of this name says.
fn slot_of(order: &Order, key: &str) -> Option<Timestamp> {
    let rest = key.strip_prefix(&order.family())?;
    let formats = [Compression::Zstd, Compression::Gzip, Compression::None];
    let time = formats.iter().find_map(|format| rest.strip_suffix(format.suffix()))?;
    let slot = DateTime::strptime(FILE_TIME, time).ok()?;
    // What is read leniently is not of ours.
    (slot.strftime(FILE_TIME).to_string() == time).then(|| TimeZone::UTC.to_timestamp(slot).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> Order {
        serde_json::from_value(serde_json::json!({
            "owner": "o", "name": "user-data", "slot": "2026-03-04T01:00:00Z", "databaseArn": "arn", "source": "Primary",
            "host": "h", "port": 5432, "deadlineSeconds": 3600,
            "s3": {"bucket": "bucket", "region": "eu-central-1", "prefix": "db/", "bucketOwner": "123456789012"},
        }))
        .unwrap()
    }

    fn keys(days: &[u8]) -> Vec<String> {
        let dump = |day: &u8| format!("db/user-data-202603{day:02}-010000.dump.zst");
        days.iter().flat_map(|day| [dump(day), dump(day) + SUFFIX]).collect()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn only_dumps_of_the_name_with_a_manifest_count() {
        let mut keys = keys(&[1, 3, 2]);
        keys.extend(
            [
                "db/user-data-20260305-010000.dump.zst",
                "db/user-data-eu-20260301-010000.dump.zst",
                "db/user-data-eu-20260301-010000.dump.zst.manifest.json",
                "db/user-data-2026031-010000.dump.zst",
                "db/user-data-2026031-010000.dump.zst.manifest.json",
                "db/user-data-20260301-010000.sql",
                "db/user-data-20260301-010000.sql.manifest.json",
            ]
            .map(String::from),
        );
        let found: Vec<String> = exports(&order(), &keys).iter().map(|one| one.slot.to_string()).collect();
        assert_eq!(found, ["2026-03-03T01:00:00Z", "2026-03-02T01:00:00Z", "2026-03-01T01:00:00Z"]);
    }

    #[test]
    fn rules() {
        let (order, now) = (order(), at("2026-03-04T02:00:00Z"));
        let found = exports(&order, &keys(&[1, 2, 3, 4]));
        let due = |keep_last, max_age_days| -> Vec<i8> {
            let rules = Retention { keep_last, max_age_days };
            let due = due(rules, &order, &found, now);
            due.iter().map(|one| TimeZone::UTC.to_datetime(one.slot).day()).collect()
        };
        assert_eq!(due(Some(2), None), [1, 2]);
        assert_eq!(due(Some(0), None), [1, 2, 3]);
        assert_eq!(due(None, Some(2)), [1, 2]);
        assert_eq!(due(Some(3), Some(1)), [1, 2, 3]);
        assert_eq!(due(Some(9), Some(9)), [0i8; 0]);
        assert_eq!(due(None, None), [0i8; 0]);
    }

    #[test]
    fn an_older_slot_that_is_exported_late_keeps_its_own() {
        let late = Order { slot: at("2026-03-01T01:00:00Z"), ..order() };
        let found = exports(&late, &keys(&[1, 2, 3]));
        let rules = Retention { keep_last: Some(1), max_age_days: None };
        let due: Vec<String> =
            due(rules, &late, &found, at("2026-03-04T02:00:00Z")).into_iter().map(|one| one.key).collect();
        assert_eq!(due, ["db/user-data-20260302-010000.dump.zst"]);
    }

    #[test]
    fn uploads_of_others_stay() {
        let (order, now) = (order(), at("2026-03-04T02:00:00Z"));
        let left = |key: &str, initiated: &str| is_left_behind(&order, key, Some(at(initiated)), now);
        assert!(left("db/user-data-20260304-010000.dump.zst", "2026-03-04T01:59:59Z"), "an earlier attempt");
        assert!(left("db/user-data-20260303-010000.dump.zst", "2026-03-04T01:00:00Z"), "its Job is over");
        assert!(!left("db/user-data-20260303-010000.dump.zst", "2026-03-04T01:00:01Z"), "its Job may run");
        assert!(!left("db/user-data-eu-20260303-010000.dump.zst", "2026-03-01T01:00:00Z"));
        assert!(!left("db/other.zip", "2026-03-01T01:00:00Z"));
        assert!(!is_left_behind(&order, "db/user-data-20260303-010000.dump.zst", None, now), "nobody knows");
    }
}
