//! Five-field cron, against a reading that looks at each minute of the clocks.

use jiff::civil::{DateTime, date};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp, ToSpan};
use proptest::prelude::*;
use proptest::sample::select;
use runbook_core::backup::cron::Cron;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn cron(expression: &str, zone: &str) -> Cron {
    Cron::parse(expression, Some(zone)).unwrap()
}

/// All times of a span, and that looking backwards finds the same.
fn times(cron: &Cron, from: &str, to: &str) -> Vec<String> {
    let times = cron.between(at(from), at(to), 100);
    for pair in times.windows(2) {
        let just_before = pair[1] - SignedDuration::from_secs(1);
        assert_eq!(cron.last(just_before), Some(pair[0]));
        assert_eq!(cron.last(pair[1]), Some(pair[1]));
    }
    times.iter().map(ToString::to_string).collect()
}

#[test]
fn what_the_clocks_skip_is_moved_and_what_they_repeat_counts_once() {
    for (expression, zone, from, to, expected) in [
        // 02:00 to 03:00 is skipped on 29 March 2026, and repeated on 25 October.
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2026-03-28T00:00:00Z",
            "2026-03-30T12:00:00Z",
            vec!["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"],
        ),
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2026-10-24T00:00:00Z",
            "2026-10-26T12:00:00Z",
            vec!["2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
        ),
        (
            "*/20 1-3 29 3 *",
            "Europe/Berlin",
            "2026-03-28T23:00:00Z",
            "2026-03-29T12:00:00Z",
            vec![
                "2026-03-29T00:00:00Z",
                "2026-03-29T00:20:00Z",
                "2026-03-29T00:40:00Z",
                "2026-03-29T01:00:00Z",
                "2026-03-29T01:20:00Z",
                "2026-03-29T01:40:00Z",
            ],
        ),
        (
            "30 2 8 3 *",
            "America/New_York",
            "2026-03-08T00:00:00Z",
            "2026-03-09T00:00:00Z",
            vec!["2026-03-08T07:00:00Z"],
        ),
        (
            "0,30 1 1 11 *",
            "America/New_York",
            "2026-11-01T00:00:00Z",
            "2026-11-02T00:00:00Z",
            vec!["2026-11-01T05:00:00Z", "2026-11-01T05:30:00Z"],
        ),
        // Half an hour only.
        (
            "15 2 * * *",
            "Australia/Lord_Howe",
            "2026-10-02T20:00:00Z",
            "2026-10-04T20:00:00Z",
            vec!["2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"],
        ),
        (
            "45 1 5 4 *",
            "Australia/Lord_Howe",
            "2026-04-04T00:00:00Z",
            "2026-04-06T00:00:00Z",
            vec!["2026-04-04T14:45:00Z"],
        ),
        // 30 December 2011 never was.
        (
            "0 12 * * *",
            "Pacific/Apia",
            "2011-12-29T00:00:00Z",
            "2012-01-01T00:00:00Z",
            vec!["2011-12-29T22:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T22:00:00Z", "2011-12-31T22:00:00Z"],
        ),
    ] {
        assert_eq!(times(&cron(expression, zone), from, to), expected, "{expression} {zone}");
    }
}

#[test]
fn either_day_is_enough_where_both_are_restricted() {
    let both = times(&cron("0 0 13 * FRI", "UTC"), "2026-03-01T00:00:00Z", "2026-03-21T00:00:00Z");
    assert_eq!(both, ["2026-03-06T00:00:00Z", "2026-03-13T00:00:00Z", "2026-03-20T00:00:00Z"]);
}

#[test]
fn leap_days_are_far_away_and_found() {
    let leap = cron("0 0 29 2 *", "UTC");
    assert_eq!(leap.next(at("2096-03-01T00:00:00Z")), Some(at("2104-02-29T00:00:00Z")));
    assert_eq!(leap.last(at("2104-02-28T00:00:00Z")), Some(at("2096-02-29T00:00:00Z")));
    assert_eq!(cron("0 0 30 2 *", "UTC").next(at("2026-01-01T00:00:00Z")), None);
    assert_eq!(cron("0 0 30 2 *", "UTC").last(at("2026-01-01T00:00:00Z")), None);
    for end in [Timestamp::MIN, Timestamp::MAX] {
        assert_eq!((leap.next(end), leap.last(end)), (None, None));
    }
}

#[test]
fn what_is_no_expression_says_what_to_write() {
    for (text, zone) in [
        ("0 2 * *", "UTC"),
        ("0 2 * * * *", "UTC"),
        ("61 2 * * *", "UTC"),
        ("0 2 L * *", "UTC"),
        ("0 2 * * MON#2", "UTC"),
        ("0 2 ? * *", "UTC"),
        ("H 2 * * *", "UTC"),
        ("0 5-2 * * *", "UTC"),
        ("*/0 * * * *", "UTC"),
        ("@daily", "UTC"),
        ("0 2 * * FUN", "UTC"),
        ("0 2 * * *", "Europe/Atlantis"),
        ("", "UTC"),
    ] {
        let error = Cron::parse(text, Some(zone)).expect_err(text);
        assert!(error.contains("write"), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
    assert_eq!(cron("0 2 * * *", "Europe/Berlin").text(), "0 2 * * * Europe/Berlin");
}

/// A field of numbers: what it allows.
#[derive(Clone, Debug)]
struct Field(String, Vec<i8>);

fn field(first: i8, last: i8) -> impl Strategy<Value = Field> {
    let one = (first..=last).prop_map(|value| Field(value.to_string(), vec![value]));
    let range = (first..=last, first..=last).prop_map(|(one, other)| {
        let (low, high) = (one.min(other), one.max(other));
        Field(format!("{low}-{high}"), (low..=high).collect())
    });
    let step = (2..20i8).prop_map(move |by| {
        let by = by.min(last);
        Field(format!("*/{by}"), (first..=last).step_by(usize::try_from(by).unwrap()).collect())
    });
    let list = prop::collection::btree_set(first..=last, 1..4).prop_map(|values| {
        Field(values.iter().map(ToString::to_string).collect::<Vec<_>>().join(","), values.into_iter().collect())
    });
    prop_oneof![3 => Just(Field("*".into(), (first..=last).collect())), 2 => one, 1 => range, 1 => step, 1 => list]
}

fn fields() -> impl Strategy<Value = [Field; 5]> {
    (field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 6))
        .prop_map(|(minute, hour, day, month, weekday)| [minute, hour, day, month, weekday])
}

fn matches([minute, hour, day, month, weekday]: &[Field; 5], civil: DateTime) -> bool {
    let day_matches = day.1.contains(&civil.day());
    let weekday_matches = weekday.1.contains(&civil.weekday().to_sunday_zero_offset());
    let days = if day.0.starts_with('*') || weekday.0.starts_with('*') {
        day_matches && weekday_matches
    } else {
        day_matches || weekday_matches
    };
    days && minute.1.contains(&civil.minute()) && hour.1.contains(&civil.hour()) && month.1.contains(&civil.month())
}

/// Each minute that the clocks should have shown, and the first moment at which they have shown it or a later one.
fn naive(fields: &[Field; 5], zone: &TimeZone, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
    let minute = SignedDuration::from_mins(1);
    let mut shown = zone.to_datetime(from - SignedDuration::from_hours(26));
    let mut found = Vec::new();
    let mut now = from - SignedDuration::from_hours(26);
    while now <= to {
        let civil = zone.to_datetime(now);
        let mut due = false;
        while shown < civil {
            shown += 1.minute();
            due |= matches(fields, shown);
        }
        if due && now > from {
            found.push(now);
        }
        now += minute;
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_is_as_if_each_minute_was_looked_at(
        fields in fields(),
        (zone, day) in select(vec![
            ("Europe/Berlin", date(2026, 3, 29)), ("Europe/Berlin", date(2026, 10, 25)), ("America/New_York", date(2026, 3, 8)),
            ("America/New_York", date(2026, 11, 1)), ("Australia/Lord_Howe", date(2026, 4, 5)), ("UTC", date(2026, 1, 1)),
            ("Australia/Lord_Howe", date(2026, 10, 4)), ("Pacific/Apia", date(2011, 12, 31)), ("Asia/Kathmandu", date(2026, 2, 28)),
        ]),
        before in 0..3000i64,
        length in 0..4000i64,
    ) {
        let expression = fields.iter().map(|field| field.0.as_str()).collect::<Vec<_>>().join(" ");
        let cron = cron(&expression, zone);
        let zone = TimeZoneDatabase::bundled().get(zone).unwrap();
        let from = zone.to_timestamp(day.at(0, 0, 0, 0)).unwrap() - SignedDuration::from_mins(before);
        let to = from + SignedDuration::from_mins(length);
        let expected = naive(&fields, &zone, from, to);
        prop_assert_eq!(&cron.between(from, to, usize::MAX >> 8), &expected, "{}", expression);
        prop_assert_eq!(cron.next(from).filter(|next| *next <= to), expected.first().copied());
        if let Some(last) = expected.last() {
            prop_assert_eq!(cron.last(to), Some(*last), "{}", expression);
        }
        let few = cron.between(from, to, 3);
        prop_assert_eq!(&few[..], &expected[expected.len().saturating_sub(3)..]);
    }
}
