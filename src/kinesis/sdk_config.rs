//! Settings of AWS clients: region, endpoint, HTTP, the role to assume.
//!
//! Endpoints, FIPS and dual-stack hosts are chosen as for every AWS tool: by `AWS_ENDPOINT_URL`, `AWS_USE_FIPS_ENDPOINT`
//! and `AWS_USE_DUALSTACK_ENDPOINT`, or by the same settings of the profile.

use aws_config::{
    BehaviorVersion, Region, SdkConfig, provider_config::ProviderConfig, retry::RetryConfig,
    sts::AssumeRoleProvider,
};
use aws_sdk_kinesis::config::{Credentials, SharedCredentialsProvider, StalledStreamProtectionConfig};
use aws_types::service_config::ServiceConfigKey;
use url::Url;

use super::{
    http::{self, ANSWER_TIMEOUT, peer::host_and_port, timeouts},
    payload_hash::PayloadHash,
};
use crate::config::{self, Config, CredentialsSource};

/// AWS's variable for the endpoint of all services. With `_KINESIS`, for example, it is for that service alone.
const ENDPOINT_URL: &str = "AWS_ENDPOINT_URL";

/// The name of a role's session if the settings give none.
pub(super) const SESSION_NAME: &str = "tributary";

/// Settings that all AWS clients of a destination share.
pub(super) struct AwsSettings {
    /// For clients. Its credentials are the SDK's default chain; its endpoint is that of a server other than AWS.
    pub(super) aws: SdkConfig,
    /// For the SDK's credential providers.
    pub(super) providers: ProviderConfig,
}

impl AwsSettings {
    /// Reads the environment and the profile.
    pub(super) async fn load(config: &Config) -> Self {
        let region = Region::new(config.destination.region.clone());
        let http = http::client();
        let loader = || {
            let loader = aws_config::defaults(BehaviorVersion::latest())
                .region(region.clone())
                .http_client(http.clone())
                .retry_config(RetryConfig::disabled())
                .timeout_config(timeouts(ANSWER_TIMEOUT));
            match config.credentials.source {
                CredentialsSource::Profile => loader.profile_name(&config.credentials.profile),
                CredentialsSource::Default | CredentialsSource::Keychain => loader,
            }
        };
        let aws = if let Some(url) = config::other_server(&config.destination.endpoint_url) {
            loader().endpoint_url(url).use_fips(false).use_dual_stack(false).load().await
        } else {
            let aws = loader().load().await;
            let has_variant = aws.use_fips().unwrap_or_default() || aws.use_dual_stack().unwrap_or_default();
            if has_variant && aws.endpoint_url().is_some() {
                // One endpoint for all services beats FIPS and dual-stack hosts, also for services that hand out keys.
                loader().use_fips(false).use_dual_stack(false).load().await
            } else {
                aws
            }
        };
        let providers = ProviderConfig::without_region()
            .with_region(Some(region))
            .with_http_client(http)
            .with_timeout_config(timeouts(ANSWER_TIMEOUT))
            .with_use_fips(aws.use_fips())
            .with_use_dual_stack(aws.use_dual_stack());
        Self { aws, providers }
    }
}

/// The endpoint of a service by AWS's variables (`AWS_ENDPOINT_URL_STS`, `AWS_ENDPOINT_URL`) or by the profile. For
/// services other than Kinesis also the endpoint of the settings, if it is not AWS.
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

/// Settings for a client of that service. As in AWS's own tools, an endpoint of its own beats FIPS and dual-stack hosts.
pub(super) fn for_service(aws: &SdkConfig, service: &str) -> SdkConfig {
    match configured_endpoint(aws, service) {
        Some(url) => {
            aws.clone().into_builder().endpoint_url(url).use_fips(false).use_dual_stack(false).build()
        }
        None => aws.clone(),
    }
}

/// A configured endpoint with what configured it. Paths and passwords in it are left out.
pub(super) fn endpoint_with_origin(service: &str, endpoint: &str) -> String {
    let of_service = format!("{ENDPOINT_URL}_{service}");
    let has_it = |variable: &&str| config::endpoint_variable(variable).is_some_and(|value| value == endpoint);
    let variable = [of_service.as_str(), ENDPOINT_URL].into_iter().find(has_it);
    let origin = variable.unwrap_or("endpoint_url of the AWS profile");
    match Url::parse(endpoint) {
        Ok(url) => format!("{}://{} ({origin})", url.scheme(), host_and_port(&url)),
        Err(_) => format!("an address that is no URL ({origin})"),
    }
}

/// The same settings with these keys.
pub(super) fn with_keys(aws: SdkConfig, keys: Credentials) -> SdkConfig {
    aws.into_builder().credentials_provider(SharedCredentialsProvider::new(keys)).build()
}

/// The provider of the keys of the role to assume; `None` if the user's settings name no role. `aws` has the keys that
/// assume it.
pub(super) async fn role_provider(aws: &SdkConfig, config: &Config) -> Option<AssumeRoleProvider> {
    let credentials = &config.credentials;
    if credentials.role_arn.is_empty() {
        return None;
    }
    let mut role = AssumeRoleProvider::builder(&credentials.role_arn).session_name(SESSION_NAME);
    role = role.configure(&for_service(aws, "STS"));
    if !credentials.external_id.is_empty() {
        role = role.external_id(&credentials.external_id);
    }
    Some(role.build().await)
}

/// Settings for a client of Kinesis, without retries: they are the forwarder's.
pub(super) fn for_kinesis(aws: &SdkConfig) -> aws_sdk_kinesis::config::Builder {
    aws_sdk_kinesis::config::Builder::from(aws)
        .interceptor(PayloadHash)
        .retry_config(RetryConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
}

/// Settings for a client of the practice stream.
pub(super) fn for_practice(endpoint_url: &str, keys: Credentials) -> aws_sdk_kinesis::config::Builder {
    aws_sdk_kinesis::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint_url)
        .credentials_provider(keys)
        .http_client(http::plain())
        .interceptor(PayloadHash)
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts(ANSWER_TIMEOUT))
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
}
