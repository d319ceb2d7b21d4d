//! The five stages of the pipeline, in the order in which an event passes through them.

/// A stage: one box of the strip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Sources,
    Endpoint,
    Spool,
    Forwarder,
    Destination,
}

impl Stage {
    pub(super) const ALL: [Self; 5] =
        [Self::Sources, Self::Endpoint, Self::Spool, Self::Forwarder, Self::Destination];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Sources => "Sources",
            Self::Endpoint => "Endpoint",
            Self::Spool => "Spool",
            Self::Forwarder => "Forwarder",
            Self::Destination => "Destination",
        }
    }
}
