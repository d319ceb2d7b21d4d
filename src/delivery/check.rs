//! The checks of a destination and of the public address: their steps, the result of each, and what they found out.

use std::{borrow::Cow, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{account::AwsIdentity, outcome::AwsError};

/// How much a check does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CheckKind {
    /// Asks only. AWS stores nothing; a server that does not know AWS's dry run stores one record.
    Ask,
    /// Also puts one record, marked as a test event, and reads it back.
    PutOne,
}

impl CheckKind {
    /// The steps in order, by the names that scripts read. The practice stream needs no credentials; aggregation is
    /// checked only if it is set. A check ends with the first step that fails.
    pub fn steps(self, practice: bool, aggregates: bool) -> Vec<&'static str> {
        let mut steps = if practice { Vec::new() } else { vec!["credentials", "identity"] };
        steps.extend(["stream", "put"]);
        if self == Self::PutOne {
            steps.extend(["record", "read-back"]);
        }
        steps.extend(aggregates.then_some("aggregation"));
        steps.push("reader");
        steps
    }
}

/// The steps of a check of the public address in order, by the names that scripts read. It ends with the first that fails.
pub const PUBLIC_STEPS: [&str; 8] =
    ["name", "connection", "certificate", "settings", "preflight", "event", "delivery", "client-address"];

/// The result of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// It works.
    Passed,
    /// Not needed to put records, and not permitted or not offered here.
    Skipped,
    /// It does not work.
    Failed(AwsError),
}

/// One step of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckStep {
    /// What was checked: one of [`CheckKind::steps`] or [`PUBLIC_STEPS`].
    pub name: Cow<'static, str>,
    /// The result.
    pub verdict: Verdict,
    /// What the step found, in a sentence; if it failed, what that means and what to do.
    pub detail: String,
    /// A fact that settings can use.
    pub found: Option<CheckFact>,
}

/// A fact that a step found out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CheckFact {
    /// The identity that AWS says our keys belong to.
    Identity(AwsIdentity),
    /// The customer-managed key that encrypts the stream, as AWS names it: an ARN, an id or an alias.
    KmsKey(Arc<str>),
}
