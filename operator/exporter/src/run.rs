//! An export from its beginning to its end.

use std::io::Write as _;
use std::path::Path;
use std::pin::pin;

use jiff::Timestamp;
use runbook_core::export::{Done, Order, Reason, is_bucket, is_name};
use runbook_probes::Trust;
use tempfile::NamedTempFile;
use tracing::{info, warn};

use crate::bucket::{Bucket, Deleted, Put, Upload, too_large};
use crate::connection::{Connection, authorities};
use crate::dump::{self, Running};
use crate::failure::Failure;
use crate::manifest::{Counted, From, Manifest, Object, SUFFIX};
use crate::prune::prune;
use crate::server::Snapshot;
use crate::stream::{Measured, Stream};
use crate::tables::{self, Table};
use crate::version::{self, Version};
use crate::{parts, retention};

/// What is used of the machine.
#[derive(Clone, Copy, Debug)]
pub struct Program<'p> {
    /// pg_dump.
    pub pg_dump: &'p Path,
    /// Folder for a temporary file.
    pub work: &'p Path,
    /// Further certificate authorities, in PEM.
    pub ca: Option<&'p Path>,
}

/// Everything that a dump needs, before anything is written.
struct Prepared {
    snapshot: Snapshot,
    pg_dump: Version,
    tables: Vec<Table>,
    authorities: NamedTempFile,
}

/// What was uploaded, complete but not yet an object.
struct Transferred {
    parts: Vec<aws_sdk_s3::types::CompletedPart>,
    measured: Measured,
    counted: Vec<Counted>,
}

/// Exports, or finds that it is exported already. When `stop` comes to its end, the export ends too, and leaves nothing.
///
/// # Errors
/// It did not come about, and nothing of it is left in the bucket, or the message says what is.
pub async fn run(
    order: &Order,
    connection: &Connection,
    program: &Program<'_>,
    stop: impl Future<Output = ()>,
) -> Result<Done, Failure> {
    check(order)?;
    let mut stop = pin!(stop);
    let bucket = Bucket::of(order).await;
    let prepared = tokio::select! {
        prepared = prepare(&bucket, order, connection, program) => prepared?,
        () = &mut stop => return Err(interrupted()),
    };
    let mut done = match prepared {
        Err(done) => done,
        Ok(prepared) => {
            let upload = bucket.begin().await?;
            let transferred = tokio::select! {
                transferred = transfer(&bucket, &upload, order, connection, program, &prepared) => transferred,
                () = &mut stop => Err(interrupted()),
            };
            match transferred {
                Ok(transferred) => conclude(&bucket, &upload, order, connection, &prepared, transferred).await?,
                Err(failure) => return Err(give_up(&bucket, &upload, failure).await),
            }
        }
    };
    if let Some(rules) = order.retention {
        prune(&bucket, order, rules, Timestamp::now(), &mut done).await;
    }
    Ok(done)
}

/// What can be wrong with an order.
fn check(order: &Order) -> Result<(), Failure> {
    let wrong = |message: String| Err(Failure::new(Reason::InvalidOrder, message));
    if !is_name(&order.name) {
        return wrong(format!(
            "{:?} cannot name exports: lower-case letters, digits and hyphens, at most 63",
            order.name
        ));
    }
    if !is_bucket(&order.s3.bucket) {
        return wrong(format!("{:?} cannot name a bucket", order.s3.bucket));
    }
    Ok(())
}

/// Looks at everything that can be wrong before anything is written, and removes what was left behind. What is exported already is `Err`.
async fn prepare(
    bucket: &Bucket<'_>,
    order: &Order,
    connection: &Connection,
    program: &Program<'_>,
) -> Result<Result<Prepared, Done>, Failure> {
    let key = order.key();
    if let Some(done) = made_before(bucket, order).await? {
        info!(key, "it was exported before");
        return Ok(Err(done));
    }
    // Without a manifest it is no export: an attempt that was killed, whose object is replaced.
    if let Some(found) = bucket.find(&key).await?
        && !bucket.is_own(&found)
    {
        return Err(taken(order));
    }
    let now = Timestamp::now();
    for upload in bucket.uploads(&order.family()).await? {
        if retention::is_left_behind(order, &upload.key, upload.initiated, now) {
            info!(key = upload.key, "an upload that was left behind is ended");
            bucket.abort(&upload.key, &upload.id).await?;
        }
    }
    let named = tables::named(&order.tables)?;
    let pg_dump = dump::version(program.pg_dump).await?;
    let pem = authorities(program.ca)?;
    let trust = Trust::rds_and(&[("the certificate authorities", pem.as_bytes())])
        .map_err(|error| Failure::new(Reason::NotInstalled, error))?;
    let snapshot = Snapshot::take(order, connection, &trust).await?;
    version::check(&pg_dump, &snapshot.version)?;
    check_source(order, &snapshot)?;
    let tables = snapshot.tables(&named).await?;
    let authorities = written(program.work, &pem).map_err(|error| {
        Failure::new(Reason::NotInstalled, format!("{} cannot be written to: {error}", program.work.display()))
    })?;
    Ok(Ok(Prepared { snapshot, pg_dump, tables, authorities }))
}

/// The export of this very order, where it has its manifest.
async fn made_before(bucket: &Bucket<'_>, order: &Order) -> Result<Option<Done>, Failure> {
    let Some(text) = bucket.text(&format!("{}{SUFFIX}", order.key())).await? else { return Ok(None) };
    match serde_json::from_slice::<Manifest>(&text) {
        Ok(manifest) if manifest.is_of(order) => Ok(Some(manifest.done())),
        _ => Err(taken(order)),
    }
}

/// That a host is what it was chosen for: a dump of a primary by mistake is a load where none was meant.
fn check_source(order: &Order, snapshot: &Snapshot) -> Result<(), Failure> {
    if order.source.is_in_recovery() == snapshot.in_recovery {
        return Ok(());
    }
    let (is, meant) = if snapshot.in_recovery { ("a replica", "no replica") } else { ("no replica", "a replica") };
    Err(Failure::new(
        Reason::WrongSource,
        format!("{} is {is}, and {meant} was ordered ({:?})", order.host, order.source),
    ))
}

/// pg_dump, through compression, into parts; while the rows are counted that it sees.
async fn transfer(
    bucket: &Bucket<'_>,
    upload: &Upload,
    order: &Order,
    connection: &Connection,
    program: &Program<'_>,
    prepared: &Prepared,
) -> Result<Transferred, Failure> {
    let named = (!order.tables.is_empty()).then_some(prepared.tables.as_slice());
    let snapshot = &prepared.snapshot;
    let dump = dump::start(program.pg_dump, order, connection, prepared.authorities.path(), &snapshot.id, named)?;
    let (output, running) = dump.split();
    let stream = Stream::new(output, order.compression).map_err(|error| unreadable(&error))?;
    let (counted, (parts, measured)) =
        tokio::try_join!(snapshot.count(&prepared.tables), pump(bucket, upload, stream, running))?;
    Ok(Transferred { parts, measured, counted })
}

/// Uploads one part while the next is read: no more than two are in memory.
async fn pump(
    bucket: &Bucket<'_>,
    upload: &Upload,
    mut stream: Stream<tokio::process::ChildStdout>,
    running: Running,
) -> Result<(Vec<aws_sdk_s3::types::CompletedPart>, Measured), Failure> {
    let mut made = Vec::new();
    let mut number = 1;
    let mut current = stream.part(first()).await.map_err(|error| unreadable(&error))?;
    while let Some(part) = current {
        let next = async {
            match parts::size(number + 1) {
                Some(size) => stream.part(size).await.map_err(|error| unreadable(&error)),
                None => match stream.part(1).await.map_err(|error| unreadable(&error))? {
                    None => Ok(None),
                    Some(_) => Err(too_large(&upload.key)),
                },
            }
        };
        let (completed, next) = tokio::try_join!(bucket.part(upload, number, part), next)?;
        made.push(completed);
        number += 1;
        current = next;
    }
    // Only now is it known whether what was written is a dump.
    running.end().await?;
    Ok((made, stream.measured()))
}

/// Makes an object of the parts, and writes the manifest.
async fn conclude(
    bucket: &Bucket<'_>,
    upload: &Upload,
    order: &Order,
    connection: &Connection,
    prepared: &Prepared,
    transferred: Transferred,
) -> Result<Done, Failure> {
    let Transferred { parts, measured, counted } = transferred;
    let version_id = match bucket.complete(upload, parts, measured.written).await {
        Ok(version) => version,
        Err(failure) => return Err(give_up(bucket, upload, failure).await),
    };
    let from = From {
        database_arn: order.database_arn.clone(),
        source: order.source,
        host: order.host.clone(),
        database: connection.database.clone(),
        server_version: prepared.snapshot.version.full.clone(),
        pg_dump_version: prepared.pg_dump.full.clone(),
    };
    let object = Object {
        bucket: order.s3.bucket.clone(),
        key: upload.key.clone(),
        version_id: version_id.clone(),
        bytes: measured.written,
        sha256: measured.sha256,
    };
    let times = [prepared.snapshot.time, Timestamp::now()];
    let manifest = Manifest::of(order, from, object, measured.read, counted, times);
    let text = serde_json::to_vec_pretty(&manifest)
        .map_err(|error| Failure::new(Reason::DumpFailed, format!("the manifest cannot be written: {error}")))?;
    match bucket.put_manifest(&format!("{}{SUFFIX}", upload.key), text).await {
        Ok(Put::Yes) => Ok(manifest.done()),
        // Another attempt at this very export was faster, or an answer was lost: its manifest says which object it is of.
        Ok(Put::Taken) => made_before(bucket, order).await?.ok_or_else(|| taken(order)),
        Err(failure) => Err(match bucket.delete(&upload.key, version_id).await {
            Ok(Deleted::Yes) => failure,
            Ok(Deleted::Locked) => {
                failure.and("the dump stays, because the bucket keeps it locked; without a manifest it is no export")
            }
            Err(_) => {
                failure.and("the dump stays, because it could not be deleted; without a manifest it is no export")
            }
        }),
    }
}

/// Ends an upload that leads to nothing.
async fn give_up(bucket: &Bucket<'_>, upload: &Upload, failure: Failure) -> Failure {
    match bucket.abort(&upload.key, &upload.id).await {
        Ok(()) => failure,
        Err(error) => {
            warn!("{error}");
            failure.and("its upload could not be ended; the next attempt ends it, or a lifecycle rule of the bucket")
        }
    }
}

fn first() -> usize {
    parts::size(1).unwrap_or_default()
}

fn written(folder: &Path, pem: &str) -> std::io::Result<NamedTempFile> {
    let mut file = NamedTempFile::with_prefix_in("authorities-", folder)?;
    file.write_all(pem.as_bytes())?;
    file.flush()?;
    Ok(file)
}

fn taken(order: &Order) -> Failure {
    let message =
        format!("s3://{}/{} is somebody else's: give the export another name or prefix", order.s3.bucket, order.key());
    Failure::new(Reason::KeyTaken, message)
}

fn unreadable(error: &std::io::Error) -> Failure {
    Failure::new(Reason::DumpFailed, format!("what pg_dump writes could not be read: {error}"))
}

fn interrupted() -> Failure {
    Failure::new(Reason::Interrupted, "it was told to end; nothing of it is left in the bucket")
}
