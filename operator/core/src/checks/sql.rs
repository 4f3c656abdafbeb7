//! A check by SQL, as it is written.

use crate::checks::Expectation;

/// No statement is longer, in characters.
pub const MAX_STATEMENT: usize = 4096;

/// One statement, and what is expected of its result.
#[derive(Clone, Debug, PartialEq)]
pub struct SqlCheck {
    /// What the check is called in a policy.
    pub name: String,
    /// The statement. That it is one, and one that writes nothing, is PostgreSQL's to say.
    pub sql: String,
    /// What its result has to be like.
    pub expectation: Expectation,
}

impl SqlCheck {
    /// Reads a check.
    ///
    /// # Errors
    /// What is wrong with the statement or the expectation, and what to write.
    pub fn parse(name: &str, sql: &str, expect: &str) -> Result<Self, String> {
        if sql.trim().is_empty() {
            return Err(format!("check {name:?} has no statement: write for example SELECT count(*) FROM users"));
        }
        let length = sql.chars().count();
        if length > MAX_STATEMENT {
            return Err(format!(
                "the statement of check {name:?} has {length} characters: write at most {MAX_STATEMENT}, or a view in the database"
            ));
        }
        if sql.contains('\0') {
            return Err(format!("the statement of check {name:?} has a NUL character: write it without"));
        }
        let expectation =
            Expectation::parse(expect).map_err(|error| format!("the expectation of check {name:?}: {error}"))?;
        Ok(Self { name: name.to_owned(), sql: sql.to_owned(), expectation })
    }
}
