//! The destination: records go out, one [`Outcome`] each comes back, in the same order. The only AWS.
//!
//! The SDK's own retries are off and its timeouts are set (by default it waits for ever for an answer): whether and
//! when to put again is the forwarder's to decide, and every attempt is part of the delivery's story. An answer
//! counts as delivered only when it names shard and sequence number. Messages of faults carry no secrets.

mod around;
mod body_hash;
mod bounded;
mod check;
mod connect;
mod facts;
mod files;
mod iam;
mod identity;
pub mod keychain;
mod keys;
mod origin;
mod pools;
mod process;
mod profiles;
mod put_body;
mod put_one;
mod read;
mod roots;
mod sections;
mod sso;
mod streams;
mod talking;
mod tries;

use std::{borrow::Cow, error::Error, sync::Arc, time::Duration};

use aws_credential_types::Credentials;
use aws_sdk_kinesis::{
    error::{ProvideErrorMetadata, SdkError},
    operation::put_records::PutRecordsOutput,
};

use tokio::sync::OnceCell;

use crate::{
    config::Operation,
    delivery::{AwsError, Outcome, Receipt},
    event::{Encoding, RecordData},
    remedy::{self, Class},
};

use put_one::Prepared;

pub use check::check;
pub use connect::{ANSWER_TIMEOUT, Access, Target};
pub use files::AwsFiles;
pub use iam::attach;
pub use identity::who_am_i;
pub use profiles::profiles;
pub use read::{Reader, Round};
pub use streams::{create_stream, list_streams};

/// AWS allows 10 MiB a `PutRecords` call, keys included; until 2025 it was 5 MiB, and compatible servers still refuse
/// more, so we stay below that.
pub const BATCH_BYTES_MAX: usize = 5 << 20;

/// The largest record of a stream that was not configured for more: data and key together.
pub const RECORD_BYTES_MAX: usize = 1 << 20;

/// A record on its way.
#[derive(Clone, Debug)]
pub struct Outgoing<'r> {
    /// Its partition key: 1 to 256 characters.
    pub key: Cow<'r, str>,
    /// What decides its shard instead of the hash of its key.
    pub hash_key: Option<u128>,
    /// What it holds, not yet encoded.
    pub data: RecordData<'r>,
}

impl<'r> Outgoing<'r> {
    /// A record of one event.
    pub fn of(key: &'r str, json: &'r [u8]) -> Self {
        Self { key: key.into(), hash_key: None, data: RecordData::One(json) }
    }

    /// What the stream counts: bytes of data and key.
    pub fn bytes(&self, encoding: Encoding) -> usize {
        self.data.encoded_len(encoding) + self.key.len()
    }
}

/// A connection to one stream with one set of credentials. Cheap to clone.
///
/// Settings do not change in it: make another.
#[derive(Clone)]
pub struct Client {
    sdk: aws_sdk_kinesis::Client,
    target: Target,
    operation: Operation,
    /// `None`: they are in `sdk`, and do not change.
    keys: Option<keys::Held>,
    /// Those of the practice stream, which do not change.
    given: Option<Credentials>,
    /// What all puts of one record have in common, once the first was made.
    prepared: Arc<OnceCell<Prepared>>,
    /// See [`Client::configured_server`].
    server: Option<Arc<str>>,
}

impl Client {
    /// Waits for the AWS keys. `Err`: what to say of each record that was to be put; none of them was sent.
    pub async fn keys(&self) -> Result<(), Outcome> {
        self.ready().await.map_err(|fault| classed(&fault.code, &fault.message, None))
    }

    /// Encodes the records, puts them and says of each what became of it. `put-record` takes exactly one.
    pub async fn put(&self, records: &[Outgoing<'_>], encoding: Encoding) -> Vec<Outcome> {
        if let Err(outcome) = self.keys().await {
            return vec![outcome; records.len()];
        }
        match self.operation {
            Operation::PutRecord => {
                let mut outcomes = Vec::with_capacity(records.len());
                for record in records {
                    outcomes.push(self.put_record(record, encoding).await);
                }
                outcomes
            }
            Operation::PutRecords => self.put_records(records, encoding).await,
        }
    }

    /// Where AWS's own variables or profile, and not our settings, name the server: its address, and what names it.
    pub fn configured_server(&self) -> Option<Arc<str>> {
        self.server.clone()
    }

    /// The same, which waits so long for an answer. Few different times: each has connections of its own.
    #[must_use]
    pub fn waiting(&self, answer: Duration) -> Self {
        let settings = self.sdk.config().to_builder().timeout_config(connect::timeouts_of(answer));
        Self {
            sdk: aws_sdk_kinesis::Client::from_conf(settings.build()),
            prepared: Arc::default(),
            ..self.clone()
        }
    }

    /// How many records one put takes.
    pub fn records_max(&self) -> usize {
        self.operation.records_max()
    }

    async fn put_record(&self, record: &Outgoing<'_>, encoding: Encoding) -> Outcome {
        let prepared = self.prepared.get_or_try_init(|| Prepared::new(&self.sdk, &self.target)).await;
        let answer = match (prepared, self.signer().await) {
            (Ok(prepared), Ok(keys)) => prepared.put(record, (&self.target, encoding), keys).await,
            (Err(error), _) => Err(error),
            (Ok(_), Err(fault)) => return classed(&fault.code, &fault.message, None),
        };
        match answer {
            Ok(answer) => stored((*answer.shard_id).into(), &answer.sequence_number),
            Err(error) => outcome_of(&error),
        }
    }

    async fn put_records(&self, records: &[Outgoing<'_>], encoding: Encoding) -> Vec<Outcome> {
        let body = put_body::of(&self.target, records, encoding);
        let answer = self
            .sdk
            .put_records()
            .set_stream_name(self.target.name())
            .set_stream_arn(self.target.arn())
            .set_records(Some(Vec::new()))
            .customize()
            .mutate_request(move |request| put_body::set(&body, request))
            .send()
            .await;
        match answer {
            Ok(output) => spread(&output, records.len()),
            Err(error) => vec![outcome_of(&error); records.len()],
        }
    }
}

/// One outcome a record, by position, as AWS documents. An answer that does not fit the request says nothing.
fn spread(output: &PutRecordsOutput, count: usize) -> Vec<Outcome> {
    let answers = output.records();
    if answers.len() != count {
        let message = format!("{count} records were sent, and the answer speaks of {}", answers.len());
        return vec![Outcome::Offline(AwsError::new(UNCLEAR_ANSWER, message)); count];
    }
    // A call's records mostly went to few shards: the name of one is kept once for neighbours.
    let mut shard: Arc<str> = Arc::default();
    let each = answers.iter().map(|answer| {
        if let Some(code) = answer.error_code() {
            return classed(code, answer.error_message().unwrap_or_default(), None);
        }
        let shard_id = answer.shard_id().unwrap_or_default();
        if *shard != *shard_id {
            shard = shard_id.into();
        }
        stored(Arc::clone(&shard), answer.sequence_number().unwrap_or_default())
    });
    each.collect()
}

const UNCLEAR_ANSWER: &str = "UnclearAnswer";

/// The code of a fault where no connection came about: the record cannot have been written.
const NOT_SENT: &str = "ConnectionFailed";

/// The code of a fault that is none yet: AWS keys are being waited for.
pub const WAITING_FOR_KEYS: &str = "WaitingForKeys";

/// Whether a request that was refused with this fault may have been refused for one of its records: nothing says so, but
/// nothing says otherwise either.
pub fn may_be_the_records(fault: &AwsError) -> bool {
    remedy::may_be_the_records(&fault.code, &fault.message)
}

/// Whether a request was refused for the time that it was signed at. A client learns the server's time from the answer,
/// so that its next request fits: it must be kept.
pub fn is_the_clock(fault: &AwsError) -> bool {
    remedy::is_the_clock(&fault.code, &fault.message)
}

/// Whether the record cannot have been written: there was no connection, or there were no keys to sign with.
pub fn was_not_sent(fault: &AwsError) -> bool {
    &*fault.code == NOT_SENT || fault.code.starts_with("Credentials")
}

/// `200 {}` is no delivery.
fn stored(shard_id: Arc<str>, sequence_number: &str) -> Outcome {
    if shard_id.is_empty() || sequence_number.is_empty() {
        let message = "the answer was a success that names no shard and sequence number";
        return Outcome::Offline(AwsError::new(UNCLEAR_ANSWER, message));
    }
    Outcome::Delivered(Receipt { shard_id, sequence_number: sequence_number.into(), place: None })
}

fn classed(code: &str, message: &str, http_status: Option<u16>) -> Outcome {
    let fault = AwsError::new(code, without_secrets(message));
    match remedy::class_of(code, message, http_status) {
        Class::Throttled => Outcome::Throttled(fault),
        Class::Offline => Outcome::Offline(fault),
        Class::Blocked => Outcome::Blocked(fault),
        Class::Refused => Outcome::Refused(fault),
    }
}

/// What a failed call means for each of its records.
fn outcome_of<E>(error: &SdkError<E>) -> Outcome
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let (fault, http_status) = fault_of(error);
    classed(&fault.code, &fault.message, http_status)
}

/// A failed call in AWS's words, or ours where it did not come to an answer; and the HTTP status.
fn fault_of<E>(error: &SdkError<E>) -> (AwsError, Option<u16>)
where
    E: ProvideErrorMetadata + Error + 'static,
{
    if let Some(fault) = keys::explained(error) {
        return (fault.clone(), None);
    }
    match error {
        SdkError::ServiceError(answer) => {
            let status = answer.raw().status().as_u16();
            let code = answer.err().code().map_or_else(|| format!("Http{status}"), str::to_owned);
            let message = answer.err().message().unwrap_or_default();
            (AwsError::new(code, without_secrets(message)), Some(status))
        }
        SdkError::ResponseError(answer) => {
            let status = answer.raw().status();
            let number = status.as_u16();
            // A page of something in between says nothing but its status; a success that cannot be read may be one.
            let code = if status.is_success() { UNCLEAR_ANSWER.to_owned() } else { format!("Http{number}") };
            (AwsError::new(code, format!("the answer (HTTP {number}) could not be read")), Some(number))
        }
        SdkError::TimeoutError(_) => {
            (AwsError::new("NoAnswer", "no answer in the time that a call may take"), None)
        }
        SdkError::DispatchFailure(failure) => {
            let text = chain(error);
            let code = match (failure.is_timeout(), failure.is_io()) {
                (true, _) => connection_code(&text).unwrap_or("NoAnswer"),
                (false, true) => connection_code(&text).unwrap_or("ConnectionLost"),
                (false, false) if is_of_endpoint_rules(&text) => "IncompleteRequest",
                (false, false) => credentials_code(&text),
            };
            (AwsError::new(code, without_secrets(&text)), None)
        }
        SdkError::ConstructionFailure(_) => {
            (AwsError::new("IncompleteRequest", without_secrets(&chain(error))), None)
        }
        other => (AwsError::new(UNCLEAR_ANSWER, without_secrets(&chain(other))), None),
    }
}

/// Where no connection came about, why: then the record cannot have been written.
fn connection_code(text: &str) -> Option<&'static str> {
    if text.contains("invalid peer certificate") {
        Some("CertificateNotTrusted")
    } else if text.contains("tunnel error: proxy authorization required")
        || text.contains("tunnel error: unsuccessful")
    {
        Some("ProxyRefused")
    } else if text.contains("(Connect)") || text.contains(roots::UNREADABLE) {
        Some(NOT_SENT)
    } else {
        None
    }
}

/// The endpoint rules of `aws-sdk-kinesis` 1.130 found no address: an ARN of one partition with a region of another, or
/// FIPS where a partition has none.
fn is_of_endpoint_rules(text: &str) -> bool {
    [
        "doesn't match with partition name",
        "partition does not support",
        "Invalid ARN:",
        "Invalid Configuration:",
    ]
    .iter()
    .any(|said| text.contains(said))
}

/// The SDK reports a failing credentials provider as a call that was never dispatched.
fn credentials_code(text: &str) -> &'static str {
    let text = text.to_ascii_lowercase();
    if text.contains("no providers in chain") || text.contains("not loaded") || text.contains("not enabled") {
        "CredentialsNotFound"
    } else if text.contains("credential") || text.contains("identity") || text.contains("token") {
        "CredentialsFailed"
    } else {
        // A connection that closed before the answer comes this way too: the record may be in the stream.
        "ConnectionLost"
    }
}

/// The error's causes, from the outside in, each once.
fn chain(error: &dyn Error) -> String {
    let mut text = String::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let step = cause.to_string();
        if !text.contains(&step) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&step);
        }
        next = cause.source();
    }
    if text.is_empty() { error.to_string() } else { text }
}

/// AWS answers a bad signature with the whole canonical request, session token included: that part is cut off.
fn without_secrets(message: &str) -> String {
    const CHARS_MAX: usize = 600;
    let end = ["The Canonical String", "Canonical Request", "x-amz-security-token", "X-Amz-Security-Token"]
        .iter()
        .filter_map(|mark| message.find(mark))
        .min()
        .unwrap_or(message.len());
    let mut text: String = message[..end].trim().chars().take(CHARS_MAX).collect();
    if text.len() < end {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_shard_or_sequence_number_is_no_delivery() {
        for (shard, sequence) in [("", ""), ("shardId-000000000000", ""), ("", "4959")] {
            assert!(matches!(stored(shard.into(), sequence), Outcome::Offline(_)), "{shard:?} {sequence:?}");
        }
        assert!(matches!(stored("shardId-000000000000".into(), "4959"), Outcome::Delivered(_)));
    }

    #[test]
    fn an_answer_about_another_number_of_records_delivers_none() {
        let entry = aws_sdk_kinesis::types::PutRecordsResultEntry::builder()
            .shard_id("shardId-000000000000")
            .sequence_number("1")
            .build();
        let output = PutRecordsOutput::builder().records(entry).build().expect("one entry");
        for outcome in spread(&output, 2) {
            assert!(matches!(outcome, Outcome::Offline(fault) if &*fault.code == UNCLEAR_ANSWER));
        }
    }

    #[test]
    fn a_session_token_in_an_answer_never_gets_into_a_fault() {
        let said = "The request signature we calculated does not match.\n\nThe Canonical String for this request should \
                    have been\n'POST\n/\n\nx-amz-security-token:FwoGZXIvYXdzEBYaDE'";
        let text = without_secrets(said);
        assert!(text.starts_with("The request signature we calculated"));
        assert!(!text.contains("FwoGZ"), "{text}");
    }
}
