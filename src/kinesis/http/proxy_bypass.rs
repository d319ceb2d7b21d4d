//! The proxy of the environment, for all requests except those to key services on this machine or next to it.
//!
//! Such a request carries a token that is worth as much as the keys, over plain HTTP. AWS's own tools also send it
//! directly.

use aws_sdk_kinesis::config::SharedHttpClient;
use aws_smithy_runtime_api::client::{
    http::{HttpConnector as _, HttpConnectorFuture},
    orchestrator::HttpRequest,
};
use aws_types::os_shim_internal::Env;
use url::{Host, Origin, Url};

use super::choice::{Choose, ConnectorContext, choosing};

/// A client that sends requests to key services over `direct`, and all others over `proxied`.
pub(super) fn bypassing_proxy(proxied: SharedHttpClient, direct: SharedHttpClient) -> SharedHttpClient {
    let container = Env::real().get("AWS_CONTAINER_CREDENTIALS_FULL_URI").ok();
    let container = container.and_then(|url| Some(Url::parse(&url).ok()?.origin()));
    choosing(Bypass { proxied, direct, container })
}

#[derive(Clone, Debug)]
struct Bypass {
    proxied: SharedHttpClient,
    direct: SharedHttpClient,
    /// The container's key service, if the environment has its URL.
    container: Option<Origin>,
}

impl Choose for Bypass {
    fn send(&self, context: &ConnectorContext, request: HttpRequest) -> HttpConnectorFuture {
        let client = if self.is_direct(request.uri()) { &self.direct } else { &self.proxied };
        context.connector(client).call(request)
    }
}

impl Bypass {
    fn is_direct(&self, url: &str) -> bool {
        // Puts over TLS go without parsing their URL.
        if self.container.is_none() && url.starts_with("https:") {
            return false;
        }
        Url::parse(url).is_ok_and(|url| is_key_service(&url) || self.container == Some(url.origin()))
    }
}

/// The fixed addresses of the key services of containers and EC2 machines: link-local, so no proxy can reach them for
/// this machine.
fn is_key_service(url: &Url) -> bool {
    let is_local = match url.host() {
        Some(Host::Ipv4(address)) => address.is_link_local(),
        Some(Host::Ipv6(address)) => address.segments()[..2] == [0xfd00, 0x0ec2],
        Some(Host::Domain(_)) | None => false,
    };
    is_local && url.scheme() == "http"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_hands_out_keys_is_known_by_its_host() {
        for (address, is) in [
            ("http://169.254.170.2/v2/credentials/1?x=http://a", true),
            ("http://169.254.169.254:80/latest/meta-data", true),
            ("http://[fd00:ec2::23]/v1/credentials", true),
            ("https://kinesis.eu-west-1.amazonaws.com/?a=http://169.254.170.2/", false),
            ("http://127.0.0.1:4567", false),
        ] {
            assert_eq!(is_key_service(&Url::parse(address).expect("a URL")), is, "{address}");
        }
        let origin = |url: &str| Url::parse(url).expect("a URL").origin();
        assert_eq!(origin("http://127.0.0.1:80/keys?a"), origin("http://127.0.0.1:80"));
    }
}
