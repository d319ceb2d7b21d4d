//! A client of one stream with one set of credentials.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use aws_config::{SdkConfig, identity::IdentityCache};
use aws_sdk_kinesis::config::{Credentials, SharedCredentialsProvider};
use tokio::sync::OnceCell;

use super::{
    answer::{failed, outcome_of, outcomes, stored},
    credentials::{KeyCache, KeyFinder},
    facts, http, put_body,
    put_record::RequestTemplate,
    read_one,
    record::{Outgoing, Target},
    sdk_config,
};
use crate::{
    config::{Config, DestinationKind, Operation},
    delivery::{AwsError, Outcome, Receipt, Record, StreamFacts},
    event::Encoding,
};

/// How to reach a practice stream: the one of this process, or the one of another process, found by its state file.
#[derive(Clone, PartialEq, Eq)]
pub struct Access {
    /// Its address on loopback.
    pub endpoint_url: String,
    /// The name of its stream.
    pub stream: String,
    /// Its random access key id, which no other instance has.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: String,
    /// Maximum puts in flight, so that each has a connection.
    pub puts_max: usize,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("endpoint_url", &self.endpoint_url).finish_non_exhaustive()
    }
}

/// A connection to one stream with one set of credentials. Cheap to clone. Settings never change in it: other settings
/// need another client.
#[derive(Clone)]
pub struct Client {
    sdk: aws_sdk_kinesis::Client,
    target: Target,
    operation: Operation,
    keys: Keys,
    /// Set by the first `PutRecord`.
    template: Arc<OnceCell<RequestTemplate>>,
    /// See [`Client::configured_server`].
    server: Option<Arc<str>>,
}

#[derive(Clone)]
enum Keys {
    /// Found by the first call and renewed before they expire.
    Cached(KeyCache),
    /// They never change.
    Fixed(Credentials),
}

impl Client {
    /// A client for the destination in `config`. The first call looks up the credentials, and its outcome says what is
    /// wrong with them. Each new client reads AWS's own files anew.
    ///
    /// `practice` is needed, and used, only if the destination is the practice stream.
    pub async fn connect(config: &Config, practice: Option<&Access>) -> Self {
        match (config.destination.kind, practice) {
            (DestinationKind::Practice, Some(access)) => Self::to_practice(access, config),
            (DestinationKind::Practice | DestinationKind::Kinesis, _) => {
                let finder = KeyFinder::new(config).await;
                let aws = finder.aws().clone();
                let keys = KeyCache::new(finder, config);
                let provider = SharedCredentialsProvider::new(keys.clone());
                // Our cache already keeps the keys. The SDK's cache would stop waiting for them after five seconds.
                let aws = aws.into_builder().credentials_provider(provider);
                let aws = aws.identity_cache(IdentityCache::no_cache()).build();
                Self::to_aws(&aws, config, Keys::Cached(keys))
            }
        }
    }

    /// A client with settings that hold these keys.
    pub(super) fn with_keys(aws: &SdkConfig, keys: &Credentials, config: &Config) -> Self {
        Self::to_aws(aws, config, Keys::Fixed(keys.clone()))
    }

    fn to_practice(access: &Access, config: &Config) -> Self {
        let keys = Credentials::new(&access.access_key_id, &access.secret_access_key, None, None, "practice");
        let settings = sdk_config::for_practice(&access.endpoint_url, keys.clone());
        Self {
            sdk: aws_sdk_kinesis::Client::from_conf(settings.build()),
            target: Target::new(&access.stream),
            operation: config.destination.operation,
            keys: Keys::Fixed(keys),
            template: Arc::default(),
            server: None,
        }
    }

    fn to_aws(aws: &SdkConfig, config: &Config, keys: Keys) -> Self {
        let destination = &config.destination;
        let ours = Some(destination.endpoint_url.clone()).filter(|url| !url.is_empty());
        let configured = if ours.is_some() { None } else { sdk_config::configured_endpoint(aws, "Kinesis") };
        let mut settings = sdk_config::for_kinesis(aws);
        if let Some(url) = ours.as_ref().or(configured.as_ref()) {
            settings = settings.endpoint_url(url).use_fips(false).use_dual_stack(false);
        }
        Self {
            sdk: aws_sdk_kinesis::Client::from_conf(settings.build()),
            target: Target::new(&destination.stream),
            operation: destination.operation,
            keys,
            template: Arc::default(),
            server: configured.map(|url| sdk_config::endpoint_with_origin("KINESIS", &url).into()),
        }
    }

    /// Another client for the same stream that waits that long for an answer. Each different timeout has connections of
    /// its own, so use few of them.
    #[must_use]
    pub fn with_answer_timeout(&self, answer: Duration) -> Self {
        let settings = self.sdk.config().to_builder().timeout_config(http::timeouts(answer));
        Self {
            sdk: aws_sdk_kinesis::Client::from_conf(settings.build()),
            template: Arc::default(),
            ..self.clone()
        }
    }

    /// Encodes the records, puts them, and gives one outcome for each. `put-record` makes one call a record.
    pub async fn put(&self, records: &[Outgoing<'_>], encoding: Encoding) -> Vec<Outcome> {
        if let Err(outcome) = self.wait_for_keys().await {
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

    /// How many records one put takes.
    pub fn records_max(&self) -> usize {
        self.operation.records_max()
    }

    /// The server and the variable or profile that names it, if AWS's own settings and not ours name one.
    pub fn configured_server(&self) -> Option<Arc<str>> {
        self.server.clone()
    }

    /// Describes the stream (`kinesis:DescribeStreamSummary`; AWS answers 20 of these a second and account).
    pub async fn facts(&self) -> Result<StreamFacts, AwsError> {
        self.ready().await?;
        facts::describe(&self.sdk, &self.target).await
    }

    /// The record at a receipt; `None` if it is not there, or not any more.
    pub async fn record_at(&self, receipt: &Receipt) -> Result<Option<Record>, AwsError> {
        self.ready().await?;
        let found = read_one::record_at(&self.sdk, &self.target, receipt, read_one::FOR_A_VIEWER).await;
        found.map_err(|failure| failure.error)
    }

    /// Waits for the AWS keys. `Err`: the outcome of every record that was to be put; none was sent.
    pub async fn wait_for_keys(&self) -> Result<(), Outcome> {
        self.ready().await.map_err(|error| failed(&error.into()))
    }

    /// Which keys the client has been waiting for, if it takes long. Nothing is sent meanwhile.
    pub fn awaited_keys(&self, now: Instant) -> Option<AwsError> {
        match &self.keys {
            Keys::Cached(keys) => keys.awaited(now),
            Keys::Fixed(_) => None,
        }
    }

    /// When [`Self::awaited_keys`] may change by itself; `None`: no keys are awaited.
    pub fn awaited_keys_change_at(&self) -> Option<Instant> {
        match &self.keys {
            Keys::Cached(keys) => keys.awaited_change_at(),
            Keys::Fixed(_) => None,
        }
    }

    /// Stops waiting for keys, and ends the program that hands them out.
    pub fn give_up_keys(&self) {
        match &self.keys {
            Keys::Cached(keys) => keys.give_up(),
            Keys::Fixed(_) => {}
        }
    }

    /// Gets the keys before a call begins, so that a failure to get them is not reported as the call's, and takes none
    /// of its time.
    pub(super) async fn ready(&self) -> Result<(), AwsError> {
        self.signing_keys().await.map(drop)
    }

    async fn signing_keys(&self) -> Result<Credentials, AwsError> {
        match &self.keys {
            Keys::Cached(keys) => keys.get().await,
            Keys::Fixed(keys) => Ok(keys.clone()),
        }
    }

    pub(super) fn sdk(&self) -> &aws_sdk_kinesis::Client {
        &self.sdk
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    pub(super) fn operation(&self) -> Operation {
        self.operation
    }

    async fn put_record(&self, record: &Outgoing<'_>, encoding: Encoding) -> Outcome {
        let template = self.template.get_or_try_init(|| RequestTemplate::new(&self.sdk, &self.target)).await;
        let answer = match (template, self.signing_keys().await) {
            (Ok(template), Ok(keys)) => template.put(record, (&self.target, encoding), keys).await,
            (Err(error), _) => Err(error),
            (Ok(_), Err(error)) => return failed(&error.into()),
        };
        match answer {
            Ok(answer) => stored((*answer.shard_id).into(), &answer.sequence_number),
            Err(error) => outcome_of(&error),
        }
    }

    async fn put_records(&self, records: &[Outgoing<'_>], encoding: Encoding) -> Vec<Outcome> {
        let body = put_body::records(&self.target, records, encoding);
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
            Ok(output) => outcomes(&output, records.len()),
            Err(error) => vec![outcome_of(&error); records.len()],
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_config::{BehaviorVersion, Region, retry::RetryConfig};

    use super::*;
    use crate::config::{CredentialsSource, Destination};

    #[tokio::test]
    async fn a_stream_whose_arn_does_not_fit_the_region_blocks_and_is_not_called_offline() {
        let keys = Credentials::new("AKIAEXAMPLE", "example", None, None, "test");
        let settings = aws_sdk_kinesis::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("cn-north-1"))
            .credentials_provider(keys.clone())
            .retry_config(RetryConfig::disabled());
        let client = Client {
            sdk: aws_sdk_kinesis::Client::from_conf(settings.build()),
            target: Target::new("arn:aws:kinesis:cn-north-1:123456789012:stream/clicks"),
            operation: Operation::PutRecord,
            keys: Keys::Fixed(keys),
            template: Arc::default(),
            server: None,
        };
        let outcomes = client.put(&[Outgoing::of("u", b"{}")], Encoding::Json).await;
        let [Outcome::Blocked(fault)] = outcomes.as_slice() else { panic!("{outcomes:?}") };
        assert_eq!(&*fault.code, "IncompleteRequest", "{fault}");
    }

    /// Nothing listens at that address. So a put that reaches the network is offline, and one without keys is blocked.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_profile_that_does_not_exist_blocks_and_says_so() {
        let destination = Destination {
            kind: DestinationKind::Kinesis,
            region: "eu-west-1".to_owned(),
            stream: "clickstream".to_owned(),
            endpoint_url: "http://127.0.0.1:9".to_owned(),
            ..Destination::default()
        };
        let profile = "tributary-has-no-such-profile".to_owned();
        let credentials = crate::config::Credentials {
            source: CredentialsSource::Profile,
            profile,
            ..crate::config::Credentials::default()
        };
        for role_arn in ["", "arn:aws:iam::123456789012:role/forwarder"] {
            let credentials =
                crate::config::Credentials { role_arn: role_arn.to_owned(), ..credentials.clone() };
            let config = Config { destination: destination.clone(), credentials, ..Config::default() };
            let client = Client::connect(&config, None).await;
            let outcomes = client.put(&[Outgoing::of("u", b"{}")], Encoding::Json).await;
            let [Outcome::Blocked(fault)] = outcomes.as_slice() else { panic!("{outcomes:?}") };
            assert_eq!(&*fault.code, "ProfileNotFound", "{fault}");
        }
    }
}
