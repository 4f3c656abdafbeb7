//! Which versions of PostgreSQL go together.

use runbook_core::export::Reason;

use crate::failure::Failure;

/// A version as PostgreSQL's programs tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// 17 of 17.2; before 10 it was 9.6 of 9.6.24, which nothing here supports.
    pub major: u32,
    /// `17.2`.
    pub full: String,
}

impl Version {
    /// Of `server_version_num` (PostgreSQL documentation, "Preset Options"): 170002.
    pub fn of_server(number: i32) -> Option<Self> {
        let number = u32::try_from(number).ok()?;
        let (major, minor) = (number / 10_000, number % 10_000);
        (major >= 10).then(|| Self { major, full: format!("{major}.{minor}") })
    }

    /// Of what `pg_dump --version` prints: `pg_dump (PostgreSQL) 17.2 (Debian 17.2-1)`.
    pub fn of_program(printed: &str) -> Option<Self> {
        let full = printed.strip_prefix("pg_dump (PostgreSQL) ")?.split_whitespace().next()?;
        let digits = full.split(|character: char| !character.is_ascii_digit()).next()?;
        Some(Self { major: digits.parse().ok()?, full: full.to_owned() })
    }
}

/// pg_dump dumps from servers of its own major version and older ones (PostgreSQL documentation, "pg_dump", Notes).
///
/// # Errors
/// It is older than the server.
pub fn check(pg_dump: &Version, server: &Version) -> Result<(), Failure> {
    if pg_dump.major >= server.major {
        return Ok(());
    }
    Err(Failure::new(
        Reason::VersionTooOld,
        format!(
            "pg_dump is of version {}, the server of {}: give exports an image with pg_dump {} or newer",
            pg_dump.full, server.full, server.major
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(Version::of_server(170_002), Some(Version { major: 17, full: "17.2".into() }));
        assert_eq!(Version::of_server(90_624), None);
        assert_eq!(Version::of_server(-1), None);
        let printed = |text: &str| Version::of_program(text).map(|version| version.full);
        assert_eq!(printed("pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some("15.18".into()));
        assert_eq!(printed("pg_dump (PostgreSQL) 18beta1\n"), Some("18beta1".into()));
        assert_eq!(Version::of_program("pg_dump (PostgreSQL) 18beta1\n").map(|version| version.major), Some(18));
        assert_eq!(printed("pg_dump (EnterpriseDB) 15"), None);
        assert_eq!(printed("pg_dump (PostgreSQL) x"), None);
    }

    #[test]
    fn a_newer_pg_dump_will_do_and_an_older_one_will_not() {
        let version = |major: u32| Version { major, full: major.to_string() };
        assert!(check(&version(17), &version(17)).is_ok());
        assert!(check(&version(17), &version(13)).is_ok());
        let failure = check(&version(15), &version(17)).unwrap_err();
        assert_eq!(failure.reason, Reason::VersionTooOld);
        assert!(failure.message.contains("17 or newer"), "{}", failure.message);
    }
}
