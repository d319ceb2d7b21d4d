//! The settings file's text → what was written, each with its line.
//!
//! All mistakes are collected. Where the text is no TOML at all, only that is said: what could be read of it would mislead.
//! Messages name keys; values are shown by the rules of `keys`, and those of sources not at all.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Origin;
use super::error::{near_miss, quoted};
use super::keys::{KEYS, Key, SECTIONS, Value, key};
use super::raw::RawConfig;
use super::saved::RawSaved;
use super::sources::RawSource;

/// Reads the text into `raw`.
pub(super) fn collect(raw: &mut RawConfig, path: &Path, text: &str) {
    let place = Place { path: path.to_owned(), text };
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut lines = BTreeSet::new();
    for error in &errors {
        let origin = place.origin(error.span().map_or(text.len(), |span| span.start));
        // One slip makes the parser stumble more than once on its line.
        if let Origin::File { line, .. } = &origin
            && lines.insert(*line)
        {
            raw.problem(origin, format!("this is not TOML: {}", error.message()));
        }
    }
    if !errors.is_empty() {
        return;
    }
    for (name, value) in document.get_ref() {
        let origin = place.origin(name.span().start);
        if name.get_ref() == "destinations" {
            collect_saved(raw, &place, value, origin);
            continue;
        }
        let Some(section) = SECTIONS.iter().find(|section| *section == name.get_ref()) else {
            raw.problem(origin, unknown_section(name.get_ref()));
            continue;
        };
        match value.get_ref() {
            DeValue::Table(table) => collect_section(raw, &place, section, table),
            _ => raw.problem(origin, format!("{section} must be a table: [{section}]")),
        }
    }
}

/// The line, from 1, of a place in the text.
pub(super) fn line_at(text: &[u8], offset: usize) -> usize {
    text.iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
}

struct Place<'a> {
    path: PathBuf,
    text: &'a str,
}

impl Place<'_> {
    fn origin(&self, offset: usize) -> Origin {
        Origin::File { path: self.path.clone(), line: line_at(self.text.as_bytes(), offset) }
    }
}

fn collect_section(raw: &mut RawConfig, place: &Place, section: &str, table: &DeTable) {
    for (name, value) in table {
        let origin = place.origin(name.span().start);
        let full = format!("{section}.{}", name.get_ref());
        if full == "capture.sources" {
            collect_sources(raw, place, value, origin);
        } else if let Some(key) = key(&full) {
            raw.add(key, value_of(value.get_ref()), origin);
        } else {
            raw.problem(origin, unknown_key(section, name.get_ref()));
        }
    }
}

fn value_of(value: &DeValue) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.clone().into_owned()),
        DeValue::Boolean(on) => Value::Switch(*on),
        DeValue::Integer(number) => match u64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::Number(number),
            Err(_) => Value::Other("a number below 0 or above all limits"),
        },
        DeValue::Float(_) => Value::Other("a number with a point"),
        DeValue::Datetime(_) => Value::Other("a date or time"),
        DeValue::Array(items) => {
            let texts = items.iter().map(|item| match item.get_ref() {
                DeValue::String(text) => Some(text.clone().into_owned()),
                _ => None,
            });
            texts.collect::<Option<_>>().map_or(Value::Other("a list"), Value::List)
        }
        DeValue::Table(_) => Value::Other("a table"),
    }
}

fn collect_saved(raw: &mut RawConfig, place: &Place, value: &Spanned<DeValue>, origin: Origin) {
    let DeValue::Array(items) = value.get_ref() else {
        raw.problem(origin, "destinations must be a list of tables: [[destinations]]".to_owned());
        return;
    };
    for item in items {
        let origin = place.origin(item.span().start);
        let DeValue::Table(table) = item.get_ref() else {
            raw.problem(origin, "each of destinations must be a table with a name".to_owned());
            continue;
        };
        let mut saved = RawSaved::new(origin);
        for (name, value) in table {
            saved.add(name.get_ref(), value_of(value.get_ref()), place.origin(name.span().start));
        }
        raw.saved.push(saved);
    }
}

fn collect_sources(raw: &mut RawConfig, place: &Place, value: &Spanned<DeValue>, origin: Origin) {
    let DeValue::Array(items) = value.get_ref() else {
        raw.problem(origin, "capture.sources must be a list of tables: [[capture.sources]]".to_owned());
        return;
    };
    for item in items {
        let origin = place.origin(item.span().start);
        match item.get_ref() {
            DeValue::Table(table) => collect_source(raw, place, table, origin),
            _ => raw.problem(origin, "each of capture.sources must have a name and a write_key".to_owned()),
        }
    }
}

fn collect_source(raw: &mut RawConfig, place: &Place, table: &DeTable, origin: Origin) {
    let mut found: [Option<&str>; 3] = [None; 3];
    let mut refused = false;
    for (name, value) in table {
        let at = place.origin(name.span().start);
        let slot = match name.get_ref().as_ref() {
            "name" => &mut found[0],
            "write_key" => &mut found[1],
            "retiring_write_key" => &mut found[2],
            other => {
                raw.problem(
                    at,
                    unknown("capture.sources", other, &["name", "write_key", "retiring_write_key"]),
                );
                refused = true;
                continue;
            }
        };
        if let DeValue::String(text) = value.get_ref() {
            *slot = Some(text);
        } else {
            raw.problem(at, format!("capture.sources.{} must be text in quotes", name.get_ref()));
            refused = true;
        }
    }
    match found {
        [Some(name), Some(write_key), retiring] => {
            raw.sources.push(RawSource::new(name, write_key, origin).retiring(retiring));
        }
        // The mistake that was just named is the reason why one is missing.
        _ if refused => {}
        [name, ..] => {
            let missing = if name.is_none() { "name" } else { "write_key" };
            raw.problem(
                origin,
                format!("capture.sources.{missing} is missing; each source needs a name and a write_key"),
            );
        }
    }
}

fn unknown_section(name: &str) -> String {
    if let Some(key) = KEYS.iter().find(|key| key.name() == name) {
        return format!("{name} belongs below [{}]", key.section());
    }
    match near_miss(name, SECTIONS) {
        Some(near) => format!("[{}] is not a section; did you mean `{near}`?", plain_or_quoted(name)),
        None => format!("[{}] is not a section; allowed: {}", plain_or_quoted(name), SECTIONS.join(", ")),
    }
}

fn unknown_key(section: &str, name: &str) -> String {
    let plain = name.to_lowercase().replace(['_', '-'], "");
    if ["accesskey", "secret", "sessiontoken"].iter().any(|word| plain.contains(word)) {
        return format!(
            "{section}.{} is not a setting; AWS keys are never kept in this file: \
             use the system keychain, an AWS profile or AWS's own variables",
            plain_or_quoted(name)
        );
    }
    let mut allowed: Vec<&str> = KEYS.iter().filter(|key| key.section() == section).map(Key::name).collect();
    if section == "capture" {
        allowed.push("sources");
    }
    unknown(section, name, &allowed)
}

fn unknown(section: &str, name: &str, allowed: &[&str]) -> String {
    let full = format!("{section}.{}", plain_or_quoted(name));
    if let Some(near) = near_miss(name, allowed.iter().copied()) {
        return format!("{full} is not a setting; did you mean `{near}`?");
    }
    match KEYS.iter().find(|key| key.name() == name) {
        Some(key) => format!("{full} is not a setting; {name} belongs below [{}]", key.section()),
        None => format!("{full} is not a setting; allowed: {}", allowed.join(", ")),
    }
}

fn plain_or_quoted(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.len() <= 60 && name.chars().all(plain) {
        name.to_owned()
    } else {
        quoted(name)
    }
}
