//! Which band is right: against an AWS that fires minute by minute, late, through summer time.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use runbook_api::common::Mode;
use runbook_core::observed::{Capacity, ScalableTarget, ScheduledAction, Suspended};
use runbook_core::scaling::expected::{Basis, expected};
use runbook_core::scaling::input::Band;
use runbook_core::scaling::overrides::bounds::Declared;
use runbook_core::scaling::overrides::{Bounds, Change, Lift, Override};
use runbook_core::scaling::schedule::zone;
use runbook_core::scaling::{Input, Size, input};
use serde_json::{Value, json};

use crate::naive::Naive;
use crate::world;

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

fn input_of(windows: Value, actions: Value) -> Input {
    let id = world::service_id();
    let spec = json!({
        "target": {"ecsService": {"cluster": id.cluster, "service": id.service}},
        "autoscaling": {"minCapacity": 2, "maxCapacity": 10, "windows": windows, "scheduledActions": actions},
    });
    let access = world::access(&world::everything_granted(), Mode::Enforce);
    input::validate(&serde_json::from_value(spec).unwrap(), &world::policy_id(), "production", &access).unwrap()
}

/// What is right at `now` with these limits registered.
fn right(input: &Input, registered: Option<(i32, i32)>, since: Timestamp, now: Timestamp) -> (i32, i32) {
    right_under(input, &[], registered, since, now)
}

/// As [`right`], under overrides.
fn right_under(
    input: &Input,
    overrides: &[Override],
    registered: Option<(i32, i32)>,
    since: Timestamp,
    now: Timestamp,
) -> (i32, i32) {
    let Size::Band(Band { capacity, scheduled, .. }) = &input.size else { panic!("a band") };
    let target = registered.map(|(min, max)| ScalableTarget {
        arn: None,
        capacity: Capacity { min, max, suspended: Suspended::default() },
        created_at: Some(since),
    });
    let applied: Vec<ScheduledAction> = scheduled.iter().map(|scheduled| scheduled.action.clone()).collect();
    let basis = Basis {
        id: &input.target,
        own: capacity,
        scheduled,
        applied: &applied,
        prune: false,
        target: target.as_ref(),
        lift: &Lift::of(&overrides.iter().collect::<Vec<_>>()),
        override_ceiling: None,
    };
    let expected = expected(&basis, now);
    assert_eq!(expected.findings, Vec::new());
    (expected.capacity.min, expected.capacity.max)
}

fn office() -> Value {
    json!([
        {"name": "office-hours", "start": "cron(0 8 ? * MON-FRI *)", "end": "cron(0 19 ? * MON-FRI *)", "timeZone": "Europe/Berlin",
         "minCapacity": 4, "maxCapacity": 12},
        {"name": "batch", "start": "cron(30 2 * * ? *)", "end": "cron(15 4 * * ? *)", "timeZone": "Europe/Berlin",
         "minCapacity": 1, "maxCapacity": 3},
    ])
}

/// Each sets one limit, and both are in zones of their own.
fn tides() -> Value {
    json!([
        {"name": "morning", "schedule": "cron(0 6 * * ? *)", "timeZone": "America/New_York", "minCapacity": 5},
        {"name": "evening", "schedule": "cron(30 20 * * ? *)", "timeZone": "Europe/Berlin", "minCapacity": 1},
        {"name": "weekend", "schedule": "cron(0 0 ? * SAT *)", "timeZone": "Asia/Kolkata", "maxCapacity": 6},
        {"name": "week", "schedule": "cron(0 0 ? * MON *)", "maxCapacity": 20},
    ])
}

/// AWS from `since` on: every action fires up to four minutes late and changes what it says. At every moment what AWS holds is right,
/// and what is registered anew is what AWS holds once nothing is about to fire.
fn follow(input: &Input, since: Timestamp, days: i32, lateness: i32) {
    let Size::Band(Band { scheduled, .. }) = &input.size else { panic!("a band") };
    let clocks: Vec<Naive> = scheduled
        .iter()
        .map(|one| Naive::new(&one.action.schedule, &zone(one.action.time_zone.as_deref()).unwrap()))
        .collect();
    let mut band = right(input, None, since, since);
    let mut late: Vec<(Timestamp, usize)> = Vec::new();
    for minute in 1..=days * 1440 {
        let now = since + MINUTE * minute;
        let firing = (0..clocks.len()).filter(|index| clocks[*index].fires(now));
        late.extend(firing.map(|index| (now + MINUTE * (lateness % 5), index)));
        for (_, index) in late.extract_if(.., |(due, _)| *due <= now) {
            let action = &scheduled[index].action;
            band = (action.min_capacity.unwrap_or(band.0), action.max_capacity.unwrap_or(band.1));
        }
        if minute % 3 == 0 {
            assert_eq!(right(input, Some(band), since, now), band, "at {now}");
        }
        if minute % 60 == 17 {
            // Half an hour after the last firing a band that is neither is put right.
            let wrong = (0, 5000);
            assert_eq!(right(input, Some(wrong), since, now), band, "at {now}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn windows_are_right_through_summer_time(start in 0..2880i32, lateness in 0..5i32, autumn: bool) {
        let begin = if autumn { "2026-10-23T00:00:00Z" } else { "2026-03-27T00:00:00Z" };
        let since = begin.parse::<Timestamp>().unwrap() + MINUTE * (start / 30 * 30 + 11);
        follow(&input_of(office(), json!([])), since, 4, lateness);
    }

    #[test]
    fn raw_actions_are_right_for_each_limit_by_itself(start in 0..2880i32, lateness in 0..5i32, autumn: bool) {
        let begin = if autumn { "2026-10-30T00:00:00Z" } else { "2026-03-06T00:00:00Z" };
        let since = begin.parse::<Timestamp>().unwrap() + MINUTE * (start / 30 * 30 + 11);
        follow(&input_of(json!([]), tides()), since, 4, lateness);
    }
}

#[test]
fn a_window_holds_for_a_target_that_is_registered_inside_it_and_a_raw_action_does_not() {
    let now: Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
    assert_eq!(right(&input_of(office(), json!([])), None, now, now), (4, 12));
    let raw = json!([{"name": "morning", "schedule": "cron(0 6 * * ? *)", "minCapacity": 5}]);
    let input = input_of(json!([]), raw);
    assert_eq!(right(&input, None, now, now), (2, 10));
    assert_eq!(right(&input, Some((2, 10)), now, now), (2, 10));
    let earlier = now - SignedDuration::from_hours(24);
    assert_eq!(right(&input, Some((2, 10)), earlier, now), (5, 10));
}

fn over(change: Change, created: Timestamp, suspend_scheduled: Option<bool>) -> Override {
    let expires_at = created + SignedDuration::from_hours(24 * 30);
    Override { name: "sale".into(), created, expires_at, change, suspend_scheduled }
}

/// What an override makes of a band.
fn lifted(one: &Override, (least, most): (i32, i32)) -> (i32, i32) {
    let declared = Declared { bounds: Bounds::between(least, most), autoscaled: true, ceiling: None };
    let bounds = Lift::of(&[one]).bounds(&declared);
    (bounds.least, bounds.most.unwrap())
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (1..15i32).prop_map(Change::AtLeast),
        (1..15i32).prop_map(Change::Exactly),
        (1..6i32, 6..15i32).prop_map(|(min, max)| Change::Range { min, max }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_override_changes_what_is_right_and_nothing_else(change in change(), start in 0..2880i32, lateness in 0..5i32) {
        let since = "2026-03-27T00:00:00Z".parse::<Timestamp>().unwrap() + MINUTE * (start / 30 * 30 + 11);
        let input = input_of(office(), json!([]));
        let Size::Band(Band { scheduled, .. }) = &input.size else { panic!("a band") };
        let clocks: Vec<Naive> = scheduled
            .iter()
            .map(|one| Naive::new(&one.action.schedule, &zone(one.action.time_zone.as_deref()).unwrap()))
            .collect();
        let sale = [over(change, since, None)];
        let mut band = right(&input, None, since, since);
        let mut late: Vec<(Timestamp, usize)> = Vec::new();
        for minute in 1..=2 * 1440 {
            let now = since + MINUTE * minute;
            let firing = (0..clocks.len()).filter(|index| clocks[*index].fires(now));
            late.extend(firing.map(|index| (now + MINUTE * lateness, index)));
            for (_, index) in late.extract_if(.., |(due, _)| *due <= now) {
                let action = &scheduled[index].action;
                band = (action.min_capacity.unwrap(), action.max_capacity.unwrap());
                // What AWS fired is changed once more.
                let after = right_under(&input, &sale, Some(band), since, now);
                prop_assert_eq!(after, lifted(&sale[0], band), "at {}", now);
            }
            // What the override makes of the band that AWS would have stays.
            if minute % 3 != 0 {
                continue;
            }
            let wanted = lifted(&sale[0], band);
            prop_assert_eq!(right_under(&input, &sale, Some(wanted), since, now), wanted, "at {}", now);
        }
    }

    #[test]
    fn what_an_override_suspends_stays_as_it_was_and_is_caught_up_with(change in change(), start in 0..2880i32, later in 6..2880i32) {
        let since: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let made = "2026-03-27T00:00:00Z".parse::<Timestamp>().unwrap() + MINUTE * (start / 30 * 30 + 11);
        let now = made + MINUTE * later;
        let input = input_of(office(), json!([]));
        let before = right(&input, None, since, made);
        let pause = [over(change, made, Some(true))];
        let held = lifted(&pause[0], before);
        prop_assert_eq!(right_under(&input, &pause, Some(held), since, now), held);
        prop_assert_eq!(right_under(&input, &pause, None, since, now), held);
        // When it has ended, it is as if it had never been.
        let ended = right(&input, Some((0, 5000)), since, now);
        prop_assert_eq!(ended, right(&input, None, since, now));
    }
}

#[test]
fn around_a_firing_both_bands_are_right_and_later_only_one() {
    let input = input_of(office(), json!([]));
    let since = "2026-01-01T00:00:00Z".parse().unwrap();
    // 08:00 in Berlin.
    let firing: Timestamp = "2026-03-02T07:00:00Z".parse().unwrap();
    for (minutes, before_is_right, after_is_right) in
        [(-6, true, false), (-5, true, true), (-1, true, true), (0, true, true), (4, true, true), (6, false, true)]
    {
        let now = firing + MINUTE * minutes;
        assert_eq!(right(&input, Some((2, 10)), since, now) == (2, 10), before_is_right, "{minutes}");
        assert_eq!(right(&input, Some((4, 12)), since, now) == (4, 12), after_is_right, "{minutes}");
    }
}
