//! From settings to a client: which stream, whose credentials, which HTTP.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use aws_config::{
    BehaviorVersion, Region, SdkConfig, identity::IdentityCache, provider_config::ProviderConfig,
    retry::RetryConfig, sts::AssumeRoleProvider, timeout::TimeoutConfig,
};
use aws_sdk_kinesis::config::{
    Credentials as Keys, SharedCredentialsProvider, SharedHttpClient, StalledStreamProtectionConfig,
};
use aws_smithy_http_client::{
    Builder, Connector,
    proxy::ProxyConfig,
    tls::{Provider, TlsContext, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::HttpRequest,
    runtime_components::RuntimeComponents,
};
use aws_types::os_shim_internal::Env;
use aws_types::service_config::ServiceConfigKey;

use super::{
    Client,
    body_hash::BodyHash,
    bounded::bounded,
    keys::{self, Held, Source},
    pools, roots, talking,
};
use crate::{
    aws::Arn,
    config::{self, Config, CredentialsSource, DestinationKind},
    delivery::AwsError,
};

/// The SDK waits for ever for an answer by default. Kinesis answers in milliseconds; 15 s is an outage.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long an answer is waited for, where nothing else is asked for.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// What a call may take beyond that: to connect, and to send and read what is large.
const BEYOND_ANSWER: Duration = Duration::from_secs(5);

/// AWS's variable for the address of all services, and, with `_KINESIS` say, of one.
const ENDPOINT_URL: &str = "AWS_ENDPOINT_URL";

/// How to reach the practice stream of this process (or, from its state file, of another).
#[derive(Clone, PartialEq, Eq)]
pub struct Access {
    /// Its address on loopback.
    pub endpoint_url: String,
    /// The name of its stream.
    pub stream: String,
    /// The random key that it alone knows.
    pub access_key_id: String,
    /// The secret beside it.
    pub secret_access_key: String,
    /// Puts in flight at a time, so that each has a connection.
    pub puts_max: usize,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("endpoint_url", &self.endpoint_url).finish_non_exhaustive()
    }
}

/// The stream, as the user named it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// By name: the usual host name.
    Name(String),
    /// By ARN: the SDK then uses a host name with the account id in it.
    Arn(String),
}

impl Target {
    /// What the settings mean by `stream`.
    pub fn new(stream: &str) -> Self {
        if Arn::is_meant(stream) { Self::Arn(stream.to_owned()) } else { Self::Name(stream.to_owned()) }
    }

    pub(super) fn name(&self) -> Option<String> {
        match self {
            Self::Name(name) => Some(name.clone()),
            Self::Arn(_) => None,
        }
    }

    pub(super) fn arn(&self) -> Option<String> {
        match self {
            Self::Name(_) => None,
            Self::Arn(arn) => Some(arn.clone()),
        }
    }
}

impl Client {
    /// A client for the destination in `config`. Credentials are looked up by the first call, and what is wrong with
    /// them is that call's outcome; AWS's own files are read anew by each new client.
    ///
    /// `practice` is needed (and used) only where the destination is the practice stream.
    pub async fn connect(config: &Config, practice: Option<&Access>) -> Self {
        let operation = config.destination.operation;
        match (config.destination.kind, practice) {
            (DestinationKind::Practice, Some(access)) => {
                let target = Target::new(&access.stream);
                let given =
                    Keys::new(&access.access_key_id, &access.secret_access_key, None, None, "practice");
                Self {
                    sdk: practice_client(access, given.clone()),
                    target,
                    operation,
                    keys: None,
                    given: Some(given),
                    prepared: Arc::default(),
                    server: None,
                }
            }
            (DestinationKind::Practice | DestinationKind::Kinesis, _) => {
                let (aws, source) = located(config).await;
                let keys = Held::new(source, config);
                let aws =
                    aws.into_builder().credentials_provider(SharedCredentialsProvider::new(keys.clone()));
                // The keys are kept here already; the SDK's own cache would give up on them after five seconds.
                let aws = aws.identity_cache(IdentityCache::no_cache()).build();
                Self { keys: Some(keys), ..Self::to_aws(&aws, config) }
            }
        }
    }

    /// A client with these credentials.
    pub(super) fn to_aws(aws: &SdkConfig, config: &Config) -> Self {
        let destination = &config.destination;
        let ours = Some(destination.endpoint_url.clone()).filter(|url| !url.is_empty());
        let configured = if ours.is_some() { None } else { configured_endpoint(aws, "Kinesis") };
        let mut settings = kinesis(aws);
        if let Some(url) = ours.as_ref().or(configured.as_ref()) {
            settings = settings.endpoint_url(url).use_fips(false).use_dual_stack(false);
        }
        Self {
            sdk: aws_sdk_kinesis::Client::from_conf(settings.build()),
            target: Target::new(&destination.stream),
            operation: destination.operation,
            keys: None,
            given: None,
            prepared: Arc::default(),
            server: configured.map(|url| shown("KINESIS", &url).into()),
        }
    }

    /// The keys are there. What is wrong with them is not the next put's doing, and takes none of its time.
    pub(super) async fn ready(&self) -> Result<(), AwsError> {
        match &self.keys {
            Some(keys) => keys.get().await.map(drop),
            None => Ok(()),
        }
    }

    /// The keys to sign with.
    pub(super) async fn signer(&self) -> Result<Keys, AwsError> {
        match (&self.keys, &self.given) {
            (Some(keys), _) => keys.get().await,
            (None, Some(given)) => Ok(given.clone()),
            (None, None) => Err(AwsError::new("CredentialsNotFound", "")),
        }
    }

    /// What keys are being waited for, once that takes long; nothing was sent then.
    pub fn waits_for_keys(&self, now: Instant) -> Option<AwsError> {
        self.keys.as_ref()?.waits_for(now)
    }

    /// When [`Self::waits_for_keys`] may change by itself; `None`: no keys are being waited for.
    pub fn waits_for_keys_since(&self) -> Option<Instant> {
        self.keys.as_ref()?.word_at()
    }

    /// Keys that are being waited for are not waited for any more, and the program that hands them out is ended.
    pub fn give_up_keys(&self) {
        if let Some(keys) = &self.keys {
            keys.give_up();
        }
    }

    pub(super) fn sdk(&self) -> &aws_sdk_kinesis::Client {
        &self.sdk
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }
}

fn practice_client(access: &Access, keys: Keys) -> aws_sdk_kinesis::Client {
    let settings = aws_sdk_kinesis::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(&access.endpoint_url)
        .credentials_provider(keys)
        .http_client(without_tls())
        .interceptor(BodyHash)
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    aws_sdk_kinesis::Client::from_conf(settings.build())
}

/// The address at which AWS's own variables (`AWS_ENDPOINT_URL_STS`, `AWS_ENDPOINT_URL`) or the profile say that a
/// service is; for services other than Kinesis also the one of our settings, where that is not AWS.
pub(super) fn configured_endpoint(aws: &SdkConfig, service: &str) -> Option<String> {
    let of_all = || aws.endpoint_url().map(str::to_owned);
    if aws.get_origin("endpoint_url").is_client_config() {
        return of_all();
    }
    let key =
        ServiceConfigKey::builder().service_id(service).env(ENDPOINT_URL).profile("endpoint_url").build();
    let of_service = key.ok().and_then(|key| aws.service_config()?.load_config(key));
    of_service.or_else(of_all)
}

/// What a client of that service is to be made from: with an address of its own, FIPS and dual-stack host names do not
/// count, as in AWS's own tools.
pub(super) fn of_service(aws: &SdkConfig, service: &str) -> SdkConfig {
    match configured_endpoint(aws, service) {
        Some(url) => {
            aws.clone().into_builder().endpoint_url(url).use_fips(false).use_dual_stack(false).build()
        }
        None => aws.clone(),
    }
}

/// Such an address, and what names it. Paths and passwords in it are not shown.
pub(super) fn shown(service: &str, url: &str) -> String {
    let of_service = format!("{ENDPOINT_URL}_{service}");
    let is_by = |variable: &&str| config::endpoint_variable(variable).is_some_and(|value| value == url);
    let named_by = [of_service.as_str(), ENDPOINT_URL].into_iter().find(is_by);
    let scheme = url.split_once("://").map_or("http", |(scheme, _)| scheme);
    format!(
        "{scheme}://{} ({})",
        talking::host_of(url),
        named_by.unwrap_or("endpoint_url of the AWS profile")
    )
}

/// The shared part of every AWS client: region, the source's credentials, proxy, timeouts; and for services other than
/// Kinesis the server, where that is not AWS. Addresses, FIPS and dual-stack endpoints are chosen as for every AWS tool:
/// `AWS_ENDPOINT_URL`, `AWS_USE_FIPS_ENDPOINT`, `AWS_USE_DUALSTACK_ENDPOINT`, or the same in the profile.
async fn located(config: &Config) -> (SdkConfig, Source) {
    let region = Region::new(config.destination.region.clone());
    let proxied = ProxyConfig::from_env();
    let trusting = |proxy: &ProxyConfig| {
        let proxy = proxy.clone();
        roots::trusting_machine(move |trust| http(&proxy, &trust))
    };
    let http = talking::naming(bounded(SharedHttpClient::new(PastTheProxy {
        proxied: pools::several(|| trusting(&proxied)),
        direct: trusting(&ProxyConfig::disabled()),
        container: Env::real().get("AWS_CONTAINER_CREDENTIALS_FULL_URI").ok().as_deref().map(origin_of),
    })));
    let loader = || {
        let loader = aws_config::defaults(BehaviorVersion::latest())
            .region(region.clone())
            .http_client(http.clone())
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts());
        match config.credentials.source {
            CredentialsSource::Profile => loader.profile_name(&config.credentials.profile),
            CredentialsSource::Default | CredentialsSource::Keychain => loader,
        }
    };
    let base = if let Some(url) = config::other_server(&config.destination.endpoint_url) {
        loader().endpoint_url(url).use_fips(false).use_dual_stack(false).load().await
    } else {
        let base = loader().load().await;
        let variants = base.use_fips().unwrap_or_default() || base.use_dual_stack().unwrap_or_default();
        if variants && base.endpoint_url().is_some() {
            // One address for all services: it wins, also for those that hand out keys.
            loader().use_fips(false).use_dual_stack(false).load().await
        } else {
            base
        }
    };
    // The profile alone: the default chain would prefer keys in the environment.
    let settings = ProviderConfig::without_region()
        .with_region(Some(region))
        .with_http_client(http)
        .with_timeout_config(timeouts())
        .with_use_fips(base.use_fips())
        .with_use_dual_stack(base.use_dual_stack());
    let source = Source::new(config, settings, base);
    (keys::with_source(&source), source)
}

/// The settings of an AWS client with the source's credentials.
pub(super) async fn source(config: &Config) -> SdkConfig {
    located(config).await.0
}

/// The same with the role's credentials, where one is to be assumed.
pub(super) async fn with_role(source: SdkConfig, config: &Config) -> SdkConfig {
    let role = &config.credentials.role_arn;
    if role.is_empty() {
        return source;
    }
    let mut assumed = AssumeRoleProvider::builder(role).session_name("tributary");
    assumed = assumed.configure(&of_service(&source, "STS"));
    if !config.credentials.external_id.is_empty() {
        assumed = assumed.external_id(&config.credentials.external_id);
    }
    let provider = assumed.build().await;
    with_keys(source, SharedCredentialsProvider::new(provider))
}

fn with_keys(base: SdkConfig, provider: SharedCredentialsProvider) -> SdkConfig {
    base.into_builder().credentials_provider(provider).build()
}

fn kinesis(aws: &SdkConfig) -> aws_sdk_kinesis::config::Builder {
    aws_sdk_kinesis::config::Builder::from(aws)
        .interceptor(BodyHash)
        .retry_config(RetryConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
}

fn timeouts() -> TimeoutConfig {
    timeouts_of(ANSWER_TIMEOUT)
}

pub(super) fn timeouts_of(answer: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(answer)
        .operation_attempt_timeout(answer + BEYOND_ANSWER)
        .build()
}

/// The same for requests that no client of the SDK makes.
pub(super) fn connector() -> Result<Connector, AwsError> {
    let trust = roots::context().map_err(|error| AwsError::new("NoAnswer", error.to_string()))?;
    let settings =
        HttpConnectorSettings::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(ANSWER_TIMEOUT);
    let mut connector = Connector::builder().proxy_config(ProxyConfig::from_env());
    connector.set_connector_settings(Some(settings.build()));
    Ok(connector.tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(trust).build())
}

/// For the practice stream: plain HTTP over loopback, without a proxy.
fn without_tls() -> SharedHttpClient {
    Builder::new().build_with_connector_fn(|settings, components| {
        let mut connector = Connector::builder().proxy_config(ProxyConfig::disabled());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        connector.build_http()
    })
}

/// HTTPS on rustls with ring.
pub(super) fn http(proxy: &ProxyConfig, tls: &TlsContext) -> SharedHttpClient {
    let (proxy, tls) = (proxy.clone(), tls.clone());
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder().proxy_config(proxy.clone());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        connector.tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(tls.clone()).build()
    })
}

/// Through the proxy of the environment, but for the servers on this machine or beside it that hand out keys: their
/// requests carry a token that is as good as the keys, over plain HTTP. AWS's own tools ask a container's server directly
/// too.
#[derive(Debug)]
struct PastTheProxy {
    proxied: SharedHttpClient,
    direct: SharedHttpClient,
    /// Scheme, host and port of the container's server, where its address is given whole.
    container: Option<String>,
}

#[derive(Debug)]
struct PastTheProxyConnector {
    proxied: SharedHttpConnector,
    direct: SharedHttpConnector,
    container: Option<String>,
}

impl HttpClient for PastTheProxy {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(PastTheProxyConnector {
            proxied: self.proxied.http_connector(settings, components),
            direct: self.direct.http_connector(settings, components),
            container: self.container.clone(),
        })
    }
}

impl HttpConnector for PastTheProxyConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let origin = origin_of(request.uri());
        if hands_out_keys(&origin) || self.container.as_ref() == Some(&origin) {
            self.direct.call(request)
        } else {
            self.proxied.call(request)
        }
    }
}

/// Scheme, host and port of an address.
fn origin_of(address: &str) -> String {
    let end = address.find("://").map_or(0, |at| at + 3);
    let rest = address[end..].find(['/', '?', '#']).map_or(address.len(), |at| end + at);
    address[..rest].to_ascii_lowercase()
}

/// The fixed addresses of containers and EC2 machines, which no proxy can reach for us.
fn hands_out_keys(origin: &str) -> bool {
    let host = origin.strip_prefix("http://").unwrap_or_default();
    host.starts_with("169.254.") || host.starts_with("[fd00:ec2::")
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::{
        config::{Credentials, Destination},
        delivery::Outcome,
        event::Encoding,
        kinesis::Outgoing,
    };

    #[test]
    fn an_address_that_hands_out_keys_is_known_by_its_host() {
        for (address, is) in [
            ("http://169.254.170.2/v2/credentials/1?x=http://a", true),
            ("http://169.254.169.254:80/latest/meta-data", true),
            ("http://[fd00:ec2::23]/v1/credentials", true),
            ("https://kinesis.eu-west-1.amazonaws.com/?a=http://169.254.170.2/", false),
            ("http://127.0.0.1:4567", false),
        ] {
            assert_eq!(hands_out_keys(&origin_of(address)), is, "{address}");
        }
        assert_eq!(origin_of("http://127.0.0.1:80/keys?a"), "http://127.0.0.1:80");
    }

    #[test]
    fn only_a_server_that_is_not_aws_is_asked_for_more_than_kinesis() {
        assert_eq!(config::other_server("http://127.0.0.1:4631"), Some("http://127.0.0.1:4631"));
        assert_eq!(
            config::other_server("https://localhost.localstack.cloud/x"),
            Some("https://localhost.localstack.cloud/x")
        );
        for of_aws in [
            "",
            "https://vpce-1-a.kinesis.eu-west-1.vpce.amazonaws.com",
            "https://kinesis.cn-north-1.amazonaws.com.cn:443/",
            "https://kinesis.us-iso-east-1.c2s.ic.gov",
            "https://kinesis.eu-west-1.api.aws",
            "https://kinesis.eu-west-1.api.aws (AWS_ENDPOINT_URL)",
            "https://kinesis.cn-north-1.api.amazonwebservices.com.cn",
        ] {
            assert_eq!(config::other_server(of_aws), None, "{of_aws}");
        }
    }

    #[tokio::test]
    async fn a_stream_whose_arn_does_not_fit_the_region_blocks_and_is_not_called_offline() {
        let keys = Keys::new("AKIAEXAMPLE", "example", None, None, "test");
        let settings = aws_sdk_kinesis::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("cn-north-1"))
            .credentials_provider(keys)
            .retry_config(RetryConfig::disabled());
        let client = Client {
            sdk: aws_sdk_kinesis::Client::from_conf(settings.build()),
            target: Target::new("arn:aws:kinesis:cn-north-1:123456789012:stream/clicks"),
            operation: config::Operation::PutRecord,
            keys: None,
            given: None,
            prepared: Arc::default(),
            server: None,
        };
        let outcomes = client.put(&[Outgoing::of("u", b"{}")], Encoding::Json).await;
        let [Outcome::Blocked(fault)] = outcomes.as_slice() else { panic!("{outcomes:?}") };
        assert_eq!(&*fault.code, "IncompleteRequest", "{fault}");
    }

    /// Nothing listens there: a put that gets as far as the network is offline, one without keys is blocked.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_profile_that_does_not_exist_blocks_and_says_so() {
        let destination = Destination {
            kind: DestinationKind::Kinesis,
            region: "eu-west-1".to_owned(),
            stream: "clickstream".to_owned(),
            endpoint_url: "http://127.0.0.1:9".to_owned(),
            ..Destination::default()
        };
        let profile = "tributary-has-no-such-profile".to_owned();
        let credentials =
            Credentials { source: CredentialsSource::Profile, profile, ..Credentials::default() };
        for role_arn in ["", "arn:aws:iam::123456789012:role/forwarder"] {
            let credentials = Credentials { role_arn: role_arn.to_owned(), ..credentials.clone() };
            let config = Config { destination: destination.clone(), credentials, ..Config::default() };
            let client = Client::connect(&config, None).await;
            let outcomes = client.put(&[Outgoing::of("u", b"{}")], Encoding::Json).await;
            let [Outcome::Blocked(fault)] = outcomes.as_slice() else { panic!("{outcomes:?}") };
            assert_eq!(&*fault.code, "ProfileNotFound", "{fault}");
        }
    }
}
