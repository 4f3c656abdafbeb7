//! A dump as the parts of an upload.

use std::io;

use bytes::Bytes;
use runbook_core::export::Compression;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::compress::Compressor;

/// So much is read at once, as much as a pipe holds.
const PIECE: usize = 64 << 10;
/// What a compressor may give at once beyond what fills a part.
const SLACK: usize = 256 << 10;

/// A stream, compressed and cut.
pub struct Stream<R> {
    reader: R,
    compressor: Option<Compressor>,
    ready: Vec<u8>,
    hash: Sha256,
    read: u64,
    written: u64,
}

/// What a whole stream was.
pub struct Measured {
    /// Bytes that were read.
    pub read: u64,
    /// Bytes of all parts.
    pub written: u64,
    /// SHA-256 of all parts, in hexadecimal digits.
    pub sha256: String,
}

impl<R: AsyncRead + Unpin> Stream<R> {
    /// Of what a reader gives.
    ///
    /// # Errors
    /// There is no memory for the compressor.
    pub fn new(reader: R, compression: Compression) -> io::Result<Self> {
        let compressor = Some(Compressor::new(compression)?);
        Ok(Self { reader, compressor, ready: Vec::new(), hash: Sha256::new(), read: 0, written: 0 })
    }

    /// The next part, of `size` bytes. Shorter is the last; then there is none.
    ///
    /// # Errors
    /// The stream cannot be read, or not be compressed.
    pub async fn part(&mut self, size: usize) -> io::Result<Option<Bytes>> {
        // A Vec that grows by itself takes twice what it holds.
        self.ready.reserve_exact((size + SLACK).saturating_sub(self.ready.len()));
        let mut piece = vec![0; PIECE];
        while self.ready.len() < size {
            let Some(compressor) = &mut self.compressor else { break };
            let count = self.reader.read(&mut piece).await?;
            self.read += count as u64;
            let out = match count {
                0 => self.compressor.take().map_or_else(|| Ok(Vec::new()), Compressor::finish)?,
                count => compressor.take(&piece[..count])?,
            };
            self.hash.update(&out);
            self.written += out.len() as u64;
            self.ready.extend_from_slice(&out);
        }
        let rest = self.ready.split_off(size.min(self.ready.len()));
        let part = std::mem::replace(&mut self.ready, rest);
        Ok((!part.is_empty()).then(|| Bytes::from(part)))
    }

    /// What it was, once there is no part left.
    pub fn measured(self) -> Measured {
        let digits = self.hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Measured { read: self.read, written: self.written, sha256: digits }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    async fn cut(text: &[u8], compression: Compression, size: usize) -> (Vec<Bytes>, Measured) {
        let mut stream = Stream::new(text, compression).unwrap();
        let mut parts = Vec::new();
        while let Some(part) = stream.part(size).await.unwrap() {
            parts.push(part);
        }
        (parts, stream.measured())
    }

    /// Bytes that no compression makes much shorter.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 1u32;
        std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        })
        .take(length)
        .collect()
    }

    #[tokio::test]
    async fn parts_are_full_but_the_last_and_make_up_the_whole() {
        let text = noise(1_000_003);
        for compression in [Compression::Zstd, Compression::Gzip, Compression::None] {
            let (parts, measured) = cut(&text, compression, 300_000).await;
            let (last, full) = parts.split_last().unwrap();
            assert!(full.len() >= 3 && full.iter().all(|part| part.len() == 300_000) && last.len() < 300_000);
            let whole = parts.concat();
            assert_eq!((measured.read, measured.written), (text.len() as u64, whole.len() as u64));
            let digits: String = Sha256::digest(&whole).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(measured.sha256, digits);
            let mut back = Vec::new();
            match compression {
                Compression::Zstd => back = zstd::decode_all(&*whole).unwrap(),
                Compression::Gzip => {
                    flate2::read::GzDecoder::new(&*whole).read_to_end(&mut back).unwrap();
                }
                Compression::None => back = whole,
            }
            assert!(back == text, "{compression:?}");
        }
    }

    #[tokio::test]
    async fn one_that_ends_with_a_part_has_no_empty_one_after_it() {
        let (parts, _) = cut(&noise(600_000), Compression::None, 300_000).await;
        assert_eq!(parts.iter().map(Bytes::len).collect::<Vec<_>>(), [300_000, 300_000]);
        let (parts, measured) = cut(b"", Compression::None, 300_000).await;
        assert_eq!((parts.len(), measured.written), (0, 0));
    }
}
