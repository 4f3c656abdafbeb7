//! A small HTTP server in AWS's place, and the SDKs that talk to it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use runbook_aws::{Call, Cloud, Connection, Connections, Reply, SdkCloud};
use runbook_core::CloudError;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{ACCOUNT, scope};

pub const SECRET: &str = "wJalrXUtnFEMIsecret";

/// What the server received and what it answers: status and body.
type Script = Arc<dyn Fn(&Request) -> (u16, String) + Send + Sync>;

#[derive(Clone, Debug)]
pub struct Request {
    pub head: String,
    pub body: String,
}

impl Request {
    pub fn is(&self, operation: &str) -> bool {
        self.head.contains(&format!(".{operation}\r\n")) || self.body.contains(&format!("Action={operation}&"))
    }
}

pub struct Server {
    pub url: String,
    requests: Arc<Mutex<Vec<Request>>>,
    /// TCP connections that were opened.
    pub accepted: Arc<AtomicUsize>,
}

impl Server {
    pub async fn start(script: impl Fn(&Request) -> (u16, String) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let accepted = Arc::new(AtomicUsize::new(0));
        let (script, seen): (Script, _) = (Arc::new(script), Arc::clone(&requests));
        let counted = Arc::clone(&accepted);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(serve(stream, Arc::clone(&script), Arc::clone(&seen)));
            }
        });
        Self { url, requests, accepted }
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, script: Script, seen: Arc<Mutex<Vec<Request>>>) -> Option<()> {
    let mut buffer = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut buffer).await.ok()? == 0 {
                return None;
            }
        };
        let head = String::from_utf8(buffer[..end].to_vec()).ok()?;
        let length: usize = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok())
            .unwrap_or(0);
        while buffer.len() < end + length {
            stream.read_buf(&mut buffer).await.ok()?;
        }
        let request = Request { head, body: String::from_utf8(buffer[end..end + length].to_vec()).ok()? };
        buffer.drain(..end + length);
        seen.lock().unwrap().push(request.clone());
        let (status, body) = script(&request);
        if status == 0 {
            return None;
        }
        let answer =
            format!("HTTP/1.1 {status} -\r\nx-amzn-requestid: r-1\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await.ok()?;
    }
}

/// The process's own credentials come from the environment, which a test must not change: a role with a stub STS stands in for them.
pub async fn cloud(server: &Server, assume_role: bool) -> SdkCloud {
    let cloud = SdkCloud::with_credentials("runbook-operator", "AKIDEXAMPLE", SECRET);
    cloud.set_connection(Connection {
        name: "default".into(),
        account_id: ACCOUNT.into(),
        assume_role: assume_role.then(|| ("arn:aws:iam::123456789012:role/op".into(), Some("external".into()))),
        use_fips: false,
        use_dual_stack: false,
        endpoint_url: Some(server.url.clone()),
    });
    cloud
}

pub fn describe(names: &[&str]) -> Call {
    Call::DescribeServices { cluster: "app".into(), services: names.iter().map(ToString::to_string).collect() }
}

pub async fn answered(body: &str, call: &Call) -> Result<Reply, CloudError> {
    let body = body.to_owned();
    let server = Server::start(move |_| (200, body.clone())).await;
    cloud(&server, false).await.call(&scope(), call).await.map(|answered| answered.reply)
}

pub async fn refused(status: u16, body: &str, call: &Call) -> CloudError {
    let body = body.to_owned();
    let server = Server::start(move |_| (status, body.clone())).await;
    let error = cloud(&server, false).await.call(&scope(), call).await.unwrap_err();
    assert_eq!(server.requests().len(), 1, "nothing is retried here");
    error
}
