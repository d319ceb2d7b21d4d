//! Checks of the destination and of the public address.

use super::super::{answer::Steps, command::Check, shared::Shared};
use crate::{config::Config, delivery::CheckKind};

/// Checks that report step by step.
pub struct Checks<'a>(pub(crate) &'a Shared);

impl Checks<'_> {
    /// Tests the destination of these settings, which need not be applied.
    pub fn destination(&self, config: Config, kind: CheckKind) -> Steps {
        self.0.check(Check::Destination { config: Box::new(config), kind })
    }

    /// Tests the public address of the settings in force; also sends a test event to it.
    pub fn public_address(&self) -> Steps {
        self.0.check(Check::PublicAddress)
    }
}
