//! The policy document: what each grant allows, on the narrowest resource that AWS knows for it.

use serde::{Deserialize, Serialize};

use super::arns::{Missing, check_kms_key_arn, stream_arn};
use crate::config::{Config, Operation};

/// What the policy allows. Each switch is one thing that Tributary can do with the stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is one independent switch of the form")]
pub struct Grants {
    /// Put one record a call. The predecessor's policy allows this.
    pub put_record: bool,
    /// Put up to 500 records a call. AWS treats it as a separate permission: neither put implies the other.
    pub put_records: bool,
    /// Describe the stream: its state, record limit and encryption.
    pub describe: bool,
    /// Read records back, as a reader does.
    pub read_back: bool,
    /// List the account's streams. AWS grants this for all streams at once only.
    pub list_streams: bool,
    /// The customer-managed key of an encrypted stream. Streams without encryption or with AWS's own key need none. An
    /// empty text means that the key is still missing.
    pub kms_key_arn: Option<String>,
}

impl Default for Grants {
    /// The predecessor's policy.
    fn default() -> Self {
        Self {
            put_record: true,
            put_records: false,
            describe: false,
            read_back: false,
            list_streams: false,
            kms_key_arn: None,
        }
    }
}

impl Grants {
    /// Exactly what these settings need to deliver events.
    pub fn for_config(config: &Config) -> Self {
        match config.destination.operation {
            Operation::PutRecord => Self::default(),
            Operation::PutRecords => Self { put_record: false, put_records: true, ..Self::default() },
        }
    }

    fn stream_actions(&self) -> Vec<&'static str> {
        let mut actions = Vec::new();
        if self.put_record {
            actions.push("kinesis:PutRecord");
        }
        if self.put_records {
            actions.push("kinesis:PutRecords");
        }
        if self.describe {
            actions.push("kinesis:DescribeStreamSummary");
        }
        if self.read_back {
            actions.extend(["kinesis:ListShards", "kinesis:GetShardIterator", "kinesis:GetRecords"]);
        }
        actions
    }

    fn kms_actions(&self) -> Vec<&'static str> {
        let mut actions = Vec::new();
        if self.put_record || self.put_records {
            actions.push("kms:GenerateDataKey");
        }
        if self.read_back {
            actions.push("kms:Decrypt");
        }
        actions
    }
}

/// The values for which the policy has placeholders, in the order in which they appear.
pub fn missing(config: &Config, grants: &Grants) -> Vec<Missing> {
    let destination = &config.destination;
    let mut missing = stream_arn(&destination.region, &destination.account_id, &destination.stream).missing;
    // A key that a policy cannot name counts as missing.
    let is_key_missing = grants.kms_key_arn.as_ref().is_some_and(|arn| check_kms_key_arn(arn).is_err());
    if is_key_missing && !grants.kms_actions().is_empty() {
        missing.push(Missing::KmsKeyArn);
    }
    missing
}

/// A policy document, with its members in the order of the predecessor's page.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Document {
    pub(super) version: &'static str,
    pub(super) statement: Vec<Statement>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Statement {
    pub(super) effect: &'static str,
    pub(super) action: Vec<&'static str>,
    pub(super) resource: Vec<String>,
}

impl Statement {
    fn allow(action: Vec<&'static str>, resource: impl Into<String>) -> Self {
        Self { effect: "Allow", action, resource: vec![resource.into()] }
    }
}

impl Document {
    /// Without any grant the document has no statement, and AWS refuses it.
    pub(super) fn new(config: &Config, grants: &Grants) -> Self {
        let destination = &config.destination;
        let stream = stream_arn(&destination.region, &destination.account_id, &destination.stream);
        let mut statement = Vec::new();
        let actions = grants.stream_actions();
        if !actions.is_empty() {
            statement.push(Statement::allow(actions, stream.arn));
        }
        if grants.list_streams {
            statement.push(Statement::allow(vec!["kinesis:ListStreams"], "*"));
        }
        let actions = grants.kms_actions();
        if let Some(key) = &grants.kms_key_arn
            && !actions.is_empty()
        {
            let key = Some(key.trim()).filter(|key| check_kms_key_arn(key).is_ok());
            statement.push(Statement::allow(actions, key.unwrap_or(Missing::KmsKeyArn.placeholder())));
        }
        Self { version: "2012-10-17", statement }
    }

    /// Indented JSON without a line end at the end.
    pub(super) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a document of strings is JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_ask_for_the_one_put_that_they_use() {
        let mut config = Config::default();
        assert_eq!(Grants::for_config(&config), Grants::default());
        assert_eq!(Grants::default().stream_actions(), ["kinesis:PutRecord"]);
        config.destination.operation = Operation::PutRecords;
        assert_eq!(Grants::for_config(&config).stream_actions(), ["kinesis:PutRecords"]);
    }

    #[test]
    fn missing_values_are_listed_with_the_key_last() {
        let key_wanted = Grants { kms_key_arn: Some(String::new()), ..Grants::default() };
        let all = [Missing::Region, Missing::AccountId, Missing::StreamName, Missing::KmsKeyArn];
        assert_eq!(missing(&Config::default(), &key_wanted), all);
        let only_listing = Grants { put_record: false, list_streams: true, ..key_wanted };
        assert_eq!(missing(&Config::default(), &only_listing), all[..3]);
    }
}
