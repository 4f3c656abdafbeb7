//! What is kept, over any history.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use runbook_core::DatabaseKind;
use runbook_core::backup::own::Own;
use runbook_core::backup::retention::Rules;
use runbook_core::observed::DatabaseSnapshot;
use runbook_core::ownership::VERIFIED_TAG;

use super::world;

fn history() -> impl Strategy<Value = Vec<DatabaseSnapshot>> {
    prop::collection::btree_map(0..2000i64, prop::bool::weighted(0.2), 0..60).prop_map(|ages| {
        let snapshot = |(age, verified): (i64, bool)| {
            let mut snapshot = world::snapshot(DatabaseKind::Instance, world::now() - world::hours(age * 7));
            if verified {
                snapshot.tags.insert(VERIFIED_TAG.into(), world::now().to_string());
            }
            snapshot
        };
        ages.into_iter().map(snapshot).collect()
    })
}

fn rules() -> impl Strategy<Value = Rules> {
    let count = || prop::option::of(1..9usize);
    (count(), count(), count(), count(), prop::option::of(1..500i64), 0..4usize).prop_map(
        |(keep_last, daily, weekly, monthly, max_age_days, min_verified)| Rules {
            keep_last,
            daily,
            weekly,
            monthly,
            max_age_days,
            min_verified,
        },
    )
}

fn own(snapshots: &[DatabaseSnapshot]) -> Vec<Own<'_>> {
    let slot = |one: &DatabaseSnapshot| one.tags["ops.clocked.app/slot"].parse::<Timestamp>().unwrap();
    snapshots.iter().map(|snapshot| Own { slot: slot(snapshot), snapshot }).collect()
}

fn slots(due: &[Own<'_>]) -> BTreeSet<Timestamp> {
    due.iter().map(|one| one.slot).collect()
}

/// The newest of each period, in the plainest words.
fn newest(own: &[Own<'_>], count: Option<usize>, period: impl Fn(Timestamp) -> String) -> BTreeSet<Timestamp> {
    let mut newest = std::collections::BTreeMap::new();
    for one in own {
        let entry = newest.entry(period(one.slot)).or_insert(one.slot);
        *entry = one.slot.max(*entry);
    }
    let mut newest: Vec<Timestamp> = newest.into_values().collect();
    newest.sort_unstable();
    newest.into_iter().rev().take(count.unwrap_or_default()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_a_rule_keeps_is_kept_and_the_rest_goes(history in history(), rules in rules()) {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let (own, now) = (own(&history), world::now());
        let shown = |format: &'static str| {
            let zone = zone.clone();
            move |at: Timestamp| at.to_zoned(zone.clone()).strftime(format).to_string()
        };
        let mut kept = newest(&own, rules.keep_last, |at| at.to_string());
        kept.extend(newest(&own, rules.daily, shown("%Y-%m-%d")));
        kept.extend(newest(&own, rules.weekly, shown("%G-%V")));
        kept.extend(newest(&own, rules.monthly, shown("%Y-%m")));
        if (rules.keep_last, rules.daily, rules.weekly, rules.monthly) == (None, None, None, None) {
            kept = slots(&own);
        }
        if let Some(days) = rules.max_age_days {
            kept.retain(|slot| *slot + SignedDuration::from_hours(24 * days) > now);
        }
        kept.extend(own.first().map(|newest| newest.slot));
        let verified: Vec<Own<'_>> =
            own.iter().copied().filter(|one| one.snapshot.tags.contains_key(VERIFIED_TAG)).collect();
        kept.extend(newest(&verified, Some(rules.min_verified), |at| at.to_string()));
        let gone: BTreeSet<Timestamp> = slots(&own).difference(&kept).copied().collect();
        prop_assert_eq!(slots(&rules.sort(&own, &zone, now).due), gone);
    }

    #[test]
    fn once_they_are_gone_nothing_more_goes(history in history(), rules in rules(), limit in 1..60usize) {
        let zone = TimeZone::get("Pacific/Apia").unwrap();
        let all = own(&history);
        let due = rules.sort(&all, &zone, world::now()).due;
        prop_assert!(due.is_sorted_by_key(|one| one.slot));
        // Also where not all may go at once.
        let first: BTreeSet<Timestamp> = due.iter().take(limit).map(|one| one.slot).collect();
        let left: Vec<Own<'_>> = all.iter().copied().filter(|one| !first.contains(&one.slot)).collect();
        let next = rules.sort(&left, &zone, world::now()).due;
        prop_assert_eq!(slots(&next), slots(&due).difference(&first).copied().collect::<BTreeSet<_>>());
    }

    #[test]
    fn what_will_be_too_old_goes_when_it_is_said(history in history(), rules in rules()) {
        let own = own(&history);
        let expiring = rules.sort(&own, &TimeZone::UTC, world::now()).expiring;
        prop_assert!(expiring.is_sorted_by_key(|(_, at)| *at));
        for (one, at) in expiring {
            prop_assert!(at > world::now());
            prop_assert!(slots(&rules.sort(&own, &TimeZone::UTC, at).due).contains(&one.slot));
            let before = at - SignedDuration::from_secs(1);
            prop_assert!(!slots(&rules.sort(&own, &TimeZone::UTC, before).due).contains(&one.slot));
        }
    }

    #[test]
    fn what_is_not_available_neither_counts_nor_goes(mut history in history(), rules in rules(), every in 2..5usize) {
        let all = history.clone();
        let alone: Vec<DatabaseSnapshot> =
            all.iter().enumerate().filter(|(index, _)| index % every != 0).map(|(_, one)| one.clone()).collect();
        for one in history.iter_mut().step_by(every) {
            one.status = "failed".into();
        }
        let due = |history: &[DatabaseSnapshot]| slots(&rules.sort(&own(history), &TimeZone::UTC, world::now()).due);
        prop_assert_eq!(due(&history), due(&alone));
    }
}
