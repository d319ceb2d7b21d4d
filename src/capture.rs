//! The capture endpoint: receives events over HTTP, stores them in the spool, and responds with 200 only after they are
//! committed to disk.
//!
//! It serves the tracking API (`docs/capture.md`) to any SDK. A rejected item never harms its neighbours. A refusal
//! that may pass is a 429 or 503 with `Retry-After`; one that will not pass is another 4xx that says why. The endpoint
//! listens where the engine says, on loopback by default. It has at most 4,096 connections, of which those without a
//! write key are evicted first. Bodies are limited in size, rate and time. Absent on purpose: what an event means, and
//! any call to AWS.

mod activity;
mod body;
mod body_memory;
mod config;
mod connections;
mod documents;
mod endpoint;
mod error_response;
mod forwarded;
mod hangup;
mod host;
mod ingest;
mod key;
mod log_lines;
mod metered;
mod metrics;
mod otlp;
mod probes;
mod response;
mod route;
mod secrets;
mod sender;
mod slots;
mod stage;
mod status;
mod tls;

pub use activity::Activity;
pub use config::EndpointConfig;
pub use connections::{Transport, connections_max, listen, serve};
pub use endpoint::Endpoint;
pub use otlp::{PartialSuccess, Resource, Times, partial_success, refusal};
pub use probes::{Probes, ReceivedProbe, TOKEN_HEADER};
pub use stage::Stage;
pub use status::{DeliveryWatches, PushedMetrics};
pub use tls::{Tls, TlsError};
