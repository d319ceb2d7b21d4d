//! Puts records into the destination's stream, and gives one [`crate::delivery::Outcome`] for each, in the same order.
//! The only module that talks to AWS.
//!
//! - The SDK's own retries are off and its timeouts are set: the forwarder decides whether and when to put again, and every
//!   attempt is part of the delivery log.
//! - An answer counts as a delivery only if it names shard and sequence number.
//! - Errors contain no secrets.

mod answer;
mod check;
mod client;
mod credentials;
mod error;
mod facts;
mod http;
mod iam;
mod new_stream;
mod payload_hash;
mod put_body;
mod put_record;
mod read;
mod read_one;
mod record;
mod retry;
mod sdk_config;
mod streams;

pub use answer::{is_the_clock, may_be_the_records, was_not_sent};
pub use check::check;
pub use client::{Access, Client};
pub use credentials::{
    AwsConfigFiles, ConfigFileError, KeychainError, ProfilesError, profiles, store_keys, who_am_i,
};
pub use http::ANSWER_TIMEOUT;
pub use iam::attach;
pub use new_stream::create_stream;
pub use read::{Reader, Round};
pub use record::{BATCH_BYTES_MAX, Outgoing, RECORD_BYTES_MAX};
pub use streams::{describe_stream, list_streams, on_demand_billing};
