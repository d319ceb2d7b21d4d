//! The flags that say where events go, which several commands take.

use clap::Args;

use crate::config::{DestinationKind, Overrides};

/// Flags that say where events go; each beats the settings file.
#[derive(Args, Clone, Debug, Default)]
pub struct DestinationArgs {
    /// Use the practice stream, whatever the other flags and the settings say
    #[arg(long)]
    pub(super) practice: bool,
    /// AWS region, such as eu-west-1
    #[arg(long)]
    region: Option<String>,
    /// Stream name or ARN
    #[arg(long)]
    stream: Option<String>,
    /// AWS account id, twelve digits
    #[arg(long)]
    account_id: Option<String>,
    /// put-record or put-records
    #[arg(long)]
    operation: Option<String>,
    /// base64, json or json-lines
    #[arg(long)]
    encoding: Option<String>,
    /// none, kpl or lines: whether several queued events share a record
    #[arg(long)]
    aggregation: Option<String>,
    /// Who reads the stream: lambda, kcl, flink, firehose, table, sdk or base64
    #[arg(long)]
    reader: Option<String>,
    /// Another Kinesis-compatible server
    #[arg(long, value_name = "URL")]
    endpoint_url: Option<String>,
    /// Profile in AWS's own files
    #[arg(long)]
    profile: Option<String>,
    /// Role to assume
    #[arg(long, value_name = "ARN")]
    role_arn: Option<String>,
    /// External id for assuming the role
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
}

impl From<DestinationArgs> for Overrides {
    fn from(args: DestinationArgs) -> Self {
        Self::default()
            .with("--practice", "destination.kind", args.practice.then(practice))
            .with("--region", "destination.region", args.region)
            .with("--stream", "destination.stream", args.stream)
            .with("--account-id", "destination.account_id", args.account_id)
            .with("--operation", "destination.operation", args.operation)
            .with("--encoding", "destination.encoding", args.encoding)
            .with("--aggregation", "destination.aggregation", args.aggregation)
            .with("--reader", "destination.reader", args.reader)
            .with("--endpoint-url", "destination.endpoint_url", args.endpoint_url)
            .with("--profile", "credentials.profile", args.profile)
            .with("--role-arn", "credentials.role_arn", args.role_arn)
            .with("--external-id", "credentials.external_id", args.external_id)
    }
}

fn practice() -> String {
    DestinationKind::Practice.as_str().to_owned()
}
