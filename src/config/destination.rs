//! `[destination]`: where events go, and the rules for it.
//!
//! The rules follow AWS's documented patterns and leave room for what AWS adds later: no region or partition is looked up
//! in a list.

use serde::{Deserialize, Serialize};

use super::error::{RuleError, quoted};
use super::public_url::{host_and_port, is_host};
use super::setting::{Contradiction, Setting, Value, key};
use crate::aws::{self, Arn, is_account_id};
use crate::event::{Aggregation, Encoding};
use crate::reader::{Format, Reader};

/// Where events go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DestinationKind {
    /// The embedded local Kinesis.
    #[default]
    Practice,
    /// A stream in an AWS account, or on another Kinesis-compatible server.
    Kinesis,
}

impl DestinationKind {
    /// Both kinds.
    pub const ALL: [Self; 2] = [Self::Practice, Self::Kinesis];

    /// The word in the settings file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Practice => "practice",
            Self::Kinesis => "kinesis",
        }
    }
}

/// Which call puts records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// One record per call: what the default policy allows.
    #[default]
    PutRecord,
    /// Up to 500 records per call.
    PutRecords,
}

impl Operation {
    /// Both operations.
    pub const ALL: [Self; 2] = [Self::PutRecord, Self::PutRecords];

    /// The word in the settings file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PutRecord => "put-record",
            Self::PutRecords => "put-records",
        }
    }

    /// Maximum records per call (<https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html>).
    pub fn records_max(self) -> usize {
        match self {
            Self::PutRecord => 1,
            Self::PutRecords => 500,
        }
    }

    /// Maximum calls in flight. For `PutRecords` only 40: with a backlog each call is full, and all calls in flight are
    /// in memory.
    pub fn puts_max(self) -> usize {
        match self {
            Self::PutRecord => 1024,
            Self::PutRecords => 40,
        }
    }
}

/// The readers, and none.
const READERS: [Option<Reader>; Reader::ALL.len() + 1] = {
    let mut all = [None; Reader::ALL.len() + 1];
    let mut at = 0;
    while at < Reader::ALL.len() {
        all[at + 1] = Some(Reader::ALL[at]);
        at += 1;
    }
    all
};

fn reader_word(reader: Option<Reader>) -> &'static str {
    reader.map_or("", Reader::as_str)
}

/// `[destination]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// Practice or Kinesis.
    pub kind: DestinationKind,
    /// `false`: events stay queued in the spool.
    pub enabled: bool,
    /// Such as `eu-west-1`; empty only with the practice stream.
    pub region: String,
    /// A name or a stream ARN; empty only with the practice stream.
    pub stream: String,
    /// Twelve digits, or empty: only the policy needs it.
    pub account_id: String,
    /// Which call.
    pub operation: Operation,
    /// How an event becomes bytes.
    pub encoding: Encoding,
    /// Keep the order per partition key.
    pub ordered: bool,
    /// Empty for AWS; else an `http(s)://` URL of another Kinesis-compatible server.
    pub endpoint_url: String,
    /// Whether queued events share records. [`Aggregation::Lines`] only with [`Encoding::JsonLines`].
    pub aggregation: Aggregation,
    /// Maximum bytes of an aggregated record, partition key included. A larger event has a record of its own.
    pub aggregation_max_bytes: usize,
    /// Who reads the stream; `None`: nobody has said. It changes neither encoding nor aggregation.
    pub reader: Option<Reader>,
}

impl Default for Destination {
    fn default() -> Self {
        Self {
            kind: DestinationKind::Practice,
            enabled: true,
            region: String::new(),
            stream: String::new(),
            account_id: String::new(),
            operation: Operation::PutRecord,
            encoding: Encoding::Base64,
            ordered: true,
            endpoint_url: String::new(),
            aggregation: Aggregation::None,
            aggregation_max_bytes: 51_200,
            reader: None,
        }
    }
}

impl Destination {
    /// Its settings, each with its rule, in the order of the file.
    pub(super) fn settings(&mut self) -> Vec<Setting<'_>> {
        let Self {
            kind,
            enabled,
            region,
            stream,
            account_id,
            operation,
            encoding,
            ordered,
            endpoint_url,
            aggregation,
            aggregation_max_bytes,
            reader,
        } = self;
        // Up to the largest record that a stream can be configured for.
        let record_bytes = 1024..=10 * 1024 * 1024;
        vec![
            Setting::word("destination.kind", kind, &DestinationKind::ALL, DestinationKind::as_str),
            Setting::switch("destination.enabled", enabled),
            Setting::text("destination.region", region, check_region),
            Setting::text("destination.stream", stream, check_stream),
            Setting::text("destination.account_id", account_id, check_account_id),
            Setting::word("destination.operation", operation, &Operation::ALL, Operation::as_str),
            Setting::word("destination.encoding", encoding, &Encoding::ALL, Encoding::as_str),
            Setting::switch("destination.ordered", ordered),
            Setting::new(
                "destination.endpoint_url",
                Value::text(&*endpoint_url),
                endpoint_url,
                read_endpoint_url,
            ),
            Setting::word("destination.aggregation", aggregation, &Aggregation::ALL, Aggregation::as_str),
            Setting::number("destination.aggregation_max_bytes", aggregation_max_bytes, record_bytes),
            Setting::word("destination.reader", reader, &READERS, reader_word),
        ]
    }

    /// Fills in region and account from a stream's ARN if they are empty, or if `is_overridden` is true for the
    /// setting's name.
    pub(super) fn fill_in_from_arn(&mut self, is_overridden: impl Fn(&str) -> bool) {
        let Ok(arn) = StreamArn::parse(&self.stream) else { return };
        if self.region.is_empty() || is_overridden("destination.region") {
            arn.region.clone_into(&mut self.region);
        }
        if self.account_id.is_empty() || is_overridden("destination.account_id") {
            arn.account_id.clone_into(&mut self.account_id);
        }
    }

    pub(super) fn contradictions(&self) -> Vec<Contradiction> {
        const KIND: &str = "destination.kind";
        let mut found = Vec::new();
        if self.kind == DestinationKind::Kinesis {
            if self.region.is_empty() {
                let missing = Contradiction::missing("destination.region", KIND, "kinesis", "--region");
                let note = " (AWS_REGION and a profile's region are not read for it)";
                found.push(Contradiction { how_to_give: missing.how_to_give + note, ..missing });
            }
            if self.stream.is_empty() {
                found.push(Contradiction::missing("destination.stream", KIND, "kinesis", "--stream"));
            }
            if let Ok(arn) = StreamArn::parse(&self.stream) {
                let pairs = [
                    ("destination.region", arn.region, &self.region),
                    ("destination.account_id", arn.account_id, &self.account_id),
                ];
                for (name, in_arn, given) in pairs.into_iter().filter(|(_, in_arn, given)| in_arn != given) {
                    let text = format!(
                        "{name} is {given:?} but the stream's ARN says {in_arn:?}; make them equal, or leave {} empty",
                        key(name)
                    );
                    found.push(Contradiction::new(name, text));
                }
            }
        }
        if self.aggregation == Aggregation::Lines && self.encoding != Encoding::JsonLines {
            let text = format!(
                "destination.aggregation is \"lines\", which needs the encoding \"json-lines\", and destination.encoding is \
                 {:?}: make it \"json-lines\", or aggregation \"kpl\" or \"none\"",
                self.encoding.as_str()
            );
            found.push(Contradiction::new("destination.aggregation", text));
        }
        found
    }

    /// How events become records.
    pub fn format(&self) -> Format {
        Format::new(self.encoding, self.aggregation)
    }

    /// Whether both are the same stream of the same server. The account is not compared: a stream that is given by name
    /// belongs to the account of the AWS keys.
    pub fn is_same_stream(&self, other: &Self) -> bool {
        self.kind == other.kind
            && (self.kind == DestinationKind::Practice
                || (&self.region, &self.stream, &self.endpoint_url)
                    == (&other.region, &other.stream, &other.endpoint_url))
    }
}

/// A region is a host label; any is allowed, since AWS opens new ones.
pub fn check_region(region: &str) -> Result<(), RuleError> {
    if region.is_empty() {
        return Err("a region is needed, such as eu-west-1".into());
    }
    if region.len() > 63 {
        return Err("a region has at most 63 characters, such as eu-west-1".into());
    }
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !region.chars().all(allowed) || region.starts_with('-') || region.ends_with('-') {
        return Err("a region has lower-case letters, digits and hyphens, such as eu-west-1".into());
    }
    // Such as eu-west-1a, copied from a subnet.
    let zone = region.strip_suffix(|c: char| c.is_ascii_lowercase());
    match zone.filter(|start| start.ends_with(|c: char| c.is_ascii_digit()) && start.contains('-')) {
        Some(start) => Err(RuleError::new("this is an availability zone", format!("its region is {start}"))),
        None => Ok(()),
    }
}

/// A stream's name or its ARN, as in `CreateStream` and `StreamARN` of the Kinesis API.
pub fn check_stream(stream: &str) -> Result<(), RuleError> {
    if Arn::is_meant(stream) { StreamArn::parse(stream).map(|_| ()) } else { check_stream_name(stream) }
}

fn check_stream_name(name: &str) -> Result<(), RuleError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if name.is_empty() {
        Err("a stream is needed: its name or its ARN".into())
    } else if !name.chars().all(allowed) {
        Err("a stream's name has letters a to z and A to Z, digits, and _ . - only".into())
    } else if name.len() > 128 {
        Err("a stream's name has at most 128 characters".into())
    } else {
        Ok(())
    }
}

/// `arn:PARTITION:kinesis:REGION:ACCOUNT:stream/NAME`, in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamArn<'a> {
    /// Such as `aws`, `aws-cn`.
    pub partition: &'a str,
    /// Such as `eu-west-1`.
    pub region: &'a str,
    /// Twelve digits.
    pub account_id: &'a str,
    /// The stream's name.
    pub name: &'a str,
}

impl<'a> StreamArn<'a> {
    /// Takes an ARN apart; says what is wrong with one that no stream can have.
    pub fn parse(arn: &'a str) -> Result<Self, RuleError> {
        const SHAPE: &str = "a stream's ARN looks like arn:aws:kinesis:eu-west-1:123456789012:stream/NAME";
        let arn = Arn::parse(arn).filter(|arn| arn.service == "kinesis").ok_or(SHAPE)?;
        let Arn { partition, region, account_id, .. } = arn;
        let name = arn.resource_of_type("stream").filter(|_| is_partition(partition)).ok_or(SHAPE)?;
        if name.contains('/') {
            return Err(RuleError::new("this is the ARN of a stream's consumer", SHAPE));
        }
        check_region(region).map_err(|why| why.in_part("the ARN's region is wrong"))?;
        check_partition(partition, region).map_err(|why| why.in_part("the ARN is wrong"))?;
        if !is_account_id(account_id) {
            return Err(RuleError::new("the ARN's account has 12 digits", SHAPE));
        }
        check_stream_name(name).map_err(|why| why.in_part("the ARN's stream is wrong"))?;
        Ok(Self { partition, region, account_id, name })
    }
}

/// Whether this looks like the name of a partition, such as `aws-cn`.
pub(super) fn is_partition(partition: &str) -> bool {
    partition.starts_with("aws")
        && partition.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// Whether an ARN of that partition can name something in that region: each partition has regions of its own. A region that
/// looks like none of theirs is allowed.
pub fn check_partition(partition: &str, region: &str) -> Result<(), RuleError> {
    match aws::partition_like(region) {
        Some(its) if its.name != partition => Err(format!(
            "what is in {region} has ARNs that begin with arn:{}:, not with arn:{partition}:",
            its.name
        )
        .into()),
        Some(_) | None => Ok(()),
    }
}

/// Twelve digits, or empty.
pub fn check_account_id(account_id: &str) -> Result<(), RuleError> {
    if account_id.is_empty() || is_account_id(account_id) {
        return Ok(());
    }
    Err(RuleError::new("an AWS account id has 12 digits, without hyphens or spaces", "or leave it empty"))
}

/// The server, if it is not AWS: it has its own STS and IAM, or none. `None` for an address of AWS, such as a VPC
/// endpoint: it is for Kinesis alone.
pub fn other_server(endpoint_url: &str) -> Option<&str> {
    const ENDS: [&str; 6] = [
        ".api.aws",
        ".amazonwebservices.com.cn",
        ".c2s.ic.gov",
        ".sc2s.sgov.gov",
        ".adc-e.uk",
        ".hci.ic.gov",
    ];
    // The address of an endpoint in a message may be followed by a space and the name of the variable that gives it.
    let host = endpoint_url.split("://").nth(1)?.split(['/', ':', ' ']).next()?;
    let is_aws = host.contains(".amazonaws.") || ENDS.iter().any(|end| host.ends_with(end));
    (!is_aws).then_some(endpoint_url)
}

/// `http(s)://host[:port][/path]`, or empty for AWS. A user name or a password in it is refused: it would be shown.
pub fn check_endpoint_url(url: &str) -> Result<(), RuleError> {
    const SHAPE: &str = "an endpoint looks like https://kinesis.example.com or http://127.0.0.1:4567";
    if url.is_empty() {
        return Ok(());
    }
    let Some(rest) = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")) else {
        return Err(RuleError::new(
            "it must begin with http:// or https://",
            format!("{SHAPE}; or leave it empty for AWS"),
        ));
    };
    let (host, port) = host_and_port(rest.split('/').next().unwrap_or_default());
    let wrong = if url.contains(|c: char| c.is_whitespace() || c.is_control()) {
        "it has a space or a control character in it"
    } else if rest.contains(['?', '#', '@']) {
        "it must have no user name, no ? and no #"
    } else if port.is_some_and(|port| !port.parse::<u16>().is_ok_and(|number| number > 0)) {
        "its port must be a number from 1 to 65535"
    } else if !is_host(host) {
        "its host is not a host name or an IP address"
    } else {
        return Ok(());
    };
    Err(RuleError::new(wrong, SHAPE))
}

/// Reads the setting. The error does not show a password in the URL.
fn read_endpoint_url(value: &Value) -> Result<String, RuleError> {
    let url = value.as_text()?;
    check_endpoint_url(url).map_err(|why| {
        let shown = if url.contains(['@', '?']) { "not an endpoint".to_owned() } else { quoted(url) };
        why.showing(&shown)
    })?;
    Ok(url.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Rule = fn(&str) -> Result<(), RuleError>;

    #[test]
    fn the_rules_take_what_aws_takes() {
        let good: [(Rule, &[&str]); 4] = [
            (check_region, &["eu-west-1", "us-gov-west-1", "eusc-de-east-1", "mars-north-12", "local"]),
            (check_stream, &["a", "A_b.c-9", "arn:aws-iso-b:kinesis:us-isob-east-1:000000000000:stream/a.b"]),
            (check_account_id, &["", "123456789012"]),
            (
                check_endpoint_url,
                &["", "http://localhost:4567", "https://a.example/", "http://[::1]", "http://kinesis_1:1"],
            ),
        ];
        for (rule, texts) in good {
            for text in texts {
                assert_eq!(rule(text), Ok(()), "{text}");
            }
        }
    }

    #[test]
    fn the_rules_refuse_with_a_reason() {
        let (long, shape) = ("a".repeat(129), "stream's ARN looks like");
        let bad: [(Rule, &str, &str); 21] = [
            (check_region, "", "is needed"),
            (check_region, "eu-west-1a", "its region is eu-west-1"),
            (check_region, "eu_west_1", "lower-case"),
            (check_region, "-eu", "lower-case"),
            (check_region, &long, "63"),
            (check_stream, "", "its name or its ARN"),
            (check_stream, &long, "128"),
            (check_stream, "a/b", "letters"),
            (check_stream, "arn:aws:sqs:eu-west-1:123456789012:stream/x", shape),
            (check_stream, "arn:gcp:kinesis:eu-west-1:123456789012:stream/x", shape),
            (check_stream, "arn:aws:kinesis:eu-west-1:123:stream/x", "12 digits"),
            (check_stream, "arn:aws:kinesis::123456789012:stream/x", "the ARN's region"),
            (check_stream, "arn:aws:kinesis:eu-west-1:123456789012:stream/", "the ARN's stream"),
            (check_stream, "arn:aws:kinesis:eu-west-1:123456789012:stream/a/consumer/b:1", "consumer"),
            (check_stream, "arn:aws:kinesis:cn-north-1:123456789012:stream/a", "begin with arn:aws-cn:, not"),
            (check_stream, "arn:aws-cn:kinesis:eu-west-1:123456789012:stream/a", "begin with arn:aws:, not"),
            (check_endpoint_url, "localhost:4567", "begin with http"),
            (check_endpoint_url, "http://", "host"),
            (check_endpoint_url, "http://a b", "space"),
            (check_endpoint_url, "http://a:99999", "port"),
            (check_endpoint_url, "http://a:", "port"),
        ];
        for (rule, text, part) in bad {
            let why = rule(text).unwrap_err().to_string();
            assert!(why.contains(part), "{text}: {why}");
        }
    }

    #[test]
    fn only_a_server_that_is_not_aws_is_asked_for_more_than_kinesis() {
        assert_eq!(other_server("http://127.0.0.1:4631"), Some("http://127.0.0.1:4631"));
        assert_eq!(
            other_server("https://localhost.localstack.cloud/x"),
            Some("https://localhost.localstack.cloud/x")
        );
        for of_aws in [
            "",
            "https://vpce-1-a.kinesis.eu-west-1.vpce.amazonaws.com",
            "https://kinesis.cn-north-1.amazonaws.com.cn:443/",
            "https://kinesis.us-iso-east-1.c2s.ic.gov",
            "https://kinesis.eu-west-1.api.aws",
            "https://kinesis.eu-west-1.api.aws (AWS_ENDPOINT_URL)",
            "https://kinesis.cn-north-1.api.amazonwebservices.com.cn",
        ] {
            assert_eq!(other_server(of_aws), None, "{of_aws}");
        }
    }
}
