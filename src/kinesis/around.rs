//! A client of the SDK with something of ours around each of its requests.

use aws_sdk_kinesis::config::{RuntimeComponents, SharedHttpClient};
use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::HttpRequest,
};

/// Sends a request over the connector that it gets.
type Call = fn(&SharedHttpConnector, HttpRequest) -> HttpConnectorFuture;

/// The same client, whose requests go through `call`.
pub(super) fn around(client: SharedHttpClient, call: Call) -> SharedHttpClient {
    SharedHttpClient::new(Around(client, call))
}

#[derive(Debug)]
struct Around(SharedHttpClient, Call);

impl HttpClient for Around {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector(self.0.http_connector(settings, components), self.1))
    }
}

#[derive(Debug)]
struct Connector(SharedHttpConnector, Call);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        (self.1)(&self.0, request)
    }
}
