//! The messages of the control port, each a line of JSON. Older engines and older callers read them too, so names and shapes
//! must not change.

use std::{num::NonZeroU32, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::delivery::{Adopting, AwsError, CheckStep, ResendSelection, Resent, Taken, Verdict};

/// The control port of a running engine.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct ControlAccess {
    /// Its address on loopback.
    pub(super) address: String,
    /// The key of this run.
    pub(super) key: String,
}

impl std::fmt::Debug for ControlAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ControlAccess").field("address", &self.address).finish_non_exhaustive()
    }
}

/// A request, the first line from a caller. The variants are tried in this order, because the last two allow unknown fields.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum ControlRequest {
    Check(CheckRequest),
    Limit(LimitRequest),
    Adopt(AdoptRequest),
    Window(WindowRequest),
    Resend(ResendRequest),
}

impl ControlRequest {
    pub(super) fn key(&self) -> &str {
        match self {
            Self::Check(CheckRequest { key, .. })
            | Self::Limit(LimitRequest { key, .. })
            | Self::Adopt(AdoptRequest { key, .. })
            | Self::Window(WindowRequest { key, .. })
            | Self::Resend(ResendRequest { key, .. }) => key,
        }
    }
}

/// Asks for a resend, or for the action of a flag instead.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResendRequest {
    pub(super) key: String,
    #[serde(rename = "which")]
    pub(super) selection: ResendSelection,
    pub(super) rate: Option<NonZeroU32>,
    /// Count only.
    pub(super) dry_run: bool,
    /// Set aside what the destination keeps refusing, and resend nothing.
    #[serde(default)]
    pub(super) set_aside: bool,
}

/// Asks for the waiting and failed events of another data folder.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AdoptRequest {
    pub(super) key: String,
    /// The real path of that folder.
    pub(super) adopt: PathBuf,
    pub(super) leave_damaged: bool,
}

/// Answers to [`AdoptRequest`]. The last two variants are final.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum AdoptReply {
    SoFar(Adopting),
    Done(Taken),
    Failed(String),
}

/// Asks for a check of the public address.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CheckRequest {
    pub(super) key: String,
    pub(super) check_public: bool,
}

/// Asks for the window to come to the front.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WindowRequest {
    pub(super) key: String,
    pub(super) show_window: bool,
}

/// Asks what limits delivery.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct LimitRequest {
    pub(super) key: String,
    pub(super) what_holds: bool,
}

/// Answers to [`ResendRequest`]. The last three variants are final.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum ResendReply {
    SoFar(Resent),
    Done(Resent),
    /// How many events were set aside.
    SetAside(u64),
    Failed(String),
}

/// The answer to [`WindowRequest`].
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WindowReply {
    /// `false`: the engine has no window.
    pub(super) is_shown: bool,
}

/// The answer to [`LimitRequest`].
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LimitReply {
    #[serde(rename = "holds")]
    pub(super) limit: Option<DeliveryLimit>,
}

/// What limits delivery while the queue grows, as `log --summary` shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryLimit {
    /// The name of the limit ([`crate::delivery::Limit`]).
    pub name: String,
    /// Events delivered per second.
    pub events_per_second: f64,
    /// The partition key with the most queued events, if the limit is the order of events.
    pub partition_key: Option<String>,
    /// What is observed.
    pub what: String,
    /// What would raise the limit.
    pub action: String,
}

/// A step of a check, or its end: the answers to [`CheckRequest`].
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum CheckReply {
    Passed { name: String, detail: String },
    Skipped { name: String, detail: String },
    Failed { name: String, code: String, message: String },
    Done,
}

impl CheckReply {
    pub(super) fn of(step: &CheckStep) -> Self {
        let (name, detail) = (step.name.to_string(), step.detail.clone());
        match &step.verdict {
            Verdict::Passed => Self::Passed { name, detail },
            Verdict::Skipped => Self::Skipped { name, detail },
            Verdict::Failed(error) => {
                Self::Failed { name, code: error.code.to_string(), message: error.message.to_string() }
            }
        }
    }

    /// `None`: there are no more.
    pub(super) fn step(self) -> Option<CheckStep> {
        let (name, verdict, detail) = match self {
            Self::Passed { name, detail } => (name, Verdict::Passed, detail),
            Self::Skipped { name, detail } => (name, Verdict::Skipped, detail),
            Self::Failed { name, code, message } => {
                (name, Verdict::Failed(AwsError::new(code, message)), String::new())
            }
            Self::Done => return None,
        };
        Some(CheckStep { name: name.into(), verdict, detail, found: None })
    }
}
