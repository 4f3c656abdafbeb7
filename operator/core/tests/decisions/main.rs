//! The decisions, judged from outside: golden plans in `tests/plans`, and what must hold for any spec and any facts.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod accounts;
mod any;
mod aurora;
mod backup;
mod checks;
mod claims;
mod conditions;
mod copies;
mod deletion;
mod events;
mod expected;
mod grants;
mod iam;
mod import;
mod kstatus;
mod naive;
mod overrides;
mod plans;
mod properties;
mod reasons;
mod runs;
mod schedules;
mod situation;
mod status;
mod world;
