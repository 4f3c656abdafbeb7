//! What `runbook-export` is told to do. It holds no secret: it stands in the Job, where others may read it.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// No more tables are named: each is an argument of pg_dump.
pub const MOST_TABLES: usize = 200;
/// How a slot stands in a key: `20260301-010000`, in UTC.
pub const FILE_TIME: &str = "%Y%m%d-%H%M%S";

/// One export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Order {
    /// Whose it is: `CLUSTERID/NAMESPACE/databasebackups/NAME`. Objects of others are neither replaced nor deleted.
    pub owner: String,
    /// Begins the key: exports of one name belong together.
    pub name: String,
    /// What it is the export of, of all that have the name. Tried again it is the same.
    pub slot: Timestamp,
    /// ARN of the database, for the manifest.
    pub database_arn: String,
    /// What the host is.
    pub source: Source,
    /// Where it is reached.
    pub host: String,
    /// Its TCP port.
    pub port: u16,
    /// Name of the database in it. Without: that of the connection's Secret, then `instance_database`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// DBName of the instance: what it was created with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_database: Option<String>,
    /// `table` or `schema.table`, as they are called. None: the whole database.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<String>,
    /// Rows alone, without what makes the tables.
    #[serde(default)]
    pub data_only: bool,
    /// How the dump is compressed.
    #[serde(default)]
    pub compression: Compression,
    /// Where it goes.
    pub s3: Store,
    /// Which of the name's exports are kept. Without: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,
    /// For how long a Job may run, in seconds: what is unfinished and older was left by one that is gone.
    pub deadline_seconds: u32,
}

/// What is exported from: a choice, because a dump is a load and holds back vacuum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// The database that the application writes to.
    Primary,
    /// A read replica, which may cancel a dump that lasts.
    Replica,
    /// An instance that a snapshot was restored into, and found good.
    VerifiedRestore,
}

impl Source {
    /// Whether such a server replays what another one writes.
    pub fn is_in_recovery(self) -> bool {
        self == Self::Replica
    }
}

/// How a dump is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Compression {
    /// Zstandard.
    #[default]
    Zstd,
    /// gzip.
    Gzip,
    /// As pg_dump writes it.
    None,
}

impl Compression {
    /// What keys end with.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Zstd => ".dump.zst",
            Self::Gzip => ".dump.gz",
            Self::None => ".dump",
        }
    }

    /// The media type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Zstd => "application/zstd",
            Self::Gzip => "application/gzip",
            Self::None => "application/octet-stream",
        }
    }
}

/// A place in S3.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Store {
    /// Name of the bucket.
    pub bucket: String,
    /// Its region.
    pub region: String,
    /// What every key begins with: `database/`.
    #[serde(default)]
    pub prefix: String,
    /// The account that the bucket must belong to (ExpectedBucketOwner): a name that somebody else has taken gets no data.
    pub bucket_owner: String,
    /// The key that objects are encrypted with (SSE-KMS). Without: as the bucket does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<String>,
}

/// Which exports are kept. The newest always is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Retention {
    /// So many, the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_last: Option<u32>,
    /// None that is older than so many days of 24 hours, whatever the other rule says. Alone: all that are younger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age_days: Option<u32>,
}

impl Order {
    /// What the keys of all exports of this name begin with.
    pub fn family(&self) -> String {
        format!("{}{}-", self.s3.prefix, self.name)
    }

    /// Key of the dump.
    pub fn key(&self) -> String {
        let time = self.slot.to_zoned(TimeZone::UTC).strftime(FILE_TIME).to_string();
        format!("{}{time}{}", self.family(), self.compression.suffix())
    }
}

/// Whether this can begin a key, and be told from other names in a list: `[a-z0-9]([-a-z0-9]*[a-z0-9])?`, at most 63.
pub fn is_name(name: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=63).contains(&name.len())
        && name.bytes().all(|byte| legal(byte) || byte == b'-')
        && name.bytes().next().is_some_and(legal)
        && name.bytes().next_back().is_some_and(legal)
}

/// Whether a bucket can be called so (Amazon S3 User Guide, "General purpose bucket naming rules").
pub fn is_bucket(name: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (3..=63).contains(&name.len())
        && name.bytes().all(|byte| legal(byte) || byte == b'-' || byte == b'.')
        && name.bytes().next().is_some_and(legal)
        && name.bytes().next_back().is_some_and(legal)
        && !name.contains("..")
        && name.parse::<std::net::Ipv4Addr>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_name_slot_and_format() {
        let mut order: Order = serde_json::from_value(serde_json::json!({
            "owner": "test/clocked/databasebackups/export",
            "name": "user-data",
            "slot": "2026-03-01T01:30:00Z",
            "databaseArn": "arn:aws:rds:eu-central-1:123456789012:db:clocked-db",
            "source": "Primary",
            "host": "localhost",
            "port": 5432,
            "s3": {"bucket": "clocked-backups", "region": "eu-central-1", "prefix": "database/", "bucketOwner": "123456789012"},
            "deadlineSeconds": 3600,
        }))
        .unwrap();
        assert_eq!(order.key(), "database/user-data-20260301-013000.dump.zst");
        order.compression = Compression::None;
        assert_eq!(order.key(), "database/user-data-20260301-013000.dump");
    }

    #[test]
    fn names() {
        for good in ["a", "user-data", "7"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a/b", "a.b", &"a".repeat(64)] {
            assert!(!is_name(bad), "{bad}");
        }
        for good in ["clocked-backups", "a.b.c", "123"] {
            assert!(is_bucket(good), "{good}");
        }
        for bad in ["ab", "Clocked", "a..b", "-abc", "abc-", "192.168.5.4", "a_b_c", &"a".repeat(64)] {
            assert!(!is_bucket(bad), "{bad}");
        }
    }
}
