//! What was written, by all who wrote, before it is believed: `RawConfig` → `Config`.
//!
//! Every value is checked, also one that a stronger place overrides: a mistake stays a mistake.

use std::collections::BTreeMap;
use std::fmt;

use super::error::{near_miss, quoted};
use super::keys::{KEYS, Key, SECTIONS, Value, key};
use super::paths::{CONFIG_VARIABLE, DATA_DIR_VARIABLE, Environment};
use super::rules::{StreamArn, check_role_in};
use super::saved::RawSaved;
use super::sources::{RawSource, WRITE_KEY_VARIABLE};
use super::{Config, CredentialsSource, DestinationKind, Error, Origin, Problem};
use crate::event::{Aggregation, Encoding};

/// What the flags of the command line say; a flag that was not given is `None`.
#[derive(Clone, Default)]
pub struct Overrides {
    /// `--practice`
    pub practice: bool,
    /// `--region`; without `--practice` means kind `kinesis`.
    pub region: Option<String>,
    /// `--stream`; without `--practice` means kind `kinesis`.
    pub stream: Option<String>,
    /// `--account-id`
    pub account_id: Option<String>,
    /// `--operation`
    pub operation: Option<String>,
    /// `--encoding`
    pub encoding: Option<String>,
    /// `--aggregation`
    pub aggregation: Option<String>,
    /// `--endpoint-url`; without `--practice` means kind `kinesis`.
    pub endpoint_url: Option<String>,
    /// `--profile`; means source `profile`.
    pub profile: Option<String>,
    /// `--role-arn`
    pub role_arn: Option<String>,
    /// `--external-id`
    pub external_id: Option<String>,
    /// `--listen`
    pub listen: Option<String>,
    /// `--write-key`, each one more source beside those of the file. Secrets: `Debug` does not show them.
    pub write_keys: Vec<String>,
}

impl fmt::Debug for Overrides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Overrides").finish_non_exhaustive()
    }
}

struct Setting {
    key: &'static Key,
    value: Value,
    origin: Origin,
}

/// Settings as written, weakest first.
#[derive(Default)]
pub(super) struct RawConfig {
    settings: Vec<Setting>,
    pub(super) sources: Vec<RawSource>,
    pub(super) saved: Vec<RawSaved>,
    pub(super) problems: Vec<Problem>,
}

/// Who had the last word on each setting; settings nobody wrote are absent.
type Origins = BTreeMap<&'static str, Origin>;

/// The settings that a variable or a flag decided.
type Held = Vec<(&'static str, Origin)>;

impl RawConfig {
    /// Checked settings as if somebody had written them.
    pub(super) fn of(config: &Config) -> Self {
        let mut raw = Self::default();
        for key in &KEYS {
            raw.settings.push(Setting { key, value: (key.get)(config), origin: Origin::Default });
        }
        raw.sources = config.capture.sources.iter().map(RawSource::of).collect();
        raw.saved = config.destinations.iter().map(RawSaved::of).collect();
        raw
    }

    pub(super) fn add(&mut self, key: &'static Key, value: Value, origin: Origin) {
        self.settings.push(Setting { key, value, origin });
    }

    pub(super) fn problem(&mut self, origin: Origin, text: String) {
        self.problems.push(Problem { origin, text });
    }

    /// Takes the `TRIBUTARY_<SECTION>_<KEY>` variables; one that is nearly right is an error.
    pub(super) fn environment(&mut self, environment: &Environment) {
        let defaults = Config::default();
        for (name, value) in environment.iter() {
            if name == CONFIG_VARIABLE || name == DATA_DIR_VARIABLE {
                continue;
            }
            let origin = Origin::Variable(name.to_owned());
            let known = KEYS.iter().find(|key| key.variable() == name);
            if known.is_none() && name != WRITE_KEY_VARIABLE {
                if let Some(text) = unknown_variable(name) {
                    self.problem(origin, text);
                }
                continue;
            }
            let Some(value) = value.to_str() else {
                self.problem(origin, format!("{name} is not UTF-8 text"));
                continue;
            };
            match known {
                Some(key) => self.add(key, (key.get)(&defaults).meant_by(value), origin),
                None => self.sources.push(RawSource::new("Environment", value, origin)),
            }
        }
    }

    /// Takes the flags.
    pub(super) fn overrides(&mut self, flags: &Overrides) {
        let given: [(&'static str, &str, Option<&String>); 11] = [
            ("--region", "destination.region", flags.region.as_ref()),
            ("--stream", "destination.stream", flags.stream.as_ref()),
            ("--account-id", "destination.account_id", flags.account_id.as_ref()),
            ("--operation", "destination.operation", flags.operation.as_ref()),
            ("--encoding", "destination.encoding", flags.encoding.as_ref()),
            ("--aggregation", "destination.aggregation", flags.aggregation.as_ref()),
            ("--endpoint-url", "destination.endpoint_url", flags.endpoint_url.as_ref()),
            ("--profile", "credentials.profile", flags.profile.as_ref()),
            ("--role-arn", "credentials.role_arn", flags.role_arn.as_ref()),
            ("--external-id", "credentials.external_id", flags.external_id.as_ref()),
            ("--listen", "capture.listen", flags.listen.as_ref()),
        ];
        for (flag, full, value) in given {
            if let Some(value) = value {
                self.flag(flag, full, value);
            }
        }
        // What a flag implies is said in its name, so that a mistake points to it.
        let destination = given.iter().find(|(flag, _, value)| {
            matches!(*flag, "--region" | "--stream" | "--endpoint-url") && value.is_some()
        });
        match (flags.practice, destination) {
            (true, _) => self.flag("--practice", "destination.kind", DestinationKind::Practice.as_str()),
            (false, Some((flag, _, _))) => {
                self.flag(flag, "destination.kind", DestinationKind::Kinesis.as_str());
            }
            (false, None) => {}
        }
        if flags.profile.is_some() {
            self.flag("--profile", "credentials.source", CredentialsSource::Profile.as_str());
        }
        for write_key in &flags.write_keys {
            let origin = Origin::Flag("--write-key");
            self.sources.push(RawSource::new("Command line", write_key, origin));
        }
    }

    fn flag(&mut self, flag: &'static str, full: &str, value: &str) {
        if let Some(key) = key(full) {
            self.add(key, Value::Text(value.to_owned()), Origin::Flag(flag));
        }
    }

    /// Checks everything; also says which settings a variable or a flag decided.
    pub(super) fn check(mut self) -> Result<(Config, Held), Error> {
        let (mut config, origins) = self.values();
        settle_arn(&mut config, &origins);
        // A value that was refused above would look missing here, so whole settings are judged without such.
        if self.problems.is_empty() {
            self.problems = contradictions(&config, &origins);
        }
        let config = refuse(self.problems, config)?;
        let held =
            origins.into_iter().filter(|(_, who)| matches!(who, Origin::Variable(_) | Origin::Flag(_)));
        Ok((config, held.collect()))
    }

    /// Checks each value for itself: a file may leave to the environment what makes it whole.
    pub(super) fn check_values(mut self) -> Result<Config, Error> {
        let (config, _) = self.values();
        refuse(self.problems, config)
    }

    /// What is right of it.
    pub(super) fn right_values(mut self) -> Config {
        self.values().0
    }

    fn values(&mut self) -> (Config, Origins) {
        let mut config = Config::default();
        let mut origins = Origins::new();
        for Setting { key, value, origin } in std::mem::take(&mut self.settings) {
            if let Err(why) = (key.set)(&mut config, &value) {
                let text = format!("{} {why}", origin.subject(key.full));
                self.problem(origin.clone(), text);
            }
            origins.insert(key.full, origin);
        }
        config.capture.sources = self.checked_sources();
        config.destinations = self.checked_saved();
        (config, origins)
    }
}

fn refuse(mut problems: Vec<Problem>, config: Config) -> Result<Config, Error> {
    if problems.is_empty() {
        return Ok(config);
    }
    problems.sort_by(|a, b| a.origin.cmp(&b.origin));
    Err(Error::Invalid(problems))
}

fn origin_of(origins: &Origins, full: &str) -> Origin {
    origins.get(full).cloned().unwrap_or(Origin::Default)
}

/// The same for settings that nobody overrides.
pub(super) fn settle_arn_of(config: &mut Config) {
    settle_arn(config, &Origins::new());
}

/// The contradictions of settings that come from one place.
pub(super) fn contradictions_of(config: &Config) -> Vec<String> {
    // Variables and flags give nothing to these.
    let words = |problem: Problem| match problem.text.split_once(": give it in the settings file") {
        Some((what, _)) => what.to_owned(),
        None => problem.text,
    };
    contradictions(config, &Origins::new()).into_iter().map(words).collect()
}

/// A stream's ARN also says region and account: it fills in what is empty, and beats what a weaker place said.
fn settle_arn(config: &mut Config, origins: &Origins) {
    let destination = &mut config.destination;
    let Ok(arn) = StreamArn::parse(&destination.stream) else { return };
    let stream_origin = origin_of(origins, "destination.stream");
    let weaker = |full: &str| stream_origin.beats(&origin_of(origins, full));
    if destination.region.is_empty() || weaker("destination.region") {
        arn.region.clone_into(&mut destination.region);
    }
    if destination.account_id.is_empty() || weaker("destination.account_id") {
        arn.account_id.clone_into(&mut destination.account_id);
    }
}

/// Values that are right alone and wrong together.
fn contradictions(config: &Config, origins: &Origins) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut say =
        |full: &str, text: String| problems.push(Problem { origin: origin_of(origins, full), text });
    let destination = &config.destination;
    if destination.kind == DestinationKind::Kinesis {
        let needed = [("region", &destination.region), ("stream", &destination.stream)];
        for (name, _) in needed.into_iter().filter(|(_, value)| value.is_empty()) {
            let variable = name.to_uppercase();
            let note = if name == "region" {
                " (AWS_REGION and a profile's region are not read for it)"
            } else {
                ""
            };
            let text = format!(
                "destination.{name} is missing, and kind \"kinesis\" needs it: \
                 give it in the settings file, as TRIBUTARY_DESTINATION_{variable} or with --{name}{note}"
            );
            say("destination.kind", text);
        }
        if let Ok(arn) = StreamArn::parse(&destination.stream) {
            let pairs = [
                ("region", arn.region, &destination.region),
                ("account_id", arn.account_id, &destination.account_id),
            ];
            for (name, in_arn, given) in pairs.into_iter().filter(|(_, in_arn, given)| in_arn != given) {
                let text = format!(
                    "destination.{name} is {given:?} but the stream's ARN says {in_arn:?}; \
                     make them equal, or leave {name} empty"
                );
                say(&format!("destination.{name}"), text);
            }
        }
    }
    if destination.aggregation == Aggregation::Lines && destination.encoding != Encoding::JsonLines {
        let text = format!(
            "destination.aggregation is \"lines\", which needs the encoding \"json-lines\", and destination.encoding is \
             {:?}: make it \"json-lines\", or aggregation \"kpl\" or \"none\"",
            destination.encoding.as_str()
        );
        say("destination.aggregation", text);
    }
    let credentials = &config.credentials;
    // Another server than AWS makes its own rules.
    if destination.kind == DestinationKind::Kinesis
        && destination.endpoint_url.is_empty()
        && let Err(why) = check_role_in(&credentials.role_arn, &destination.region)
    {
        say("credentials.role_arn", format!("credentials.role_arn is of another part of AWS: {why}"));
    }
    if credentials.source == CredentialsSource::Profile && credentials.profile.is_empty() {
        let text = "credentials.profile is missing, and source \"profile\" needs it: \
                    give it in the settings file, as TRIBUTARY_CREDENTIALS_PROFILE or with --profile";
        say("credentials.source", text.to_owned());
    }
    let capture = &config.capture;
    for (given, missing) in [("tls_cert", "tls_key"), ("tls_key", "tls_cert")] {
        let is_empty =
            |name| if name == "tls_cert" { capture.tls_cert.is_empty() } else { capture.tls_key.is_empty() };
        if !is_empty(given) && is_empty(missing) {
            let text = format!(
                "capture.{missing} is missing, and capture.{given} needs it: give both for https, or none"
            );
            say(&format!("capture.{given}"), text);
        }
    }
    problems
}

/// What is wrong with a `TRIBUTARY_` variable that is no setting, or `None` where it may belong to somebody else.
fn unknown_variable(name: &str) -> Option<String> {
    let all: Vec<String> = KEYS.iter().map(Key::variable).chain([WRITE_KEY_VARIABLE.to_owned()]).collect();
    if name.starts_with("TRIBUTARY_CAPTURE_SOURCES") {
        return Some(format!("{name} is not a setting; {WRITE_KEY_VARIABLE} gives one more source"));
    }
    let bare = name.strip_prefix("TRIBUTARY_").unwrap_or(name);
    let others = [CONFIG_VARIABLE, DATA_DIR_VARIABLE];
    let names = all.iter().map(String::as_str).chain(others);
    if let Some(near) = near_miss(bare, names.filter_map(|name| name.strip_prefix("TRIBUTARY_"))) {
        return Some(format!("{} is not a setting; did you mean `TRIBUTARY_{near}`?", shown_name(name)));
    }
    let of_section = |section: &&&str| bare.starts_with(&format!("{}_", section.to_uppercase()));
    let section = SECTIONS.iter().find(of_section)?.to_uppercase();
    let prefix = format!("TRIBUTARY_{section}_");
    let allowed: Vec<&str> =
        all.iter().map(String::as_str).filter(|name| name.starts_with(&prefix)).collect();
    Some(format!("{} is not a setting; allowed: {}", shown_name(name), allowed.join(", ")))
}

/// A variable's name can hold anything; a usual one needs no quotes.
fn shown_name(name: &str) -> String {
    let usual = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.chars().all(usual) { name.to_owned() } else { quoted(name) }
}
