//! Copies in other regions and accounts.

mod cloud;
mod life;
mod plans;
mod refused;
mod world;
