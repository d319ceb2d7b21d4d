//! Adds host and service to errors of connections. Keys come from other services than Kinesis, and the SDK's errors name
//! none of them.

use std::{error::Error, fmt};

use aws_sdk_kinesis::config::SharedHttpClient;
use aws_smithy_runtime_api::client::{
    http::{HttpConnector as _, HttpConnectorFuture, SharedHttpConnector},
    orchestrator::HttpRequest,
    result::ConnectorError,
};
use url::Url;

use super::layer::layered;

/// A client whose errors name the peer.
pub(super) fn naming_peers(client: SharedHttpClient) -> SharedHttpClient {
    layered(client, call)
}

fn call(connector: &SharedHttpConnector, request: HttpRequest) -> HttpConnectorFuture {
    let url = request.uri().to_owned();
    let service = service_of(request.headers().get("x-amz-user-agent").unwrap_or_default());
    let service = service.map(str::to_owned);
    let answer = connector.call(request);
    HttpConnectorFuture::new(async move {
        answer.await.map_err(|error| with_peer(error, peer(&url, service.as_deref())))
    })
}

fn peer(url: &str, service: Option<&str>) -> String {
    let host = Url::parse(url).map(|url| host_and_port(&url)).unwrap_or_default();
    match service {
        Some(service) => format!("{host} ({service})"),
        None => host,
    }
}

/// The host, and the port unless it is the scheme's usual one. The rest of a URL may be secret.
pub(crate) fn host_and_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The service that a client of the SDK is for: `sts` of `aws-sdk-rust/1.3.9 ua/2.1 api/sts#1.124.0 os/linux …`.
fn service_of(user_agent: &str) -> Option<&str> {
    user_agent.split(' ').find_map(|word| word.strip_prefix("api/")?.split(['#', '/']).next())
}

fn with_peer(error: ConnectorError, peer: String) -> ConnectorError {
    let (is_timeout, is_io, is_user, other) =
        (error.is_timeout(), error.is_io(), error.is_user(), error.as_other());
    let source = Box::new(PeerError { peer, source: error });
    match (is_timeout, is_io, is_user) {
        (true, _, _) => ConnectorError::timeout(source),
        (_, true, _) => ConnectorError::io(source),
        (_, _, true) => ConnectorError::user(source),
        (false, false, false) => ConnectorError::other(source, other),
    }
}

#[derive(Debug)]
struct PeerError {
    peer: String,
    source: ConnectorError,
}

impl fmt::Display for PeerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "talking to {}", self.peer)
    }
}

impl Error for PeerError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinesis::error::causes;

    #[test]
    fn only_host_and_port_of_an_address_are_named() {
        for (uri, host) in [
            ("https://sts.eu-west-1.amazonaws.com/", "sts.eu-west-1.amazonaws.com"),
            ("http://user:secret@127.0.0.1:9/creds?token=secret", "127.0.0.1:9"),
            ("http://169.254.170.2", "169.254.170.2"),
        ] {
            assert_eq!(host_and_port(&Url::parse(uri).expect("a URL")), host, "{uri}");
        }
    }

    #[test]
    fn a_client_of_the_sdk_names_its_service() {
        let said = "aws-sdk-rust/1.3.9 ua/2.1 api/sts#1.124.0 os/linux lang/rust#1.95.0";
        assert_eq!((service_of(said), service_of("curl/8"), service_of("")), (Some("sts"), None, None));
    }

    #[test]
    fn an_error_keeps_its_kind_and_its_causes() {
        let refused = || Box::new(std::io::Error::from(std::io::ErrorKind::ConnectionRefused));
        let error = with_peer(ConnectorError::io(refused()), "a.example:1".to_owned());
        assert!(error.is_io() && !error.is_timeout());
        assert_eq!(causes(&error), "talking to a.example:1: io error: connection refused");
        assert!(with_peer(ConnectorError::timeout(refused()), String::new()).is_timeout());
        assert!(with_peer(ConnectorError::user(refused()), String::new()).is_user());
        assert!(with_peer(ConnectorError::other(refused(), None), String::new()).is_other());
    }
}
