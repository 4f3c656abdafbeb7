//! What a statement returned, as much of it as an expectation can be about.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// No text is longer, in bytes, so that no expression takes long on it.
pub const MAX_TEXT: usize = 16 * 1024;

/// A value of SQL as CEL knows it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub enum SqlValue {
    /// NULL.
    Null,
    /// boolean.
    Bool(bool),
    /// smallint, integer, bigint, oid; a numeric without decimal places that fits.
    Int(i64),
    /// real, double precision; any other numeric, to the nearest double.
    Double(f64),
    /// text, varchar, char, name, of at most [`MAX_TEXT`] bytes.
    Text(String),
    /// timestamp with time zone; timestamp without one, taken as UTC.
    Timestamp(Timestamp),
}

impl SqlValue {
    /// What it is called in messages.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a bool",
            Self::Int(_) => "an int",
            Self::Double(_) => "a double",
            Self::Text(_) => "a string",
            Self::Timestamp(_) => "a timestamp",
        }
    }
}

/// Its type alone: what is logged may hold nothing of a row.
impl fmt::Debug for SqlValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.type_name())
    }
}

/// What a statement returned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SqlOutcome {
    /// The first column of the first row; NULL where there is no row.
    pub value: SqlValue,
    /// The first row by column; of columns of the same name the first. Empty where there is no row.
    pub row: BTreeMap<String, SqlValue>,
    /// How many rows were returned, as far as they were counted.
    pub rows: u32,
    /// Whether there were more.
    pub more: bool,
}

impl SqlOutcome {
    /// That of a statement that returned no row.
    pub fn empty() -> Self {
        Self { value: SqlValue::Null, row: BTreeMap::new(), rows: 0, more: false }
    }
}

/// How much there was, and nothing of what it was.
impl fmt::Display for SqlOutcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more = if self.more { " or more" } else { "" };
        write!(formatter, "{}{more} row{}", self.rows, if self.rows == 1 && !self.more { "" } else { "s" })
    }
}
