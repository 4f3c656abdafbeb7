//! The certificates that are built in.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use runbook_probes::Trust;
use runbook_probes::roots::RDS_ROOTS;
use x509_cert::Certificate;

const YEAR: Duration = Duration::from_hours(365 * 24);

/// Regions by kind of key.
fn regions() -> BTreeMap<String, BTreeSet<String>> {
    let mut regions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for certificate in Certificate::load_pem_chain(RDS_ROOTS.as_bytes()).unwrap() {
        let certificate = certificate.tbs_certificate;
        assert_eq!(certificate.subject, certificate.issuer, "no root");
        let subject = certificate.subject.to_string();
        let until = certificate.validity.not_after.to_system_time();
        assert!(until > SystemTime::now() + YEAR, "{subject} ends within a year: take AWS's newer one");
        let name = subject.split(',').find_map(|part| part.strip_prefix("CN=")).unwrap_or_else(|| panic!("{subject}"));
        let words: Vec<&str> = name.split(' ').collect();
        let ["Amazon", "RDS", region, "Root", "CA", kind, "G1"] = words[..] else {
            panic!("{name} is no root of a region")
        };
        assert!(regions.entry(kind.to_owned()).or_default().insert(region.to_owned()), "{name} is there twice");
    }
    regions
}

#[test]
fn each_region_has_a_root_of_each_kind_that_is_valid_for_long() {
    let regions = regions();
    assert_eq!(regions.keys().collect::<Vec<_>>(), ["ECC384", "RSA2048", "RSA4096"]);
    let expected = BTreeSet::from(
        [
            "af-south-1",
            "ap-east-1",
            "ap-northeast-1",
            "ap-northeast-2",
            "ap-northeast-3",
            "ap-south-1",
            "ap-south-2",
            "ap-southeast-1",
            "ap-southeast-2",
            "ap-southeast-3",
            "ap-southeast-4",
            "ca-central-1",
            "eu-central-1",
            "eu-central-2",
            "eu-north-1",
            "eu-south-1",
            "eu-south-2",
            "eu-west-1",
            "eu-west-2",
            "eu-west-3",
            "me-central-1",
            "me-south-1",
            "sa-east-1",
            "us-east-1",
            "us-east-2",
            "us-west-1",
            "us-west-2",
        ]
        .map(str::to_owned),
    );
    for (kind, found) in regions {
        assert_eq!(found, expected, "{kind}");
    }
}

#[test]
fn further_certificates_are_pem_and_there_is_one_at_least() {
    assert!(Trust::rds_and(&[]).is_ok());
    let first = RDS_ROOTS.split_inclusive("-----END CERTIFICATE-----\n").next().unwrap();
    assert!(Trust::rds_and(&[("ca.crt", first.as_bytes())]).is_ok());
    for (pem, says) in [
        ("", "ca.crt has no certificate: give PEM"),
        ("not PEM", "ca.crt has no certificate: give PEM"),
        ("-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n", "ca.crt is no PEM"),
        (
            "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n",
            "ca.crt has a certificate that is of no use",
        ),
    ] {
        let error = Trust::rds_and(&[("ca.crt", pem.as_bytes())]).unwrap_err();
        assert!(error.starts_with(says), "{error}");
    }
}
