//! Which addresses may be connected to: people write hosts into their policies, and the operator sits where they do not.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// The option that allows a network in spite of all that is denied.
pub const ALLOW_OPTION: &str = "--allowed-networks";

const LOOPBACK: &str = "the operator's own host";
const LINK_LOCAL: &str = "link-local, where credentials are served";
const UNSPECIFIED: &str = "no host's address";
const MULTICAST: &str = "multicast or broadcast";

/// Networks that may not be connected to, and those that may all the same.
#[derive(Clone, Debug)]
pub struct Networks {
    denied: Vec<(String, IpNet)>,
    allowed: Vec<IpNet>,
}

/// An address that may not be connected to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{address} is in {network} ({what}), which is denied: where that is meant, allow it with {ALLOW_OPTION}")]
pub struct DeniedAddress {
    /// The address.
    pub address: IpAddr,
    /// The network that it is denied with.
    pub network: IpNet,
    /// What the network is.
    pub what: String,
}

impl Default for Networks {
    /// Denies what is no other host's address, and where clouds serve credentials (also fd00:ec2::/32, where EC2 and EKS do by IPv6).
    fn default() -> Self {
        let denied = [
            (LOOPBACK, v4(127, 0, 0, 0, 8)),
            (LOOPBACK, v6(Ipv6Addr::LOCALHOST, 128)),
            (LINK_LOCAL, v4(169, 254, 0, 0, 16)),
            (LINK_LOCAL, v6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10)),
            (LINK_LOCAL, v6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0), 32)),
            (UNSPECIFIED, v4(0, 0, 0, 0, 8)),
            (UNSPECIFIED, v6(Ipv6Addr::UNSPECIFIED, 128)),
            (MULTICAST, v4(224, 0, 0, 0, 4)),
            (MULTICAST, v4(255, 255, 255, 255, 32)),
            (MULTICAST, v6(Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8)),
        ];
        let denied = denied.into_iter().map(|(what, network)| (what.to_owned(), network)).collect();
        Self { denied, allowed: Vec::new() }
    }
}

impl Networks {
    /// Denies more: the API server's addresses, the networks of pods and services. `what` says in messages what they are.
    #[must_use]
    pub fn deny(mut self, what: &str, networks: impl IntoIterator<Item = IpNet>) -> Self {
        self.denied.extend(networks.into_iter().map(|network| (what.to_owned(), network)));
        self
    }

    /// Allows networks whatever is denied.
    #[must_use]
    pub fn allow(mut self, networks: impl IntoIterator<Item = IpNet>) -> Self {
        self.allowed.extend(networks);
        self
    }

    /// Whether an address may be connected to. One that stands for an IPv4 address, mapped or translated, is judged as both.
    ///
    /// # Errors
    /// It may not.
    pub fn judge(&self, address: IpAddr) -> Result<(), DeniedAddress> {
        let inner = embedded(address);
        let forms = || [Some(address), inner].into_iter().flatten();
        if forms().any(|form| self.allowed.iter().any(|network| network.contains(&form))) {
            return Ok(());
        }
        match self.denied.iter().find(|(_, network)| forms().any(|form| network.contains(&form))) {
            Some((what, network)) => Err(DeniedAddress { address, network: *network, what: what.clone() }),
            None => Ok(()),
        }
    }
}

/// The IPv4 address that an IPv6 address stands for: mapped (::ffff:0:0/96), compatible (::/96), NAT64 (64:ff9b::/96), 6to4 (2002::/16).
fn embedded(address: IpAddr) -> Option<IpAddr> {
    let IpAddr::V6(address) = address else { return None };
    let [a, b, c, d, e, f, g, h] = address.segments();
    let (high, low) = match (a, b, c, d, e, f) {
        (0, 0, 0, 0, 0, 0 | 0xffff) | (0x64, 0xff9b, 0, 0, 0, 0) => (g, h),
        (0x2002, ..) => (b, c),
        _ => return None,
    };
    let ([one, two], [three, four]) = (high.to_be_bytes(), low.to_be_bytes());
    Some(Ipv4Addr::new(one, two, three, four).into())
}

fn v4(one: u8, two: u8, three: u8, four: u8, length: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(one, two, three, four), length))
}

fn v6(address: Ipv6Addr, length: u8) -> IpNet {
    IpNet::V6(Ipv6Net::new_assert(address, length))
}
