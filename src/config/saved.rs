//! `[[destinations]]`: destinations to switch to, each with a name and the settings of `[destination]` (except `enabled`) and
//! `[credentials]` side by side. The one in force is `[destination]`; switching copies.

use serde::{Deserialize, Serialize};

use super::credentials::Credentials;
use super::destination::Destination;
use super::entry::{Listing, RawEntry};
use super::error::{Problem, quoted};
use super::setting::{Contradiction, Setting, Value};

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

const LISTING: Listing = Listing { key: "destinations", one: "a saved destination" };

/// The destination; `None` after a mistake, which becomes a problem.
fn checked_one(
    raw: &RawEntry,
    others: &[SavedDestination],
    problems: &mut Vec<Problem>,
) -> Option<SavedDestination> {
    let mut saved = SavedDestination::default();
    let names: Vec<&str> = others.iter().map(|other| &*other.name).collect();
    let name = raw.put_into(&mut saved.settings(), &LISTING, &names, problems)?;
    saved.destination.fill_in_from_arn(|_| false);
    let contradictions: Vec<_> = saved
        .destination
        .contradictions()
        .into_iter()
        .chain(saved.credentials.contradictions(&saved.destination))
        // Variables and flags give nothing to saved destinations, so how to give what is missing is not said.
        .map(|Contradiction { text, .. }| {
            Problem::new(raw.origin.clone(), format!("of the saved destination {}: {text}", quoted(&name)))
        })
        .collect();
    let is_right = contradictions.is_empty();
    problems.extend(contradictions);
    is_right.then_some(SavedDestination { name, ..saved })
}

/// The saved destinations that are right; the others become problems.
pub(super) fn checked(raw: &[RawEntry], problems: &mut Vec<Problem>) -> Vec<SavedDestination> {
    let mut checked = Vec::new();
    for raw in raw {
        checked.extend(checked_one(raw, &checked, problems));
    }
    checked
}
