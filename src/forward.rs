//! The forwarder: takes waiting events from the spool, puts them, and settles each in the spool only on an answer that
//! names its shard and sequence number.
//!
//! - The events of a user that are in flight are in one record. Different keys go in parallel, as many as brings more.
//! - It never gives up on an event for lack of an answer: the event waits for a growing, jittered pause of its own key or of
//!   all, and each attempt is noted in the delivery log.
//! - Memory: at most 20,000 events (60,000 if they share records) or 32 MiB of JSON, besides one page. If a few keys fill it
//!   and cannot go on, the events of other keys are read past them (`reader.rs`).
//! - One task owns all state and waits in one place (`forwarder.rs`). The decisions are pure: `lanes`, `batch`, `backoff`,
//!   `health`, `concurrency`, `answer_timeout`, `bound`.

mod answer_timeout;
mod backoff;
mod batch;
mod bound;
mod concurrency;
mod connection;
mod controls;
mod facts;
mod forwarder;
mod health;
mod lanes;
mod put;
mod reader;
mod report;
mod settle;

pub use controls::{ConnectionSettings, Controls};
pub use forwarder::run;
pub use report::Reports;
