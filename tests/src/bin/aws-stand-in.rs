//! The fake cloud as a server, for benchmarks. Prints its address.

use std::time::Duration;

use clap::Parser;
use runbook_tests::wire::server::{Options, serve};
use tokio::net::TcpListener;

/// Serves ECS, Application Auto Scaling and STS from memory on 127.0.0.1, with AWS's token buckets.
#[derive(Debug, Parser)]
struct Args {
    /// How many services there are
    #[arg(long)]
    services: u32,
    /// How many times AWS's its token buckets are
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// How long each call takes, in milliseconds
    #[arg(long, default_value_t = 20)]
    latency: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let args = Args::parse();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("http://{}", listener.local_addr()?);
    let options = Options { services: args.services, scale: args.scale, latency: Duration::from_millis(args.latency) };
    serve(listener, options).await
}
