//! The parts of a remedy: its text, the place in the app where the user can act, and the sign-in that mends it.

use serde::{Deserialize, Serialize};

use crate::shell;

/// Where in the app the user can act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Location {
    /// Set up: region and stream.
    SetUpStream,
    /// Set up: where the AWS keys come from.
    SetUpCredentials,
    /// Set up: what the keys may do.
    SetUpPolicy,
    /// Set up: how an event becomes a record.
    SetUpFormat,
    /// The endpoint, the write keys and the snippets.
    Sources,
    /// The switches of the practice stream's faults.
    PracticeFaults,
    /// The delivery log.
    Live,
    /// Everything else that can be set.
    Settings,
}

impl Location {
    /// Its name on screen, as a way to go there.
    pub fn title(self) -> &'static str {
        match self {
            Self::SetUpStream => "Set up › Stream",
            Self::SetUpCredentials => "Set up › Keys",
            Self::SetUpPolicy => "Set up › Permission",
            Self::SetUpFormat => "Set up › Format",
            Self::Sources => "Sources",
            Self::PracticeFaults => "Test › Practice faults",
            Self::Live => "Live",
            Self::Settings => "Settings",
        }
    }
}

/// An error in plain words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// What happened, in one line.
    pub what: String,
    /// Why it happens.
    pub why: String,
    /// What to do now. If there is nothing to do, it says so.
    pub action: String,
    /// Where in the app to do it.
    pub location: Option<Location>,
    /// A page of AWS that says more.
    pub link: Option<&'static str>,
    /// The sign-in that mends it.
    pub sign_in: Option<SignIn>,
}

impl Remedy {
    pub(super) fn new(what: impl Into<String>, why: impl Into<String>, action: impl Into<String>) -> Self {
        Self {
            what: capitalised(what.into()),
            why: capitalised(why.into()),
            action: action.into(),
            location: None,
            link: None,
            sign_in: None,
        }
    }

    pub(super) fn at(self, location: Location) -> Self {
        Self { location: Some(location), ..self }
    }

    pub(super) fn see(self, link: &'static str) -> Self {
        Self { link: Some(link), ..self }
    }

    pub(super) fn sign_in(self, sign_in: SignIn) -> Self {
        Self { sign_in: Some(sign_in), ..self }
    }

    /// Removes links to places that the practice stream does not need: keys, a policy, settings of a stream.
    pub(super) fn for_practice(self) -> Self {
        let location = match self.location {
            Some(Location::SetUpStream | Location::SetUpCredentials | Location::SetUpPolicy) | None => None,
            Some(
                location @ (Location::SetUpFormat
                | Location::Sources
                | Location::PracticeFaults
                | Location::Live
                | Location::Settings),
            ) => Some(location),
        };
        Self { location, link: None, sign_in: None, ..self }
    }

    /// Whether its text refers to the error message, which must then be shown beside it.
    pub fn speaks_of_message(&self) -> bool {
        [&self.why, &self.action].into_iter().any(|text| text.contains("error message"))
    }
}

/// Names such as `the stream …` may begin a sentence.
pub(super) fn capitalised(text: String) -> String {
    match text.strip_prefix("the ") {
        Some(rest) => format!("The {rest}"),
        None => text,
    }
}

/// A sign-in that a person makes with the AWS CLI.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    /// Empty: the default one.
    pub profile: String,
    /// What the profile signs in with.
    pub with: SignInWith,
}

/// What a profile signs in with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignInWith {
    /// AWS IAM Identity Center: `aws sso login`.
    Sso,
    /// The AWS console's own sign-in: `aws login`.
    Login,
}

impl SignIn {
    /// The words after `aws`.
    pub fn words(&self) -> &'static [&'static str] {
        match self.with {
            SignInWith::Sso => &["sso", "login"],
            SignInWith::Login => &["login"],
        }
    }

    /// The command, for any shell.
    pub fn command(&self) -> String {
        let profile = if self.profile.is_empty() || self.profile == "default" {
            String::new()
        } else {
            format!(" --profile {}", shell::word_of_any_shell(&self.profile))
        };
        format!("aws {}{profile}", self.words().join(" "))
    }
}
