//! Compression of a stream, piece by piece.

use std::io::{self, Write};

use flate2::write::GzEncoder;
use runbook_core::export::Compression;

/// What compresses.
pub enum Compressor {
    /// Zstandard, with a checksum at its end.
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
    /// gzip, which has one too.
    Gzip(GzEncoder<Vec<u8>>),
    /// Nothing does.
    None(Vec<u8>),
}

impl Compressor {
    /// One for a stream.
    ///
    /// # Errors
    /// There is no memory for it.
    pub fn new(compression: Compression) -> io::Result<Self> {
        Ok(match compression {
            Compression::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), zstd::DEFAULT_COMPRESSION_LEVEL)?;
                encoder.include_checksum(true)?;
                Self::Zstd(encoder)
            }
            Compression::Gzip => Self::Gzip(GzEncoder::new(Vec::new(), flate2::Compression::default())),
            Compression::None => Self::None(Vec::new()),
        })
    }

    /// Takes a piece in; returns what has come out by now.
    ///
    /// # Errors
    /// The compressor has failed.
    pub fn take(&mut self, piece: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Zstd(encoder) => {
                encoder.write_all(piece)?;
                Ok(std::mem::take(encoder.get_mut()))
            }
            Self::Gzip(encoder) => {
                encoder.write_all(piece)?;
                Ok(std::mem::take(encoder.get_mut()))
            }
            Self::None(out) => {
                out.extend_from_slice(piece);
                Ok(std::mem::take(out))
            }
        }
    }

    /// The rest.
    ///
    /// # Errors
    /// The compressor has failed.
    pub fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Zstd(encoder) => encoder.finish(),
            Self::Gzip(encoder) => encoder.finish(),
            Self::None(out) => Ok(out),
        }
    }
}
