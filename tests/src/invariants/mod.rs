//! What must hold of every run, judged by its record alone.
//!
//! | | |
//! |---|---|
//! | [`writes`] | each write about a service was wanted, allowed, needed, preceded by a fresh read and a claim, and changed something |
//! | [`brakes`] | none was to be held back by the account's owner, or because somebody keeps undoing it |
//! | [`statuses`] | each status that was written is one of the table's, and moves as it may |
//! | [`adoptions`] | each scale-out by hand is adopted once, where the policy says so |
//! | [`overrides`] | overrides and policies say of each other what is so |
//! | [`databases`] | the same of databases: their settings, the slots of their schedules, what is kept and what goes |
//! | [`end`] | at the end AWS is as declared, every object says so, the acts are in the histories, and nothing is written any more |

pub mod adoptions;
pub mod brakes;
pub mod coverage;
pub mod databases;
pub mod end;
pub mod knowledge;
pub mod oracle;
pub mod overrides;
pub mod statuses;
pub mod writes;

use std::fmt;

use jiff::Timestamp;

use crate::world::Run;

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which rule is broken.
    pub rule: &'static str,
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.rule, self.what)
    }
}

/// Everything that must not be in a run.
pub fn judge(run: &Run) -> Vec<Violation> {
    let mut violations: Vec<Violation> =
        run.panics.iter().map(|panic| Violation { rule: "no panic", at: run.epoch, what: panic.clone() }).collect();
    violations.extend(writes::judge(run));
    violations.extend(statuses::judge(run));
    violations.extend(adoptions::judge(run));
    violations.extend(end::judge(run));
    violations.extend(databases::judge(run));
    violations
}

/// The violations and the timeline of a run, for a person.
pub fn explain(name: &str, violations: &[Violation], run: &Run) -> String {
    let mut text = format!("{name}: {} violations\n", violations.len());
    for violation in violations.iter().take(12) {
        let seconds = violation.at.duration_since(run.epoch).as_secs_f64();
        text.push_str(&format!("  at {seconds:.3}: {violation}\n"));
    }
    text.push_str("timeline:\n");
    text.push_str(&run.timeline());
    text
}
