//! Connections for many requests at once. Over HTTP/2 the requests of a pool share one connection, and a server lets only so
//! many of them be under way on it (often 100 or 128); what is more waits there. So there are several pools, and a further
//! one is used only while those before it are busy.
//!
//! A pool without a connection would open one for each of the requests that come at once, and would share only the first. So
//! over TLS the first request of such a pool goes ahead, and the others wait for its answer, for a moment.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use aws_sdk_kinesis::config::{RuntimeComponents, SharedHttpClient};
use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::HttpRequest,
};
use tokio::sync::Notify;

/// As many requests as a pool has under way before the next one is used.
const PER_POOL: usize = 64;

/// Enough for all puts that may be in flight; beyond, the last one takes the rest.
const POOLS: usize = 16;

/// A pool that was not used for so long may have no connection left.
const WARM_FOR: Duration = Duration::from_secs(30);

/// So long the others wait for the first request.
const AHEAD_MAX: Duration = Duration::from_secs(1);

/// A client of several, each with connections of its own.
pub(super) fn several(make: impl Fn() -> SharedHttpClient) -> SharedHttpClient {
    SharedHttpClient::new(Pools((0..POOLS).map(|_| Pool::new(make())).collect()))
}

#[derive(Debug)]
struct Pool {
    client: SharedHttpClient,
    under_way: Arc<AtomicUsize>,
    warmth: Arc<Warmth>,
}

impl Pool {
    fn new(client: SharedHttpClient) -> Self {
        Self { client, under_way: Arc::default(), warmth: Arc::default() }
    }
}

/// Whether a pool has a connection.
#[derive(Debug, Default)]
struct Warmth {
    state: Mutex<State>,
    /// The request that went ahead has ended.
    ended: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// When the last answer came.
    answered: Option<Instant>,
    is_one_ahead: bool,
}

/// The request that goes ahead, until it has ended.
struct Ahead(Arc<Warmth>);

impl Drop for Ahead {
    fn drop(&mut self) {
        self.0.state().is_one_ahead = false;
        self.0.ended.notify_waiters();
    }
}

impl Warmth {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answered(&self) {
        self.state().answered = Some(Instant::now());
    }

    /// `Some`: this request goes ahead. `None`: another one went, or there is a connection.
    async fn enter(self: &Arc<Self>) -> Option<Ahead> {
        // Made before the look: it hears of what ends after it.
        let ended = self.ended.notified();
        {
            let mut state = self.state();
            if state.answered.is_some_and(|at| at.elapsed() < WARM_FOR) {
                return None;
            }
            if !std::mem::replace(&mut state.is_one_ahead, true) {
                return Some(Ahead(Arc::clone(self)));
            }
        }
        // Whatever became of it, all go on now.
        drop(tokio::time::timeout(AHEAD_MAX, ended).await);
        None
    }
}

#[derive(Clone, Debug)]
struct Pools(Arc<[Pool]>);

/// Of a pool, until it is answered or given up.
struct UnderWay(Arc<AtomicUsize>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Pools {
    /// The first pool with room.
    fn choose(&self) -> Option<(&Pool, UnderWay)> {
        let has_room = |pool: &&Pool| pool.under_way.load(Ordering::Relaxed) < PER_POOL;
        let pool = self.0.iter().find(has_room).or(self.0.last())?;
        pool.under_way.fetch_add(1, Ordering::Relaxed);
        Some((pool, UnderWay(Arc::clone(&pool.under_way))))
    }
}

impl HttpClient for Pools {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let (settings, components) = (settings.clone(), components.clone());
        SharedHttpConnector::new(Connector { pools: self.clone(), settings, components })
    }
}

#[derive(Debug)]
struct Connector {
    pools: Pools,
    settings: HttpConnectorSettings,
    components: RuntimeComponents,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Some((pool, under_way)) = self.pools.choose() else {
            return HttpConnectorFuture::new(std::future::pending());
        };
        // The pool's client keeps it.
        let connector = pool.client.http_connector(&self.settings, &self.components);
        let warmth = Arc::clone(&pool.warmth);
        HttpConnectorFuture::new(async move {
            let has_handshake = request.uri().starts_with("https:");
            let ahead = if has_handshake { warmth.enter().await } else { None };
            let answer = connector.call(request).await;
            if has_handshake && answer.is_ok() {
                warmth.answered();
            }
            drop((ahead, under_way));
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

    fn under_way(pools: &Pools) -> Vec<usize> {
        pools
            .0
            .iter()
            .map(|pool| pool.under_way.load(Ordering::Relaxed))
            .take_while(|count| *count > 0)
            .collect()
    }

    #[test]
    fn a_further_pool_is_used_only_while_those_before_it_are_busy() {
        let pools = pools();
        for _ in 0..1000 {
            let (_, one) = pools.choose().expect("a pool");
            assert_eq!(under_way(&pools), [1]);
            drop(one);
        }
        let many: Vec<_> = (0..150).filter_map(|_| Some(pools.choose()?.1)).collect();
        assert_eq!(under_way(&pools), [64, 64, 22]);
        let more: Vec<_> = (0..1000).filter_map(|_| Some(pools.choose()?.1)).collect();
        assert_eq!(under_way(&pools)[14..], [64, 150 + 1000 - 15 * 64]);
        drop((many, more));
        assert_eq!(under_way(&pools), [0; 0]);
    }

    #[tokio::test]
    async fn the_first_request_of_a_cold_pool_goes_ahead_and_the_others_wait_for_its_end() {
        let warmth = Arc::<Warmth>::default();
        let ahead = warmth.enter().await.expect("the first");
        let mut others: Vec<_> = (0..3).map(|_| Box::pin(warmth.enter())).collect();
        for other in &mut others {
            assert!(futures_util::poll!(other.as_mut()).is_pending());
        }
        warmth.answered();
        drop(ahead);
        for other in others {
            assert!(other.await.is_none(), "they share its connection");
        }
        assert!(warmth.enter().await.is_none(), "and so does who comes later");
    }

    #[tokio::test]
    async fn who_waits_goes_on_when_the_first_fails_or_takes_long_and_the_next_one_goes_ahead_again() {
        let warmth = Arc::<Warmth>::default();
        let ahead = warmth.enter().await.expect("the first");
        let mut other = Box::pin(warmth.enter());
        assert!(futures_util::poll!(other.as_mut()).is_pending());
        drop(ahead);
        assert!(other.await.is_none());
        let ahead = warmth.enter().await.expect("there is no connection yet");
        let began = Instant::now();
        assert!(warmth.enter().await.is_none());
        assert!(began.elapsed() >= AHEAD_MAX);
        drop(ahead);
    }
}
