//! The policy document: what each grant allows, on the narrowest resource that AWS knows for it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    arns::{Missing, check_kms_key_arn, stream_arn},
    writer::Writer,
};
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

    pub(super) fn stream_actions(&self) -> Vec<&'static str> {
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

    pub(super) fn kms_actions(&self) -> Vec<&'static str> {
        let mut actions = Vec::new();
        if self.put_record || self.put_records {
            actions.push("kms:GenerateDataKey");
        }
        if self.read_back {
            actions.push("kms:Decrypt");
        }
        actions
    }

    /// The key's ARN or its placeholder, if a key is used at all.
    pub(super) fn kms_key(&self) -> Option<&str> {
        let key = self.kms_key_arn.as_ref().filter(|_| !self.kms_actions().is_empty())?.trim();
        Some(if check_kms_key_arn(key).is_ok() { key } else { Missing::KmsKeyArn.placeholder() })
    }
}

/// The values for which the texts have placeholders: the stream's, the key, and then the writer's.
pub fn missing(config: &Config, grants: &Grants, writer: &Writer) -> Vec<Missing> {
    let mut missing = stream_arn(&config.destination).missing;
    // A key that a policy cannot name counts as missing.
    if grants.kms_key() == Some(Missing::KmsKeyArn.placeholder()) {
        missing.push(Missing::KmsKeyArn);
    }
    missing.extend(writer.missing());
    missing
}

/// A policy document, with its members in the order of the predecessor's page.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Document {
    version: &'static str,
    statement: Vec<Statement>,
}

/// A statement that allows something.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Statement {
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    effect: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<Value>,
    action: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<Value>,
}

impl Statement {
    /// A statement of a policy that belongs to the one who acts.
    pub(super) fn allow(action: &[&'static str], resource: impl Into<String>) -> Self {
        let resource = Some(json!([resource.into()]));
        Self { sid: None, effect: "Allow", principal: None, action: json!(action), resource, condition: None }
    }

    /// A statement of a trust policy, which belongs to the role that it is about.
    pub(super) fn of(principal: Value, action: Value) -> Self {
        let principal = Some(principal);
        Self { sid: None, effect: "Allow", principal, action, resource: None, condition: None }
    }

    /// The statement about that resource.
    pub(super) fn about(self, resource: &str) -> Self {
        Self { resource: Some(json!(resource)), ..self }
    }

    /// The statement with that id.
    pub(super) fn named(self, sid: String) -> Self {
        Self { sid: Some(sid), ..self }
    }

    /// The statement under these conditions; none if there are none.
    pub(super) fn on(self, conditions: Value) -> Self {
        let condition = Some(conditions).filter(|conditions| conditions != &json!({}));
        Self { condition, ..self }
    }

    /// Indented JSON without a line end at the end.
    pub(super) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a statement of strings is JSON")
    }
}

impl Document {
    /// What the writer may do. Without any grant the document has no statement, and AWS refuses it.
    pub(super) fn new(config: &Config, grants: &Grants) -> Self {
        let mut statement = Vec::new();
        let actions = grants.stream_actions();
        if !actions.is_empty() {
            statement.push(Statement::allow(&actions, stream_arn(&config.destination).arn));
        }
        if grants.list_streams {
            statement.push(Statement::allow(&["kinesis:ListStreams"], "*"));
        }
        if let Some(key) = grants.kms_key() {
            statement.push(Statement::allow(&grants.kms_actions(), key));
        }
        Self::of(statement)
    }

    /// A document with these statements.
    pub(super) fn of(statement: Vec<Statement>) -> Self {
        Self { version: "2012-10-17", statement }
    }

    /// The document as a value, for the formats that are not JSON.
    pub(super) fn to_value(&self) -> Value {
        serde_json::to_value(self).expect("a document of strings is JSON")
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
        assert_eq!(missing(&Config::default(), &key_wanted, &Writer::default()), all);
        let only_listing = Grants { put_record: false, list_streams: true, ..key_wanted };
        assert_eq!(missing(&Config::default(), &only_listing, &Writer::default()), all[..3]);
    }
}
