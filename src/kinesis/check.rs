//! The check: each thing that a put needs, step by step, without writing a record where AWS's dry run is known.

use super::{Client, fault_of};
use crate::{
    config::{Config, DestinationKind},
    delivery::{Fault, Step, Verdict},
    remedy,
};

fn passed(name: &'static str, detail: impl Into<String>) -> Step {
    Step { name, verdict: Verdict::Passed, detail: detail.into() }
}

fn skipped(name: &'static str, detail: impl Into<String>) -> Step {
    Step { name, verdict: Verdict::Skipped, detail: detail.into() }
}

fn failed(name: &'static str, fault: Fault, config: &Config) -> Step {
    let remedy = remedy::remedy(&fault, config);
    let detail = format!("{} {} {}", remedy.what, remedy.why, remedy.action);
    Step { name, verdict: Verdict::Failed(fault), detail }
}

impl Client {
    /// Looks at the stream, then asks for permission to put. Stops at the first failure; when all passed (or were
    /// skipped), a record can be put.
    pub async fn check(&self, config: &Config) -> Vec<Step> {
        let mut steps = vec![self.check_stream(config).await];
        if !matches!(steps[0].verdict, Verdict::Failed(_)) {
            steps.push(self.check_put(config).await);
        }
        steps
    }

    /// `DescribeStreamSummary` is not in the default policy, so being refused it is no failure.
    async fn check_stream(&self, config: &Config) -> Step {
        const NAME: &str = "stream";
        let answer = self
            .sdk()
            .describe_stream_summary()
            .set_stream_name(self.target().name())
            .set_stream_arn(self.target().arn())
            .send()
            .await;
        match answer {
            Ok(output) => match output.stream_description_summary() {
                Some(summary) => {
                    let status = summary.stream_status().as_str();
                    let shards = summary.open_shard_count();
                    let mut found =
                        format!("{} is {status} with {shards} open shards.", summary.stream_name());
                    if super::facts::facts_of(summary).spreads_keys && config.destination.ordered {
                        found = format!("{found} {}", remedy::spread_keys(config));
                    }
                    passed(NAME, found)
                }
                None => skipped(NAME, "The answer did not describe the stream."),
            },
            Err(error) => {
                let (fault, _) = fault_of(&error);
                match &*fault.code {
                    "AccessDeniedException" => skipped(
                        NAME,
                        "Looking at the stream is not permitted (kinesis:DescribeStreamSummary). Putting does not \
                         need it.",
                    ),
                    "ValidationException" | "UnknownOperationException" if self.target().arn().is_some() => {
                        skipped(NAME, "This server cannot look a stream up by its ARN.")
                    }
                    _ => failed(NAME, fault, config),
                }
            }
        }
    }

    /// AWS's dry run checks existence, permission and parameters and answers 400 `DryRunOperationException`
    /// (<https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecord.html>). Other servers write the record.
    async fn check_put(&self, config: &Config) -> Step {
        const NAME: &str = "put";
        const KEY: &str = "tributary-check";
        const DATA: &[u8] =
            b"{\"type\":\"track\",\"event\":\"Tributary Check\",\"userId\":\"tributary-check\"}";
        let data = aws_sdk_kinesis::primitives::Blob::new(DATA);
        let fault = match config.destination.operation {
            crate::config::Operation::PutRecord => {
                let request = self.sdk().put_record().partition_key(KEY).data(data).dry_run(true);
                let request =
                    request.set_stream_name(self.target().name()).set_stream_arn(self.target().arn());
                request.send().await.err().map(|error| fault_of(&error).0)
            }
            crate::config::Operation::PutRecords => {
                let entry = aws_sdk_kinesis::types::PutRecordsRequestEntry::builder()
                    .partition_key(KEY)
                    .data(data)
                    .build();
                let request =
                    self.sdk().put_records().set_records(entry.ok().map(|entry| vec![entry])).dry_run(true);
                let request =
                    request.set_stream_name(self.target().name()).set_stream_arn(self.target().arn());
                request.send().await.err().map(|error| fault_of(&error).0)
            }
        };
        let practice = config.destination.kind == DestinationKind::Practice;
        match fault {
            Some(fault) if &*fault.code == "DryRunOperationException" => passed(
                NAME,
                if practice {
                    "The practice stream takes records. None was written."
                } else {
                    "The credentials may put records into the stream. None was written (AWS's dry run)."
                },
            ),
            None => passed(
                NAME,
                "The stream took a record: this server does not know AWS's dry run, so one test record with the key \
                 tributary-check was written.",
            ),
            Some(fault) => failed(NAME, fault, config),
        }
    }
}
