//! DatabaseRestores, what they make, and when backups are verified.
//!
//! | | |
//! |---|---|
//! | [`writes`] | each write about a restored instance was wanted, claimed, preceded by a fresh read, and about nothing of anybody else's |
//! | [`begun`] | each slot of a verification's schedule was begun once at most, and when it might |
//! | [`told`] | a backup is said to be good, or bad, where the restored database itself has said so |
//! | [`end`] | at the end nothing is left over, every restore has ended, and says how |
//! | [`objects`], [`sights`] | what the objects mean, and what each process has read |

pub mod begun;
pub mod coverage;
pub mod end;
pub mod objects;
pub mod sights;
pub mod told;
pub mod writes;

use crate::invariants::Violation;
use crate::world::Run;

/// Judges all that has to do with restores in a run.
pub fn judge(run: &Run) -> Vec<Violation> {
    let mut violations = writes::judge(run);
    violations.extend(begun::judge(run));
    violations.extend(told::judge(run));
    violations.extend(end::judge(run));
    violations
}
