//! The forwarder: takes waiting events from the spool, puts them, and settles each in the spool only on an answer that
//! names its shard and sequence number.
//!
//! - The events of a partition key that are in flight are in one record. Different keys are put in parallel, as many as
//!   raise the rate.
//! - It never gives up on an event for lack of an answer: the event is put again after a growing, jittered pause of its key
//!   or of all keys, and each attempt is noted in the delivery log.
//! - Memory: at most 20,000 events (60,000 if they share records) or 32 MiB of JSON, besides one page. If a few keys fill it
//!   and none of their events can be put, events of other keys are read past them (`reader.rs`).
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
mod settle;

pub use controls::{ConnectionSettings, Controls, Reports};
pub use forwarder::run;
