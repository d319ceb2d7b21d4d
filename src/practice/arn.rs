//! The ARNs of streams and consumers, as the service model writes them.

use crate::aws;

/// What a stream's ARN names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Arn<'a> {
    pub(super) region: &'a str,
    pub(super) account: &'a str,
    pub(super) stream: &'a str,
}

impl<'a> Arn<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let arn = aws::Arn::parse(text)?;
        let stream = arn.resource_of_type("stream")?;
        let is_kinesis = arn.partition.starts_with("aws") && arn.service == "kinesis";
        let is_stream = !stream.is_empty() && !stream.contains(char::is_whitespace);
        let is_right = is_kinesis && is_stream && aws::is_account_id(arn.account_id);
        is_right.then_some(Self { region: arn.region, account: arn.account_id, stream })
    }
}

/// What a consumer's ARN names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct ConsumerArn<'a> {
    pub(super) stream: Arn<'a>,
    pub(super) consumer: &'a str,
    /// The second in which the consumer was registered.
    pub(super) created_s: u64,
}

impl<'a> ConsumerArn<'a> {
    /// Reads `arn:…:stream/STREAM/consumer/CONSUMER:SECONDS`.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let arn = Arn::parse(text)?;
        let (stream, consumer) = arn.stream.split_once("/consumer/")?;
        let (consumer, created_s) = consumer.split_once(':')?;
        let created_s =
            created_s.bytes().all(|byte| byte.is_ascii_digit()).then(|| created_s.parse().ok())??;
        let is_right = is_name(stream) && is_name(consumer);
        is_right.then_some(Self { stream: Arn { stream, ..arn }, consumer, created_s })
    }
}

/// Whether it has the characters that names of streams, shards and consumers have.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_consumer_arn_names_its_stream_its_name_and_its_second() {
        let text = "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks/consumer/app-1:1795000000";
        let arn = ConsumerArn::parse(text).unwrap();
        assert_eq!((arn.stream.stream, arn.consumer, arn.created_s), ("clicks", "app-1", 1_795_000_000));
        for bad in [
            "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks",
            "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks/consumer/app",
            "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks/consumer/app:",
            "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks/consumer/app:x",
            "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks/consumer/:1",
            "arn:aws:kinesis:eu-west-1:123456789012:stream/cl/icks/consumer/app:1",
            "arn:aws:kinesis:eu-west-1:12:stream/clicks/consumer/app:1",
        ] {
            assert_eq!(ConsumerArn::parse(bad), None, "{bad}");
        }
    }
}
