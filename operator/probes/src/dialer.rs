//! The one way out to where people may direct the operator.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout_at};

use crate::networks::{DeniedAddress, Networks};

/// Connects to hosts, by the addresses that it has judged.
#[derive(Clone, Debug)]
pub struct Dialer {
    networks: Networks,
    timeout: Duration,
}

/// A connection that did not come about.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The name has no address.
    #[error("{host} does not resolve ({reason}): correct the name, or look at the cluster's DNS")]
    Unresolved {
        /// The name.
        host: String,
        /// What the resolver says.
        reason: String,
    },
    /// None of its addresses may be connected to.
    #[error("{host}: {denied}")]
    Denied {
        /// The name.
        host: String,
        /// The first of them.
        denied: DeniedAddress,
    },
    /// Nobody answers there.
    #[error("{host} at {address}: {reason}")]
    Unreachable {
        /// The name.
        host: String,
        /// The address that was tried last.
        address: SocketAddr,
        /// What the kernel says.
        reason: io::Error,
    },
    /// Neither the name's addresses nor a connection were had in time.
    #[error("{host}: no connection within {} ms; look at security groups, routes and network policies", .after.as_millis())]
    Timeout {
        /// The name.
        host: String,
        /// How long was waited.
        after: Duration,
    },
}

impl Dialer {
    /// A dialer to what `networks` allows. Resolving and connecting together take `timeout` at most.
    pub fn new(networks: Networks, timeout: Duration) -> Self {
        Self { networks, timeout }
    }

    /// Connects to a host. Its name is resolved once, and what is connected to are the addresses that were judged.
    ///
    /// # Errors
    /// The name does not resolve, its addresses are denied, or none answers in time.
    pub async fn connect(&self, host: &str, port: u16) -> Result<TcpStream, DialError> {
        let deadline = Instant::now() + self.timeout;
        let late = || DialError::Timeout { host: host.to_owned(), after: self.timeout };
        let unresolved = |reason: String| DialError::Unresolved { host: host.to_owned(), reason };
        let addresses = timeout_at(deadline, lookup_host((host, port)))
            .await
            .map_err(|_| late())?
            .map_err(|error| unresolved(error.to_string()))?
            .collect();
        timeout_at(deadline, self.first_of(host, addresses)).await.map_err(|_| late())?
    }

    /// The first that may be connected to and answers.
    async fn first_of(&self, host: &str, addresses: Vec<SocketAddr>) -> Result<TcpStream, DialError> {
        let host = || host.to_owned();
        let mut failure = DialError::Unresolved { host: host(), reason: "no address".to_owned() };
        let mut tried = false;
        for address in addresses {
            if let Err(denied) = self.networks.judge(address.ip()) {
                // What was tried says more than what was not.
                if !tried {
                    failure = DialError::Denied { host: host(), denied };
                }
                continue;
            }
            tried = true;
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(reason) => failure = DialError::Unreachable { host: host(), address, reason },
            }
        }
        Err(failure)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::net::TcpListener;

    use super::*;

    fn dialer(allowed: &[&str]) -> Dialer {
        let allowed = allowed.iter().map(|network| network.parse().unwrap());
        Dialer::new(Networks::default().allow(allowed), Duration::from_secs(20))
    }

    async fn listener(address: [u8; 4]) -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind((Ipv4Addr::from(address), 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    #[tokio::test]
    async fn a_denied_address_is_not_connected_to_and_the_next_is() {
        let (inside, denied) = listener([127, 0, 0, 1]).await;
        let (_outside, allowed) = listener([127, 0, 0, 2]).await;
        let dialer = dialer(&["127.0.0.2/32"]);
        let stream = dialer.first_of("db", vec![denied, allowed]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), allowed);
        let error = dialer.first_of("db", vec![denied]).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "db: 127.0.0.1 is in 127.0.0.0/8 (the operator's own host), which is denied: where that is meant, allow it with \
             --allowed-networks"
        );
        // Nobody has knocked: what is accepted next is what is made now.
        let own = TcpStream::connect(denied).await.unwrap();
        assert_eq!(inside.accept().await.unwrap().1, own.local_addr().unwrap());
    }

    #[tokio::test]
    async fn what_was_tried_is_told_before_what_was_denied() {
        let closed = listener([127, 0, 0, 2]).await.1;
        let denied = "169.254.169.254:80".parse().unwrap();
        for addresses in [vec![denied, closed], vec![closed, denied]] {
            let error = dialer(&["127.0.0.2/32"]).first_of("db", addresses).await.unwrap_err();
            assert!(matches!(error, DialError::Unreachable { address, .. } if address == closed), "{error}");
        }
    }

    #[tokio::test]
    async fn names_and_literals_are_judged_by_what_they_resolve_to() {
        for host in
            ["localhost", "127.0.0.1", "169.254.169.254", "0.0.0.0", "2130706433", "0x7f.1", "::1", "::ffff:127.0.0.1"]
        {
            let error = dialer(&[]).connect(host, 9).await.unwrap_err();
            assert!(matches!(error, DialError::Denied { .. } | DialError::Unresolved { .. }), "{host}: {error}");
        }
        let (_listener, address) = listener([127, 0, 0, 1]).await;
        let allowed = dialer(&["127.0.0.0/8", "::1/128"]);
        assert_eq!(allowed.connect("127.0.0.1", address.port()).await.unwrap().peer_addr().unwrap(), address);
        let too_long = format!("{}.invalid", "x".repeat(64));
        let error = allowed.connect(&too_long, 5432).await.unwrap_err();
        assert!(matches!(error, DialError::Unresolved { .. }), "{error}");
    }
}
