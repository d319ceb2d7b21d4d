//! Which commands would do nothing now, and why: the palette leaves them out, and their keys say why.

use super::{
    command::{Command, PracticeCommand, TestCommand, WindowCommand},
    practice_faults,
    snapshot::Snapshot,
};
use crate::{config::DestinationKind, delivery::ForwarderState};

/// Why this command would do nothing; `None`: it would do something.
pub(super) fn refusal(command: &Command, now: &Snapshot) -> Option<&'static str> {
    match command {
        Command::RunDraft if now.is_test_running() => Some("A test run is under way already"),
        Command::Test(TestCommand::StopRun) if !now.is_test_running() => Some("No test run is under way"),
        Command::RetryNow if now.status.forwarder == ForwarderState::Disabled => {
            Some("Delivery is switched off: enable it under Set up")
        }
        Command::RetryNow if now.status.ledger.queued == 0 => {
            Some("No delivery is waiting to be tried again")
        }
        Command::Practice(PracticeCommand::Toggle(_) | PracticeCommand::ToggleStream)
            if now.config.destination.kind != DestinationKind::Practice =>
        {
            Some(practice_faults::NEEDS_PRACTICE)
        }
        Command::Practice(PracticeCommand::SwitchAllOff) if now.practice_faults().is_empty() => {
            Some("No practice fault is on")
        }
        Command::Window(WindowCommand::CopyCurl) if now.config.capture.sources.is_empty() => {
            Some("No source has a write key: add one in Sources")
        }
        _ => None,
    }
}

/// The command that its keys push now: itself, or its refusal.
pub(super) fn checked(command: Command, now: &Snapshot) -> Command {
    match refusal(&command, now) {
        Some(why) => Command::Refuse(why.to_owned()),
        None => command,
    }
}
