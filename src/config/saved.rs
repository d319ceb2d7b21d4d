//! Destinations that are kept to switch between: `[[destinations]]`, each with a name and the settings of
//! `[destination]` and `[credentials]` side by side. The one in force stays `[destination]`; switching copies.

use serde::{Deserialize, Serialize};

use super::error::{near_miss, quoted};
use super::keys::{KEYS, Key, Value};
use super::raw::{RawConfig, contradictions_of, settle_arn_of};
use super::rules::check_source_name;
use super::{Config, Credentials, Destination, Origin};

/// A destination under a name of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedDestination {
    /// One line, unlike the others'.
    pub name: String,
    /// Where events would go. Whether delivering is on is no part of it.
    pub destination: Destination,
    /// With which credentials.
    pub credentials: Credentials,
}

impl SavedDestination {
    /// What these settings have, to be kept under a name.
    pub fn of(config: &Config, name: &str) -> Self {
        let destination = Destination { enabled: true, ..config.destination.clone() };
        Self { name: name.to_owned(), destination, credentials: config.credentials.clone() }
    }

    /// Whether these settings have it in force. The account id does not count: it fills itself in.
    pub fn is_in(&self, config: &Config) -> bool {
        let mut other = Self::of(config, &self.name);
        other.destination.account_id.clone_from(&self.destination.account_id);
        *self == other
    }

    /// Puts it in force. Whether delivering is on stays as it is.
    pub fn put_in(&self, config: &mut Config) {
        let enabled = config.destination.enabled;
        config.destination = Destination { enabled, ..self.destination.clone() };
        config.credentials = self.credentials.clone();
    }

    /// As settings of their own.
    pub(super) fn config(&self) -> Config {
        let (destination, credentials) = (self.destination.clone(), self.credentials.clone());
        Config { destination, credentials, ..Config::default() }
    }
}

/// The settings that a saved destination has, by the name they have in its table.
pub(super) fn keys() -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(|key| {
        ["destination", "credentials"].contains(&key.section()) && key.full != "destination.enabled"
    })
}

/// A saved destination as written.
pub(super) struct RawSaved {
    name: Option<Value>,
    settings: Vec<(String, Value, Origin)>,
    origin: Origin,
}

impl RawSaved {
    pub(super) fn new(origin: Origin) -> Self {
        Self { name: None, settings: Vec::new(), origin }
    }

    /// A checked one as if somebody had written it.
    pub(super) fn of(saved: &SavedDestination) -> Self {
        let config = saved.config();
        let settings =
            keys().map(|key| (key.name().to_owned(), (key.get)(&config), Origin::Default)).collect();
        Self { name: Some(Value::Text(saved.name.clone())), settings, origin: Origin::Default }
    }

    fn is_named_as(&self, other: &Self) -> bool {
        self.name.is_some() && self.name == other.name
    }

    pub(super) fn add(&mut self, name: &str, value: Value, origin: Origin) {
        if name == "name" {
            self.name = Some(value);
        } else {
            self.settings.push((name.to_owned(), value, origin));
        }
    }
}

impl RawConfig {
    /// Of the first `count` saved destinations, those go that a later one has the name of.
    pub(super) fn prefer_later_saved(&mut self, count: usize) {
        let later = self.saved.split_off(count.min(self.saved.len()));
        self.saved.retain(|old| !later.iter().any(|new| old.is_named_as(new)));
        self.saved.extend(later);
    }

    /// The saved destinations that are right; what is wrong becomes a problem.
    pub(super) fn checked_saved(&mut self) -> Vec<SavedDestination> {
        let mut checked: Vec<SavedDestination> = Vec::new();
        for raw in std::mem::take(&mut self.saved) {
            let before = self.problems.len();
            let mut config = Config::default();
            for (name, value, origin) in &raw.settings {
                let Some(key) = keys().find(|key| key.name() == name) else {
                    self.problem(origin.clone(), unknown(name));
                    continue;
                };
                if let Err(why) = (key.set)(&mut config, value) {
                    self.problem(origin.clone(), format!("destinations.{name} {why}"));
                }
            }
            let name = match &raw.name {
                Some(Value::Text(name)) => name.clone(),
                Some(Value::Switch(_) | Value::Number(_) | Value::List(_) | Value::Other(_)) | None => {
                    let text = "destinations.name is missing; each saved destination needs a name, in quotes";
                    self.problem(raw.origin, text.to_owned());
                    continue;
                }
            };
            if let Err(why) = check_source_name(&name) {
                let why = why.replace("a source", "a saved destination");
                self.problem(raw.origin.clone(), format!("destinations.name is {}; {why}", quoted(&name)));
            }
            if checked.iter().any(|other| other.name == name) {
                let text = format!(
                    "destinations.name is {}, as of another; each needs a name of its own",
                    quoted(&name)
                );
                self.problem(raw.origin.clone(), text);
            }
            settle_arn_of(&mut config);
            if self.problems.len() == before {
                for text in contradictions_of(&config) {
                    self.problem(
                        raw.origin.clone(),
                        format!("of the saved destination {}: {text}", quoted(&name)),
                    );
                }
            }
            if self.problems.len() == before {
                checked.push(SavedDestination {
                    name,
                    destination: config.destination,
                    credentials: config.credentials,
                });
            }
        }
        checked
    }
}

fn unknown(name: &str) -> String {
    let allowed: Vec<&str> = std::iter::once("name").chain(keys().map(Key::name)).collect();
    match near_miss(name, allowed.iter().copied()) {
        Some(near) => format!("destinations.{} is not a setting; did you mean `{near}`?", quoted(name)),
        None => format!("destinations.{} is not a setting; allowed: {}", quoted(name), allowed.join(", ")),
    }
}
