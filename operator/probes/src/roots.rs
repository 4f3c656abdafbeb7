//! Whose certificates a database may show.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// RDS's own, as of `certificates/README.md`.
pub const RDS_ROOTS: &str = include_str!("../certificates/rds.pem");

/// What a server is verified against: the host's name, and a chain to one of these roots.
#[derive(Clone, Debug)]
pub struct Trust {
    config: Arc<ClientConfig>,
}

impl Trust {
    /// RDS's roots, and those of further files in PEM, each with a name for messages.
    ///
    /// # Errors
    /// What is wrong with a file, and what to give.
    pub fn rds_and(further: &[(&str, &[u8])]) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        add(&mut roots, "RDS's certificates", RDS_ROOTS.as_bytes())?;
        for (name, pem) in further {
            add(&mut roots, name, pem)?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("no version of TLS can be had: {error}"))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { config: Arc::new(config) })
    }

    /// As rustls takes it.
    pub fn config(&self) -> ClientConfig {
        ClientConfig::clone(&self.config)
    }
}

fn add(roots: &mut RootCertStore, name: &str, pem: &[u8]) -> Result<(), String> {
    let mut found = false;
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| format!("{name} is no PEM: {error}"))?;
        roots
            .add(certificate)
            .map_err(|error| format!("{name} has a certificate that is of no use as a root: {error}"))?;
        found = true;
    }
    if found {
        Ok(())
    } else {
        Err(format!("{name} has no certificate: give PEM, which has -----BEGIN CERTIFICATE-----"))
    }
}
