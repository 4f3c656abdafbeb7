//! Which snapshots are to be copied.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::backup::own::Own;
use crate::backup::retention::Rules;

/// The snapshots of which there is to be a copy and is none, in the order in which they are copied. `own` and `copies` are newest first.
///
/// With rules: those that the rules would keep among the copies, newest first, so that an old backlog is not copied to be deleted.
/// Where something else deletes the copies, that there is none says nothing: only what is newer than the newest that was ever copied,
/// oldest first; at first the newest alone.
pub fn wanted<'f>(
    rules: Option<&Rules>,
    own: &[Own<'f>],
    copies: &[Own<'f>],
    copied_until: Option<Timestamp>,
    zone: &TimeZone,
    now: Timestamp,
) -> Vec<Own<'f>> {
    let available: Vec<Own<'f>> = own.iter().copied().filter(Own::is_available).collect();
    let there: BTreeSet<Timestamp> = copies.iter().map(|copy| copy.slot).collect();
    let mut seen = BTreeSet::new();
    let mut missing = available.iter().copied().filter(|one| !there.contains(&one.slot) && seen.insert(one.slot));
    let Some(rules) = rules else {
        return match copies.first().map(|copy| copy.slot).max(copied_until) {
            None => missing.next().into_iter().collect(),
            Some(until) => {
                let mut newer: Vec<Own<'f>> = missing.filter(|one| one.slot > until).collect();
                newer.reverse();
                newer
            }
        };
    };
    let slots: BTreeSet<Timestamp> = available.iter().map(|one| one.slot).collect();
    let gone = copies.iter().copied().filter(|copy| copy.is_available() && !slots.contains(&copy.slot));
    let mut all: Vec<Own<'f>> = available.iter().copied().chain(gone).collect();
    all.sort_by_key(|one| std::cmp::Reverse(one.slot));
    let due: BTreeSet<Timestamp> = rules.sort(&all, zone, now).due.iter().map(|one| one.slot).collect();
    missing.filter(|one| !due.contains(&one.slot)).collect()
}
