//! The keys of one client, for all of its puts.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, error::CredentialsError, future},
};
use tokio::sync::watch;

use super::{finder::KeyFinder, resolve::resolve};
use crate::{
    config::Config,
    delivery::{AwsError, error_code},
    kinesis::{error::Carried, sdk_config},
};

/// Lifetime of keys that have no expiry, as in the SDK.
const WITHOUT_EXPIRY: Duration = Duration::from_mins(15);

/// How long before their expiry keys are renewed.
const BEFORE_EXPIRY: Duration = Duration::from_secs(10);

/// Keys, and when to renew them.
#[derive(Clone)]
struct Cached {
    keys: Credentials,
    renew_at: SystemTime,
}

impl Cached {
    fn new(keys: Credentials) -> Self {
        let renew_at = match keys.expiry() {
            Some(expiry) => expiry.checked_sub(BEFORE_EXPIRY).unwrap_or(expiry),
            None => SystemTime::now() + WITHOUT_EXPIRY,
        };
        Self { keys, renew_at }
    }

    fn is_fresh(&self) -> bool {
        SystemTime::now() < self.renew_at
    }

    /// Still good for the put that they were fetched for, although the next one renews them.
    fn is_valid(&self) -> bool {
        self.is_fresh() || self.keys.expiry().is_some_and(|expiry| SystemTime::now() < expiry)
    }
}

/// The keys of one client. Cheap to clone.
#[derive(Clone)]
pub(crate) struct KeyCache(Arc<Shared>);

struct Shared {
    finder: KeyFinder,
    config: Config,
    /// The found keys, if a role is assumed with them.
    found: Mutex<Option<Cached>>,
    keys: Mutex<Option<Cached>>,
    /// When the last fetch failed, and why.
    failed: Mutex<Option<(Instant, AwsError)>>,
    /// One fetch at a time.
    fetching: tokio::sync::Mutex<()>,
    is_given_up: watch::Sender<bool>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The keys in `cached` if they need no renewal.
fn fresh(cached: &Mutex<Option<Cached>>) -> Option<Credentials> {
    lock(cached).as_ref().filter(|cached| cached.is_fresh()).map(|cached| cached.keys.clone())
}

impl fmt::Debug for KeyCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyCache").finish_non_exhaustive()
    }
}

impl ProvideCredentials for KeyCache {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        if let Some(cached) = lock(&self.0.keys).as_ref().filter(|cached| cached.is_valid()) {
            return future::ProvideCredentials::ready(Ok(cached.keys.clone()));
        }
        let get =
            async { self.get().await.map_err(|error| CredentialsError::provider_error(Carried(error))) };
        future::ProvideCredentials::new(get)
    }
}

impl KeyCache {
    pub(crate) fn new(finder: KeyFinder, config: &Config) -> Self {
        Self(Arc::new(Shared {
            finder,
            config: config.clone(),
            found: Mutex::default(),
            keys: Mutex::default(),
            failed: Mutex::default(),
            fetching: tokio::sync::Mutex::default(),
            is_given_up: watch::Sender::new(false),
        }))
    }

    /// The keys, fetched now if none are fresh. Everyone who asks during a fetch gets its result.
    pub(crate) async fn get(&self) -> Result<Credentials, AwsError> {
        let asked = Instant::now();
        if let Some(keys) = fresh(&self.0.keys) {
            return Ok(keys);
        }
        let _turn = self.0.fetching.lock().await;
        if let Some(keys) = fresh(&self.0.keys) {
            return Ok(keys);
        }
        if let Some((ended, error)) = &*lock(&self.0.failed)
            && *ended >= asked
        {
            return Err(error.clone());
        }
        let mut is_given_up = self.0.is_given_up.subscribe();
        let fetched = tokio::select! {
            fetched = self.fetch() => fetched,
            // Nothing was sent, and nothing is wrong.
            _ended = is_given_up.wait_for(|is| *is) => {
                Err(AwsError::new(error_code::CONNECTION_FAILED, "Tributary no longer waits for the keys"))
            }
        };
        match &fetched {
            Ok(keys) => *lock(&self.0.keys) = Some(Cached::new(keys.clone())),
            Err(error) => *lock(&self.0.failed) = Some((Instant::now(), error.clone())),
        }
        fetched
    }

    async fn fetch(&self) -> Result<Credentials, AwsError> {
        let Shared { finder, config, found, .. } = &*self.0;
        let keys = match fresh(found) {
            Some(keys) => keys,
            None => resolve(finder).await?,
        };
        let aws = sdk_config::with_keys(finder.aws().clone(), keys.clone());
        let Some(role) = sdk_config::role_provider(&aws, config).await else { return Ok(keys) };
        *lock(found) = Some(Cached::new(keys));
        resolve(&role).await
    }

    /// Which keys are awaited, once that takes long.
    pub(crate) fn awaited(&self, now: Instant) -> Option<AwsError> {
        self.0.finder.pending().awaited(now)
    }

    /// When [`Self::awaited`] may change by itself; `None`: no keys are awaited.
    pub(crate) fn awaited_change_at(&self) -> Option<Instant> {
        self.0.finder.pending().awaited_change_at()
    }

    /// Ends the wait, and the program that hands out the keys. Callers that wait get an error that nothing was sent.
    pub(crate) fn give_up(&self) {
        self.0.is_given_up.send_replace(true);
    }
}
