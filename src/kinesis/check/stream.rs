//! The step `stream`.

use aws_sdk_kinesis::types::{StreamDescriptionSummary, StreamMode, StreamModeDetails, StreamStatus};

use super::run::{Encryption, Failed, Run, STREAM};
use crate::{
    delivery::{AwsError, CheckFact},
    kinesis::{client::Client, facts, retry::retried},
    remedy,
};

/// Describes the stream. The default policy does not permit it, so a refusal is no failure.
pub(super) async fn describe(run: &mut Run<'_>, client: &Client) -> Result<(), Failed> {
    let request = client.sdk().describe_stream_summary();
    let request = request.set_stream_name(client.target().name()).set_stream_arn(client.target().arn());
    let output = match retried(&mut run.clock, || request.clone().send()).await {
        Ok(output) => output,
        Err(failure) => {
            let by_arn = client.target().arn().is_some();
            return match &*failure.error.code {
                "AccessDeniedException" => {
                    let text = "Describing the stream is not permitted (kinesis:DescribeStreamSummary). Delivery does \
                                not need it.";
                    run.skipped(STREAM, text);
                    Ok(())
                }
                "ValidationException" | "UnknownOperationException" if by_arn => {
                    run.skipped(STREAM, "This server cannot look up a stream by its ARN.");
                    Ok(())
                }
                _ => Err(run.failed(STREAM, failure.error)),
            };
        }
    };
    let Some(summary) = output.stream_description_summary() else {
        run.skipped(STREAM, "The answer did not describe the stream.");
        return Ok(());
    };
    let status = summary.stream_status();
    if !matches!(status, StreamStatus::Active | StreamStatus::Updating) {
        let said = format!("the stream is {}, not ACTIVE", status.as_str());
        return Err(run.failed(STREAM, AwsError::new("ResourceInUseException", said)));
    }
    let key = summary.key_id().filter(|key| !key.ends_with("alias/aws/kinesis"));
    run.encryption = key.map_or(Encryption::NoKey, |key| Encryption::Key(key.into()));
    let mut text = text_of(summary, key);
    let facts = facts::facts_of(summary);
    run.facts = Some(facts);
    if facts.spreads_keys && run.config.destination.ordered {
        text = format!("{text} {}", remedy::spread_keys(run.config));
    }
    match key {
        Some(key) => run.found(STREAM, text, CheckFact::KmsKey(key.into())),
        None => run.passed(STREAM, text),
    }
    Ok(())
}

fn text_of(summary: &StreamDescriptionSummary, key: Option<&str>) -> String {
    let mode = match summary.stream_mode_details().map(StreamModeDetails::stream_mode) {
        Some(StreamMode::OnDemand) => "on-demand",
        _ => "provisioned",
    };
    let (name, status) = (summary.stream_name(), summary.stream_status().as_str());
    let shards = match summary.open_shard_count() {
        1 => "1 open shard".to_owned(),
        count => format!("{count} open shards"),
    };
    let mut text = format!("{name} is {status}: {mode}, {shards}");
    if let Some(key) = key {
        text = format!("{text}, encrypted with the key {key}");
    }
    if let Some(kib) = summary.max_record_size_in_kib().filter(|kib| *kib > 1024) {
        text = format!("{text}, records of up to {kib} KiB");
    }
    format!("{text}.")
}
