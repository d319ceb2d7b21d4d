//! Reads the settings file's text: each value, with its line.
//!
//! All mistakes are collected. If the text is not TOML, only that is reported, because further mistakes could follow
//! from the first. Messages show values only if their rules allow it, and never those of sources.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::entry::RawEntry;
use super::error::{Error, Origin, Problem, near_miss, quoted};
use super::raw::RawConfig;
use super::setting::{Value, key, section};
use super::settings::{names, sections};
use super::source::{RawSource, Source};

/// The file's text, or `None` if there is no file.
pub(super) fn text(path: &Path) -> Result<Option<String>, Error> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::Read { path: path.to_owned(), source }),
    };
    String::from_utf8(bytes).map(Some).map_err(|error| {
        let line = line_at(error.as_bytes(), error.utf8_error().valid_up_to());
        let origin = Origin::File { path: path.to_owned(), line };
        Error::Invalid(vec![Problem::new(origin, "the text is not UTF-8; save the file as UTF-8")])
    })
}

/// Adds what the text says to `raw`. `path` is for messages.
pub(super) fn collect(raw: &mut RawConfig, path: &Path, text: &str) {
    let place = Place { path: path.to_owned(), text };
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut lines = BTreeSet::new();
    for error in &errors {
        let origin = place.origin(error.span().map_or(text.len(), |span| span.start));
        // One slip makes the parser report its line more than once.
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
        let name = name.get_ref().as_ref();
        match value.get_ref() {
            _ if name == "destinations" => {
                let found = entries(raw, &place, value, (name, origin));
                raw.saved.extend(found);
            }
            _ if name == "alerts" => {
                let found = entries(raw, &place, value, (name, origin));
                raw.alerts.extend(found);
            }
            _ if !sections().contains(&name) => raw.problem(origin, unknown_section(name)),
            DeValue::Table(table) => collect_section(raw, &place, name, table),
            _ => raw.problem(origin, format!("{name} must be a table: [{name}]")),
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
    for (key, value) in table {
        let origin = place.origin(key.span().start);
        let name = format!("{section}.{}", key.get_ref());
        if name == "capture.sources" {
            collect_sources(raw, place, value, origin);
        } else if !raw.add(&name, value_of(value.get_ref()), origin.clone()) {
            raw.problem(origin, unknown_key(section, key.get_ref()));
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

/// The tables of a list that has this name at this place.
fn entries(
    raw: &mut RawConfig,
    place: &Place,
    value: &Spanned<DeValue>,
    (list, origin): (&str, Origin),
) -> Vec<RawEntry> {
    let DeValue::Array(items) = value.get_ref() else {
        raw.problem(origin, format!("{list} must be a list of tables: [[{list}]]"));
        return Vec::new();
    };
    let mut entries = Vec::with_capacity(items.len());
    for item in items {
        let origin = place.origin(item.span().start);
        let DeValue::Table(table) = item.get_ref() else {
            raw.problem(origin, format!("each of {list} must be a table with a name"));
            continue;
        };
        let mut entry = RawEntry { name: None, settings: Vec::new(), origin };
        for (key, value) in table {
            let (origin, value) = (place.origin(key.span().start), value_of(value.get_ref()));
            match key.get_ref().as_ref() {
                "name" => entry.name = Some(value),
                key => entry.settings.push((key.to_owned(), value, origin)),
            }
        }
        entries.push(entry);
    }
    entries
}

fn collect_sources(raw: &mut RawConfig, place: &Place, value: &Spanned<DeValue>, origin: Origin) {
    let DeValue::Array(items) = value.get_ref() else {
        return raw.problem(origin, "capture.sources must be a list of tables: [[capture.sources]]");
    };
    for item in items {
        let origin = place.origin(item.span().start);
        match item.get_ref() {
            DeValue::Table(table) => collect_source(raw, place, table, origin),
            _ => raw.problem(origin, "each of capture.sources must have a name and a write_key"),
        }
    }
}

fn collect_source(raw: &mut RawConfig, place: &Place, table: &DeTable, origin: Origin) {
    const KEYS: [&str; 3] = ["name", "write_key", "retiring_write_key"];
    let mut found: [Option<&str>; 3] = [None; 3];
    let mut has_mistake = false;
    for (key, value) in table {
        let slot = KEYS.iter().position(|known| known == key.get_ref());
        let mistake = match (slot, value.get_ref()) {
            (Some(slot), DeValue::String(text)) => {
                found[slot] = Some(text);
                continue;
            }
            (Some(_), _) => format!("capture.sources.{} must be text in quotes", key.get_ref()),
            (None, _) => unknown("capture.sources", key.get_ref(), &KEYS),
        };
        raw.problem(place.origin(key.span().start), mistake);
        has_mistake = true;
    }
    match found {
        [Some(name), Some(write_key), retiring] => {
            let retiring_write_key = retiring.map(str::to_owned);
            let source = Source { retiring_write_key, ..Source::new(name, write_key) };
            raw.sources.push(RawSource { source, origin });
        }
        // That mistake is the reason why one is missing.
        _ if has_mistake => {}
        [name, ..] => {
            let missing = if name.is_none() { "name" } else { "write_key" };
            let text =
                format!("capture.sources.{missing} is missing; each source needs a name and a write_key");
            raw.problem(origin, text);
        }
    }
}

fn unknown_section(name: &str) -> String {
    if let Some(section) = section_with(name) {
        return format!("{name} belongs below [{section}]");
    }
    let (shown, sections) = (plain_or_quoted(name), sections());
    match near_miss(name, sections.iter().copied()) {
        Some(near) => format!("[{shown}] is not a section; did you mean `{near}`?"),
        None => format!("[{shown}] is not a section; allowed: {}", sections.join(", ")),
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
    let mut allowed: Vec<&str> = names().filter(|name| self::section(name) == section).map(key).collect();
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
    match section_with(name) {
        Some(section) => format!("{full} is not a setting; {name} belongs below [{section}]"),
        None => format!("{full} is not a setting; allowed: {}", allowed.join(", ")),
    }
}

/// The first section that has a setting of this key.
fn section_with(wanted: &str) -> Option<&'static str> {
    names().find(|name| key(name) == wanted).map(section)
}

fn plain_or_quoted(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.len() <= 60 && name.chars().all(plain) {
        name.to_owned()
    } else {
        quoted(name)
    }
}
