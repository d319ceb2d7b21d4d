//! Creates a stream in steps that are reported one by one: the call, the wait until the stream is ACTIVE, and the retention,
//! which AWS sets only on a stream that is. What was created stays when a later step fails: the stream is the user's, and
//! the rest can be done again.

use std::time::Duration;

use aws_sdk_kinesis::{
    operation::create_stream::builders::CreateStreamFluentBuilder,
    types::{StreamMode, StreamModeDetails, StreamStatus},
};

use super::{
    client::Client,
    credentials::{self, FoundKeys},
    error::{CallError, call_error},
    retry::ClockOffset,
    streams::described,
};
use crate::{
    config::{Config, StreamArn},
    delivery::{AwsError, Capacity, CheckStep, DescribedStream, NewStream, Verdict, error_code},
    remedy::{self, Class},
};

/// How often to look whether a new stream is ACTIVE. That takes about half a minute.
const ACTIVE_LOOKS: u32 = 60;
const ACTIVE_PAUSE: Duration = Duration::from_secs(2);
/// Attempts of a call that AWS throttles. AWS allows five such calls a second and account.
const THROTTLED_ATTEMPTS: u32 = 4;
const THROTTLED_PAUSE: Duration = Duration::from_millis(1100);

/// Creates the settings' stream, and reports each of [`NewStream::steps`]. The first step that fails is the last one. Needs
/// `kinesis:CreateStream`; with tags `kinesis:AddTagsToStream`; for a retention
/// `kinesis:IncreaseStreamRetentionPeriod`. The stream costs its owner money.
pub async fn create_stream(config: &Config, stream: &NewStream, mut report: impl FnMut(CheckStep) + Send) {
    let first = if stream.is_created { NewStream::ACTIVE } else { NewStream::CREATE };
    let creation = match Creation::connect(config).await {
        Ok(creation) => creation,
        Err(error) => return report(failed(first, error, config, stream)),
    };
    if !stream.is_created {
        match creation.create(stream).await {
            Ok(()) => report(passed(NewStream::CREATE, String::new())),
            Err(error) => return report(failed(NewStream::CREATE, error, config, stream)),
        }
    }
    let stream = &NewStream { is_created: true, ..stream.clone() };
    let description = match creation.wait_until_active().await {
        Ok(Seen::Active(description)) => {
            report(passed(NewStream::ACTIVE, "It takes records.".to_owned()));
            Some(description)
        }
        Ok(Seen::NotPermitted) => {
            let text = "Looking at the stream is not permitted (kinesis:DescribeStreamSummary). It is ready in about half a \
                        minute.";
            report(skipped(NewStream::ACTIVE, text));
            None
        }
        Err(error) => return report(failed(NewStream::ACTIVE, error, config, stream)),
    };
    if stream.steps().contains(&NewStream::RETENTION) {
        let hours = stream.retention_hours;
        if description.is_some_and(|description| description.retention_hours >= hours) {
            let text = format!("It keeps records for {hours} hours or more already.");
            return report(passed(NewStream::RETENTION, text));
        }
        report(match creation.set_retention(hours).await {
            Ok(()) => passed(NewStream::RETENTION, format!("Records are kept for {hours} hours.")),
            Err(error) => failed(NewStream::RETENTION, error, config, stream),
        });
    }
}

fn passed(name: &'static str, detail: String) -> CheckStep {
    CheckStep { name: name.into(), verdict: Verdict::Passed, detail, found: None }
}

fn skipped(name: &'static str, detail: &str) -> CheckStep {
    CheckStep { name: name.into(), verdict: Verdict::Skipped, detail: detail.to_owned(), found: None }
}

fn failed(name: &'static str, error: AwsError, config: &Config, stream: &NewStream) -> CheckStep {
    let remedy = remedy::remedy_of_new_stream(&error, config, stream);
    let detail = format!("{} {} {}", remedy.what, remedy.why, remedy.action);
    CheckStep { name: name.into(), verdict: Verdict::Failed(error), detail, found: None }
}

/// What was seen of a new stream.
enum Seen {
    Active(DescribedStream),
    /// Permission to create a stream does not imply permission to describe it.
    NotPermitted,
}

struct Creation {
    client: Client,
    name: String,
}

impl Creation {
    async fn connect(config: &Config) -> Result<Self, AwsError> {
        let FoundKeys { aws, keys, .. } = credentials::find(config).await?;
        let stream = &config.destination.stream;
        let name = match StreamArn::parse(stream) {
            Ok(arn) => {
                // AWS creates a stream in the account of the keys. If STS does not say which that is, Kinesis decides.
                if let Ok(identity) = credentials::identity_of(&aws, &mut ClockOffset::default()).await {
                    credentials::check_account(&identity, arn.account_id)?;
                }
                arn.name
            }
            Err(_name) => stream,
        };
        let client = Client::with_keys(&aws, &keys, config);
        Ok(Self { client, name: name.to_owned() })
    }

    async fn create(&self, stream: &NewStream) -> Result<(), AwsError> {
        let request = request(self.client.sdk().create_stream().stream_name(&self.name), stream);
        let mut attempts = 0;
        loop {
            let Err(error) = request.clone().send().await else { return Ok(()) };
            let failure = call_error(&error);
            attempts += 1;
            if attempts == THROTTLED_ATTEMPTS || !remedy::is_rate_limit(&failure.error) {
                return Err(failure.error);
            }
            tokio::time::sleep(THROTTLED_PAUSE).await;
        }
    }

    async fn wait_until_active(&self) -> Result<Seen, AwsError> {
        let mut last = AwsError::new(error_code::NO_ANSWER, "the stream is not ACTIVE yet");
        for _ in 0..ACTIVE_LOOKS {
            let request = self.client.sdk().describe_stream_summary().stream_name(&self.name);
            match request.send().await {
                Ok(answer) => {
                    let summary = answer.stream_description_summary();
                    if let Some(summary) =
                        summary.filter(|summary| *summary.stream_status() == StreamStatus::Active)
                    {
                        return Ok(Seen::Active(described(summary)));
                    }
                }
                Err(error) => {
                    let CallError { error, http_status } = call_error(&error);
                    match &*error.code {
                        "AccessDeniedException" => return Ok(Seen::NotPermitted),
                        // Kinesis may not know a stream yet that it has just created.
                        "ResourceNotFoundException" => {}
                        code => {
                            let class = remedy::class_of(code, &error.message, http_status);
                            if !matches!(class, Class::Throttled | Class::Offline) {
                                return Err(error);
                            }
                        }
                    }
                    last = error;
                }
            }
            tokio::time::sleep(ACTIVE_PAUSE).await;
        }
        Err(last)
    }

    async fn set_retention(&self, hours: u32) -> Result<(), AwsError> {
        let request = self.client.sdk().increase_stream_retention_period().stream_name(&self.name);
        let request = request.retention_period_hours(i32::try_from(hours).unwrap_or(i32::MAX));
        let mut looks = 0;
        loop {
            let Err(error) = request.clone().send().await else { return Ok(()) };
            let CallError { error, http_status } = call_error(&error);
            // `ResourceInUseException`: the stream is not ACTIVE yet.
            let class = remedy::class_of(&error.code, &error.message, http_status);
            looks += 1;
            if class != Class::Throttled || looks == ACTIVE_LOOKS {
                return Err(error);
            }
            tokio::time::sleep(ACTIVE_PAUSE).await;
        }
    }
}

fn request(request: CreateStreamFluentBuilder, stream: &NewStream) -> CreateStreamFluentBuilder {
    let whole = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let (mode, shards, warm) = match stream.capacity {
        Capacity::OnDemand { warm_mibps } => (StreamMode::OnDemand, None, warm_mibps),
        Capacity::Provisioned { shards } => (StreamMode::Provisioned, Some(shards), None),
    };
    let tags = stream.tags.iter().map(|tag| (tag.key.clone(), tag.value.clone()));
    // A server that does not know a parameter refuses it, so those that change nothing are left out.
    let kib = Some(stream.record_kib_max).filter(|kib| *kib > NewStream::default().record_kib_max);
    request
        .set_stream_mode_details(StreamModeDetails::builder().stream_mode(mode).build().ok())
        .set_shard_count(shards.map(whole))
        .set_warm_throughput_mibps(warm.map(whole))
        .set_max_record_size_in_kib(kib.map(whole))
        .set_tags((!stream.tags.is_empty()).then(|| tags.collect()))
}
