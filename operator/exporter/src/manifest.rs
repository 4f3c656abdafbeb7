//! What an export holds, in an object of JSON beside it. It is written last: an export without a manifest is none.

use jiff::Timestamp;
use runbook_core::export::{Compression, Done, Order, Source};
use serde::{Deserialize, Serialize};

/// What the key of a manifest ends with, after that of its dump.
pub const SUFFIX: &str = ".manifest.json";
/// Who reads a manifest of another version knows that it is one.
const VERSION: u32 = 1;

/// What an export holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Of this format.
    pub version: u32,
    /// Whose it is.
    pub owner: String,
    /// Which of the name's exports.
    pub slot: Timestamp,
    /// What was exported.
    pub from: From,
    /// The dump in S3.
    pub object: Object,
    /// Always `custom`: pg_restore reads it.
    pub format: String,
    /// How it is compressed.
    pub compression: Compression,
    /// Whether it has rows alone.
    pub data_only: bool,
    /// Bytes of the dump before it was compressed.
    pub dump_bytes: u64,
    /// Every table, with its rows in the snapshot that was dumped.
    pub tables: Vec<Counted>,
    /// When the snapshot was taken: the state that it holds.
    pub snapshot_time: Timestamp,
    /// When the dump was in S3.
    pub completion_time: Timestamp,
}

/// What was exported, by what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct From {
    /// ARN of the database.
    pub database_arn: String,
    /// What the host is.
    pub source: Source,
    /// Where it was reached.
    pub host: String,
    /// Name of the database in it.
    pub database: String,
    /// Version of the server.
    pub server_version: String,
    /// Version of pg_dump.
    pub pg_dump_version: String,
}

/// The dump in S3.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Object {
    /// Name of the bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
    /// Which version, in a bucket that has versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of it, in hexadecimal digits.
    pub sha256: String,
}

/// A table and its rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counted {
    /// Name of its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// How many rows it has.
    pub rows: u64,
}

impl Manifest {
    /// A manifest of an order's export.
    pub fn of(
        order: &Order,
        from: From,
        object: Object,
        dump_bytes: u64,
        tables: Vec<Counted>,
        times: [Timestamp; 2],
    ) -> Self {
        Self {
            version: VERSION,
            owner: order.owner.clone(),
            slot: order.slot,
            from,
            object,
            format: "custom".into(),
            compression: order.compression,
            data_only: order.data_only,
            dump_bytes,
            tables,
            snapshot_time: times[0],
            completion_time: times[1],
        }
    }

    /// Whether it is the manifest of this very export.
    pub fn is_of(&self, order: &Order) -> bool {
        self.owner == order.owner && self.slot == order.slot && self.object.key == order.key()
    }

    /// As the operator is told of it.
    pub fn done(&self) -> Done {
        Done {
            key: self.object.key.clone(),
            tables: self.tables.len() as u64,
            rows: self.tables.iter().map(|table| table.rows).sum(),
            bytes: self.object.bytes,
            sha256: self.object.sha256.clone(),
            ..Done::default()
        }
    }
}
