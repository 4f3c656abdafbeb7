//! Who is connected to, as whom, and what is told where that does not come about.

use std::time::Duration;

use runbook_core::checks::{FailureClass, SqlFailure};
use runbook_probes::{Dialer, Limits, Networks, SqlTarget, Trust, run};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::server::{PASSWORD, Server, USER};
use crate::{dialer, named, target, tells_nothing};

async fn refusal(dialer: &Dialer, target: &SqlTarget, limits: Limits) -> SqlFailure {
    let failure = run(dialer, target, &named(&["SELECT 1", "SELECT 2"]), limits).await.unwrap_err();
    tells_nothing(&failure);
    failure
}

#[tokio::test]
async fn each_refusal_says_whose_turn_it_is() {
    let server = Server::shared().await;
    let right = target(&server);
    let nothing_listens = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let rds = Trust::rds_and(&[]).unwrap();
    let wrong = [
        (
            SqlTarget { password: "wrong".into(), ..right.clone() },
            FailureClass::Credentials,
            "password authentication failed for user \"checker\" (SQLSTATE 28P01); look at the password of checker",
        ),
        (
            SqlTarget { user: "nobody".into(), ..right.clone() },
            FailureClass::Credentials,
            "password authentication failed for user \"nobody\" (SQLSTATE 28P01)",
        ),
        (
            SqlTarget { database: "sessions".into(), ..right.clone() },
            FailureClass::Refused,
            "database \"sessions\" does not exist (SQLSTATE 3D000); correct the name of the database",
        ),
        (SqlTarget { database: "a\0b".into(), ..right.clone() }, FailureClass::Refused, "has no NUL character"),
        (SqlTarget { port: nothing_listens, ..right.clone() }, FailureClass::Unreachable, "Connection refused"),
        (
            // No label is so long, so that no name server is asked.
            SqlTarget { host: format!("{}.invalid", "x".repeat(64)), ..right.clone() },
            FailureClass::Unreachable,
            "x.invalid does not resolve",
        ),
        (
            SqlTarget { host: "127.0.0.1".into(), ..right.clone() },
            FailureClass::Tls,
            "not valid for name \"127.0.0.1\"",
        ),
        (SqlTarget { trust: rds, ..right.clone() }, FailureClass::Tls, "UnknownIssuer"),
    ];
    for (target, class, says) in wrong {
        let failure = refusal(&dialer(), &target, Limits::default()).await;
        assert_eq!(failure.class, class, "{failure}");
        assert!(failure.message.contains(says), "{failure}");
    }
}

#[tokio::test]
async fn the_operators_own_host_is_denied_unless_allowed() {
    let server = Server::shared().await;
    let dialer = Dialer::new(Networks::default(), Duration::from_secs(30));
    let failure = refusal(&dialer, &target(&server), Limits::default()).await;
    assert_eq!(failure.class, FailureClass::Denied);
    assert!(
        failure.message.starts_with("localhost: ") && failure.message.contains("the operator's own host"),
        "{failure}"
    );
    assert!(failure.message.ends_with("allow it with --allowed-networks"), "{failure}");
}

/// What a peer was sent that answers a request for TLS like this.
async fn told(answer: &'static [u8]) -> (SqlFailure, Vec<u8>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = SqlTarget {
        host: "localhost".into(),
        port: listener.local_addr().unwrap().port(),
        database: "clocked".into(),
        user: USER.into(),
        password: PASSWORD.into(),
        trust: Trust::rds_and(&[]).unwrap(),
    };
    let peer = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 8];
        stream.read_exact(&mut request).await.unwrap();
        stream.write_all(answer).await.unwrap();
        let mut rest = Vec::new();
        // It may hang up at once.
        let _ = stream.read_to_end(&mut rest).await;
        rest
    });
    let failure = refusal(&dialer(), &target, Limits::default()).await;
    (failure, peer.await.unwrap())
}

#[tokio::test]
async fn without_tls_nothing_is_said_to_a_server() {
    let (failure, said) = told(b"N").await;
    assert_eq!(failure.class, FailureClass::Tls);
    assert!(failure.message.contains("server does not support TLS; TLS with a certificate"), "{failure}");
    assert_eq!(said, b"");
    let (failure, said) = told(b"Sthis is no TLS").await;
    assert_eq!(failure.class, FailureClass::Tls, "{failure}");
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(!said.contains(USER) && !said.contains(PASSWORD) && !said.contains("clocked"), "{said}");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server::shared().await;
    let target = SqlTarget { port: listener.local_addr().unwrap().port(), ..target(&server) };
    let limits = Limits { total: Duration::from_millis(300), ..Limits::default() };
    let failure = refusal(&dialer(), &target, limits).await;
    assert_eq!(failure.class, FailureClass::Timeout);
    assert!(failure.message.contains("not answered within the 0.3 s"), "{failure}");
}

#[tokio::test]
async fn printing_a_target_shows_no_password() {
    let server = Server::shared().await;
    let printed = format!("{:?}", target(&server));
    assert!(printed.contains("checker") && !printed.contains(PASSWORD), "{printed}");
}
