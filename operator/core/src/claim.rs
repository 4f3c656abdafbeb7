//! Who holds a resource when several policies name it.

use jiff::Timestamp;

use crate::ids::ObjectId;
use crate::plan::Finding;

/// A policy that wants to enforce something on a resource. Suspended and observing policies claim nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claimant {
    /// When the policy was created: the oldest holds.
    pub created: Timestamp,
    /// Breaks a tie: creation times have whole seconds.
    pub id: ObjectId,
}

/// Whether `claimant` holds `resource` against `others`.
///
/// # Errors
/// A stalled finding that names the holder.
pub fn hold(claimant: &Claimant, others: &[Claimant], resource: &str) -> Result<(), Finding> {
    match others.iter().filter(|other| *other < claimant).min() {
        None => Ok(()),
        Some(holder) => Err(Finding::stalled(
            "TargetConflict",
            format!(
                "{resource} is already held by {}, which is older: delete one of the two, or suspend the other",
                holder.id
            ),
        )),
    }
}
