//! Finds the keys that the settings mean.

use std::{fmt, sync::Arc, time::Duration};

use aws_config::{SdkConfig, profile::ProfileFileCredentialsProvider, sts::AssumeRoleProvider};
use aws_credential_types::{
    Credentials,
    provider::{self, ProvideCredentials, error::CredentialsError, future},
};
use aws_types::os_shim_internal::Env;

use super::{
    config_text::ConfigText,
    failure::{self, is_about_a_token_file, is_about_the_network, profile_error, unresponsive},
    keychain,
    pending::Pending,
    process,
    profile_chain::{Base, ProfileChain},
    sso,
};
use crate::{
    config::{Config, CredentialsSource},
    delivery::{AwsError, error_code},
    kinesis::{
        error::{Carried, causes, no_credentials, redacted},
        sdk_config::{self, AwsSettings, SESSION_NAME},
    },
    remedy,
};

/// How long a person has to approve, on a phone or in a keychain.
const PERSON_TIMEOUT: Duration = Duration::from_mins(2);

/// How long a service has to hand out keys. That takes up to three requests, each with a timeout of its own.
const SERVICE_TIMEOUT: Duration = Duration::from_secs(45);

/// Where keys are from, as a property of the keys.
#[derive(Clone, Debug)]
pub(super) struct KeyOrigin {
    /// Such as `the profile “work”`.
    pub(super) text: String,
    /// The keys are renewed without a person while a sign-in lasts.
    pub(super) has_sign_in: bool,
}

impl KeyOrigin {
    fn set(mut keys: Credentials, text: &str, has_sign_in: bool) -> Credentials {
        keys.set_property(Self { text: text.to_owned(), has_sign_in });
        keys
    }
}

/// Finds keys. Cheap to clone.
#[derive(Clone)]
pub(crate) struct KeyFinder(Arc<Parts>);

struct Parts {
    config: Config,
    settings: AwsSettings,
    /// The provider that found keys, and what it remembers: if the key service of an EC2 machine fails, the provider
    /// keeps using the keys beyond their expiry.
    working: tokio::sync::Mutex<Option<ProfileFileCredentialsProvider>>,
    pending: Pending,
}

impl fmt::Debug for KeyFinder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyFinder").finish_non_exhaustive()
    }
}

impl ProvideCredentials for KeyFinder {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let find =
            async { self.find().await.map_err(|error| CredentialsError::provider_error(Carried(error))) };
        future::ProvideCredentials::new(find)
    }
}

impl KeyFinder {
    pub(crate) async fn new(config: &Config) -> Self {
        Self(Arc::new(Parts {
            config: config.clone(),
            settings: AwsSettings::load(config).await,
            working: tokio::sync::Mutex::default(),
            pending: Pending::default(),
        }))
    }

    /// Settings for AWS clients; their credentials are the SDK's default chain.
    pub(crate) fn aws(&self) -> &SdkConfig {
        &self.0.settings.aws
    }

    /// The request for keys that is in flight.
    pub(super) fn pending(&self) -> &Pending {
        &self.0.pending
    }

    /// The keys, or what to tell the user. Ends in bounded time.
    async fn find(&self) -> Result<Credentials, AwsError> {
        let config = &self.0.config;
        match config.credentials.source {
            CredentialsSource::Keychain => {
                let asked = Asked { profile: "", who: "the system keychain" };
                let keys = self.within(PERSON_TIMEOUT, asked, keychain::keys(&config.destination)).await?;
                let keys = keys.map_err(|error| failure::aws_error(&error))?;
                Ok(KeyOrigin::set(keys, "the system keychain", false))
            }
            CredentialsSource::Profile => self.profile(&config.credentials.profile, "").await,
            CredentialsSource::Default => self.default_chain().await,
        }
    }

    /// In the order of the AWS CLI: the environment; the profile that `AWS_PROFILE` names, or `default`; then web
    /// identity, container and machine.
    async fn default_chain(&self) -> Result<Credentials, AwsError> {
        let env = Env::real();
        let variable = |name: &str| env.get(name).ok().filter(|value| !value.is_empty());
        let named = variable("AWS_PROFILE");
        let mut without_keys = None;
        if variable("AWS_ACCESS_KEY_ID").is_none() {
            let name = named.as_deref().unwrap_or("default");
            let by = if named.is_some() { " (AWS_PROFILE)" } else { "" };
            match self.profile(name, by).await {
                Err(error) if named.is_none() && &*error.code == error_code::PROFILE_NOT_FOUND => {}
                // The container or machine may still have keys.
                Err(error) if &*error.code == error_code::PROFILE_WITHOUT_KEYS => {
                    without_keys = named.is_some().then_some(error);
                }
                found => return found,
            }
        }
        let chain = self.aws().credentials_provider().ok_or_else(no_credentials)?;
        let container = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI").or_else(|| {
            Some(format!("http://169.254.170.2{}", variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")?))
        });
        let who = match &container {
            Some(address) => format!("the container's key service at {}", without_query(address)),
            None => "the key service of this machine".to_owned(),
        };
        let asked = Asked { profile: "", who: &who };
        let error = match self.within(SERVICE_TIMEOUT, asked, chain.provide_credentials()).await? {
            Ok(keys) => return Ok(keys),
            Err(error) => error,
        };
        if container.is_some() && is_about_the_network(&error) {
            let text = format!("{who} did not answer: {}", redacted(&causes(&error)));
            return Err(unresponsive("", &text));
        }
        let error = failure::aws_error(&error);
        let has_none = &*error.code == error_code::CREDENTIALS_NOT_FOUND;
        Err(without_keys.filter(|_| has_none).unwrap_or(error))
    }

    /// `by`: how the profile was chosen, if not by our settings.
    async fn profile(&self, name: &str, by: &str) -> Result<Credentials, AwsError> {
        let mistake =
            |text: &str| AwsError::new(error_code::AWS_FILE_MISTAKE, remedy::about_profile(name, text));
        let text = ConfigText::read().map_err(|error| mistake(&error.to_string()))?;
        let profiles = text.profiles().await.map_err(|error| mistake(&causes(&error)))?;
        let chain = ProfileChain::of(&profiles, &text, name)?;
        let keys = match &chain.base {
            Base::Process { command, account } => self.program(command, account.as_deref(), &chain).await?,
            Base::Sso { .. } | Base::Login | Base::Keys | Base::WebIdentity | Base::Machine(_) => {
                self.by_sdk(name, &text, &chain).await?
            }
        };
        let has_sign_in = matches!(chain.base, Base::Sso { .. } | Base::Login);
        let kind = match chain.base {
            Base::Sso { .. } => ", signed in with SSO",
            Base::Login => ", signed in with aws login",
            Base::Process { .. } => ", from its program",
            Base::Keys | Base::WebIdentity | Base::Machine(_) => "",
        };
        Ok(KeyOrigin::set(keys, &format!("the profile “{name}”{by}{kind}"), has_sign_in))
    }

    /// A program hands out keys, with which the profile's roles are assumed one after the other.
    async fn program(
        &self,
        command: &str,
        account: Option<&str>,
        chain: &ProfileChain,
    ) -> Result<Credentials, AwsError> {
        let profile = &chain.base_profile;
        let mut keys = {
            let who = format!("the program {}", process::program_of(command));
            let _asking = self.0.pending.ask(remedy::about_profile(profile, &who));
            process::keys(command, profile, account, PERSON_TIMEOUT).await?
        };
        for role in &chain.roles {
            let aws = sdk_config::with_keys(self.aws().clone(), keys);
            let mut assumed = AssumeRoleProvider::builder(&role.arn).configure(&aws);
            assumed = assumed.session_name(role.session_name.as_deref().unwrap_or(SESSION_NAME));
            if let Some(id) = &role.external_id {
                assumed = assumed.external_id(id);
            }
            let assumed = assumed.build().await.provide_credentials().await;
            keys = assumed.map_err(|error| profile_error(&error, chain))?;
        }
        Ok(keys)
    }

    async fn by_sdk(
        &self,
        name: &str,
        text: &ConfigText,
        chain: &ProfileChain,
    ) -> Result<Credentials, AwsError> {
        let mut working = self.0.working.lock().await;
        let provider = working.take().unwrap_or_else(|| {
            ProfileFileCredentialsProvider::builder()
                .configure(&self.0.settings.providers)
                .profile_files(text.for_sdk())
                .profile_name(name)
                .build()
        });
        let asked = Asked { profile: name, who: &chain.base.service() };
        match self.within(SERVICE_TIMEOUT, asked, provider.provide_credentials()).await? {
            Ok(keys) => {
                *working = Some(provider);
                Ok(keys)
            }
            // With a role on top of the sign-in, which is rare, the SDK's answer counts.
            Err(error) if is_about_a_token_file(&error) && chain.roles.is_empty() => {
                sso::keys(&chain.base, self.aws()).await.ok_or_else(|| profile_error(&error, chain))
            }
            Err(error) => Err(profile_error(&error, chain)),
        }
    }

    async fn within(
        &self,
        timeout: Duration,
        asked: Asked<'_>,
        answer: impl Future<Output = provider::Result>,
    ) -> Result<provider::Result, AwsError> {
        let Asked { profile, who } = asked;
        let _asking = self.0.pending.ask(remedy::about_profile(profile, who));
        tokio::time::timeout(timeout, answer).await.map_err(|_elapsed| {
            unresponsive(profile, &format!("{who} did not answer within {} seconds", timeout.as_secs()))
        })
    }
}

/// Who is asked for keys.
struct Asked<'a> {
    /// For which profile; may be empty.
    profile: &'a str,
    who: &'a str,
}

fn without_query(address: &str) -> &str {
    address.split(['?', '#']).next().unwrap_or(address)
}
