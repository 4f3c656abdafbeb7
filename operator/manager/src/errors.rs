//! What can end the operator.

use std::net::SocketAddr;

/// Why the operator ended by itself. What goes wrong with one object never does.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// The port of health, readiness and metrics could not be opened.
    #[error("cannot listen on {address}: {source}; choose another address with --listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// A part of the operator that runs for ever has ended.
    #[error("{part} has ended: {why}; this is a defect of the operator, please report it")]
    Ended {
        /// Which part.
        part: &'static str,
        /// How.
        why: String,
    },
    /// An option makes no sense.
    #[error("{option}: {why}")]
    Option {
        /// The option's flag.
        option: &'static str,
        /// What is wrong, and what to write.
        why: String,
    },
}
