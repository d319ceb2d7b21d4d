//! Several connection pools for many requests at once.
//!
//! Over HTTP/2 the requests of a pool share one connection, and a server limits the streams on it (often 100 or 128);
//! further requests would wait. So there are several pools, and a pool is used only while those before it are busy.
//!
//! A pool without a connection would open one for each of several simultaneous requests, and keep only the first. So over
//! TLS one request opens the connection, and the others wait a moment for its answer.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use aws_sdk_kinesis::config::SharedHttpClient;
use aws_smithy_runtime_api::client::{
    http::{HttpConnector as _, HttpConnectorFuture},
    orchestrator::HttpRequest,
};
use tokio::sync::Notify;

use super::choice::{Choose, ConnectorContext, choosing};

/// Requests in flight in a pool from which the next pool is used.
const PER_POOL: usize = 64;

/// Number of pools: enough for all puts that may be in flight. The last one takes any excess.
const POOLS: usize = 16;

/// A pool that was unused for longer may have lost its connection.
const CONNECTED_FOR: Duration = Duration::from_secs(30);

/// How long requests wait at most for the one that opens the connection.
const OPENING_MAX: Duration = Duration::from_secs(1);

/// One client over several, each with connections of its own.
pub(super) fn pooled(make: impl Fn() -> SharedHttpClient) -> SharedHttpClient {
    choosing(Pools((0..POOLS).map(|_| Pool::new(make())).collect()))
}

#[derive(Clone, Debug)]
struct Pools(Arc<[Pool]>);

#[derive(Debug)]
struct Pool {
    client: SharedHttpClient,
    in_flight: Arc<AtomicUsize>,
    connection: Arc<Connection>,
}

impl Pool {
    fn new(client: SharedHttpClient) -> Self {
        Self { client, in_flight: Arc::default(), connection: Arc::default() }
    }
}

/// A request in flight in a pool, until it is answered or dropped.
struct InFlight(Arc<AtomicUsize>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Pools {
    /// The first pool with room.
    fn choose(&self) -> Option<(&Pool, InFlight)> {
        let has_room = |pool: &&Pool| pool.in_flight.load(Ordering::Relaxed) < PER_POOL;
        let pool = self.0.iter().find(has_room).or(self.0.last())?;
        pool.in_flight.fetch_add(1, Ordering::Relaxed);
        Some((pool, InFlight(Arc::clone(&pool.in_flight))))
    }
}

/// Whether a pool probably has a connection: the time of its last answer tells.
#[derive(Debug, Default)]
struct Connection {
    state: Mutex<State>,
    /// The request that opened the connection has ended.
    opened: Notify,
}

#[derive(Debug, Default)]
struct State {
    last_answer: Option<Instant>,
    is_opening: bool,
}

/// Held by the request that opens the connection, until it has ended.
struct Opening(Arc<Connection>);

impl Drop for Opening {
    fn drop(&mut self) {
        self.0.state().is_opening = false;
        self.0.opened.notify_waiters();
    }
}

impl Connection {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answered(&self) {
        self.state().last_answer = Some(Instant::now());
    }

    /// Returns when the request may be sent. `Some`: it is the one that opens the connection.
    async fn ready(self: &Arc<Self>) -> Option<Opening> {
        // Created before the state is read, so that it hears of an end after that.
        let opened = self.opened.notified();
        {
            let mut state = self.state();
            if state.last_answer.is_some_and(|at| at.elapsed() < CONNECTED_FOR) {
                return None;
            }
            if !std::mem::replace(&mut state.is_opening, true) {
                return Some(Opening(Arc::clone(self)));
            }
        }
        // The request is sent in any case: if the connection is open, if it failed, or if it takes long.
        drop(tokio::time::timeout(OPENING_MAX, opened).await);
        None
    }
}

impl Choose for Pools {
    fn send(&self, context: &ConnectorContext, request: HttpRequest) -> HttpConnectorFuture {
        let Some((pool, in_flight)) = self.choose() else {
            return HttpConnectorFuture::new(std::future::pending());
        };
        let connector = context.connector(&pool.client);
        let connection = Arc::clone(&pool.connection);
        HttpConnectorFuture::new(async move {
            let has_handshake = request.uri().starts_with("https:");
            let opening = if has_handshake { connection.ready().await } else { None };
            let answer = connector.call(request).await;
            if has_handshake && answer.is_ok() {
                connection.answered();
            }
            drop((opening, in_flight));
            answer
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pools() -> Pools {
        let client = || aws_smithy_http_client::Builder::new().build_http();
        Pools((0..POOLS).map(|_| Pool::new(client())).collect())
    }

    fn in_flight(pools: &Pools) -> Vec<usize> {
        pools
            .0
            .iter()
            .map(|pool| pool.in_flight.load(Ordering::Relaxed))
            .take_while(|count| *count > 0)
            .collect()
    }

    #[test]
    fn a_further_pool_is_used_only_while_those_before_it_are_busy() {
        let pools = pools();
        for _ in 0..1000 {
            let (_, one) = pools.choose().expect("a pool");
            assert_eq!(in_flight(&pools), [1]);
            drop(one);
        }
        let many: Vec<_> = (0..150).filter_map(|_| Some(pools.choose()?.1)).collect();
        assert_eq!(in_flight(&pools), [64, 64, 22]);
        let more: Vec<_> = (0..1000).filter_map(|_| Some(pools.choose()?.1)).collect();
        assert_eq!(in_flight(&pools)[14..], [64, 150 + 1000 - 15 * 64]);
        drop((many, more));
        assert_eq!(in_flight(&pools), [0; 0]);
    }

    #[tokio::test]
    async fn one_request_opens_the_connection_and_the_others_wait_for_its_end() {
        let connection = Arc::<Connection>::default();
        let opening = connection.ready().await.expect("the first");
        let mut others: Vec<_> = (0..3).map(|_| Box::pin(connection.ready())).collect();
        for other in &mut others {
            assert!(futures_util::poll!(other.as_mut()).is_pending());
        }
        connection.answered();
        drop(opening);
        for other in others {
            assert!(other.await.is_none(), "they share its connection");
        }
        assert!(connection.ready().await.is_none(), "and so does a later request");
    }

    #[tokio::test]
    async fn waiting_requests_go_on_when_the_first_fails_or_takes_long_and_the_next_one_opens_again() {
        let connection = Arc::<Connection>::default();
        let opening = connection.ready().await.expect("the first");
        let mut other = Box::pin(connection.ready());
        assert!(futures_util::poll!(other.as_mut()).is_pending());
        drop(opening);
        assert!(other.await.is_none());
        let opening = connection.ready().await.expect("there is no connection yet");
        let began = Instant::now();
        assert!(connection.ready().await.is_none());
        assert!(began.elapsed() >= OPENING_MAX);
        drop(opening);
    }
}
