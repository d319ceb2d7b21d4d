//! The SDK's HTTP on rustls and ring.

use aws_sdk_kinesis::config::SharedHttpClient;
use aws_smithy_http_client::{
    Builder, Connector, ConnectorBuilder,
    proxy::ProxyConfig,
    tls::{Provider, TlsContext, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{http::HttpConnectorSettings, runtime_components::RuntimeComponents};

use super::{
    timeouts::{ANSWER_TIMEOUT, CONNECT_TIMEOUT},
    trust::{self, TrustUnreadable},
};

fn connector(
    proxy: ProxyConfig,
    settings: Option<&HttpConnectorSettings>,
    components: Option<&RuntimeComponents>,
) -> ConnectorBuilder {
    let mut connector = Connector::builder().proxy_config(proxy);
    connector.set_connector_settings(settings.cloned());
    connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
    connector
}

/// HTTPS, and plain HTTP for servers that stand in for AWS.
pub(super) fn https(proxy: &ProxyConfig, tls: &TlsContext) -> SharedHttpClient {
    let (proxy, tls) = (proxy.clone(), tls.clone());
    Builder::new().build_with_connector_fn(move |settings, components| {
        let connector = connector(proxy.clone(), settings, components);
        connector.tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(tls.clone()).build()
    })
}

/// For the practice stream: plain HTTP over loopback, without a proxy.
pub(crate) fn plain() -> SharedHttpClient {
    Builder::new().build_with_connector_fn(|settings, components| {
        connector(ProxyConfig::disabled(), settings, components).build_http()
    })
}

/// HTTPS for single requests that no client of the SDK makes.
pub(crate) fn single_requests() -> Result<Connector, TrustUnreadable> {
    let trust = trust::context()?;
    let settings =
        HttpConnectorSettings::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(ANSWER_TIMEOUT);
    let connector = connector(ProxyConfig::from_env(), Some(&settings.build()), None);
    Ok(connector.tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(trust).build())
}
