//! AWS's schedule expressions: read, refused, and fired as a clock that is looked at every minute would.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;
use runbook_core::scaling::schedule::{Bounds, Schedule, zone};
use serde::Deserialize;

use crate::naive::Naive;

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const ZONES: [&str; 9] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Africa/Casablanca",
    "Pacific/Apia",
    "Pacific/Chatham",
];

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn expression() -> impl Strategy<Value = String> {
    let minutes = select(&["0", "*/15", "5,35", "10-20", "*", "55-5/3", "30", "1/10"][..]);
    let hours = select(&["*", "8", "2", "1-3", "22-2", "0/6", "9,17", "23"][..]);
    let month_day = select(&["*", "1", "15", "31", "L", "LW", "15W", "1W", "31W", "1,15", "28-3", "*/10"][..]);
    let week_day = select(&["*", "MON-FRI", "SAT", "1", "L", "6L", "FRIL", "3#2", "SUN#5", "SAT-MON", "2,4"][..]);
    let month = select(&["*", "*", "*", "JAN", "3,10", "MAR-OCT/2", "11-2", "2"][..]);
    let year = select(&["*", "*", "2024-2028", "2026", "2025/2"][..]);
    let days = prop_oneof![month_day.prop_map(|day| (day, "?")), week_day.prop_map(|day| ("?", day)),];
    (minutes, hours, days, month, year).prop_map(|(minutes, hours, (month_day, week_day), month, year)| {
        format!("cron({minutes} {hours} {month_day} {month} {week_day} {year})")
    })
}

/// A moment of the years around now, half of them within a day of a change of the clocks.
fn moment(zone: &TimeZone, seconds: i64, near: bool) -> Timestamp {
    let moment = Timestamp::from_second(1_672_531_200 + seconds).unwrap();
    let change = zone.following(moment).next().filter(|_| near);
    change.map_or(moment, |change| change.timestamp() + SignedDuration::from_secs(seconds % 172_800 - 86_400))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_next_and_the_last_firing_are_those_of_a_clock_looked_at_every_minute(
        expression in expression(), name in select(&ZONES[..]), seconds in 0..220_000_000i64, near: bool
    ) {
        let place = zone(Some(name)).unwrap();
        let (schedule, naive) = (Schedule::parse(&expression, Some(name)).unwrap(), Naive::new(&expression, &place));
        let moment = moment(&place, seconds, near);
        let minute = Timestamp::from_second(moment.as_second().div_euclid(60) * 60).unwrap();
        let days = 2 * 1440;
        let after = (1..=days).map(|n| minute + MINUTE * n).find(|minute| naive.fires(*minute));
        let before = (0..=days).map(|n| minute - MINUTE * n).find(|minute| naive.fires(*minute));
        let next = schedule.next(moment, &Bounds::default());
        let last = schedule.last(moment, &Bounds::default());
        let horizon = (minute - MINUTE * days, minute + MINUTE * days);
        prop_assert_eq!(next.filter(|next| *next <= horizon.1), after);
        prop_assert_eq!(last.filter(|last| *last >= horizon.0), before);
    }

    #[test]
    fn last_and_next_enclose_every_moment(expression in expression(), name in select(&ZONES[..]), seconds in 0..220_000_000i64) {
        let schedule = Schedule::parse(&expression, Some(name)).unwrap();
        let moment = Timestamp::from_second(1_672_531_200 + seconds).unwrap();
        let bounds = Bounds::default();
        if let Some(next) = schedule.next(moment, &bounds) {
            prop_assert!(next > moment);
            prop_assert_eq!(schedule.last(next, &bounds), Some(next));
            prop_assert_eq!(schedule.last(next - SignedDuration::from_secs(1), &bounds), schedule.last(moment, &bounds));
        }
        if let Some(last) = schedule.last(moment, &bounds) {
            prop_assert!(last <= moment);
            prop_assert_eq!(schedule.next(last, &bounds), schedule.next(moment, &bounds));
            prop_assert_eq!(schedule.next(last - SignedDuration::from_secs(1), &bounds), Some(last));
            // Neither fires outside its bounds.
            let ended = Bounds { end: Some(last), ..bounds };
            prop_assert!(schedule.last(moment, &ended).is_none_or(|earlier| earlier < last));
            prop_assert_eq!(schedule.next(last, &ended), None);
            let begins = Bounds { start: Some(last + SignedDuration::from_secs(1)), ..bounds };
            prop_assert_eq!(schedule.last(moment, &begins), None);
            prop_assert_eq!(schedule.next(Timestamp::MIN, &begins), schedule.next(last, &bounds));
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "(at|rate|cron)?[(]?[-0-9A-Z*,/?LW# :T]{0,30}[)]?", name in select(&ZONES[..])) {
        let _ = Schedule::parse(&text, Some(name));
    }
}

#[test]
fn two_years_of_firings_in_berlin_are_those_of_the_clock() {
    let place = zone(Some("Europe/Berlin")).unwrap();
    let (start, end) = (at("2026-01-01T00:00:00Z"), at("2028-01-01T00:00:00Z"));
    for expression in ["cron(30 2 * * ? *)", "cron(15 2 ? 3,10 SUNL *)", "cron(0 8 LW * ? *)"] {
        let (schedule, naive) =
            (Schedule::parse(expression, Some("Europe/Berlin")).unwrap(), Naive::new(expression, &place));
        let mut fired = Vec::new();
        let mut moment = start;
        while let Some(next) = schedule.next(moment, &Bounds::default()).filter(|next| *next < end) {
            fired.push(next);
            moment = next;
        }
        let minutes = end.duration_since(start).as_secs() / 60;
        let looked: Vec<Timestamp> = (1..i32::try_from(minutes).unwrap())
            .map(|n| start + MINUTE * n)
            .filter(|minute| naive.fires(*minute))
            .collect();
        assert_eq!(fired, looked, "{expression}");
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    schedule: String,
    time_zone: Option<String>,
    after: Timestamp,
    fires: Vec<Timestamp>,
}

/// The same table is held against the sandbox's AWS: both read the expressions alike.
#[test]
fn the_table_of_firings_holds() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../schedules.json")).unwrap();
    assert!(cases.len() >= 15);
    for Case { schedule, time_zone, after, fires } in cases {
        let parsed = Schedule::parse(&schedule, time_zone.as_deref()).unwrap();
        let bounds = Bounds { created: Some(after), ..Bounds::default() };
        let mut moment = after;
        for expected in fires {
            let next = parsed.next(moment, &bounds);
            assert_eq!(next, Some(expected), "{schedule} in {time_zone:?} after {moment}");
            moment = expected;
        }
    }
}

#[test]
fn what_is_no_schedule_is_refused_with_what_to_write() {
    for (expression, time_zone, said) in [
        ("0 8 * * *", None, "write at(yyyy-mm-ddThh:mm:ss), rate(value unit) or cron("),
        ("cron(0 8 * * *)", None, "has six fields"),
        ("cron(0 8 * * * *)", None, "exactly one of day-of-month and day-of-week must be ?"),
        ("cron(0 8 ? * ? *)", None, "exactly one of"),
        ("cron(60 8 * * ? *)", None, "minutes: 60 is not between 0 and 59"),
        ("cron(0 8 ? * MO *)", None, "day-of-week: 'MO' is not a value"),
        ("cron(0 8 ? * 2#6 *)", None, "from 1 to 5"),
        ("cron(0/0 8 * * ? *)", None, "no step that is a positive number"),
        ("cron(0 8 32W * ? *)", None, "day-of-month: 32 is not between 1 and 31"),
        ("rate(1 hours)", None, "(minute, hour or day after 1)"),
        ("rate(0 minutes)", None, "positive number"),
        ("rate(5 weeks)", None, "minutes, hours or days"),
        ("at(2026-02-30T00:00:00)", None, "is no moment"),
        ("at(2026-02-03)", None, "is no moment"),
        ("cron(0 8 * * ? *)", Some("Berlin"), "Berlin is no IANA time zone"),
        ("cron(0 8 * * ? *)", Some("../etc/passwd"), "is no IANA time zone"),
    ] {
        let error = Schedule::parse(expression, time_zone).unwrap_err().to_string();
        assert!(error.contains(said), "{expression}: {error}");
    }
}

#[test]
fn a_rate_counts_from_its_start_and_else_from_its_creation() {
    let schedule = Schedule::parse("rate(6 hours)", None).unwrap();
    let created = Some(at("2026-03-01T01:30:00Z"));
    let bounds = Bounds { created, ..Bounds::default() };
    assert_eq!(schedule.last(at("2026-03-01T09:00:00Z"), &bounds), Some(at("2026-03-01T07:30:00Z")));
    assert_eq!(schedule.next(at("2026-03-01T09:00:00Z"), &bounds), Some(at("2026-03-01T13:30:00Z")));
    assert_eq!(schedule.last(at("2026-03-01T01:29:59.5Z"), &bounds), None);
    let bounds = Bounds { start: Some(at("2026-03-01T02:00:00Z")), ..bounds };
    assert_eq!(schedule.last(at("2026-03-01T09:00:00Z"), &bounds), Some(at("2026-03-01T08:00:00Z")));
    assert_eq!(schedule.next(Timestamp::MIN, &Bounds::default()), None, "AWS has not been told of it");
}
