//! The stream that consumer code reads, and the form of its records.

use crate::{
    aws,
    config::{Destination, DestinationKind, StreamArn},
    event::{Aggregation, Encoding},
};

/// The stream that consumer code reads, and the form of its records.
#[derive(Clone, Debug)]
pub struct ConsumedStream<'a> {
    /// A name or an ARN.
    pub stream: &'a str,
    /// Such as `eu-west-1`.
    pub region: &'a str,
    /// Twelve digits; empty: not known.
    pub account_id: &'a str,
    /// Empty for AWS, and for the practice stream, whose address the environment has.
    pub endpoint_url: &'a str,
    /// How an event becomes bytes.
    pub encoding: Encoding,
    /// Whether events share records.
    pub aggregation: Aggregation,
}

impl<'a> ConsumedStream<'a> {
    /// The stream of these settings. `practice`: the name of the practice stream.
    pub fn of(destination: &'a Destination, practice: &'a str) -> Self {
        let Destination { encoding, aggregation, .. } = *destination;
        match destination.kind {
            // It accepts any region, but the SDKs need one.
            DestinationKind::Practice => Self {
                stream: practice,
                region: "us-east-1",
                account_id: "",
                endpoint_url: "",
                encoding,
                aggregation,
            },
            DestinationKind::Kinesis => Self {
                stream: &destination.stream,
                region: &destination.region,
                account_id: &destination.account_id,
                endpoint_url: &destination.endpoint_url,
                encoding,
                aggregation,
            },
        }
    }

    pub(super) fn is_arn(&self) -> bool {
        StreamArn::parse(self.stream).is_ok()
    }

    pub(super) fn name(&self) -> &str {
        StreamArn::parse(self.stream).map_or(self.stream, |arn| arn.name)
    }

    /// Its ARN, with a placeholder for an unknown account.
    pub(super) fn arn(&self) -> String {
        if self.is_arn() {
            return self.stream.to_owned();
        }
        let partition = aws::partition_of(self.region).name;
        let account = if self.account_id.is_empty() { "ACCOUNT_ID" } else { self.account_id };
        format!("arn:{partition}:kinesis:{}:{account}:stream/{}", self.region, self.stream)
    }

    /// Whether readers must take records apart that are in the format of the Kinesis Producer Library.
    pub(super) fn is_kpl(&self) -> bool {
        self.aggregation == Aggregation::Kpl
    }
}

/// The text with another part instead of `part`, which it has once.
pub(super) fn with(text: &str, part: &str, other: &str) -> String {
    debug_assert_eq!(text.matches(part).count(), 1, "{part}");
    text.replacen(part, other, 1)
}
