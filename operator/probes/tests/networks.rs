//! Which addresses may be connected to.

#![allow(clippy::unwrap_used, missing_docs)]

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use proptest::prelude::*;
use runbook_probes::Networks;

fn networks(texts: &[&str]) -> Vec<IpNet> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn is_allowed(networks: &Networks, address: &str) -> bool {
    networks.judge(address.parse().unwrap()).is_ok()
}

#[test]
fn what_is_no_other_host_is_denied_in_every_form() {
    let plain = Networks::default();
    for denied in [
        "127.0.0.1",
        "127.255.0.3",
        "::1",
        "0.0.0.0",
        "0.1.2.3",
        "::",
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "fe80::1",
        "febf::1",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "224.0.0.1",
        "239.1.1.1",
        "255.255.255.255",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:0.0.0.0",
        "::127.0.0.1",
        "::ffff:224.0.0.1",
        "64:ff9b::169.254.169.254",
        "2002:a9fe:a9fe::",
        "2002:7f00:1::1",
    ] {
        assert!(!is_allowed(&plain, denied), "{denied}");
    }
    for allowed in
        ["10.0.0.1", "172.31.4.5", "100.64.0.1", "52.28.1.1", "fd12::1", "2a05:d014::1", "::ffff:10.0.0.1", "128.0.0.1"]
    {
        assert!(is_allowed(&plain, allowed), "{allowed}");
    }
}

#[test]
fn what_is_denied_besides_and_what_is_allowed_all_the_same() {
    let cluster = Networks::default()
        .deny("pods and services", networks(&["10.244.0.0/16", "10.96.0.0/12", "fd00:10::/32"]))
        .deny("the API server", networks(&["10.0.0.1/32"]))
        .allow(networks(&["10.244.7.0/24", "127.0.0.1/32"]));
    for denied in ["10.244.1.1", "10.96.0.1", "::ffff:10.96.0.1", "fd00:10::5", "10.0.0.1", "127.0.0.2"] {
        assert!(!is_allowed(&cluster, denied), "{denied}");
    }
    for allowed in ["10.244.7.9", "::ffff:10.244.7.9", "127.0.0.1", "10.0.0.2"] {
        assert!(is_allowed(&cluster, allowed), "{allowed}");
    }
    assert_eq!(
        cluster.judge("10.0.0.1".parse().unwrap()).unwrap_err().to_string(),
        "10.0.0.1 is in 10.0.0.1/32 (the API server), which is denied: where that is meant, allow it with --allowed-networks"
    );
}

proptest! {
    #[test]
    fn an_ipv4_address_is_judged_alike_in_all_its_forms(bits in any::<u32>(), network in any::<u32>(), length in 0..=32u8) {
        let networks = Networks::default()
            .deny("it", [IpNet::new(IpAddr::V4(Ipv4Addr::from_bits(network)), length).unwrap().trunc()]);
        let address = Ipv4Addr::from_bits(bits);
        let plain = networks.judge(address.into()).is_ok();
        prop_assert_eq!(networks.judge(address.to_ipv6_mapped().into()).is_ok(), plain);
        let translated: IpAddr = format!("64:ff9b::{address}").parse().unwrap();
        prop_assert_eq!(networks.judge(translated).is_ok(), plain);
    }
}
