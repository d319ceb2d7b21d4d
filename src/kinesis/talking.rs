//! Errors of connections say which host and service was talked to: keys come from other services than Kinesis, and the
//! SDK names none of them.

use std::{error::Error, fmt};

use aws_sdk_kinesis::config::SharedHttpClient;
use aws_smithy_runtime_api::client::{
    http::{HttpConnector as _, HttpConnectorFuture, SharedHttpConnector},
    orchestrator::HttpRequest,
    result::ConnectorError,
};

use super::around::around;

/// The same client, whose errors name the host.
pub(super) fn naming(client: SharedHttpClient) -> SharedHttpClient {
    around(client, call)
}

fn call(connector: &SharedHttpConnector, request: HttpRequest) -> HttpConnectorFuture {
    let whom = match service_of(request.headers().get("x-amz-user-agent").unwrap_or_default()) {
        Some(service) => format!("{} ({service})", host_of(request.uri())),
        None => host_of(request.uri()).to_owned(),
    };
    let answer = connector.call(request);
    HttpConnectorFuture::new(async move { answer.await.map_err(|error| named(error, whom)) })
}

/// Host and port; a path may hold what is nobody's business.
pub(super) fn host_of(uri: &str) -> &str {
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}

/// The SDK's clients name their service there: `aws-sdk-rust/1.3.9 ua/2.1 api/sts#1.124.0 os/linux …`.
fn service_of(user_agent: &str) -> Option<&str> {
    user_agent.split(' ').find_map(|word| word.strip_prefix("api/")?.split(['#', '/']).next())
}

fn named(error: ConnectorError, whom: String) -> ConnectorError {
    let (is_timeout, is_io, is_user, other) =
        (error.is_timeout(), error.is_io(), error.is_user(), error.as_other());
    let source = Box::new(Talking { whom, source: error });
    match (is_timeout, is_io, is_user) {
        (true, _, _) => ConnectorError::timeout(source),
        (_, true, _) => ConnectorError::io(source),
        (_, _, true) => ConnectorError::user(source),
        (false, false, false) => ConnectorError::other(source, other),
    }
}

#[derive(Debug)]
struct Talking {
    whom: String,
    source: ConnectorError,
}

impl fmt::Display for Talking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "talking to {}", self.whom)
    }
}

impl Error for Talking {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_host_and_port_of_an_address_are_named() {
        for (uri, host) in [
            ("https://sts.eu-west-1.amazonaws.com/", "sts.eu-west-1.amazonaws.com"),
            ("http://user:secret@127.0.0.1:9/creds?token=secret", "127.0.0.1:9"),
            ("http://169.254.170.2", "169.254.170.2"),
            ("/path", ""),
        ] {
            assert_eq!(host_of(uri), host, "{uri}");
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
        let error = named(ConnectorError::io(refused()), "a.example:1".to_owned());
        assert!(error.is_io() && !error.is_timeout());
        assert_eq!(super::super::chain(&error), "talking to a.example:1: io error: connection refused");
        assert!(named(ConnectorError::timeout(refused()), String::new()).is_timeout());
        assert!(named(ConnectorError::user(refused()), String::new()).is_user());
        assert!(named(ConnectorError::other(refused(), None), String::new()).is_other());
    }
}
