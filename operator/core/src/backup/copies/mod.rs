//! Copies of a policy's snapshots in other regions and accounts.
//!
//! ```text
//! another region:   snapshot ─copy─► copy
//! another account:  snapshot ─copy, encrypted again─► snapshot to be shared ─share, copy─► copy; then the one that was shared is deleted
//! ```
//!
//! Where each copy stands follows from what RDS lists, so whatever is interrupted goes on from there. Only what was made to be shared is
//! ever shared. What cannot be looked at, or used, keeps no snapshot from being taken: it is only said.

mod destination;
mod listed;
pub mod reach;
mod seen;
mod status;
mod steps;
mod wanted;

pub use destination::{Destination, Place, Reach, destinations};
pub use listed::{in_progress, tags};
pub use seen::{Seen, Standing, ahead, look};
pub use status::statuses;
pub use steps::{Copying, copying, retire};
pub use wanted::wanted;

use std::collections::BTreeSet;

use super::own::Own;
use super::retention::Sorted;
use crate::plan::{Finding, Plan};

/// Snapshots that are kept no longer and wait for a copy to be begun: so many for each destination. Older ones go.
const HELD_BACK: usize = 10;

/// Keeps snapshots that are kept no longer from being deleted, while they are being copied, or have still to be.
pub fn hold_back<'f>(sorted: Sorted<'f>, standings: &[Standing<'f>], plan: &mut Plan) -> Sorted<'f> {
    let (mut unknown, mut needed) = (Vec::new(), BTreeSet::new());
    for Standing { destination, seen } in standings {
        match seen {
            Err(_) => unknown.push(destination.name.as_str()),
            Ok(seen) => {
                let mut waiting: Vec<&Own<'_>> = seen.wanted.iter().collect();
                waiting.sort_by_key(|one| std::cmp::Reverse(one.slot));
                needed.extend(waiting.into_iter().take(HELD_BACK).map(|one| one.slot));
                needed.extend(seen.copies.iter().filter(|one| in_progress(one.snapshot)).map(|one| one.slot));
                needed.extend(seen.shared.iter().filter(|one| in_progress(one.snapshot)).map(|one| one.slot));
            }
        }
    }
    let held = |one: &Own<'f>| !unknown.is_empty() || needed.contains(&one.slot);
    let (held, due): (Vec<Own<'f>>, Vec<Own<'f>>) = sorted.due.into_iter().partition(held);
    if let Some(first) = held.first() {
        let why = match unknown.as_slice() {
            [] => "they are being copied, or have still to be".to_owned(),
            names => format!("it is not known how the copies {} stand", names.join(", ")),
        };
        let message = format!(
            "{} snapshots that are kept no longer, from {} on, are not deleted: {why}",
            held.len(),
            first.snapshot.identifier
        );
        plan.findings.push(Finding::note("DeletionsHeldBack", message));
    }
    Sorted { due, ..sorted }
}
