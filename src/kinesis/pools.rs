//! Connections for many requests at once. Over HTTP/2 the requests of a pool share one connection, and a server lets only so
//! many of them be under way on it (often 100 or 128); what is more waits there. So there are several pools, and a further
//! one is used only while those before it are busy.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use aws_sdk_kinesis::config::{RuntimeComponents, SharedHttpClient};
use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::HttpRequest,
};

/// As many requests as a pool has under way before the next one is used.
const PER_POOL: usize = 64;

/// Enough for all puts that may be in flight; beyond, the last one takes the rest.
const POOLS: usize = 16;

/// A client of several, each with connections of its own.
pub(super) fn several(make: impl Fn() -> SharedHttpClient) -> SharedHttpClient {
    let pools = (0..POOLS).map(|_| Pool { client: make(), under_way: Arc::default() });
    SharedHttpClient::new(Pools(pools.collect()))
}

#[derive(Debug)]
struct Pool {
    client: SharedHttpClient,
    under_way: Arc<AtomicUsize>,
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
        let answer = pool.client.http_connector(&self.settings, &self.components).call(request);
        HttpConnectorFuture::new(async move {
            let answer = answer.await;
            drop(under_way);
            answer
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pools() -> Pools {
        let client = || aws_smithy_http_client::Builder::new().build_http();
        Pools((0..POOLS).map(|_| Pool { client: client(), under_way: Arc::default() }).collect())
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
}
