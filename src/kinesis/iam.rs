//! A few calls of IAM, one after the other, undone when one fails: a user, a policy, the attachment, an access key.
//!
//! Signed with the SDK's own `SigV4` and sent over its own HTTP. IAM's own client would be 220,000 more lines to compile,
//! more than twice Kinesis's, for seven calls of one form post each.

use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sdk_kinesis::config::http::HttpRequest;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4::SigningParams,
};
use aws_smithy_runtime_api::client::{http::HttpConnector as _, identity::Identity};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};

use super::{bounded, connect, identity, keychain, without_secrets};
use crate::{
    aws::Arn,
    config::{self, Config, Destination},
    delivery::{AwsError, CheckStep, Verdict},
    policy::{IamCall, iam_endpoint},
    remedy,
};

const VERSION: &str = "2010-05-08";
const ANSWER_MAX: Duration = Duration::from_secs(15);

/// IAM is slow to learn of its own changes: a user just made may not be there for the next call.
const NOT_THERE_TRIES: u32 = 10;
const NOT_THERE_PAUSE: Duration = Duration::from_secs(1);

/// A call that was made, and what undoes it.
struct Made {
    action: &'static str,
    parameters: Vec<(&'static str, String)>,
}

/// Makes the calls with the credentials of these settings, and reports each. When one fails, those before it are undone,
/// last first, and that is reported too. A made access key goes into the destination's entry of the keychain, in the
/// place of one that was there, and is shown to nobody.
pub async fn attach(config: &Config, calls: &[IamCall], mut report: impl FnMut(CheckStep) + Send) {
    let iam = match Iam::connect(config, calls).await {
        Ok(iam) => iam,
        Err((step, fault)) => return report(failed(step, fault, config)),
    };
    let mut made: Vec<Made> = Vec::new();
    let mut policy_arn = None;
    for call in calls {
        match iam.make(call, policy_arn.as_deref()).await {
            Ok((detail, undo)) => {
                if call.action == "CreatePolicy" {
                    policy_arn = undo.parameters.first().map(|(_, arn)| arn.clone());
                }
                made.push(undo);
                report(CheckStep { name: call.action.into(), verdict: Verdict::Passed, detail, found: None });
            }
            Err((fault, half_made)) => {
                let is_known = !answer_was_lost(&fault) || half_made.is_some();
                report(failed(call.action, fault, config));
                if !is_known {
                    report(may_be_left(call));
                }
                made.extend(half_made);
                for undo in made.iter().rev() {
                    report(iam.undo(undo, config).await);
                }
                return;
            }
        }
    }
}

/// A policy of one account for a stream of another allows nothing. Where STS does not say whose keys these are, IAM will.
async fn same_account(aws: &SdkConfig, calls: &[IamCall]) -> Result<(), AwsError> {
    let Ok(caller) = identity::caller(aws).await else { return Ok(()) };
    let parameters = calls.iter().flat_map(|call| &call.parameters);
    let mut wanted = parameters.filter(|(name, _)| *name == "PolicyArn");
    let Some(wanted) = wanted.find_map(|(_, arn)| Arn::parse(arn)) else { return Ok(()) };
    identity::in_account(&caller, wanted.account_id)
}

/// Whether the call was carried out is not known: also a failure of IAM's own may come after the deed.
fn answer_was_lost(fault: &AwsError) -> bool {
    let of_iam = ["ServiceFailure", "InternalFailure", "InternalError", "ServiceUnavailable"];
    matches!(&*fault.code, "NoAnswer" | "ConnectionLost")
        || of_iam.contains(&&*fault.code)
        || fault.code.starts_with("Http5")
}

/// To undo what may be somebody else's of the same name would be worse than to leave it.
fn may_be_left(call: &IamCall) -> CheckStep {
    let name = call.parameters.first().map_or("", |(_, name)| name);
    let detail = format!(
        "Not undone: no clear answer to {} came, so it may or may not have been carried out. Look for “{name}” in the IAM \
         console, and delete it if it is new.",
        call.action
    );
    CheckStep { name: call.undo.action.into(), verdict: Verdict::Skipped, detail, found: None }
}

fn failed(name: &'static str, fault: AwsError, config: &Config) -> CheckStep {
    let remedy = remedy::remedy_once(&fault, config);
    let detail = format!("{} {} {}", remedy.what, remedy.why, remedy.action);
    CheckStep { name: name.into(), verdict: Verdict::Failed(fault), detail, found: None }
}

struct Iam {
    aws: SdkConfig,
    /// Whose entry of the keychain a made key goes into.
    destination: Destination,
    url: String,
    region: String,
    connector: aws_smithy_http_client::Connector,
}

impl Iam {
    /// Also looks whose account it is, and asks the keychain where it will be needed, before anything is made.
    /// An `Err` names the step that failed.
    async fn connect(config: &Config, calls: &[IamCall]) -> Result<Self, (&'static str, AwsError)> {
        let of_keys = |fault| ("credentials", fault);
        let aws = identity::credentials(config).await.map_err(of_keys)?.aws;
        same_account(&aws, calls).await.map_err(|fault| ("account", fault))?;
        if calls.iter().any(|call| call.action == "CreateAccessKey") {
            keychain::is_there().await.map_err(|error| of_keys(AwsError::new("CredentialsFailed", error)))?;
        }
        let (of_aws, home) = iam_endpoint(&config.destination.region);
        let is_other = config::other_server(&config.destination.endpoint_url).is_some();
        let (url, region) = match connect::configured_endpoint(&aws, "IAM") {
            Some(url) if is_other => {
                (url.trim_end_matches('/').to_owned(), config.destination.region.clone())
            }
            Some(url) => (url.trim_end_matches('/').to_owned(), home.to_owned()),
            None => (of_aws, home.to_owned()),
        };
        let (url, destination) = (format!("{url}/"), config.destination.clone());
        let connector = connect::connector().map_err(|fault| ("credentials", fault))?;
        Ok(Self { aws, destination, url, region, connector })
    }

    /// The detail to show, and how to undo it. An `Err` that comes with a way to undo was made all the same.
    async fn make(
        &self,
        call: &IamCall,
        policy_arn: Option<&str>,
    ) -> Result<(String, Made), (AwsError, Option<Made>)> {
        let mut parameters = call.parameters.clone();
        for (name, value) in &mut parameters {
            if let ("PolicyArn", Some(arn)) = (*name, policy_arn) {
                arn.clone_into(value);
            }
        }
        let mut tries = 0;
        let answer = loop {
            match self.call(call.action, &parameters).await {
                Err(fault) if &*fault.code == "NoSuchEntity" && tries < NOT_THERE_TRIES => {
                    tries += 1;
                    tokio::time::sleep(NOT_THERE_PAUSE).await;
                }
                // What was done to a user and a policy of our own is undone, whether it was done or not.
                Err(fault) if answer_was_lost(&fault) && call.action == "AttachUserPolicy" => {
                    return Err((fault, Some(Made { action: call.undo.action, parameters })));
                }
                Err(fault) => return Err((fault, None)),
                Ok(answer) => break answer,
            }
        };
        for (tag, parameter) in [("Arn", "PolicyArn"), ("AccessKeyId", "AccessKeyId")] {
            if call.undo.parameters.contains(&parameter)
                && !parameters.iter().any(|(name, _)| *name == parameter)
                && let Some(value) = between(&answer, tag)
            {
                parameters.push((parameter, value));
            }
        }
        parameters.retain(|(name, _)| call.undo.parameters.contains(name));
        let undo = Made { action: call.undo.action, parameters };
        if call.action != "CreateAccessKey" {
            let detail = between(&answer, "Arn").unwrap_or_else(|| call.what.to_owned());
            return Ok((detail, undo));
        }
        let keys = (between(&answer, "AccessKeyId"), between(&answer, "SecretAccessKey"));
        let (Some(id), Some(secret)) = keys else {
            return Err((AwsError::new("UnclearAnswer", "the answer holds no key"), Some(undo)));
        };
        match keychain::keep(&self.destination, id, secret).await {
            Ok(()) => Ok(("It is in the system keychain.".to_owned(), undo)),
            Err(error) => Err((AwsError::new("CredentialsFailed", error), Some(undo))),
        }
    }

    async fn undo(&self, made: &Made, config: &Config) -> CheckStep {
        match self.call(made.action, &made.parameters).await {
            Ok(_) => {
                let detail = "Undone: nothing is left.".to_owned();
                CheckStep { name: made.action.into(), verdict: Verdict::Passed, detail, found: None }
            }
            Err(fault) => failed(made.action, fault, config),
        }
    }

    async fn call(&self, action: &str, parameters: &[(&'static str, String)]) -> Result<String, AwsError> {
        let mut body = format!("Action={action}&Version={VERSION}");
        for (name, value) in parameters {
            body = format!("{body}&{name}={}", escaped(value));
        }
        let request = self.signed(&body).await?;
        let lost = |error: &dyn std::error::Error| {
            AwsError::new("ConnectionLost", without_secrets(&format!("{error}: {}", super::chain(error))))
        };
        let sent = tokio::time::timeout(ANSWER_MAX, self.connector.call(request)).await;
        let answer =
            sent.map_err(|_late| AwsError::new("NoAnswer", "no answer in the time that a call may take"))?;
        let answer = answer.map_err(|error| lost(&error))?;
        let status = answer.status().as_u16();
        let bytes = tokio::time::timeout(ANSWER_MAX, http_body(answer.into_body())).await;
        let text = bytes.map_err(|_late| AwsError::new("NoAnswer", "the answer did not end"))??;
        if (200..300).contains(&status) {
            return Ok(text);
        }
        let code = between(&text, "Code").unwrap_or_else(|| format!("Http{status}"));
        Err(AwsError::new(code, without_secrets(&between(&text, "Message").unwrap_or_default())))
    }

    async fn signed(&self, body: &str) -> Result<HttpRequest, AwsError> {
        const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
        let wrong = |error: String| AwsError::new("IncompleteRequest", error);
        let provider =
            self.aws.credentials_provider().ok_or_else(|| AwsError::new("CredentialsNotFound", ""))?;
        let keys = provider.provide_credentials().await;
        let keys =
            keys.map_err(|error| AwsError::new("CredentialsFailed", without_secrets(&super::chain(&error))))?;
        let identity: Identity = keys.into();
        let settings = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("iam")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| wrong(error.to_string()))?
            .into();
        let headers = [("content-type", FORM)].into_iter();
        let signable = SignableRequest::new("POST", &self.url, headers, SignableBody::Bytes(body.as_bytes()));
        let signable = signable.map_err(|error| wrong(error.to_string()))?;
        let (instructions, _) =
            sign(signable, &settings).map_err(|error| wrong(error.to_string()))?.into_parts();
        let mut request = HttpRequest::new(body.into());
        request.set_method("POST").map_err(|error| wrong(error.to_string()))?;
        request.set_uri(&*self.url).map_err(|error| wrong(error.to_string()))?;
        request.headers_mut().insert("content-type", FORM);
        for (name, value) in instructions.headers() {
            request.headers_mut().insert(name.to_owned(), value.to_owned());
        }
        Ok(request)
    }
}

async fn http_body(body: SdkBody) -> Result<String, AwsError> {
    let bytes = ByteStream::new(bounded::limited(body, bounded::OTHERS)).collect().await;
    let bytes = bytes.map_err(|error| AwsError::new("ConnectionLost", error.to_string()))?;
    Ok(String::from_utf8_lossy(&bytes.into_bytes()).into_owned())
}

/// As a form has it: all but the unreserved characters of RFC 3986.
fn escaped(value: &str) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            write!(text, "%{byte:02X}").expect("a String takes all text");
        }
    }
    text
}

/// What stands between the first such tag and its end. IAM's answers have no attributes and no nesting of one name.
fn between(xml: &str, tag: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{tag}>"))?;
    let (text, _) = rest.split_once(&format!("</{tag}>"))?;
    let plain = text.trim().replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    Some(plain.replace("&apos;", "'").replace("&#39;", "'").replace("&amp;", "&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_and_its_answer_hold_any_text() {
        assert_eq!(escaped("a b/c\"é~"), "a%20b%2Fc%22%C3%A9~");
        let xml = "<R><Arn> arn:x </Arn><Message>a &lt;b&gt; &amp;amp; c</Message></R>";
        assert_eq!(between(xml, "Arn").as_deref(), Some("arn:x"));
        assert_eq!(between(xml, "Message").as_deref(), Some("a <b> &amp; c"));
        assert_eq!(between(xml, "Code"), None);
    }
}
