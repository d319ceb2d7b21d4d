//! The practice stream: a small Amazon Kinesis of our own on loopback, with fault switches.
//!
//! It speaks AWS JSON 1.1, so the real AWS SDK reaches it as it reaches AWS: one code path for practice and AWS.
//! It keeps AWS's limits, errors and order, and one promise of its own: a tailing reader never misses a record.
//! Records live in memory below a byte cap; past it the oldest go first and are counted ([`Practice::dropped`]).
//! Only a client with this instance's random key gets in, and never a web page (see `access.rs`). Connections are limited
//! in number and time (see `serving.rs`).
//! Shards split and merge as in AWS, except that the answer comes when it is done: no stream is ever UPDATING.
//! Absent on purpose: everything durable, consumers with fan-out, encryption, tags, read quotas, verification of
//! signatures. It knows no other part of the crate but the places of a port.

mod access;
mod checks;
mod faults;
mod http;
mod operations;
mod put;
mod random;
mod read;
mod refusal;
mod resharding;
mod sequence;
mod serving;
mod shard;
mod store;
mod streams;
mod token;

pub use faults::Faults;

pub use crate::slots::Limits;

use crate::clock::now_ms;
use base64::{Engine, engine::general_purpose::STANDARD};
use random::Random;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use store::{Plan, Streams};
use token::Seal;
use tokio::net::TcpListener;

/// What a practice stream is made with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// The most memory that all records take together, overhead included.
    pub bytes_max: usize,
    /// The region that its ARNs name.
    pub region: String,
    /// The account, twelve digits, that its ARNs and messages name.
    pub account_id: String,
    /// How many connections it takes at a time.
    pub connections: Limits,
    /// How long the body of a request may take.
    pub body_time_max: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bytes_max: 64 << 20,
            region: "us-east-1".into(),
            account_id: "000000000000".into(),
            connections: Limits { connections: 256, authenticated: 64 },
            body_time_max: Duration::from_secs(30),
        }
    }
}

/// Why a stream could not be made.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// Kinesis takes 1 to 128 letters (a to z), digits, `_`, `.` and `-`.
    #[error("{0:?} is no stream name: 1 to 128 letters, digits, `_`, `.` or `-`")]
    Name(String),
    /// A stream has at least one shard, and all streams together at most 500.
    #[error("{0} more shards are not possible: at least 1, and 500 in all streams together")]
    Shards(u32),
}

/// A practice stream, or several: cheap to clone, all clones are one. It serves nothing until [`Practice::serve`] runs.
#[derive(Clone)]
pub struct Practice {
    shared: Arc<Shared>,
}

/// What all calls share.
struct Shared {
    settings: Settings,
    access_key_id: String,
    own_access_key_id: String,
    secret_access_key: String,
    random: Random,
    seal: Seal,
    faults: RwLock<Faults>,
    streams: Mutex<Streams>,
}

impl Shared {
    /// Held for a few steps, never across an await. What a panicking holder left is still whole: no step leaves
    /// a record half counted.
    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn arn(&self, stream: &str) -> String {
        let Settings { region, account_id, .. } = &self.settings;
        let partition = match region {
            region if region.starts_with("cn-") => "aws-cn",
            region if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        };
        format!("arn:{partition}:kinesis:{region}:{account_id}:stream/{stream}")
    }
}

impl Practice {
    /// An empty one with no streams, no faults, and new random keys.
    pub fn new(settings: Settings) -> Self {
        let bytes_max = settings.bytes_max;
        let shared = Shared {
            settings,
            access_key_id: new_access_key_id(),
            own_access_key_id: new_access_key_id(),
            secret_access_key: STANDARD.encode(random_bytes::<30>()),
            random: Random::seeded(u64::from_ne_bytes(random_bytes())),
            seal: Seal(random_bytes()),
            faults: RwLock::default(),
            streams: Mutex::new(Streams::new(bytes_max)),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The access key id for others: their connections are limited in number.
    pub fn access_key_id(&self) -> &str {
        &self.shared.access_key_id
    }

    /// The access key id for the client of this program, which nobody else is told: places are kept for it.
    pub fn own_access_key_id(&self) -> &str {
        &self.shared.own_access_key_id
    }

    /// How many connections it takes at a time.
    pub fn connections(&self) -> Limits {
        self.shared.settings.connections
    }

    /// Goes with both access key ids. Clients sign with it; the signature is not verified.
    pub fn secret_access_key(&self) -> &str {
        &self.shared.secret_access_key
    }

    /// Makes a provisioned stream, ready at once. One that exists stays as it is, whatever its number of shards.
    pub fn create_stream(&self, name: &str, shards: u32) -> Result<(), Error> {
        if !checks::is_name(name) || name.len() > 128 {
            return Err(Error::Name(name.to_owned()));
        }
        let mut streams = self.shared.streams();
        if streams.get(name).is_some() {
            return Ok(());
        }
        let shards_max = streams::SHARDS_MAX as usize;
        if shards == 0 || streams.shard_count() + shards as usize > shards_max {
            return Err(Error::Shards(shards));
        }
        let plan = Plan { shards, on_demand: false, record_bytes_max: 1 << 20 };
        streams.create(name, plan, now_ms().unsigned_abs());
        Ok(())
    }

    /// Deletes a stream and its records at once. False: there was none of that name.
    pub fn delete_stream(&self, name: &str) -> bool {
        self.shared.streams().delete(name)
    }

    /// Whether there is a stream of that name.
    pub fn has_stream(&self, name: &str) -> bool {
        self.shared.streams().get(name).is_some()
    }

    /// The id of the shard that takes a record with this hash key now. `None`: there is no stream of that name.
    pub fn shard_by_hash(&self, name: &str, hash: u128) -> Option<String> {
        self.shared.streams().get(name).map(|stream| shard::id_of(stream.shard_by_hash(hash)))
    }

    /// How many records of the stream went to stay below the byte cap.
    pub fn dropped(&self, name: &str) -> u64 {
        self.shared.streams().dropped(name)
    }

    /// The fault switches as they are now.
    pub fn faults(&self) -> Faults {
        *self.shared.faults.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets all fault switches; the next request feels them.
    pub fn set_faults(&self, faults: Faults) {
        *self.shared.faults.write().unwrap_or_else(PoisonError::into_inner) = faults;
    }

    /// Answers on `listener` until `stop` ends, then finishes what is under way, at most 2 seconds long; what still
    /// waits then is cut off. The listener should be bound to loopback: a request for another host is refused.
    pub fn serve<Stop>(
        &self,
        listener: TcpListener,
        stop: Stop,
    ) -> impl Future<Output = io::Result<()>> + Send + use<Stop>
    where
        Stop: Future<Output = ()> + Send + 'static,
    {
        let practice = self.clone();
        async move {
            let port = listener.local_addr()?.port();
            let limits = practice.shared.settings.connections;
            serving::run(http::Door::new(practice, port), listener, limits, stop).await;
            Ok(())
        }
    }
}

fn random_bytes<const LEN: usize>() -> [u8; LEN] {
    let mut bytes = [0; LEN];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    bytes
}

/// As AWS makes them: AKIA and sixteen letters and digits.
fn new_access_key_id() -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let letters = random_bytes::<16>().map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    format!("AKIA{}", String::from_iter(letters))
}
