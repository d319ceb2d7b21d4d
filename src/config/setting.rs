//! One setting by name: its value as it is written, and how a new value is checked and put in its place.
//!
//! Each section of the settings file lists its own (`Destination::settings` and so on). File, variables, flags, saving and
//! showing all go through these lists, so a new setting needs no other code.

use std::ops::RangeInclusive;

use super::error::{RuleError, quoted};

/// A value as written.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Switch(bool),
    Number(u64),
    List(Vec<String>),
    /// What no setting takes, described: "a date or time".
    Other(&'static str),
}

impl Value {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// What a variable's text means for a setting that has the value `self`; text that does not fit stays text, and is
    /// refused later.
    pub(super) fn meant_by(&self, text: &str) -> Self {
        let meant = match self {
            Self::Text(_) | Self::Other(_) => None,
            Self::List(_) => {
                let parts = text.split([',', ' ']).filter(|part| !part.is_empty());
                Some(Self::List(parts.map(str::to_owned).collect()))
            }
            Self::Switch(_) => text.parse().ok().map(Self::Switch),
            Self::Number(_) => text.parse().ok().map(Self::Number),
        };
        meant.unwrap_or_else(|| Self::text(text))
    }

    /// The value in a settings file. Numbers are at most `i64::MAX`: every rule refuses larger ones.
    pub(super) fn to_toml(&self) -> toml_edit::Value {
        match self {
            Self::Text(text) => text.into(),
            Self::Switch(on) => (*on).into(),
            Self::Number(number) => i64::try_from(*number).unwrap_or(i64::MAX).into(),
            Self::List(texts) => texts.iter().collect::<toml_edit::Array>().into(),
            Self::Other(what) => (*what).into(),
        }
    }

    /// The value in a message.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Text(text) => quoted(text),
            Self::Switch(on) => on.to_string(),
            Self::Number(number) => number.to_string(),
            Self::List(_) => "a list".to_owned(),
            Self::Other(what) => (*what).to_owned(),
        }
    }

    /// The text; the setting takes nothing else.
    pub(super) fn as_text(&self) -> Result<&str, RuleError> {
        let shown = self.shown();
        let allowed = match self {
            Self::Text(text) => return Ok(text),
            Self::Switch(_) | Self::Number(_) => format!("it must be text in quotes: \"{shown}\""),
            Self::List(_) | Self::Other(_) => "it must be text in quotes".to_owned(),
        };
        Err(RuleError::new(format!("is {shown}"), allowed))
    }
}

/// One setting of a configuration.
pub(super) struct Setting<'a> {
    /// Such as `destination.region`.
    pub(super) name: &'static str,
    /// Its value now.
    pub(super) value: Value,
    put: Put<'a>,
}

type Put<'a> = Box<dyn FnMut(&Value) -> Result<(), RuleError> + 'a>;

impl<'a> Setting<'a> {
    /// A setting that `read` checks. Its error follows the setting's name: `is "x"; allowed: …`.
    pub(super) fn new<T>(
        name: &'static str,
        value: Value,
        place: &'a mut T,
        read: impl Fn(&Value) -> Result<T, RuleError> + 'a,
    ) -> Self {
        let put = move |value: &Value| read(value).map(|read| *place = read);
        Self { name, value, put: Box::new(put) }
    }

    pub(super) fn switch(name: &'static str, place: &'a mut bool) -> Self {
        Self::new(name, Value::Switch(*place), place, |value| match value {
            Value::Switch(on) => Ok(*on),
            other => Err(not_allowed(other, "true, false")),
        })
    }

    /// A setting that takes a whole number in this range.
    pub(super) fn number<N>(name: &'static str, place: &'a mut N, allowed: RangeInclusive<u64>) -> Self
    where
        N: Copy + TryFrom<u64>,
        u64: TryFrom<N>,
    {
        let now = Value::Number(u64::try_from(*place).unwrap_or(u64::MAX));
        Self::new(name, now, place, move |value| {
            let number = match value {
                Value::Number(number) if allowed.contains(number) => N::try_from(*number).ok(),
                _ => None,
            };
            number.ok_or_else(|| {
                not_allowed(value, &format!("whole numbers from {} to {}", allowed.start(), allowed.end()))
            })
        })
    }

    /// A setting that takes one of these words.
    pub(super) fn word<W: Copy>(
        name: &'static str,
        place: &'a mut W,
        all: &'static [W],
        as_str: fn(W) -> &'static str,
    ) -> Self {
        Self::new(name, Value::text(as_str(*place)), place, move |value| {
            let found = all.iter().find(|word| Value::text(as_str(**word)) == *value);
            found.copied().ok_or_else(|| {
                let allowed: Vec<_> = all.iter().map(|word| format!("{:?}", as_str(*word))).collect();
                not_allowed(value, &allowed.join(", "))
            })
        })
    }

    /// A setting that takes text that is empty or obeys the rule.
    pub(super) fn text(
        name: &'static str,
        place: &'a mut String,
        rule: fn(&str) -> Result<(), RuleError>,
    ) -> Self {
        Self::new(name, Value::text(&*place), place, move |value| {
            let text = value.as_text()?;
            if !text.is_empty() {
                rule(text).map_err(|why| why.showing(&quoted(text)))?;
            }
            Ok(text.to_owned())
        })
    }

    /// Checks a value and puts it in place.
    pub(super) fn put(&mut self, value: &Value) -> Result<(), RuleError> {
        (self.put)(value)
    }

    /// Checks the value that it has.
    pub(super) fn check(&mut self) -> Result<(), RuleError> {
        (self.put)(&self.value)
    }

    pub(super) fn key(&self) -> &'static str {
        key(self.name)
    }
}

/// Settings that contradict each other, though each alone is right.
pub(super) struct Contradiction {
    /// The setting that is named as the place of the mistake.
    pub(super) setting: &'static str,
    /// A sentence with the settings' names.
    pub(super) text: String,
    /// How to give what is missing, or nothing.
    pub(super) how_to_give: String,
}

impl Contradiction {
    pub(super) fn new(setting: &'static str, text: String) -> Self {
        Self { setting, text, how_to_give: String::new() }
    }

    /// `missing` is empty, and the value of `setting` needs it.
    pub(super) fn missing(missing: &'static str, setting: &'static str, value: &str, flag: &str) -> Self {
        Self {
            setting,
            text: format!("{missing} is missing, and {} \"{value}\" needs it", key(setting)),
            how_to_give: format!(": give it in the settings file, as {} or with {flag}", variable(missing)),
        }
    }
}

fn not_allowed(value: &Value, allowed: &str) -> RuleError {
    RuleError::new(format!("is {}", value.shown()), format!("allowed: {allowed}"))
}

/// `destination` of `destination.region`.
pub(super) fn section(name: &'static str) -> &'static str {
    name.split_once('.').map_or("", |(section, _)| section)
}

/// `region` of `destination.region`.
pub(super) fn key(name: &'static str) -> &'static str {
    name.split_once('.').map_or("", |(_, key)| key)
}

/// `TRIBUTARY_DESTINATION_REGION` of `destination.region`.
pub(super) fn variable(name: &str) -> String {
    format!("TRIBUTARY_{}", name.replace('.', "_").to_uppercase())
}
