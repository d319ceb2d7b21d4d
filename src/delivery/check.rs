//! The checks of a destination and of the public address, as plain data: which steps they have, how each went, and what it learned on the way.

use std::{borrow::Cow, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{AwsError, AwsIdentity};

/// How much a check does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CheckKind {
    /// Asks only. AWS writes nothing; a server that does not know AWS's dry run writes one record.
    Ask,
    /// Puts one record that is marked as a test event, too, and reads it back.
    PutOne,
}

impl CheckKind {
    /// The steps, in order, by the name that scripts read. The practice stream has no credentials to look at, and
    /// aggregated records are looked at where the settings have any. A check ends with the first step that fails.
    pub fn steps(self, practice: bool, aggregates: bool) -> Vec<&'static str> {
        let mut steps = if practice { Vec::new() } else { vec!["credentials", "identity"] };
        steps.extend(["stream", "put"]);
        if self == Self::PutOne {
            steps.extend(["record", "read-back"]);
        }
        steps.extend(aggregates.then_some("aggregation"));
        steps
    }
}

/// The steps of a check of the public address, in order, by the name that scripts read. It ends with the first that fails.
pub const PUBLIC_STEPS: [&str; 8] =
    ["name", "connection", "certificate", "settings", "preflight", "event", "delivery", "client-address"];

/// How a step went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// It works.
    Passed,
    /// Not needed for putting, and not permitted or not offered here.
    Skipped,
    /// It does not work; this is what was said.
    Failed(AwsError),
}

/// One step of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckStep {
    /// What was looked at: one of [`CheckKind::steps`] or [`PUBLIC_STEPS`].
    pub name: Cow<'static, str>,
    /// How it went.
    pub verdict: Verdict,
    /// What was found, in a sentence; of a failure what it means and what to do.
    pub detail: String,
    /// What was learned, where settings can use it.
    pub found: Option<CheckFact>,
}

/// What a step learned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CheckFact {
    /// Who AWS says we are.
    Identity(AwsIdentity),
    /// The customer key that encrypts the stream, as AWS names it: an ARN, an id or an alias.
    KmsKey(Arc<str>),
}
