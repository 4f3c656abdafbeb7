//! Databases and their backups.
//!
//! | | |
//! |---|---|
//! | [`sights`] | what each process has read of databases, and when |
//! | [`writes`] | each write about a database was wanted, needed, claimed, preceded by a fresh read, and made once |
//! | [`slots`] | each slot of a schedule has its snapshot, or there is a reason why not |
//! | [`end`] | at the end RDS is as declared, and every policy says what came of its slots |
//! | [`restores`] | the same of DatabaseRestores, of what they make, and of when backups are verified |
//! | [`backups`], [`retention`] | what the objects mean |

pub mod backups;
pub mod coverage;
pub mod end;
pub mod restores;
pub mod retention;
pub mod sights;
pub mod slots;
pub mod wanted;
pub mod writes;

use super::Violation;
use crate::world::Run;

/// Judges all that has to do with databases in a run.
pub fn judge(run: &Run) -> Vec<Violation> {
    if run.databases.is_empty() {
        return Vec::new();
    }
    let mut violations = writes::judge(run);
    violations.extend(slots::judge(run));
    violations.extend(end::judge(run));
    violations.extend(restores::judge(run));
    violations
}
