//! ScalingOverrides: temporary changes of one ScalingPolicy, and what is left of its size under them.

pub mod adopt;
pub mod bounds;
pub mod intent;
pub mod keep;
pub mod status;

use jiff::Timestamp;
use runbook_api::ScalingOverride;

pub use adopt::Adoption;
pub use bounds::{Bounds, Lift};
pub use intent::Intent;

/// A ScalingOverride as far as a decision looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// Its name.
    pub name: String,
    /// When it was made: the newest decides.
    pub created: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The size it asks for.
    pub change: Change,
    /// Whether scheduled scaling is suspended, where it says so.
    pub suspend_scheduled: Option<bool>,
}

/// The size that an override asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Not below.
    AtLeast(i32),
    /// This many.
    Exactly(i32),
    /// Another band.
    Range {
        /// Not below.
        min: i32,
        /// Not above.
        max: i32,
    },
}

impl Override {
    /// What an object says. None where it says no size, which the schema refuses, or is being deleted.
    pub fn read(object: &ScalingOverride) -> Option<Self> {
        let (spec, metadata) = (&object.spec, &object.metadata);
        let change = match (spec.at_least, spec.exactly, spec.range) {
            (Some(least), None, None) if least > 0 => Change::AtLeast(least),
            (None, Some(count), None) if count >= 0 => Change::Exactly(count),
            (None, None, Some(range)) if range.min >= 0 && range.min <= range.max => {
                Change::Range { min: range.min, max: range.max }
            }
            _ => return None,
        };
        if metadata.deletion_timestamp.is_some() {
            return None;
        }
        Some(Self {
            name: metadata.name.clone()?,
            // The API server always sets a creation time; without one an override comes last.
            created: metadata.creation_timestamp.as_ref().map_or(Timestamp::MIN, |time| time.0),
            expires_at: spec.expires_at.0,
            change,
            suspend_scheduled: spec.suspend_scheduled,
        })
    }

    /// Whether it holds at `now`.
    pub fn is_active(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }

    /// Whether it lets the service stop, which needs the policy's `allowZero`.
    pub fn allows_zero(&self) -> bool {
        match self.change {
            Change::AtLeast(_) => false,
            Change::Exactly(count) => count == 0,
            Change::Range { min, .. } => min == 0,
        }
    }
}

/// What overrides of one policy say, in an order of their own so that equal ones are equal.
pub fn read<'o>(objects: impl IntoIterator<Item = &'o ScalingOverride>) -> Vec<Override> {
    let mut all: Vec<Override> = objects.into_iter().filter_map(Override::read).collect();
    all.sort_by(|one, other| one.name.cmp(&other.name));
    all
}

/// Those that hold at `now`, newest first; of two made in the same second the one whose name sorts first.
pub fn active(all: &[Override], allow_zero: bool, now: Timestamp) -> Vec<&Override> {
    let mut active: Vec<&Override> =
        all.iter().filter(|one| one.is_active(now) && (allow_zero || !one.allows_zero())).collect();
    active.sort_by(|one, other| other.created.cmp(&one.created).then_with(|| one.name.cmp(&other.name)));
    active
}
