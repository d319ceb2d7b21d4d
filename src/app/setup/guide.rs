//! The guide of Set up: its steps, which one is open, and what it waits for before the next one opens.

use super::super::place::{self, Section};
use crate::{
    config::{Config, DestinationKind},
    delivery::AwsError,
    remedy::{self, Location},
};

/// A step. The check of the destination has parts; each belongs to a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Keys,
    Stream,
    Permission,
    Format,
    Check,
}

impl Step {
    /// The steps for a destination of this kind. The practice stream needs no keys and no permission.
    pub(super) fn of(kind: DestinationKind) -> &'static [Self] {
        match kind {
            DestinationKind::Practice => &[Self::Format, Self::Check],
            DestinationKind::Kinesis => {
                &[Self::Keys, Self::Stream, Self::Permission, Self::Format, Self::Check]
            }
        }
    }

    pub(super) fn title(self, kind: DestinationKind) -> &'static str {
        match (self, kind) {
            (Self::Keys, _) => "Keys",
            (Self::Stream, _) => "Stream",
            (Self::Permission, _) => "Permission",
            (Self::Format, _) => "Format",
            (Self::Check, DestinationKind::Practice) => "Check",
            (Self::Check, DestinationKind::Kinesis) => "Check and switch",
        }
    }

    /// The step that a part of the check belongs to.
    pub(super) fn of_part(name: &str) -> Self {
        match name {
            "credentials" | "identity" | "account" => Self::Keys,
            "stream" => Self::Stream,
            "put" => Self::Permission,
            "aggregation" | "reader" => Self::Format,
            _ => Self::Check,
        }
    }

    pub(super) fn of_section(section: Section) -> Self {
        match section {
            Section::Credentials => Self::Keys,
            Section::Stream => Self::Stream,
            Section::Policy => Self::Permission,
            Section::Format => Self::Format,
        }
    }

    /// The step in which this fault of delivery is mended. `None`: it is mended elsewhere.
    pub(super) fn of_fault(fault: &AwsError, in_force: &Config) -> Option<Self> {
        let location = remedy::remedy(fault, in_force).location?;
        place::of_remedy(location).1.map(Self::of_section)
    }

    /// The name that remedies have for it.
    pub(super) fn location(self) -> Option<Location> {
        match self {
            Self::Keys => Some(Location::SetUpCredentials),
            Self::Stream => Some(Location::SetUpStream),
            Self::Permission => Some(Location::SetUpPolicy),
            Self::Format => Some(Location::SetUpFormat),
            Self::Check => None,
        }
    }

    /// The step after this one.
    pub(super) fn next(self) -> Self {
        match self {
            Self::Keys => Self::Stream,
            Self::Stream => Self::Permission,
            Self::Permission => Self::Format,
            Self::Format | Self::Check => Self::Check,
        }
    }
}

#[derive(Default)]
pub(super) struct Guide {
    open: Option<Step>,
    /// The step that the user leaves: the next one opens when the answer about this one is known.
    leaving: Option<Step>,
    /// The open step has just opened: scroll to it, and focus its first field.
    arrives: bool,
    /// The user opened a step in this run. Until then nothing is asked of AWS by itself.
    is_used: bool,
}

impl Guide {
    /// Begins with this step open, and asks nothing of AWS yet.
    pub(super) fn starting_at(step: Option<Step>) -> Self {
        Self { open: step, ..Self::default() }
    }

    pub(super) fn is_open(&self, step: Step) -> bool {
        self.open == Some(step)
    }

    pub(super) fn opened(&self) -> Option<Step> {
        self.open
    }

    pub(super) fn is_used(&self) -> bool {
        self.is_used
    }

    pub(super) fn open(&mut self, step: Step) {
        *self = Self { open: Some(step), leaving: None, arrives: true, is_used: true };
    }

    pub(super) fn close(&mut self) {
        self.open = None;
        self.leaving = None;
    }

    /// Keeps the step open until the answer about it is known.
    pub(super) fn leave(&mut self, step: Step) {
        self.leaving = Some(step);
    }

    pub(super) fn leaving(&self) -> Option<Step> {
        self.leaving
    }

    /// True once after a step was opened.
    pub(super) fn take_arrival(&mut self) -> bool {
        std::mem::take(&mut self.arrives)
    }
}
