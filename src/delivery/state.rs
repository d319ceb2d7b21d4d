//! The states of an event.

use serde::{Deserialize, Serialize};

/// The state of an event. At any moment it is in exactly one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// In the spool, not put yet.
    Queued,
    /// In the spool, put at least once without success; will be put again.
    Retrying,
    /// Stored in the stream: it answered with a shard and a sequence number.
    Delivered,
    /// The destination will never take it. Kept; can be exported and resent.
    Failed,
    /// It failed and was queued again as another line of the log ([`Delivery::resent_as`](super::Delivery)).
    Resent,
    /// Refused by the capture endpoint; its sender was told.
    Rejected,
}

impl State {
    /// Every state, in the order in which an event can pass through them.
    pub const ALL: [Self; 6] =
        [Self::Queued, Self::Retrying, Self::Delivered, Self::Failed, Self::Resent, Self::Rejected];

    /// The word in the command line's output, the log and the metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Retrying => "retrying",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Resent => "resent",
            Self::Rejected => "rejected",
        }
    }

    /// The state with this name.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}
