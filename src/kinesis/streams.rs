//! The streams of an account: a list to choose from, and a new one. Both only where the credentials may, and only when
//! the user asks.

use std::time::Duration;

use aws_sdk_kinesis::types::{StreamMode, StreamModeDetails, StreamStatus};

use super::{Client, fault_of, identity};
use crate::{
    config::{Config, StreamArn},
    delivery::{AwsError, ListedStream},
};

/// Kinesis gives up to 10,000 a call.
const PAGE_STREAMS: i32 = 1000;
/// More are not offered in a list.
const STREAMS_MAX: usize = 10_000;
/// AWS allows five of these calls a second and account; one that was too many is made again so much later.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
const TRIES: u32 = 5;

/// A new stream takes half a minute; after so long it is reported as it is.
const ACTIVE_TRIES: u32 = 60;
const ACTIVE_PAUSE: Duration = Duration::from_secs(2);

/// The streams of the settings' region, by name. Needs `kinesis:ListStreams`.
pub async fn list_streams(config: &Config) -> Result<Vec<ListedStream>, AwsError> {
    let client = client(config).await?;
    let mut streams: Vec<ListedStream> = Vec::new();
    let mut token: Option<String> = None;
    let mut tries = 0;
    loop {
        let last = streams.last().map(|stream| stream.name.to_string()).filter(|_| token.is_none());
        let request = client.sdk().list_streams().limit(PAGE_STREAMS);
        let request = request.set_next_token(token.clone()).set_exclusive_start_stream_name(last);
        let output = match request.send().await {
            Ok(output) => output,
            Err(error) => {
                let (fault, _) = fault_of(&error);
                tries += 1;
                if &*fault.code != "LimitExceededException" || tries == TRIES {
                    return Err(fault);
                }
                tokio::time::sleep(AGAIN_AFTER).await;
                continue;
            }
        };
        let before = streams.len();
        if output.stream_summaries().is_empty() {
            // Older servers give names alone.
            let named = |name: &String| ListedStream {
                name: name.as_str().into(),
                status: "".into(),
                on_demand: false,
            };
            streams.extend(output.stream_names().iter().map(named));
        }
        streams.extend(output.stream_summaries().iter().map(|summary| ListedStream {
            name: summary.stream_name().into(),
            status: summary.stream_status().as_str().into(),
            on_demand: summary.stream_mode_details().map(StreamModeDetails::stream_mode)
                == Some(&StreamMode::OnDemand),
        }));
        token = output.next_token().map(str::to_owned);
        if !output.has_more_streams() || streams.len() == before || streams.len() >= STREAMS_MAX {
            streams.sort();
            return Ok(streams);
        }
    }
}

/// Makes the stream that the settings name, with on-demand capacity, and waits until it can take records; `Ok(false)`:
/// AWS makes it, and it was not seen to be ready. Needs `kinesis:CreateStream`. It costs its owner money.
pub async fn create_stream(config: &Config) -> Result<bool, AwsError> {
    let found = identity::credentials(config).await?;
    let client = Client::to_aws(&found.aws, config);
    let stream = &config.destination.stream;
    let name = match StreamArn::parse(stream) {
        Ok(arn) => {
            // A new stream is always the keys' own; STS that does not say whose they are leaves it to Kinesis.
            if let Ok(caller) = identity::caller(&found.aws).await {
                identity::in_account(&caller, arn.account_id)?;
            }
            arn.name
        }
        Err(_name) => stream,
    };
    let mode = StreamModeDetails::builder().stream_mode(StreamMode::OnDemand).build();
    let request = client.sdk().create_stream().stream_name(name).set_stream_mode_details(mode.ok());
    request.send().await.map_err(|error| fault_of(&error).0)?;
    for _ in 0..ACTIVE_TRIES {
        match client.sdk().describe_stream_summary().stream_name(name).send().await {
            Ok(output) => {
                let status =
                    output.stream_description_summary().map(|summary| summary.stream_status().clone());
                if status == Some(StreamStatus::Active) {
                    return Ok(true);
                }
            }
            // Whoever may make a stream need not be allowed to look at it.
            Err(error) if &*fault_of(&error).0.code == "AccessDeniedException" => return Ok(false),
            Err(_) => {}
        }
        tokio::time::sleep(ACTIVE_PAUSE).await;
    }
    Ok(false)
}

async fn client(config: &Config) -> Result<Client, AwsError> {
    Ok(Client::to_aws(&identity::credentials(config).await?.aws, config))
}
