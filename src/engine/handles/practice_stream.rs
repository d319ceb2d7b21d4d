//! The practice stream.

use super::super::{
    command::{Command, Immediate},
    practice_access::PracticeAccess,
    shared::Shared,
};
use crate::practice::Faults;

/// The practice stream and its fault switches.
pub struct PracticeStream<'a>(pub(crate) &'a Shared);

impl PracticeStream<'_> {
    /// How other programs reach it; `None`: its port is closed.
    pub fn access(&self) -> Option<PracticeAccess> {
        self.0.practice_access()
    }

    /// The faults that are on.
    pub fn faults(&self) -> Faults {
        self.0.practice.faults()
    }

    /// Replaces the faults, from the next request on.
    pub fn set_faults(&self, faults: Faults) {
        self.0.at_once(Immediate::SetFaults(faults));
    }

    /// Deletes the stream with its records, as somebody may delete a stream of AWS.
    pub fn delete(&self) {
        self.0.command(Command::DeletePracticeStream);
    }

    /// Creates the stream again, empty.
    pub fn create(&self) {
        self.0.command(Command::CreatePracticeStream);
    }
}
