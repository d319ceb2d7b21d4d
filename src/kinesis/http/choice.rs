//! A client of the SDK that chooses, for each request, the client that sends it.

use std::fmt::Debug;

use aws_sdk_kinesis::config::{RuntimeComponents, SharedHttpClient};
use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::HttpRequest,
};

/// Chooses the client of a request, and sends it.
pub(super) trait Choose: Clone + Debug + Send + Sync + 'static {
    fn send(&self, context: &ConnectorContext, request: HttpRequest) -> HttpConnectorFuture;
}

/// A client whose requests go where `choose` sends them.
pub(super) fn choosing(choose: impl Choose) -> SharedHttpClient {
    SharedHttpClient::new(Choosing(choose))
}

/// What the SDK makes its connectors with.
#[derive(Clone, Debug)]
pub(super) struct ConnectorContext {
    settings: HttpConnectorSettings,
    components: RuntimeComponents,
}

impl ConnectorContext {
    /// The connector of this client. The client caches the connector, and with it the connections.
    pub(super) fn connector(&self, client: &SharedHttpClient) -> SharedHttpConnector {
        client.http_connector(&self.settings, &self.components)
    }
}

#[derive(Debug)]
struct Choosing<C>(C);

impl<C: Choose> HttpClient for Choosing<C> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let context = ConnectorContext { settings: settings.clone(), components: components.clone() };
        SharedHttpConnector::new(ChoosingConnector { choose: self.0.clone(), context })
    }
}

#[derive(Debug)]
struct ChoosingConnector<C> {
    choose: C,
    context: ConnectorContext,
}

impl<C: Choose> HttpConnector for ChoosingConnector<C> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.choose.send(&self.context, request)
    }
}
