//! The places of the window: five in the rail, and the settings behind their gear.

use lucide_icons::Icon;
use serde::{Deserialize, Serialize};

use crate::remedy;

/// A place of the window. One is open at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Place {
    #[default]
    SetUp,
    Sources,
    Test,
    Live,
    Stream,
    Settings,
}

impl Place {
    /// The places in the rail, from top to bottom.
    pub(super) const RAIL: [Self; 5] = [Self::SetUp, Self::Sources, Self::Test, Self::Live, Self::Stream];

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::SetUp => "Set up",
            Self::Sources => "Sources",
            Self::Test => "Test",
            Self::Live => "Live",
            Self::Stream => "Stream",
            Self::Settings => "Settings",
        }
    }

    pub(super) const fn icon(self) -> Icon {
        match self {
            Self::SetUp => Icon::Route,
            Self::Sources => Icon::Plug,
            Self::Test => Icon::FlaskConical,
            Self::Live => Icon::Activity,
            Self::Stream => Icon::Waves,
            Self::Settings => Icon::Settings,
        }
    }
}

/// A part of Set up that can be scrolled to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Stream,
    Credentials,
    Policy,
    Format,
}

/// Where in this window a remedy sends the user.
pub(super) fn of_remedy(place: remedy::Location) -> (Place, Option<Section>) {
    match place {
        remedy::Location::SetUpStream => (Place::SetUp, Some(Section::Stream)),
        remedy::Location::SetUpCredentials => (Place::SetUp, Some(Section::Credentials)),
        remedy::Location::SetUpPolicy => (Place::SetUp, Some(Section::Policy)),
        remedy::Location::SetUpFormat => (Place::SetUp, Some(Section::Format)),
        remedy::Location::Sources => (Place::Sources, None),
        remedy::Location::PracticeFaults => (Place::Test, None),
        remedy::Location::Live => (Place::Live, None),
        remedy::Location::Settings => (Place::Settings, None),
    }
}
