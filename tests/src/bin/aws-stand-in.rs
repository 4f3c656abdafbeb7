//! The fake cloud as a server, for benchmarks. Prints its address.

use std::time::Duration;

use clap::Parser;
use runbook_tests::wire::databases::Databases;
use runbook_tests::wire::server::{Options, serve};
use tokio::net::TcpListener;

/// Serves ECS, Application Auto Scaling, RDS and STS from memory on 127.0.0.1, with AWS's token buckets.
#[derive(Debug, Parser)]
struct Args {
    /// How many services there are
    #[arg(long, default_value_t = 0)]
    services: u32,
    /// How many databases there are
    #[arg(long, default_value_t = 0)]
    databases: u32,
    /// How many snapshots there are of each, a day apart, that BackupPolicies of the databases' names have taken
    #[arg(long, default_value_t = 0)]
    snapshots: u32,
    /// The hour of the day, in UTC, at which they were taken
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(i8).range(0..24))]
    slot_hour: i8,
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
    let Args { services, databases, snapshots, slot_hour, scale, latency } = args;
    let databases = Databases { count: databases, snapshots, slot_hour };
    let options = Options { services, databases, scale, latency: Duration::from_millis(latency) };
    serve(listener, options).await
}
