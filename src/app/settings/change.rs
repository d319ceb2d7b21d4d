//! A change of settings that is being saved or was saved last, and the way back.

use crate::config::{self, Config};

/// One or two settings that were saved together: name and text.
pub(super) type Values = Vec<(&'static str, String)>;

pub(super) struct Change {
    /// The name of the setting on the page.
    pub name: &'static str,
    pub before: Values,
    pub after: Values,
    /// It took back the change before it.
    pub is_undo: bool,
}

impl Change {
    /// The settings with these keys, as they are now and as `new` has them.
    pub(super) fn between(
        name: &'static str,
        keys: impl Iterator<Item = &'static str>,
        (now, new): (&Config, &Config),
    ) -> Self {
        let values = |key| (config::value_text(now, key), config::value_text(new, key));
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for key in keys {
            let (old, new) = values(key);
            before.push((key, old));
            after.push((key, new));
        }
        Self { name, before, after, is_undo: false }
    }

    /// The change that takes this one back.
    pub(super) fn undone(&self) -> Self {
        Self { name: self.name, before: self.after.clone(), after: self.before.clone(), is_undo: true }
    }

    /// The settings with this change.
    pub(super) fn made_in(&self, config: &Config) -> Result<Config, String> {
        let values: Vec<_> = self.after.iter().map(|(key, text)| (*key, &**text)).collect();
        config::with_values(config, &values)
    }

    /// Whether the settings have this change.
    pub(super) fn is_in(&self, config: &Config) -> bool {
        self.after.iter().all(|(key, text)| config::value_text(config, key) == *text)
    }
}
