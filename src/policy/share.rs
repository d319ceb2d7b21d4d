//! The stream's half of a set-up over two accounts: the stream's resource policy, and the statement for the policy of its key.
//!
//! AWS allows a call from another account only if both accounts allow it: the writer's policy, and the stream's resource
//! policy (<https://docs.aws.amazon.com/streams/latest/dev/resource-based-policy-examples.html>). The same holds for the KMS
//! key of an encrypted stream. The policy of AWS's own key, `aws/kinesis`, cannot be changed, so it cannot be shared.

use serde_json::json;

use super::{
    document::{Document, Grants, Statement},
    scope::Scope,
    writer::Writer,
};
use crate::config::Config;

/// What to know where no key of one's own is given.
pub const KEY_OF_AWS: &str = "a stream that is encrypted with AWS's own key (aws/kinesis) takes no records from another account, because \
     that key cannot be shared: encrypt it with a key of your own";

/// What the stream's account allows the writer.
pub(super) struct Share {
    pub(super) resource_policy: Document,
    /// The ARN of the key, and the statement for its policy.
    pub(super) key: Option<(String, Statement)>,
    /// What KMS calls the permissions in a grant: `GenerateDataKey`.
    pub(super) key_operations: Vec<&'static str>,
}

impl Share {
    /// `None` if stream and writer are in one account.
    pub(super) fn of(grants: &Grants, scope: &Scope) -> Option<Self> {
        if !scope.is_shared() {
            return None;
        }
        let principal = json!({ "AWS": scope.writer_arn() });
        let shared = Statement::of(principal.clone(), json!(grants.stream_actions()))
            .named("Tributary".to_owned())
            .about(&scope.stream_arn);
        let kms_actions = grants.kms_actions();
        let key = grants.kms_key().map(|key| {
            // A statement with this id is replaced, so it has to differ for each writer.
            let id = format!("{}{}", scope.name, scope.writer_account);
            let id: String = id.chars().filter(char::is_ascii_alphanumeric).collect();
            let statement = Statement::of(principal, json!(kms_actions)).named(id).about("*");
            (key.to_owned(), statement)
        });
        let operation = |action: &&'static str| action.strip_prefix("kms:");
        Some(Self {
            resource_policy: Document::of(vec![shared]),
            key,
            key_operations: kms_actions.iter().filter_map(operation).collect(),
        })
    }
}

/// The statement that the policy of the stream's KMS key needs, as JSON that ends with a line end. `None` without a key, or if
/// stream and writer are in one account.
pub fn key_statement(config: &Config, grants: &Grants, writer: &Writer) -> Option<String> {
    let (_, statement) = Share::of(grants, &Scope::of(config, writer))?.key?;
    Some(statement.to_json() + "\n")
}

/// The accounts that run the two halves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accounts {
    /// The account of the user or role, or its placeholder.
    pub writer: String,
    /// The account of the stream, or its placeholder.
    pub stream: String,
}

/// The two accounts; `None` if stream and writer are in one.
pub fn accounts(config: &Config, writer: &Writer) -> Option<Accounts> {
    let scope = Scope::of(config, writer);
    scope.is_shared().then_some(Accounts { writer: scope.writer_account, stream: scope.account_id })
}
