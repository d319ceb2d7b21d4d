//! What is decided or found on this computer, in the spool or on its disk.

use super::{
    class::Class,
    text::{Location, Remedy},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spool {
    /// The event's bytes are not what was accepted.
    Damaged,
    Unreadable,
    /// The event was accepted before.
    Repeat,
    /// The destination was changed.
    SetAside,
    /// The destination kept refusing the event.
    SetAsideAsRefused,
}

impl Spool {
    pub(super) fn class(self) -> Class {
        match self {
            Self::Unreadable => Class::Blocked,
            Self::Damaged | Self::Repeat | Self::SetAside | Self::SetAsideAsRefused => Class::Refused,
        }
    }

    pub(super) fn remedy(self) -> Remedy {
        match self {
            Self::Damaged => Remedy::new(
                "The event's bytes in the spool file are not what was accepted.",
                "The file was damaged: by a failing disk, or by another program.",
                "Check the disk, and run `tributary doctor`. The log still has the event's other data; its sender may still have the event.",
            ),
            Self::Unreadable => Remedy::new(
                "The next events cannot be read from the spool.",
                "The disk or the spool file has a fault. Events are still accepted as long as the disk takes them.",
                "Check the disk and its free space; Tributary tries again every second. If that does not help, stop it and \
                 run `tributary doctor`, which recovers what can be read and deletes nothing.",
            )
            .at(Location::Settings),
            Self::Repeat => Remedy::new(
                "This event was accepted before.",
                "Its sender sent the same messageId again, as SDKs do when an answer was lost, and capture.drop_repeats is \
                 on.",
                "Nothing to do: the first one was accepted and is forwarded.",
            )
            .at(Location::Settings),
            Self::SetAsideAsRefused => Remedy::new(
                "This event was set aside because the destination kept refusing it.",
                "It accepted other events at the same time, so the cause is in this event. The error message has its answer.",
                "Check the event and the error message. You can resend it in Live or with `tributary resend`.",
            )
            .at(Location::Live),
            Self::SetAside => Remedy::new(
                "This event was set aside when the destination was changed.",
                "It was queued for the previous destination, and you chose not to send it to the new one.",
                "Resend this event to send it to the current destination: in Live, or with `tributary resend`.",
            )
            .at(Location::Live),
        }
    }
}
