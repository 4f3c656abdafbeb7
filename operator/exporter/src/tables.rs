//! Which tables are dumped.

use runbook_core::export::{MOST_TABLES, Reason};

use crate::failure::Failure;

/// Longest name of PostgreSQL, in bytes (NAMEDATALEN - 1).
const LONGEST: usize = 63;

/// A table as somebody has named it: exactly so, no pattern, nothing folded to lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// None: where the role's `search_path` finds it.
    pub schema: Option<String>,
    /// Its name.
    pub name: String,
}

/// A table that the server has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Name of its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// `r`, `p` and so on (PostgreSQL documentation, "pg_class", relkind).
    pub kind: String,
}

/// Reads `table` and `schema.table`.
///
/// # Errors
/// One of them names no table.
pub fn named(tables: &[String]) -> Result<Vec<Named>, Failure> {
    if tables.len() > MOST_TABLES {
        let message = format!("{} tables are named: name {MOST_TABLES} at most, or none for all", tables.len());
        return Err(Failure::new(Reason::InvalidOrder, message));
    }
    tables.iter().map(|text| one(text)).collect()
}

fn one(text: &str) -> Result<Named, Failure> {
    let (schema, name) = match text.split_once('.') {
        Some((schema, name)) => (Some(schema), name),
        None => (None, text),
    };
    let legal = |part: &str| {
        !part.is_empty() && part.len() <= LONGEST && !part.chars().any(|one| one.is_control() || "\".*?".contains(one))
    };
    if !legal(name) || !schema.is_none_or(legal) {
        return Err(Failure::new(
            Reason::InvalidOrder,
            format!(
                "{text:?} names no table: write table or schema.table as they are called, without quotes and patterns"
            ),
        ));
    }
    Ok(Named { schema: schema.map(Into::into), name: name.into() })
}

impl Named {
    /// As `to_regclass` takes it.
    pub fn quoted(&self) -> String {
        match &self.schema {
            Some(schema) => format!("{}.{}", quoted(schema), quoted(&self.name)),
            None => quoted(&self.name),
        }
    }
}

impl Table {
    /// As SQL has it; and as a pattern of pg_dump, in which nothing between quotes is special ("psql", Patterns).
    pub fn quoted(&self) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(&self.name))
    }

    /// Whether it has rows itself. A partitioned table has those of its partitions, which are tables of their own.
    pub fn has_rows(&self) -> bool {
        self.kind == "r"
    }

    /// What it is, where that cannot be exported.
    pub fn is_no_table(&self) -> Option<&'static str> {
        match self.kind.as_str() {
            "r" | "p" => None,
            "v" => Some("a view"),
            "m" => Some("a materialized view"),
            "S" => Some("a sequence"),
            "f" => Some("a foreign table, whose rows are elsewhere"),
            _ => Some("no table"),
        }
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_as_they_are_written() {
        let read = |text: &str| named(&[text.to_owned()]).map(|tables| tables[0].quoted());
        assert_eq!(read("users"), Ok("\"users\"".into()));
        assert_eq!(read("App.Users"), Ok("\"App\".\"Users\"".into()));
        assert_eq!(read("drop table users; --"), Ok("\"drop table users; --\"".into()));
        for bad in ["", ".", "a.", ".a", "a.b.c", "u*", "u?", "\"u\"", "a\0b", &"x".repeat(64)] {
            assert_eq!(read(bad).unwrap_err().reason, Reason::InvalidOrder, "{bad:?}");
        }
        assert!(named(&vec!["a".to_owned(); 201]).is_err());
    }

    #[test]
    fn what_the_server_has_is_quoted() {
        let table = Table { schema: "a.b".into(), name: "x\"y*".into(), kind: "r".into() };
        assert_eq!(table.quoted(), "\"a.b\".\"x\"\"y*\"");
    }
}
