//! The policy for creating a stream. It is apart from the one for delivery, because whoever creates the stream is often
//! somebody else, once.

use super::{
    arns::stream_arn,
    document::{Document, Statement},
};
use crate::{
    config::Config,
    delivery::{NewStream, RETENTION_HOURS},
};

/// The policy, as JSON, that the creation of this stream needs. Unknown values have the placeholders of [`stream_arn`].
pub fn creation_policy(config: &Config, stream: &NewStream) -> String {
    let arn = stream_arn(&config.destination).arn;
    let mut actions = vec!["kinesis:CreateStream"];
    if !stream.tags.is_empty() {
        actions.push("kinesis:AddTagsToStream");
    }
    actions.push("kinesis:DescribeStreamSummary");
    if stream.retention_hours > *RETENTION_HOURS.start() {
        actions.push("kinesis:IncreaseStreamRetentionPeriod");
    }
    // It is about the account, so AWS grants it for all resources only.
    let of_account = Statement::allow(&["kinesis:DescribeAccountSettings"], "*");
    Document::of(vec![Statement::allow(&actions, arn), of_account]).to_json()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::delivery::StreamTag;

    #[test]
    fn the_policy_for_creating_has_what_the_stream_needs_and_nothing_else() {
        let mut config = Config::default();
        "clicks".clone_into(&mut config.destination.stream);
        "eu-west-1".clone_into(&mut config.destination.region);
        "123456789012".clone_into(&mut config.destination.account_id);
        let policy = |stream: &NewStream| -> Value {
            serde_json::from_str(&creation_policy(&config, stream)).expect("it is JSON")
        };
        let plain = policy(&NewStream::default());
        let actions = json!(["kinesis:CreateStream", "kinesis:DescribeStreamSummary"]);
        assert_eq!(plain["Statement"][0]["Action"], actions);
        assert_eq!(
            plain["Statement"][0]["Resource"],
            json!(["arn:aws:kinesis:eu-west-1:123456789012:stream/clicks"])
        );
        assert_eq!(plain["Statement"][1]["Action"], json!(["kinesis:DescribeAccountSettings"]));
        let tags = vec![StreamTag { key: "team".to_owned(), value: "web".to_owned() }];
        let full = policy(&NewStream { tags, retention_hours: 168, ..NewStream::default() });
        let actions = json!([
            "kinesis:CreateStream",
            "kinesis:AddTagsToStream",
            "kinesis:DescribeStreamSummary",
            "kinesis:IncreaseStreamRetentionPeriod"
        ]);
        assert_eq!(full["Statement"][0]["Action"], actions);
    }
}
