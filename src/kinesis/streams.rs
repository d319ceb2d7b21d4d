//! The streams of an account: lists them, and creates one. Both need permissions beyond the default policy, and happen
//! only when the user asks.

use std::time::Duration;

use aws_sdk_kinesis::types::{StreamMode, StreamModeDetails, StreamStatus};

use super::{
    client::Client,
    credentials::{self, FoundKeys},
    error::aws_error,
    retry::ClockOffset,
};
use crate::{
    config::{Config, StreamArn},
    delivery::{AwsError, ListedStream},
};

/// Streams a call. Kinesis allows 10,000.
const PAGE_STREAMS: i32 = 1000;
/// Maximum streams of a list.
const STREAMS_MAX: usize = 10_000;
/// Attempts of a page that AWS throttles, and the pause between them. AWS allows five calls a second and account.
const THROTTLED_ATTEMPTS: u32 = 5;
const THROTTLED_PAUSE: Duration = Duration::from_secs(1);

/// How often to look whether a new stream is active. That takes about half a minute.
const ACTIVE_LOOKS: u32 = 60;
const ACTIVE_PAUSE: Duration = Duration::from_secs(2);

/// The streams of the settings' region, sorted by name. Needs `kinesis:ListStreams`.
pub async fn list_streams(config: &Config) -> Result<Vec<ListedStream>, AwsError> {
    let FoundKeys { aws, keys, .. } = credentials::find(config).await?;
    let client = Client::with_keys(&aws, &keys, config);
    let mut streams: Vec<ListedStream> = Vec::new();
    let mut token: Option<String> = None;
    let mut throttled = 0;
    loop {
        let last = streams.last().map(|stream| stream.name.to_string()).filter(|_| token.is_none());
        let request = client.sdk().list_streams().limit(PAGE_STREAMS);
        let request = request.set_next_token(token.clone()).set_exclusive_start_stream_name(last);
        let output = match request.send().await {
            Ok(output) => output,
            Err(error) => {
                let error = aws_error(&error);
                throttled += 1;
                if &*error.code != "LimitExceededException" || throttled == THROTTLED_ATTEMPTS {
                    return Err(error);
                }
                tokio::time::sleep(THROTTLED_PAUSE).await;
                continue;
            }
        };
        let before = streams.len();
        if output.stream_summaries().is_empty() {
            // Older servers return names only.
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

/// Creates the settings' stream with on-demand capacity, and waits until it is active. `Ok(false)`: AWS creates it, and it
/// was not seen to be active. Needs `kinesis:CreateStream`. The stream costs its owner money.
pub async fn create_stream(config: &Config) -> Result<bool, AwsError> {
    let FoundKeys { aws, keys, .. } = credentials::find(config).await?;
    let client = Client::with_keys(&aws, &keys, config);
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
    let mode = StreamModeDetails::builder().stream_mode(StreamMode::OnDemand).build();
    let request = client.sdk().create_stream().stream_name(name).set_stream_mode_details(mode.ok());
    request.send().await.map_err(|error| aws_error(&error))?;
    for _ in 0..ACTIVE_LOOKS {
        match client.sdk().describe_stream_summary().stream_name(name).send().await {
            Ok(output) => {
                let status =
                    output.stream_description_summary().map(|summary| summary.stream_status().clone());
                if status == Some(StreamStatus::Active) {
                    return Ok(true);
                }
            }
            // Permission to create a stream does not imply permission to describe it.
            Err(error) if &*aws_error(&error).code == "AccessDeniedException" => return Ok(false),
            Err(_) => {}
        }
        tokio::time::sleep(ACTIVE_PAUSE).await;
    }
    Ok(false)
}
