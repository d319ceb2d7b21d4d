//! The practice stream.

use super::super::{
    command::{Command, Immediate},
    shared::Shared,
};
use crate::practice::Faults;

/// The practice stream, and what goes wrong in it on purpose.
pub struct PracticeStream<'a>(pub(crate) &'a Shared);

impl PracticeStream<'_> {
    /// What goes wrong in it.
    pub fn faults(&self) -> Faults {
        self.0.practice.faults()
    }

    /// Makes this go wrong from the next request on, and nothing else.
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
