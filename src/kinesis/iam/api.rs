//! Calls of the IAM API: form posts that the SDK's own `SigV4` signs and its HTTP sends. IAM's client would be 220,000 more
//! lines to compile, more than twice Kinesis's, for seven calls.

use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sdk_kinesis::config::http::HttpRequest;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4::SigningParams,
};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{http::HttpConnector as _, identity::Identity},
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::answer::text_of;
use crate::{
    config::{self, Destination},
    delivery::{AwsError, error_code},
    kinesis::{
        error::{causes, no_credentials, redacted, with_causes},
        http::{
            self,
            answer_limit::{OTHER_CALLS, limited},
        },
        sdk_config,
    },
    policy::iam_endpoint,
};

const VERSION: &str = "2010-05-08";
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
const CONTENT_TYPE: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// All but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// IAM of one partition.
pub(super) struct Api {
    aws: SdkConfig,
    url: String,
    /// The region that requests are signed for.
    region: String,
    connector: aws_smithy_http_client::Connector,
}

impl Api {
    pub(super) fn new(aws: SdkConfig, destination: &Destination) -> Result<Self, AwsError> {
        let (of_partition, home) = iam_endpoint(&destination.region);
        let is_other_server = config::other_server(&destination.endpoint_url).is_some();
        let configured = sdk_config::configured_endpoint(&aws, "IAM");
        let region =
            if is_other_server && configured.is_some() { &destination.region } else { home }.to_owned();
        let url = configured.unwrap_or(of_partition);
        let connector = http::single_requests()
            .map_err(|error| AwsError::new(error_code::NO_ANSWER, error.to_string()))?;
        Ok(Self { aws, url: format!("{}/", url.trim_end_matches('/')), region, connector })
    }

    /// Makes the call, and gives the answer's XML.
    pub(super) async fn call(
        &self,
        action: &str,
        parameters: &[(&'static str, String)],
    ) -> Result<String, AwsError> {
        let request = self.signed(&form(action, parameters)).await?;
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, self.connector.call(request)).await;
        let answer = answer.map_err(|_elapsed| {
            AwsError::new(error_code::NO_ANSWER, "no answer in the time that a call may take")
        })?;
        let answer = answer
            .map_err(|error| AwsError::new(error_code::CONNECTION_LOST, redacted(&with_causes(&error))))?;
        let status = answer.status();
        let text = tokio::time::timeout(ANSWER_TIMEOUT, text_in(answer.into_body())).await;
        let text =
            text.map_err(|_elapsed| AwsError::new(error_code::NO_ANSWER, "the answer did not end"))??;
        if status.is_success() {
            return Ok(text);
        }
        let code = text_of(&text, "Code").unwrap_or_else(|| format!("Http{}", status.as_u16()));
        Err(AwsError::new(code, redacted(&text_of(&text, "Message").unwrap_or_default())))
    }

    async fn signed(&self, body: &str) -> Result<HttpRequest, AwsError> {
        let keys = self.aws.credentials_provider().ok_or_else(no_credentials)?.provide_credentials().await;
        let keys =
            keys.map_err(|error| AwsError::new(error_code::CREDENTIALS_FAILED, redacted(&causes(&error))))?;
        let request = self.signed_with(&keys.into(), body);
        request.map_err(|error| AwsError::new(error_code::INCOMPLETE_REQUEST, error.to_string()))
    }

    fn signed_with(&self, identity: &Identity, body: &str) -> Result<HttpRequest, BoxError> {
        let settings = SigningParams::builder()
            .identity(identity)
            .region(&self.region)
            .name("iam")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let headers = [("content-type", CONTENT_TYPE)].into_iter();
        let signable = SignableBody::Bytes(body.as_bytes());
        let signable = SignableRequest::new("POST", &self.url, headers, signable)?;
        let (instructions, _signature) = sign(signable, &settings)?.into_parts();
        let mut request = HttpRequest::new(body.into());
        request.set_method("POST")?;
        request.set_uri(&*self.url)?;
        request.headers_mut().insert("content-type", CONTENT_TYPE);
        for (name, value) in instructions.headers() {
            request.headers_mut().insert(name.to_owned(), value.to_owned());
        }
        Ok(request)
    }
}

fn form(action: &str, parameters: &[(&'static str, String)]) -> String {
    let mut form = format!("Action={action}&Version={VERSION}");
    for (name, value) in parameters {
        form = format!("{form}&{name}={}", utf8_percent_encode(value, RESERVED));
    }
    form
}

async fn text_in(body: SdkBody) -> Result<String, AwsError> {
    let bytes = ByteStream::new(limited(body, OTHER_CALLS)).collect().await;
    let bytes = bytes.map_err(|error| AwsError::new(error_code::CONNECTION_LOST, error.to_string()))?;
    Ok(String::from_utf8_lossy(&bytes.into_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_holds_any_text() {
        let form = form("CreateUser", &[("UserName", "a b/c\"é~".to_owned()), ("Path", "/".to_owned())]);
        assert_eq!(form, "Action=CreateUser&Version=2010-05-08&UserName=a%20b%2Fc%22%C3%A9~&Path=%2F");
    }
}
