//! What a remedy's sentences depend on besides the cause: the error's message, the names in the settings, and the audience.

use crate::{
    aws::Arn,
    config::{self, Config, CredentialsSource, DestinationKind},
    delivery::AwsError,
};

/// Who reads a remedy. It decides what the remedy may promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    /// Someone who watches the forwarder, which retries by itself and keeps all events meanwhile.
    Forwarder,
    /// Someone who had one record put. Nothing retries.
    OnePut,
    /// Someone who asked for something that stores no record, such as a check or a new stream. Nothing retries.
    OneCall,
}

/// A promise that only the forwarder keeps.
pub(super) const RETRIES: &str = "Tributary tries again by itself.";
pub(super) const RETRIES_SAFELY: &str = "Tributary tries again by itself, and no event is lost.";
pub(super) const EVENTS_KEPT: &str = "Events are kept until then.";
pub(super) const EVENTS_SAFE: &str = "Events are kept until then, and none is lost.";

pub(super) struct Context<'a> {
    pub(super) audience: Audience,
    pub(super) config: &'a Config,
    pub(super) message: &'a str,
    pub(super) is_practice: bool,
    /// The settings name a URL, perhaps one of AWS such as a VPC endpoint's; never with the practice stream.
    pub(super) has_endpoint_url: bool,
    /// The server is AWS or the practice stream.
    pub(super) is_aws: bool,
    /// `the stream “clicks” in eu-west-1`
    pub(super) stream: String,
    /// `eu-west-1`, or empty.
    region: String,
    /// `https://localhost:4567` without secrets, or `AWS in eu-west-1`
    pub(super) server: String,
    /// `the profile “work”`
    pub(super) keys: String,
    /// Where the keys are, to be said after “the AWS keys”: `of the profile “work”`.
    keys_place: String,
    /// Empty if none was chosen.
    pub(super) profile: String,
}

impl<'a> Context<'a> {
    pub(super) fn new(error: &'a AwsError, config: &'a Config, audience: Audience) -> Self {
        let mut context = Self::of_settings(config, audience);
        context.message = &error.message;
        if let Some((profile, _)) = profile_in(&error.message) {
            context.set_profile(profile);
        }
        context
    }

    /// For sentences that are about no error.
    pub(super) fn of_settings(config: &'a Config, audience: Audience) -> Self {
        let destination = &config.destination;
        let is_practice = destination.kind == DestinationKind::Practice;
        let (region, stream) = match Arn::parse(&destination.stream) {
            Some(arn) => (arn.region, arn.resource_of_type("stream").unwrap_or(arn.resource)),
            None => (destination.region.as_str(), destination.stream.as_str()),
        };
        let in_region = if region.is_empty() { String::new() } else { format!(" in {region}") };
        let stream = match (is_practice, stream) {
            (true, _) => "the practice stream".to_owned(),
            (false, "") => format!("the stream{in_region}"),
            (false, stream) => format!("the stream “{stream}”{in_region}"),
        };
        let url = without_secrets(&destination.endpoint_url).filter(|_| !is_practice);
        let has_endpoint_url = url.is_some();
        let server = match (is_practice, url) {
            (true, _) => "the practice stream".to_owned(),
            (false, Some(url)) => url,
            (false, None) => format!("AWS{in_region}"),
        };
        let keys_place = match config.credentials.source {
            CredentialsSource::Default | CredentialsSource::Profile => "that this computer offers",
            CredentialsSource::Keychain => "in the system keychain",
        };
        let mut context = Self {
            audience,
            config,
            message: "",
            is_practice,
            has_endpoint_url,
            is_aws: is_practice || config::other_server(&destination.endpoint_url).is_none(),
            stream,
            region: region.to_owned(),
            server,
            keys: format!("the AWS keys {keys_place}"),
            keys_place: keys_place.to_owned(),
            profile: String::new(),
        };
        if config.credentials.source == CredentialsSource::Profile {
            context.set_profile(&config.credentials.profile);
        }
        context
    }

    fn set_profile(&mut self, profile: &str) {
        self.keys = format!("the profile “{profile}”");
        self.keys_place = format!("of {}", self.keys);
        profile.clone_into(&mut self.profile);
    }

    /// `promise` is what the forwarder does. Everyone else has to try again.
    pub(super) fn promise(&self, promise: &'static str) -> &'static str {
        match self.audience {
            Audience::Forwarder => promise,
            Audience::OnePut | Audience::OneCall => "Then try again.",
        }
    }

    /// The action if nothing has to be done before a retry.
    pub(super) fn only_retry(&self) -> &'static str {
        match self.audience {
            Audience::Forwarder => "Nothing to do: Tributary tries again by itself, and no event is lost.",
            Audience::OnePut | Audience::OneCall => "Try again in a moment.",
        }
    }

    /// What follows if a record was put and no answer came; begins with a space.
    pub(super) fn may_be_stored(&self) -> &'static str {
        match self.audience {
            Audience::Forwarder => {
                " The record may have been stored all the same: it is sent again, and may then be in the stream twice (with the same messageId)."
            }
            Audience::OnePut => " The record may have been stored all the same: look for it in the stream.",
            Audience::OneCall => "",
        }
    }

    /// `eu-west-1`; `None`: the settings name none.
    pub(super) fn region(&self) -> Option<&str> {
        Some(&*self.region).filter(|region| !region.is_empty())
    }

    /// `eu-west-1`, or `the chosen region`
    pub(super) fn named_region(&self) -> &str {
        self.region().unwrap_or("the chosen region")
    }

    /// The server's name; `AWS` for every address of AWS.
    pub(super) fn who(&self) -> &str {
        if self.is_aws { "AWS" } else { &self.server }
    }

    /// `the AWS keys of the profile “work”`
    pub(super) fn keys_in_place(&self) -> String {
        format!("the AWS keys {}", self.keys_place)
    }

    /// The access key that AWS sees.
    pub(super) fn access_key(&self) -> String {
        match self.role() {
            Some(role) => format!("the access key of {role}"),
            None => format!("the access key {}", self.keys_place),
        }
    }

    /// Where the keys that AWS sees come from: the role's, if one is assumed.
    pub(super) fn signer(&self) -> String {
        self.role().unwrap_or_else(|| self.keys.clone())
    }

    /// `the role arn:…`
    pub(super) fn role(&self) -> Option<String> {
        let role = &self.config.credentials.role_arn;
        (!role.is_empty()).then(|| format!("the role {role}"))
    }
}

/// A message that is about a profile begins with its name, by which the remedy's sentences name it too.
pub fn about_profile(name: &str, text: &str) -> String {
    if name.is_empty() { text.to_owned() } else { format!("profile “{name}”: {text}") }
}

/// The profile that a message is about, and the rest of the message.
pub(super) fn profile_in(message: &str) -> Option<(&str, &str)> {
    message.strip_prefix("profile “")?.split_once("”: ")
}

/// Scheme, host and port of a URL. User names, passwords, paths and queries may be secret.
fn without_secrets(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    (!host.is_empty()).then(|| format!("{scheme}://{host}"))
}
