//! A client of the SDK that passes each request through a function.

use aws_sdk_kinesis::config::{RuntimeComponents, SharedHttpClient};
use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::HttpRequest,
};

/// Sends a request over the connector.
type Call = fn(&SharedHttpConnector, HttpRequest) -> HttpConnectorFuture;

/// A client whose requests go through `call`, and from there over `client`.
pub(super) fn layered(client: SharedHttpClient, call: Call) -> SharedHttpClient {
    SharedHttpClient::new(Layered { client, call })
}

#[derive(Debug)]
struct Layered {
    client: SharedHttpClient,
    call: Call,
}

impl HttpClient for Layered {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let connector = self.client.http_connector(settings, components);
        SharedHttpConnector::new(LayeredConnector { connector, call: self.call })
    }
}

#[derive(Debug)]
struct LayeredConnector {
    connector: SharedHttpConnector,
    call: Call,
}

impl HttpConnector for LayeredConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        (self.call)(&self.connector, request)
    }
}
