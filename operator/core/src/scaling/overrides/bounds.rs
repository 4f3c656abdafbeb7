//! The size that is wanted once every active override has had its say. The newest decides each field.

use std::fmt;

use jiff::Timestamp;

use super::{Change, Override};

/// Sizes that are as wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Not below.
    pub least: i32,
    /// Not above; `None`: however large it is.
    pub most: Option<i32>,
}

impl Bounds {
    /// This many, and no other number.
    pub fn exactly(count: i32) -> Self {
        Self { least: count, most: Some(count) }
    }

    /// Between these.
    pub fn between(least: i32, most: i32) -> Self {
        Self { least, most: Some(most) }
    }

    /// The nearest size that is as wanted.
    pub fn clamp(&self, size: i32) -> i32 {
        self.most.map_or(size, |most| size.min(most)).max(self.least)
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.most {
            Some(most) if most == self.least => write!(formatter, "{most}"),
            Some(most) => write!(formatter, "{} to {most}", self.least),
            None => write!(formatter, "at least {}", self.least),
        }
    }
}

/// What a policy declares, as far as overrides change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Declared {
    /// Its size.
    pub bounds: Bounds,
    /// Whether an autoscaler moves the service within them.
    pub autoscaled: bool,
    /// `overrideCeiling`.
    pub ceiling: Option<i32>,
}

impl Declared {
    /// How far an override may raise the size. A band says how large the service may become; a fixed size says nothing of the kind.
    pub fn limit(&self) -> Option<i32> {
        let declared = self.bounds.most.unwrap_or(self.bounds.least);
        match self.ceiling {
            Some(ceiling) => Some(ceiling.max(declared)),
            None => self.autoscaled.then_some(declared),
        }
    }
}

/// What the active overrides say together, and who says it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lift<'o> {
    floor: Option<(&'o str, Floor)>,
    most: Option<(&'o str, i32)>,
    suspend_scheduled: Option<(&'o str, bool)>,
    /// Since when an override suspends scheduled scaling.
    suspended_since: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Floor {
    /// Not below this, nor below what is declared.
    Raised(i32),
    /// Not below this, whatever is declared.
    Set(i32),
}

impl<'o> Lift<'o> {
    /// What overrides say together; the newest comes first.
    pub fn of(active: &[&'o Override]) -> Self {
        let mut lift = Self::default();
        for one in active {
            let (floor, most) = match one.change {
                Change::AtLeast(least) => (Floor::Raised(least), None),
                Change::Exactly(count) => (Floor::Set(count), Some(count)),
                Change::Range { min, max } => (Floor::Set(min), Some(max)),
            };
            let name = one.name.as_str();
            lift.floor = lift.floor.or(Some((name, floor)));
            lift.most = lift.most.or(most.map(|most| (name, most)));
            lift.suspend_scheduled = lift.suspend_scheduled.or(one.suspend_scheduled.map(|suspend| (name, suspend)));
        }
        if lift.suspend_scheduled() == Some(true) {
            let suspending = active.iter().filter(|one| one.suspend_scheduled == Some(true));
            lift.suspended_since = suspending.map(|one| one.created).min();
        }
        lift
    }

    /// Whether the override of this name decides anything.
    pub fn decides(&self, name: &str) -> bool {
        let names = [
            self.floor.map(|(name, _)| name),
            self.most.map(|(name, _)| name),
            self.suspend_scheduled.map(|(name, _)| name),
        ];
        names.contains(&Some(name))
    }

    /// Whether scheduled scaling is suspended, where an override says so.
    pub fn suspend_scheduled(&self) -> Option<bool> {
        self.suspend_scheduled.map(|(_, suspend)| suspend)
    }

    /// Since when an override suspends scheduled scaling, where one does.
    pub fn suspended_since(&self) -> Option<Timestamp> {
        self.suspended_since
    }

    /// The size that is wanted of a policy that declares `declared`.
    pub fn bounds(&self, declared: &Declared) -> Bounds {
        let limit = declared.limit();
        let limited = |count: i32| limit.map_or(count, |limit| count.min(limit));
        let least = limited(match self.floor {
            None => declared.bounds.least,
            Some((_, Floor::Raised(least))) => least.max(declared.bounds.least),
            Some((_, Floor::Set(least))) => least,
        });
        let most = match (self.most, self.floor) {
            (Some((_, most)), _) => Some(limited(most).max(least)),
            // With nothing to move it, a larger service was made larger by somebody: atLeast takes nothing away.
            (None, Some((_, Floor::Raised(_)))) if !declared.autoscaled => None,
            (None, _) => declared.bounds.most.map(|most| most.max(least)),
        };
        Bounds { least, most }
    }

    /// What the override of this name changes, for a person.
    pub fn changes(&self, name: &str, declared: &Declared) -> String {
        let (before, after) = (declared.bounds, self.bounds(declared));
        let mut changes = Vec::new();
        let by = |decider: Option<&str>| decider == Some(name);
        let sizes = by(self.floor.map(|(name, _)| name)) || by(self.most.map(|(name, _)| name));
        if sizes && before != after {
            changes.push(format!("size {before} to {after}"));
        }
        if let Some((decider, suspend)) = self.suspend_scheduled
            && decider == name
        {
            changes.push(format!("scheduled scaling {}", if suspend { "suspended" } else { "not suspended" }));
        }
        if changes.is_empty() { "nothing: the size is already so".into() } else { changes.join(", ") }
    }
}
