//! `[[destinations]]`: destinations to switch to, each with a name and the settings of `[destination]` (except `enabled`) and
//! `[credentials]` side by side. The one in force is `[destination]`; switching copies.

use serde::{Deserialize, Serialize};

use super::credentials::Credentials;
use super::destination::Destination;
use super::error::{Origin, Problem, near_miss, quoted};
use super::setting::{Contradiction, Setting, Value};
use super::source::check_source_name;

/// A destination with a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedDestination {
    /// One line, and no other's name.
    pub name: String,
    /// Where events would go. Its `enabled` means nothing, and is true.
    pub destination: Destination,
    /// With which credentials.
    pub credentials: Credentials,
}

impl SavedDestination {
    /// Its settings except the name, with the names that they have in `[destination]` and `[credentials]`.
    pub(super) fn settings(&mut self) -> Vec<Setting<'_>> {
        let mut settings = self.destination.settings();
        settings.retain(|setting| setting.name != "destination.enabled");
        settings.extend(self.credentials.settings());
        settings
    }

    /// The key in its table and the value of each setting except the name.
    pub(super) fn values(&self) -> Vec<(&'static str, Value)> {
        let mut copy = self.clone();
        copy.settings().into_iter().map(|setting| (setting.key(), setting.value)).collect()
    }

    /// The values that differ from another's.
    pub(super) fn values_unlike(&self, other: &Self) -> impl Iterator<Item = (&'static str, Value)> {
        self.values().into_iter().zip(other.values()).filter(|(now, was)| now != was).map(|(now, _)| now)
    }
}

/// A saved destination before its check.
pub(super) struct RawSaved {
    pub(super) name: Option<Value>,
    /// Key, value and place of each.
    pub(super) settings: Vec<(String, Value, Origin)>,
    pub(super) origin: Origin,
}

impl RawSaved {
    /// A saved destination of settings at hand.
    pub(super) fn of(saved: &SavedDestination) -> Self {
        let values = saved.values().into_iter();
        Self {
            name: Some(Value::text(&saved.name)),
            settings: values.map(|(key, value)| (key.to_owned(), value, Origin::Default)).collect(),
            origin: Origin::Default,
        }
    }

    /// The destination; `None` after a mistake, which becomes a problem.
    fn checked(self, others: &[SavedDestination], problems: &mut Vec<Problem>) -> Option<SavedDestination> {
        let problems_before = problems.len();
        let mut problem = |origin: &Origin, text: String| problems.push(Problem::new(origin.clone(), text));
        let mut saved = SavedDestination::default();
        let mut settings = saved.settings();
        for (key, value, origin) in &self.settings {
            match settings.iter_mut().find(|setting| setting.key() == key) {
                None => problem(origin, unknown(key, &settings)),
                Some(setting) => {
                    if let Err(why) = setting.put(value) {
                        problem(origin, format!("destinations.{key} {why}"));
                    }
                }
            }
        }
        drop(settings);
        let Some(Value::Text(name)) = self.name else {
            let text = "destinations.name is missing; each saved destination needs a name, in quotes";
            problem(&self.origin, text.to_owned());
            return None;
        };
        let shown = quoted(&name);
        if let Err(why) = check_source_name(&name) {
            let why = why.to_string().replace("a source", "a saved destination");
            problem(&self.origin, format!("destinations.name is {shown}; {why}"));
        }
        if others.iter().any(|other| other.name == name) {
            let text = format!("destinations.name is {shown}, as of another; each needs a name of its own");
            problem(&self.origin, text);
        }
        saved.destination.fill_in_from_arn(|_| false);
        if problems.len() == problems_before {
            // Variables and flags give nothing to saved destinations, so how to give what is missing is not said.
            let found = saved.destination.contradictions().into_iter();
            for Contradiction { text, .. } in
                found.chain(saved.credentials.contradictions(&saved.destination))
            {
                let text = format!("of the saved destination {shown}: {text}");
                problems.push(Problem::new(self.origin.clone(), text));
            }
        }
        (problems.len() == problems_before).then_some(SavedDestination { name, ..saved })
    }
}

/// The saved destinations that are right; the others become problems.
pub(super) fn checked(raw: Vec<RawSaved>, problems: &mut Vec<Problem>) -> Vec<SavedDestination> {
    let mut checked = Vec::new();
    for raw in raw {
        checked.extend(raw.checked(&checked, problems));
    }
    checked
}

fn unknown(key: &str, settings: &[Setting]) -> String {
    let allowed: Vec<_> = std::iter::once("name").chain(settings.iter().map(Setting::key)).collect();
    let shown = quoted(key);
    match near_miss(key, allowed.iter().copied()) {
        Some(near) => format!("destinations.{shown} is not a setting; did you mean `{near}`?"),
        None => format!("destinations.{shown} is not a setting; allowed: {}", allowed.join(", ")),
    }
}
