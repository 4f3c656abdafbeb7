//! AWS: the observation plane (batched, cached, budgeted reads), one executor per Step, errors classified once.
//!
//! ```text
//! Query ─► plane ─┐                     ┌─► SdkCloud (AWS SDKs)
//!                 ├─► budget ─► Cloud ──┤
//! Step ─► execute ┘                     └─► a fake, in the simulator
//!         queue ──┘  (events, which say what to read again)
//! ```

mod budget;
pub mod call;
pub mod clock;
pub mod cloud;
mod door;
pub mod execute;
pub mod metrics;
pub mod observer;
pub mod plane;
pub mod queue;
pub mod sdk;
pub mod vault;

pub use call::{Api, Call, RdsCall, Reply, Request};
pub use clock::{Clock, SystemClock, TokioClock};
pub use cloud::{Answered, Cloud, Connection, Connections, WriteGuard};
pub use execute::{Executor, Origin};
pub use metrics::AwsMetrics;
pub use observer::Observer;
pub use plane::{Expected, Freshness, Observed, Plane, PlaneOptions};
pub use queue::{Ear, Listener, Message, Queues};
pub use sdk::SdkCloud;
pub use vault::{Password, Vault};
