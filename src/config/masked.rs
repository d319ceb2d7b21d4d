//! The settings in effect as text for the user's eyes, and for bug reports: secrets are masked.

use std::fmt::Write;

use super::Config;
use super::keys::{KEYS, SECTIONS, Value};
use super::saved;

/// See [`Config::masked_toml`].
pub(super) fn toml(config: &Config) -> String {
    let mut text = String::new();
    for section in SECTIONS {
        let gap = if text.is_empty() { "" } else { "\n" };
        line(&mut text, format_args!("{gap}[{section}]"));
        for key in KEYS.iter().filter(|key| key.section() == section) {
            let value = literal(&(key.get)(config));
            line(&mut text, format_args!("{} = {value}", key.name()));
        }
        if section == "capture" {
            for source in &config.capture.sources {
                let (name, key) = (quoted(&source.name), quoted(&source.masked_key()));
                line(&mut text, format_args!("\n[[capture.sources]]\nname = {name}\nwrite_key = {key}"));
                if let Some(key) = source.masked_retiring_key() {
                    line(&mut text, format_args!("retiring_write_key = {}", quoted(&key)));
                }
            }
        }
    }
    saved_tables(&mut text, config);
    text
}

/// The saved destinations, each with what differs from the defaults.
pub(super) fn saved_tables(text: &mut String, config: &Config) {
    for saved in &config.destinations {
        line(text, format_args!("\n[[destinations]]\nname = {}", quoted(&saved.name)));
        let (config, default) = (saved.config(), Config::default());
        for key in saved::keys().filter(|key| (key.get)(&config) != (key.get)(&default)) {
            line(text, format_args!("{} = {}", key.name(), literal(&(key.get)(&config))));
        }
    }
}

/// The last 4 characters of a key that has many; of a short one nothing, since 4 would be much of it.
pub(super) fn key(key: &str) -> String {
    const SHORT_CHARS: usize = 12;
    let count = key.chars().count();
    let shown: String = key.chars().skip(if count < SHORT_CHARS { count } else { count - 4 }).collect();
    format!("…{shown}")
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("a String takes all text");
}

pub(super) fn literal(value: &Value) -> String {
    match value {
        Value::Text(text) => quoted(text),
        Value::Switch(on) => on.to_string(),
        Value::Number(number) => number.to_string(),
        Value::List(texts) => {
            format!("[{}]", texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", "))
        }
        Value::Other(what) => quoted(what),
    }
}

fn quoted(text: &str) -> String {
    toml_edit::Value::from(text).to_string()
}
