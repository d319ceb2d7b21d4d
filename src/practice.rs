//! The practice stream: a small Amazon Kinesis on loopback, with fault switches.
//!
//! It speaks what AWS SDKs speak to Kinesis (JSON and CBOR, over HTTP/1.1 and HTTP/2), so they reach it as they reach AWS:
//! practice and AWS share one code path. It keeps AWS's limits, errors and order, and adds a promise: a tailing reader
//! never misses a record.
//!
//! - Records live in memory below a limit on their bytes. Above it the oldest go first and are counted
//!   ([`Practice::dropped`]).
//! - Only a client with this instance's random key gets in, and never a web page (`access.rs`).
//! - Connections are limited in number and time (`connections.rs`).
//! - Streams, shards and consumers change as in AWS, but the answer comes when it is done: none is ever UPDATING.
//! - Records older than the retention period are no longer read.
//! - The quotas of a shard hold while the fault switch `shard_limits` is on; how often the other operations may be called,
//!   which AWS limits too, is not limited here.
//!
//! - [`Practice::saved`] and [`Practice::restore`] carry the streams over to another process.
//!
//! Absent on purpose: files, encryption (it is only noted), resource policies, channels, enhanced monitoring,
//! verification of signatures.

mod access;
mod account;
mod api_error;
mod arn;
mod call;
mod cbor;
mod checks;
mod connections;
mod consumer;
mod consumers;
mod control;
mod event_stream;
mod fault_switch;
mod faults;
mod format;
mod http;
mod initial;
mod key_pair;
mod operations;
mod page;
mod put;
mod read;
mod record_list;
mod resharding;
mod saved;
mod sequence;
mod shard;
mod shard_list;
mod shared;
mod start;
mod store;
mod stream;
mod stream_settings;
mod streams;
mod subscribe;
mod subscription;
mod tagging;
mod tags;
mod token;

pub use fault_switch::{FaultError, FaultSwitch};
pub use faults::Faults;
pub use initial::Initial;
pub use key_pair::KeyPair;
pub use saved::SavedError;
pub use shard::SHARDS_MAX;
pub use shared::Settings;

pub use crate::slots::Limits;

use crate::clock::now_ms;
use http::Handler;
use shared::Shared;
use std::io;
use std::sync::Arc;
use stream::StreamSpec;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Why a stream could not be made.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// Kinesis takes 1 to 128 letters (a to z), digits, `_`, `.` and `-`.
    #[error("{0:?} is no stream name: 1 to 128 letters, digits, `_`, `.` or `-`")]
    Name(String),
    /// A stream has at least one shard, and all streams together have at most 500.
    #[error("{0} more shards are not possible: at least 1, and 500 in all streams together")]
    Shards(u32),
}

/// Whether a stream may have this name and, were it the only one, this number of shards.
pub fn check_stream(name: &str, shards: u32) -> Result<(), Error> {
    if !arn::is_name(name) || name.len() > 128 {
        return Err(Error::Name(name.to_owned()));
    }
    if shards == 0 || shards > shard::SHARDS_MAX {
        return Err(Error::Shards(shards));
    }
    Ok(())
}

/// A practice Kinesis with any number of streams. All clones are the same one. It serves nothing until
/// [`Practice::serve`] runs.
#[derive(Clone)]
pub struct Practice {
    shared: Arc<Shared>,
}

impl Practice {
    /// Starts with no streams. The settings name the faults and the keys.
    pub fn new(settings: Settings) -> Self {
        Self { shared: Arc::new(Shared::new(settings)) }
    }

    /// The access key id for other programs. Their connections are limited in number.
    pub fn access_key_id(&self) -> &str {
        &self.shared.access_key_id
    }

    /// The access key id for this program's own client, never given to others. Connections are reserved for it.
    pub fn own_access_key_id(&self) -> &str {
        &self.shared.own_access_key_id
    }

    /// Maximum numbers of connections.
    pub fn connections(&self) -> Limits {
        self.shared.settings.connections
    }

    /// The region in ARNs.
    pub fn region(&self) -> &str {
        &self.shared.settings.region
    }

    /// The secret of both access key ids. Clients sign with it; the signature is not verified.
    pub fn secret_access_key(&self) -> &str {
        &self.shared.secret_access_key
    }

    /// Makes a provisioned stream, ready at once. An existing stream stays as it is, whatever its number of shards.
    pub fn create_stream(&self, name: &str, shards: u32) -> Result<(), Error> {
        check_stream(name, shards)?;
        let mut streams = self.shared.streams();
        if streams.get(name).is_some() {
            return Ok(());
        }
        if streams.shard_count() + shards as usize > shard::SHARDS_MAX as usize {
            return Err(Error::Shards(shards));
        }
        streams.create(name, StreamSpec::provisioned(shards), now_ms().unsigned_abs());
        drop(streams);
        self.shared.changed.notify_one();
        Ok(())
    }

    /// Deletes a stream and its records at once. Returns false if no stream has that name.
    pub fn delete_stream(&self, name: &str) -> bool {
        self.shared.streams().delete(name)
    }

    /// Whether a stream of that name exists.
    pub fn has_stream(&self, name: &str) -> bool {
        self.shared.streams().get(name).is_some()
    }

    /// The shards of a stream that take records, each with its first and its last hash key.
    pub fn open_shards(&self, name: &str) -> Vec<(String, u128, u128)> {
        let streams = self.shared.streams();
        let Some(stream) = streams.get(name) else { return Vec::new() };
        let range = |at| stream.shard(at).map(|shard| (shard::id_of(at), shard.range.0, shard.range.1));
        stream.open().filter_map(range).collect()
    }

    /// The names of all streams, each with the number of its open shards, in the order of the names.
    pub fn streams(&self) -> Vec<(String, usize)> {
        let streams = self.shared.streams();
        streams.after("").map(|(name, stream)| (name.to_owned(), stream.open().len())).collect()
    }

    /// All streams with their records, for [`Practice::restore`] in another process. Faults, keys, iterators and
    /// subscriptions are not in it.
    pub fn saved(&self) -> Vec<u8> {
        // The copy shares the records, so the lock is not held while they are encoded.
        let streams = self.shared.streams().clone();
        saved::write(&streams)
    }

    /// Replaces all streams by saved ones. After an error they are unchanged.
    pub fn restore(&self, bytes: &[u8]) -> Result<(), SavedError> {
        let streams = saved::read(bytes)?;
        let limit = self.shared.settings.bytes_max;
        *self.shared.streams() = streams.restored(limit);
        Ok(())
    }

    /// Returns when the streams may have changed since the last call. For one caller at a time.
    pub async fn changed(&self) {
        self.shared.changed.notified().await;
    }

    /// How many records of the stream were dropped to stay below the limit of memory.
    pub fn dropped(&self, name: &str) -> u64 {
        self.shared.streams().get(name).map_or(0, stream::Stream::dropped)
    }

    /// The fault switches as they are now.
    pub fn faults(&self) -> Faults {
        self.shared.faults()
    }

    /// Sets all fault switches, from the next request on.
    pub fn set_faults(&self, faults: Faults) {
        self.shared.set_faults(faults);
    }

    /// Serves `listener` until `stop` ends. Requests under way then have 2 seconds to finish and are cut off after that.
    /// The listener should be bound to loopback: requests for another host are refused.
    pub fn serve<Stop>(
        &self,
        listener: TcpListener,
        stop: Stop,
    ) -> impl Future<Output = io::Result<()>> + Send + use<Stop>
    where
        Stop: Future<Output = ()> + Send + 'static,
    {
        let shared = Arc::clone(&self.shared);
        async move {
            let port = listener.local_addr()?.port();
            let limits = shared.settings.connections;
            let stopping = CancellationToken::new();
            let handler = Handler::new(shared, port, stopping.clone());
            let connections = connections::serve(handler, listener, limits, stopping, stop);
            connections.await;
            Ok(())
        }
    }
}
