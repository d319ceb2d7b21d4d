//! What the forwarder does about an error.

use crate::delivery::{AwsError, Outcome};

/// What the forwarder does about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// The stream pushes back: retry the same key later.
    Throttled,
    /// No usable answer, or a failure on the other side: retry the same later.
    Offline,
    /// Nothing gets through before the user acts.
    Blocked,
    /// This record can never be taken.
    Refused,
}

impl Class {
    /// The outcome of a put that failed with this error.
    pub fn outcome(self, error: AwsError) -> Outcome {
        match self {
            Self::Throttled => Outcome::Throttled(error),
            Self::Offline => Outcome::Offline(error),
            Self::Blocked => Outcome::Blocked(error),
            Self::Refused => Outcome::Refused(error),
        }
    }

    /// The class of an error with an unknown code. `None`: there was no answer.
    pub(super) fn of_status(status: Option<u16>) -> Self {
        match status {
            Some(429) => Self::Throttled,
            Some(413) => Self::Refused,
            Some(408) => Self::Offline,
            // A redirect: the endpoint URL is not that of a Kinesis server.
            Some(300..=499) => Self::Blocked,
            Some(_) | None => Self::Offline,
        }
    }
}
