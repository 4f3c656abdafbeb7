//! The bucket: one call each, always with the account that it must belong to.

use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Region;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart, ObjectLockLegalHoldStatus, ServerSideEncryption,
};
use bytes::Bytes;
use jiff::Timestamp;
use runbook_core::export::{Order, Reason};

use crate::failure::Failure;
use crate::refused;

/// Metadata of a dump: whose it is.
const OWNER: &str = "runbook-owner";
/// Metadata of a dump: which slot of its name.
const SLOT: &str = "runbook-slot";
/// A larger manifest is none.
const LONGEST_MANIFEST: i64 = 4 << 20;
/// How often a call is made before it counts as failed.
const ATTEMPTS: u32 = 5;
/// An S3 that takes no connection for so long does not answer.
const CONNECT: Duration = Duration::from_secs(10);

/// The bucket of an order.
pub struct Bucket<'o> {
    client: Client,
    order: &'o Order,
}

/// An upload that is under way.
#[derive(Clone, Debug)]
pub struct Upload {
    /// Its key.
    pub key: String,
    /// UploadId.
    pub id: String,
    /// When it was begun.
    pub initiated: Option<Timestamp>,
}

/// What a dump's object is like.
#[derive(Clone, Debug)]
pub struct Found {
    /// Who has made it, by its metadata.
    pub owner: Option<String>,
    /// Its size.
    pub bytes: u64,
    /// Which version.
    pub version: Option<String>,
    /// Whether it is locked, and until when; without end by a legal hold.
    pub locked: Option<Option<Timestamp>>,
}

/// What came of writing a manifest.
pub enum Put {
    /// It is there.
    Yes,
    /// One was there.
    Taken,
}

/// What came of a deletion.
pub enum Deleted {
    /// It is gone.
    Yes,
    /// A lock of the bucket keeps it.
    Locked,
}

impl<'o> Bucket<'o> {
    /// The bucket, by the credentials of the environment: those of the Job's ServiceAccount.
    pub async fn of(order: &'o Order) -> Self {
        let config = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(order.s3.region.clone()))
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT).build())
            .load()
            .await;
        Self { client: Client::new(&config), order }
    }

    /// An object's text; none where there is no object.
    pub async fn text(&self, key: &str) -> Result<Option<Vec<u8>>, Failure> {
        let answer =
            self.client.get_object().bucket(self.name()).expected_bucket_owner(self.owner()).key(key).send().await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if error.as_service_error().is_some_and(|refused| refused.is_no_such_key()) => return Ok(None),
            Err(error) => return Err(self.failed("GetObject", key, &error)),
        };
        if answer.content_length().is_none_or(|length| length > LONGEST_MANIFEST) {
            return Ok(Some(Vec::new()));
        }
        let lost =
            |error| Failure::new(Reason::StorageUnavailable, format!("GetObject of {}: {error}", self.place(key)));
        Ok(Some(answer.body.collect().await.map_err(lost)?.to_vec()))
    }

    /// What an object is like; none where there is none.
    pub async fn find(&self, key: &str) -> Result<Option<Found>, Failure> {
        match self.client.head_object().bucket(self.name()).expected_bucket_owner(self.owner()).key(key).send().await {
            Ok(answer) => Ok(Some(found(&answer))),
            Err(error) if error.as_service_error().is_some_and(|refused| refused.is_not_found()) => Ok(None),
            Err(error) => Err(self.failed("HeadObject", key, &error)),
        }
    }

    /// All keys that begin with a prefix.
    pub async fn keys(&self, prefix: &str) -> Result<Vec<String>, Failure> {
        let (mut keys, mut token) = (Vec::new(), None);
        loop {
            let call =
                self.client.list_objects_v2().bucket(self.name()).expected_bucket_owner(self.owner()).prefix(prefix);
            let page = call.set_continuation_token(token).send().await;
            let page = page.map_err(|error| self.failed("ListObjectsV2", prefix, &error))?;
            keys.extend(page.contents().iter().filter_map(|object| object.key().map(Into::into)));
            token = page.next_continuation_token().map(Into::into);
            if token.is_none() {
                return Ok(keys);
            }
        }
    }

    /// All uploads under way of keys that begin with a prefix.
    pub async fn uploads(&self, prefix: &str) -> Result<Vec<Upload>, Failure> {
        let (mut uploads, mut marker) = (Vec::new(), (None, None));
        loop {
            let call = self
                .client
                .list_multipart_uploads()
                .bucket(self.name())
                .expected_bucket_owner(self.owner())
                .prefix(prefix);
            let page = call.set_key_marker(marker.0).set_upload_id_marker(marker.1).send().await;
            let page = page.map_err(|error| self.failed("ListMultipartUploads", prefix, &error))?;
            uploads.extend(page.uploads().iter().filter_map(|upload| {
                let initiated = upload.initiated().and_then(|time| timestamp(*time));
                Some(Upload { key: upload.key()?.into(), id: upload.upload_id()?.into(), initiated })
            }));
            if page.is_truncated() != Some(true) {
                return Ok(uploads);
            }
            marker = (page.next_key_marker().map(Into::into), page.next_upload_id_marker().map(Into::into));
        }
    }

    /// Ends an upload, and what was uploaded with it. One that is gone has ended.
    pub async fn abort(&self, key: &str, id: &str) -> Result<(), Failure> {
        let call = self.client.abort_multipart_upload().bucket(self.name()).expected_bucket_owner(self.owner());
        match call.key(key).upload_id(id).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("NoSuchUpload") => Ok(()),
            Err(error) => Err(self.failed("AbortMultipartUpload", key, &error)),
        }
    }

    /// Begins the upload of the order's dump.
    pub async fn begin(&self) -> Result<Upload, Failure> {
        let key = self.order.key();
        let call = self.client.create_multipart_upload().bucket(self.name()).expected_bucket_owner(self.owner());
        let answer = call
            .key(&key)
            .content_type(self.order.compression.content_type())
            .metadata(OWNER, &self.order.owner)
            .metadata(SLOT, self.order.slot.to_string())
            .set_server_side_encryption(self.encryption())
            .set_ssekms_key_id(self.order.s3.kms_key_id.clone())
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .send()
            .await
            .map_err(|error| self.failed("CreateMultipartUpload", &key, &error))?;
        match answer.upload_id() {
            Some(id) => Ok(Upload { id: id.into(), key, initiated: None }),
            None => Err(Failure::new(Reason::StorageUnavailable, format!("S3 gave the upload of {key} no id"))),
        }
    }

    /// Uploads a part; S3 holds it against its SHA-256.
    pub async fn part(&self, upload: &Upload, number: u32, bytes: Bytes) -> Result<CompletedPart, Failure> {
        let number = i32::try_from(number).map_err(|_| too_large(&upload.key))?;
        let call = self.client.upload_part().bucket(self.name()).expected_bucket_owner(self.owner()).key(&upload.key);
        let answer = call
            .upload_id(&upload.id)
            .part_number(number)
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .body(ByteStream::from(bytes))
            .send()
            .await
            .map_err(|error| self.failed("UploadPart", &upload.key, &error))?;
        let part = CompletedPart::builder().part_number(number);
        Ok(part.set_e_tag(answer.e_tag).set_checksum_sha256(answer.checksum_sha256).build())
    }

    /// Makes an object of the parts; returns its version, in a bucket that has versions.
    pub async fn complete(
        &self,
        upload: &Upload,
        parts: Vec<CompletedPart>,
        bytes: u64,
    ) -> Result<Option<String>, Failure> {
        let call = self.client.complete_multipart_upload().bucket(self.name()).expected_bucket_owner(self.owner());
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        match call.key(&upload.key).upload_id(&upload.id).multipart_upload(parts).send().await {
            Ok(answer) => Ok(answer.version_id),
            // Its answer was lost, and it was asked again.
            Err(error) if error.code() == Some("NoSuchUpload") => match self.find(&upload.key).await? {
                Some(found) if found.bytes == bytes && self.is_own(&found) => Ok(found.version),
                _ => Err(self.failed("CompleteMultipartUpload", &upload.key, &error)),
            },
            Err(error) => Err(self.failed("CompleteMultipartUpload", &upload.key, &error)),
        }
    }

    /// Writes a manifest, unless there is one.
    pub async fn put_manifest(&self, key: &str, text: Vec<u8>) -> Result<Put, Failure> {
        let call = self
            .client
            .put_object()
            .bucket(self.name())
            .expected_bucket_owner(self.owner())
            .key(key)
            .if_none_match("*");
        let answer = call
            .content_type("application/json")
            .metadata(OWNER, &self.order.owner)
            .set_server_side_encryption(self.encryption())
            .set_ssekms_key_id(self.order.s3.kms_key_id.clone())
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .body(ByteStream::from(text))
            .send()
            .await;
        match answer {
            Ok(_) => Ok(Put::Yes),
            Err(error) if matches!(error.code(), Some("PreconditionFailed" | "ConditionalRequestConflict")) => {
                Ok(Put::Taken)
            }
            Err(error) => Err(self.failed("PutObject", key, &error)),
        }
    }

    /// Deletes an object for good: in a bucket with versions this version, where a deletion would else only hide it.
    pub async fn delete(&self, key: &str, version: Option<String>) -> Result<Deleted, Failure> {
        let call = self.client.delete_object().bucket(self.name()).expected_bucket_owner(self.owner()).key(key);
        match call.set_version_id(version).send().await {
            Ok(_) => Ok(Deleted::Yes),
            // Object lock has no code of its own.
            Err(error)
                if error.message().is_some_and(|message| message.contains("object protected by object lock")) =>
            {
                Ok(Deleted::Locked)
            }
            Err(error) => Err(self.failed("DeleteObject", key, &error)),
        }
    }

    /// Whether an object is of the order's owner.
    pub fn is_own(&self, found: &Found) -> bool {
        found.owner.as_ref() == Some(&self.order.owner)
    }

    fn encryption(&self) -> Option<ServerSideEncryption> {
        self.order.s3.kms_key_id.is_some().then_some(ServerSideEncryption::AwsKms)
    }

    fn name(&self) -> &str {
        &self.order.s3.bucket
    }

    fn owner(&self) -> &str {
        &self.order.s3.bucket_owner
    }

    fn place(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.order.s3.bucket)
    }

    fn failed<E>(&self, operation: &str, key: &str, error: &SdkError<E, HttpResponse>) -> Failure
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        refused::s3(operation, &self.place(key), error)
    }
}

/// A dump that no upload can hold.
pub fn too_large(key: &str) -> Failure {
    Failure::new(
        Reason::TooLarge,
        format!("the dump of {key} is larger than an object of S3 can be: export fewer tables at once"),
    )
}

fn found(answer: &HeadObjectOutput) -> Found {
    let held = answer.object_lock_legal_hold_status() == Some(&ObjectLockLegalHoldStatus::On);
    let until = answer.object_lock_retain_until_date().map(|time| timestamp(*time));
    Found {
        owner: answer.metadata().and_then(|metadata| metadata.get(OWNER)).cloned(),
        bytes: answer.content_length().unwrap_or_default().unsigned_abs(),
        version: answer.version_id().map(Into::into),
        locked: if held { Some(None) } else { until },
    }
}

fn timestamp(time: aws_sdk_s3::primitives::DateTime) -> Option<Timestamp> {
    Timestamp::from_second(time.secs()).ok()
}
