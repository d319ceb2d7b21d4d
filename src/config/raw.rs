//! Settings as written, from every place, before they are checked.
//!
//! Every value is checked, also one that a stronger place overrides: a mistake stays a mistake.

use std::collections::BTreeMap;

use super::alert;
use super::entry::RawEntry;
use super::error::{Error, Origin, Problem};
use super::saved;
use super::setting::Value;
use super::settings::{Config, names};
use super::source::{self, RawSource};

/// The settings that a variable or a flag decided.
pub(super) type Held = Vec<(&'static str, Origin)>;

struct Written {
    name: &'static str,
    value: Value,
    origin: Origin,
}

/// The values written on top of existing settings (`base`). Weaker places are added before stronger ones.
pub(super) struct RawConfig {
    base: Config,
    written: Vec<Written>,
    pub(super) sources: Vec<RawSource>,
    pub(super) saved: Vec<RawEntry>,
    pub(super) alerts: Vec<RawEntry>,
    problems: Vec<Problem>,
}

/// The place that decided each setting; those that were not written are absent.
type Origins = BTreeMap<&'static str, Origin>;

impl RawConfig {
    /// With nothing written yet. The existing settings are checked too, as if somebody had written them.
    pub(super) fn over(base: Config) -> Self {
        let sources = base.capture.sources.iter();
        Self {
            sources: sources
                .map(|source| RawSource { source: source.clone(), origin: Origin::Default })
                .collect(),
            saved: base.destinations.iter().map(|saved| RawEntry::of(&saved.name, saved.values())).collect(),
            alerts: base.alerts.iter().map(|alert| RawEntry::of(&alert.name, alert.values())).collect(),
            base,
            written: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// Adds a value; `false` if there is no such setting.
    pub(super) fn add(&mut self, name: &str, value: Value, origin: Origin) -> bool {
        let Some(name) = names().find(|known| *known == name) else { return false };
        self.written.push(Written { name, value, origin });
        true
    }

    pub(super) fn problem(&mut self, origin: Origin, text: impl Into<String>) {
        self.problems.push(Problem::new(origin, text));
    }

    /// Checks everything; also says which settings a variable or a flag decided.
    pub(super) fn checked(mut self) -> Result<(Config, Held), Error> {
        let (mut config, origins) = self.values();
        let origin = |name: &str| origins.get(name).cloned().unwrap_or(Origin::Default);
        config.destination.fill_in_from_arn(|name| origin("destination.stream").beats(&origin(name)));
        // A value with a mistake is missing in `config`, so contradictions are looked for only if there are none.
        if self.problems.is_empty() {
            for found in config.contradictions() {
                self.problem(origin(found.setting), found.text + &found.how_to_give);
            }
        }
        let config = self.without_problems(config)?;
        Ok((config, origins.into_iter().filter(|(_, origin)| origin.is_outside_file()).collect()))
    }

    /// Checks each value alone: a file may leave it to the environment to complete it.
    pub(super) fn checked_values(mut self) -> Result<Config, Error> {
        let (config, _) = self.values();
        self.without_problems(config)
    }

    /// The settings without the values that have a mistake.
    pub(super) fn right_values(mut self) -> Config {
        self.values().0
    }

    fn values(&mut self) -> (Config, Origins) {
        let mut config = self.base.clone();
        let mut origins = Origins::new();
        let mut settings = config.settings();
        for setting in &mut settings {
            if let Err(why) = setting.check() {
                self.problems.push(Problem::new(Origin::Default, format!("{} {why}", setting.name)));
            }
        }
        for Written { name, value, origin } in std::mem::take(&mut self.written) {
            let setting = settings.iter_mut().find(|setting| setting.name == name);
            if let Some(Err(why)) = setting.map(|setting| setting.put(&value)) {
                let text = format!("{} {why}", origin.subject(name));
                self.problems.push(Problem::new(origin.clone(), text));
            }
            origins.insert(name, origin);
        }
        drop(settings);
        config.capture.sources = source::checked(std::mem::take(&mut self.sources), &mut self.problems);
        config.destinations = saved::checked(&std::mem::take(&mut self.saved), &mut self.problems);
        config.alerts = alert::checked(&std::mem::take(&mut self.alerts), &mut self.problems);
        (config, origins)
    }

    fn without_problems(mut self, config: Config) -> Result<Config, Error> {
        if self.problems.is_empty() {
            return Ok(config);
        }
        self.problems.sort_by(|a, b| a.origin.cmp(&b.origin));
        Err(Error::Invalid(self.problems))
    }
}

/// Whether these settings could be loaded: for settings that were put together in the window.
pub fn check(config: &Config) -> Result<(), Error> {
    RawConfig::over(config.clone()).checked().map(|_| ())
}
