//! Getting AWS keys: from where the settings say, in bounded time, with a fault that names what failed.
//!
//! [`Source`] finds the keys once for each call: environment, profile, keychain, or the SDK's chain of machine roles. What
//! a profile stands on is read from AWS's files ([`super::origin`]), so that a failure is explained by the profile's kind
//! and not by the words of an error. [`Held`] keeps the keys for all puts of a client: they are got before a put's own
//! time begins, by one at a time, and the program that hands them out ends when nobody waits any more.

use std::{
    error::Error,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use aws_config::{
    SdkConfig,
    profile::{self, ProfileFileCredentialsProvider},
    provider_config::ProviderConfig,
    sts::AssumeRoleProvider,
};
use aws_credential_types::provider::{self, ProvideCredentials, error::CredentialsError, future};
use aws_sdk_kinesis::config::{Credentials as Keys, SharedCredentialsProvider};
use aws_sdk_sso::{error::SdkError, operation::get_role_credentials::GetRoleCredentialsError};
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_types::os_shim_internal::{Env, Fs};
use tokio::sync::watch;

use super::{
    NOT_SENT, WAITING_FOR_KEYS, chain, connect, credentials_code, fault_of, keychain,
    origin::{self, Base, Origin},
    process,
    sections::Sections,
    sso, tries, without_secrets,
};
use crate::{
    config::{Config, CredentialsSource},
    delivery::AwsError,
    remedy,
};

/// A person may have to approve first, on a phone or in a keychain.
const PATIENCE_WITH_A_PERSON: Duration = Duration::from_mins(2);

/// The services that hand out keys: up to three requests, each with a limit of its own.
const PATIENCE_WITH_A_SERVICE: Duration = Duration::from_secs(45);

/// Keys that do not say when they expire are asked for anew after this time, as by the SDK.
const WITHOUT_EXPIRY: Duration = Duration::from_mins(15);

/// Keys are renewed so long before they expire.
const BEFORE_EXPIRY: Duration = Duration::from_secs(10);

/// From then on it is said that keys are being waited for.
const UNSAID: Duration = Duration::from_secs(3);

/// A fault on its way through the SDK's errors.
#[derive(Debug)]
struct Explained(AwsError);

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Explained {}

/// The fault that was found while looking for keys, if this error comes from that.
pub(super) fn explained<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e AwsError> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(Explained(fault)) = cause.downcast_ref() {
            return Some(fault);
        }
        next = cause.source();
    }
    None
}

fn on_its_way(fault: AwsError) -> CredentialsError {
    CredentialsError::provider_error(Explained(fault))
}

/// Where keys were found, for a sentence; it goes with the keys.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// `the profile “work”`
    pub(super) text: String,
    /// The keys are renewed without a person for as long as a sign-in lasts.
    pub(super) is_signed_in: bool,
}

/// Finds the keys that the settings mean. Cheap to clone.
#[derive(Clone)]
pub(super) struct Source(Arc<Parts>);

struct Parts {
    config: Config,
    /// Region, proxy, time limits: what AWS's providers need.
    settings: ProviderConfig,
    /// The same for clients; its credentials are the SDK's default chain.
    aws: SdkConfig,
    /// The provider that worked, with what it remembers: an EC2 machine's keys are used beyond their expiry where the
    /// machine's key server fails.
    worked: tokio::sync::Mutex<Option<ProfileFileCredentialsProvider>>,
    /// What is being asked, and since when.
    asking: Mutex<Option<(Instant, String)>>,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").finish_non_exhaustive()
    }
}

impl ProvideCredentials for Source {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async { self.find().await.map_err(on_its_way) })
    }
}

/// Says what is asked until it is dropped.
struct Asking<'s>(&'s Parts);

impl<'s> Asking<'s> {
    fn new(parts: &'s Parts, what: String) -> Self {
        *lock(&parts.asking) = Some((Instant::now(), what));
        Self(parts)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        *lock(&self.0.asking) = None;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Source {
    pub(super) fn new(config: &Config, settings: ProviderConfig, aws: SdkConfig) -> Self {
        Self(Arc::new(Parts {
            config: config.clone(),
            settings,
            aws,
            worked: tokio::sync::Mutex::default(),
            asking: Mutex::default(),
        }))
    }

    /// The keys, or what to tell the user. Ends in bounded time.
    async fn find(&self) -> Result<Keys, AwsError> {
        let config = &self.0.config;
        match config.credentials.source {
            CredentialsSource::Keychain => {
                let provider = keychain::Provider::of(&config.destination);
                let keys = self.within(
                    PATIENCE_WITH_A_PERSON,
                    "",
                    "the system keychain",
                    provider.provide_credentials(),
                );
                let keys = keys.await?.map_err(|error| fault_of_credentials(&error))?;
                Ok(placed(keys, "the system keychain", false))
            }
            CredentialsSource::Profile => self.profile(&config.credentials.profile, "").await,
            CredentialsSource::Default => self.default_chain().await,
        }
    }

    /// As the AWS CLI: the environment, the profile that `AWS_PROFILE` names or `default`, then web identity, container,
    /// machine.
    async fn default_chain(&self) -> Result<Keys, AwsError> {
        let env = Env::real();
        let given = |name: &str| env.get(name).ok().filter(|value| !value.is_empty());
        let named = given("AWS_PROFILE");
        let mut fault = None;
        if given("AWS_ACCESS_KEY_ID").is_none() {
            let name = named.as_deref().unwrap_or("default");
            let by = if named.is_some() { " (AWS_PROFILE)" } else { "" };
            match self.profile(name, by).await {
                Err(none) if named.is_none() && &*none.code == "ProfileNotFound" => {}
                // Another place may have keys, such as the machine.
                Err(none) if &*none.code == "ProfileWithoutKeys" => fault = named.is_some().then_some(none),
                found => return found,
            }
        }
        let Some(chain) = self.0.aws.credentials_provider() else {
            return Err(AwsError::new("CredentialsNotFound", ""));
        };
        let address = given("AWS_CONTAINER_CREDENTIALS_FULL_URI").or_else(|| {
            Some(format!("http://169.254.170.2{}", given("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")?))
        });
        let asked = match &address {
            Some(address) => format!("the container's key service at {}", without_query(address)),
            None => "the key service of this machine".to_owned(),
        };
        let keys = self.within(PATIENCE_WITH_A_SERVICE, "", &asked, chain.provide_credentials()).await?;
        match keys {
            Ok(keys) => Ok(keys),
            Err(error) if address.is_some() && remedy::is_about_the_network(&whole(&error)) => {
                Err(silent("", &format!("{asked} did not answer: {}", chain_of(&error))))
            }
            Err(error) => {
                let found = fault_of_credentials(&error);
                Err(match fault {
                    Some(fault) if &*found.code == "CredentialsNotFound" => fault,
                    _ => found,
                })
            }
        }
    }

    async fn profile(&self, name: &str, by: &str) -> Result<Keys, AwsError> {
        let mistake = |text: &str| AwsError::new("AwsFileMistake", remedy::about_profile(name, text));
        let sections = Sections::read().map_err(|text| mistake(&text))?;
        let set = profile::load(&Fs::real(), &Env::real(), &sections.for_sdk(), None).await;
        let set = set.map_err(|error| mistake(&chain(&error)))?;
        let origin = origin::of(&set, &sections, name)?;
        let keys = match &origin.base {
            Base::Process { command, account } => self.program(command, account.as_deref(), &origin).await,
            Base::Sso { .. } | Base::Login | Base::Keys | Base::WebIdentity | Base::Machine(_) => {
                self.by_sdk(name, &sections, &origin).await
            }
        };
        let is_signed_in = matches!(origin.base, Base::Sso { .. } | Base::Login);
        let kind = match origin.base {
            Base::Sso { .. } => ", signed in with SSO",
            Base::Login => ", signed in with aws login",
            Base::Process { .. } => ", from its program",
            Base::Keys | Base::WebIdentity | Base::Machine(_) => "",
        };
        Ok(placed(keys?, &format!("the profile “{name}”{by}{kind}"), is_signed_in))
    }

    /// A program hands out the keys, with which the profile's roles are assumed one after the other.
    async fn program(&self, command: &str, account: Option<&str>, origin: &Origin) -> Result<Keys, AwsError> {
        let at = &origin.base_profile;
        let mut keys = {
            let what = format!("the program {}", process::program_of(command));
            let _asking = Asking::new(&self.0, remedy::about_profile(at, &what));
            process::keys(command, at, account, PATIENCE_WITH_A_PERSON).await?
        };
        for role in &origin.roles {
            let source = with_keys(self.0.aws.clone(), keys);
            let mut assumed = AssumeRoleProvider::builder(&role.arn).configure(&source);
            assumed = assumed.session_name(role.session_name.as_deref().unwrap_or("tributary"));
            if let Some(id) = &role.external_id {
                assumed = assumed.external_id(id);
            }
            let assumed = assumed.build().await.provide_credentials().await;
            keys = assumed.map_err(|error| explain(&error, origin))?;
        }
        Ok(keys)
    }

    async fn by_sdk(&self, name: &str, sections: &Sections, origin: &Origin) -> Result<Keys, AwsError> {
        let mut worked = self.0.worked.lock().await;
        let provider = worked.take().unwrap_or_else(|| {
            ProfileFileCredentialsProvider::builder()
                .configure(&self.0.settings)
                .profile_files(sections.for_sdk())
                .profile_name(name)
                .build()
        });
        let asked = service_of(origin);
        let keys = self.within(PATIENCE_WITH_A_SERVICE, name, &asked, provider.provide_credentials()).await?;
        match keys {
            Ok(keys) => {
                *worked = Some(provider);
                Ok(keys)
            }
            // A role above the sign-in is rare, and left to the SDK.
            Err(error) if says_no_time(&error) && origin.roles.is_empty() => {
                sso::keys(&origin.base, &self.0.aws).await.ok_or_else(|| explain(&error, origin))
            }
            Err(error) => Err(explain(&error, origin)),
        }
    }

    async fn within(
        &self,
        patience: Duration,
        profile: &str,
        asked: &str,
        asking: impl Future<Output = provider::Result>,
    ) -> Result<provider::Result, AwsError> {
        let _asking = Asking::new(&self.0, remedy::about_profile(profile, asked));
        tokio::time::timeout(patience, asking).await.map_err(|_elapsed| {
            silent(profile, &format!("{asked} did not answer within {} seconds", patience.as_secs()))
        })
    }

    /// What is waited for, once that is worth a word.
    fn waits_for(&self, now: Instant) -> Option<AwsError> {
        let asking = lock(&self.0.asking);
        let (since, what) = asking.as_ref()?;
        let is_long = now.saturating_duration_since(*since) >= UNSAID;
        is_long.then(|| {
            AwsError::new(WAITING_FOR_KEYS, format!("{what} was asked for AWS keys and has not answered yet"))
        })
    }

    fn word_at(&self) -> Option<Instant> {
        Some(lock(&self.0.asking).as_ref()?.0 + UNSAID)
    }
}

fn silent(profile: &str, text: &str) -> AwsError {
    AwsError::new("KeyServiceSilent", without_secrets(&remedy::about_profile(profile, text)))
}

/// What is asked for this profile's keys, and where.
fn service_of(origin: &Origin) -> String {
    match &origin.base {
        Base::Sso { region, .. } => {
            format!(
                "AWS IAM Identity Center (portal.sso.{region}.amazonaws.com and oidc.{region}.amazonaws.com)"
            )
        }
        Base::Login => "AWS Sign-In".to_owned(),
        Base::WebIdentity | Base::Keys | Base::Process { .. } => "AWS STS".to_owned(),
        Base::Machine(source) => format!("the key service of this machine or container ({source})"),
    }
}

fn without_query(address: &str) -> &str {
    address.split(['?', '#']).next().unwrap_or(address)
}

fn placed(mut keys: Keys, text: &str, is_signed_in: bool) -> Keys {
    keys.set_property(Place { text: text.to_owned(), is_signed_in });
    keys
}

fn with_keys(aws: SdkConfig, keys: Keys) -> SdkConfig {
    aws.into_builder().credentials_provider(SharedCredentialsProvider::new(keys)).build()
}

fn chain_of(error: &CredentialsError) -> String {
    without_secrets(&chain(error))
}

fn whole(error: &CredentialsError) -> String {
    format!("{error}: {}", chain(error))
}

/// The first cause of that type.
fn cause<T: Error + 'static>(error: &CredentialsError) -> Option<&T> {
    let mut next = error.source();
    while let Some(cause) = next {
        if let Some(found) = cause.downcast_ref() {
            return Some(found);
        }
        next = cause.source();
    }
    None
}

/// A token file whose times the SDK does not read.
fn says_no_time(error: &CredentialsError) -> bool {
    let text = whole(error);
    text.contains("cached SSO token") || text.contains("cached token")
}

/// Why a profile gave no keys, by its kind.
fn explain(error: &CredentialsError, origin: &Origin) -> AwsError {
    let at = &*origin.base_profile;
    let text = chain_of(error);
    if origin.wants_mfa && whole(error).contains("AccessDenied") {
        let said = "the profile names an MFA device (mfa_serial), whose code cannot be typed in here";
        return AwsError::new("CredentialsFailed", format!("{said}: {text}"));
    }
    if cause::<SdkError<AssumeRoleError>>(error)
        .is_some_and(|error| matches!(error, SdkError::ServiceError(_)))
    {
        return fault_of_credentials(error);
    }
    if remedy::is_about_the_network(&whole(error)) {
        return silent(at, &format!("{} did not answer: {text}", service_of(origin)));
    }
    match &origin.base {
        Base::Sso { .. } => match cause::<SdkError<GetRoleCredentialsError>>(error) {
            Some(SdkError::ServiceError(answer)) => match answer.raw().status().as_u16() {
                401 => sign_in_needed("SsoSignInNeeded", at, &text),
                429 | 500.. => AwsError::new(
                    format!("Http{}", answer.raw().status().as_u16()),
                    remedy::about_profile(at, &text),
                ),
                _ => AwsError::new("SsoRoleRefused", remedy::about_profile(at, &text)),
            },
            Some(SdkError::ResponseError(_)) => AwsError::new(
                "CredentialsFailed",
                remedy::about_profile(at, "the answer of the SSO portal could not be read"),
            ),
            Some(_) => AwsError::new("CredentialsFailed", remedy::about_profile(at, &text)),
            // It did not come to asking the portal: there is no token, or an old one.
            None => sign_in_needed("SsoSignInNeeded", at, &text),
        },
        Base::Login => sign_in_needed("LoginNeeded", at, &text),
        Base::Machine(source) if &*fault_of_credentials(error).code == "CredentialsNotFound" => {
            let text = format!("`credential_source` is {source}, and there are no keys ({text})");
            AwsError::new("CredentialSourceEmpty", remedy::about_profile(at, &text))
        }
        Base::Keys | Base::WebIdentity | Base::Machine(_) | Base::Process { .. } => {
            let fault = fault_of_credentials(error);
            AwsError::new(fault.code, remedy::about_profile(at, &fault.message))
        }
    }
}

fn sign_in_needed(code: &str, profile: &str, text: &str) -> AwsError {
    AwsError::new(code, remedy::about_profile(profile, text))
}

/// Where STS answered, its own code says more than that there are no credentials.
pub(super) fn fault_of_credentials(error: &CredentialsError) -> AwsError {
    if let Some(fault) = explained(error) {
        return fault.clone();
    }
    if let Some(assumed) = cause::<SdkError<AssumeRoleError>>(error) {
        let (fault, _) = fault_of(assumed);
        if matches!(assumed, SdkError::ServiceError(_)) && &*fault.code == "AccessDenied" {
            return AwsError::new(
                "CredentialsFailed",
                format!("AssumeRole: AccessDenied: {}", fault.message),
            );
        }
        // Without an answer, it is STS that cannot be reached, not Kinesis.
        if !matches!(assumed, SdkError::ServiceError(_) | SdkError::ResponseError(_)) {
            return AwsError::new("CredentialsFailed", format!("AssumeRole: {}", fault.message));
        }
        return fault;
    }
    let code = match error {
        CredentialsError::CredentialsNotLoaded(_) => "CredentialsNotFound",
        _ => match credentials_code(&whole(error)) {
            "CredentialsNotFound" => "CredentialsNotFound",
            _ => "CredentialsFailed",
        },
    };
    AwsError::new(code, chain_of(error))
}

/// The keys that an AWS client's settings lead to. What may pass by itself is tried a few times.
pub(super) async fn resolve(aws: &SdkConfig) -> Result<Keys, AwsError> {
    let provider = aws.credentials_provider().ok_or_else(|| AwsError::new("CredentialsNotFound", ""))?;
    let began = Instant::now();
    let (mut tried, mut is_clock_known) = (0, false);
    let keys = loop {
        tried += 1;
        let fault = match provider.provide_credentials().await {
            Ok(keys) => break keys,
            Err(error) => fault_of_credentials(&error),
        };
        if remedy::is_the_clock(&fault.code, &fault.message) && !is_clock_known {
            // The provider's client has learned the time from this answer.
            is_clock_known = true;
            continue;
        }
        match tries::pause(&fault, None, tried, began.elapsed()) {
            Some(pause) => tokio::time::sleep(pause).await,
            None => return Err(fault),
        }
    };
    match keys.expiry() {
        // The AWS CLI refuses them too.
        Some(at) if at <= SystemTime::now() => {
            let text = "the keys that were handed out had already expired";
            Err(AwsError::new("ExpiredToken", text))
        }
        _ => Ok(keys),
    }
}

/// Keys that are still good, and until when.
#[derive(Clone)]
struct Kept {
    keys: Keys,
    renew_at: SystemTime,
}

impl Kept {
    fn new(keys: Keys) -> Self {
        let renew_at = match keys.expiry() {
            Some(expiry) => expiry.checked_sub(BEFORE_EXPIRY).unwrap_or(expiry),
            None => SystemTime::now() + WITHOUT_EXPIRY,
        };
        Self { keys, renew_at }
    }

    fn is_fresh(&self) -> bool {
        SystemTime::now() < self.renew_at
    }

    /// Good for the put that they were got for, although they will be renewed for the next one.
    fn is_valid(&self) -> bool {
        self.is_fresh() || self.keys.expiry().is_some_and(|expiry| SystemTime::now() < expiry)
    }
}

/// The keys of one client, for all of its puts. Cheap to clone.
#[derive(Clone)]
pub(super) struct Held(Arc<Holding>);

struct Holding {
    source: Source,
    config: Config,
    /// The source's keys, where a role is assumed with them.
    of_source: Mutex<Option<Kept>>,
    kept: Mutex<Option<Kept>>,
    /// When the last try ended without keys, and why.
    failed: Mutex<Option<(Instant, AwsError)>>,
    /// One at a time.
    turn: tokio::sync::Mutex<()>,
    given_up: watch::Sender<bool>,
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").finish_non_exhaustive()
    }
}

impl ProvideCredentials for Held {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        if let Some(kept) = lock(&self.0.kept).as_ref().filter(|kept| kept.is_valid()) {
            return future::ProvideCredentials::ready(Ok(kept.keys.clone()));
        }
        future::ProvideCredentials::new(async { self.get().await.map_err(on_its_way) })
    }
}

impl Held {
    pub(super) fn new(source: Source, config: &Config) -> Self {
        Self(Arc::new(Holding {
            source,
            config: config.clone(),
            of_source: Mutex::default(),
            kept: Mutex::default(),
            failed: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            given_up: watch::Sender::new(false),
        }))
    }

    /// The keys, got now where there are none that are good. All who ask meanwhile share one answer.
    pub(super) async fn get(&self) -> Result<Keys, AwsError> {
        let asked = Instant::now();
        if let Some(keys) = self.fresh() {
            return Ok(keys);
        }
        let _turn = self.0.turn.lock().await;
        if let Some(keys) = self.fresh() {
            return Ok(keys);
        }
        if let Some((ended, fault)) = &*lock(&self.0.failed)
            && *ended >= asked
        {
            return Err(fault.clone());
        }
        let mut given_up = self.0.given_up.subscribe();
        let found = tokio::select! {
            found = self.fetch() => found,
            _ended = given_up.wait_for(|is| *is) => {
                // Nothing was sent, and nothing is wrong.
                Err(AwsError::new(NOT_SENT, "the keys are not waited for any more"))
            }
        };
        match &found {
            Ok(keys) => *lock(&self.0.kept) = Some(Kept::new(keys.clone())),
            Err(fault) => *lock(&self.0.failed) = Some((Instant::now(), fault.clone())),
        }
        found
    }

    fn fresh(&self) -> Option<Keys> {
        lock(&self.0.kept).as_ref().filter(|kept| kept.is_fresh()).map(|kept| kept.keys.clone())
    }

    async fn fetch(&self) -> Result<Keys, AwsError> {
        let Holding { source, config, of_source, .. } = &*self.0;
        let plain = with_source(source);
        if config.credentials.role_arn.is_empty() {
            return resolve(&plain).await;
        }
        let kept = lock(of_source).as_ref().filter(|kept| kept.is_fresh()).map(|kept| kept.keys.clone());
        let keys = match kept {
            Some(keys) => keys,
            None => resolve(&plain).await?,
        };
        *lock(of_source) = Some(Kept::new(keys.clone()));
        resolve(&connect::with_role(with_keys(plain, keys), config).await).await
    }

    /// What is waited for, once that is worth a word.
    pub(super) fn waits_for(&self, now: Instant) -> Option<AwsError> {
        self.0.source.waits_for(now)
    }

    /// When [`Self::waits_for`] may change.
    pub(super) fn word_at(&self) -> Option<Instant> {
        self.0.source.word_at()
    }

    /// Ends the wait and the program that hands out the keys: those who wait are told that nothing was sent.
    pub(super) fn give_up(&self) {
        self.0.given_up.send_replace(true);
    }
}

/// An AWS client's settings with the source's keys.
pub(super) fn with_source(source: &Source) -> SdkConfig {
    let aws = source.0.aws.clone().into_builder();
    aws.credentials_provider(SharedCredentialsProvider::new(source.clone())).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credentials_error_says_whether_there_were_none_or_they_failed() {
        let none = CredentialsError::not_loaded("no providers in chain provided credentials");
        assert_eq!(&*fault_of_credentials(&none).code, "CredentialsNotFound");
        let failed = CredentialsError::provider_error("failed to load the cached SSO token");
        let fault = fault_of_credentials(&failed);
        assert_eq!(
            (&*fault.code, &*fault.message),
            ("CredentialsFailed", "failed to load the cached SSO token")
        );
    }

    fn origin(base: Base, wants_mfa: bool) -> Origin {
        Origin { base, base_profile: "work".to_owned(), roles: Vec::new(), wants_mfa }
    }

    #[test]
    fn a_role_that_is_refused_to_a_profile_with_an_mfa_device_is_a_matter_of_the_code() {
        for (wants_mfa, said, is_of_the_code) in [
            (true, "service error: unhandled error (AccessDenied)", true),
            (false, "service error: unhandled error (AccessDenied)", false),
            (true, "dispatch failure: io error", false),
        ] {
            let error = CredentialsError::provider_error(said);
            let fault = explain(&error, &origin(Base::Keys, wants_mfa));
            assert_eq!(fault.message.contains("mfa_serial"), is_of_the_code, "{said}: {fault}");
        }
    }

    #[test]
    fn a_fault_is_found_again_behind_the_errors_of_the_sdk() {
        let fault = AwsError::new("ProfileNotFound", "x");
        let error = CredentialsError::provider_error(on_its_way(fault.clone()));
        assert_eq!(explained(&error), Some(&fault));
        assert_eq!(fault_of_credentials(&error), fault);
    }
}
