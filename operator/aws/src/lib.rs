//! AWS: the observation plane (batched, cached, budgeted reads), one executor per Step, errors classified once.
//!
//! ```text
//! Query ─► plane ─┐                     ┌─► SdkCloud (AWS SDKs)
//!                 ├─► budget ─► Cloud ──┤
//! Step ─► execute ┘                     └─► a fake, in the simulator
//! ```

pub mod call;
pub mod clock;
pub mod cloud;

pub use call::{Call, Reply};
pub use clock::{Clock, SystemClock, TokioClock};
pub use cloud::{Answered, Cloud, WriteGuard};
