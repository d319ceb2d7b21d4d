//! JSON as it was written: the members of an object in their order, each with its own text.
//!
//! A parsed value would hide what must be kept: number texts, lone surrogates, the order of members.

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use std::fmt;

/// The members of one object.
#[derive(Clone, Debug, Default)]
pub struct Members(Vec<(String, String)>);

impl Members {
    pub fn parse(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_else(|error| panic!("not an object ({error}): {text}"))
    }

    /// The text of a member's value.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(member, _)| member == name).map(|(_, text)| text.as_str())
    }

    /// The value of a member that is a string.
    pub fn string(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.text(name)?).ok()
    }

    pub fn names(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).collect()
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some((name, text)) = map.next_entry::<String, Box<RawValue>>()? {
                    members.push((name, text.get().to_owned()));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

/// The texts of the items of an array.
pub fn items(text: &str) -> Vec<String> {
    let items: Vec<Box<RawValue>> = serde_json::from_str(text).expect("an array");
    items.iter().map(|item| item.get().to_owned()).collect()
}

/// The paths at which `whole` differs from `part`. Objects may have more members. Numbers are compared as JavaScript
/// has them, and lone surrogates as the U+FFFD that readers make of them.
pub fn missing(part: &Value, whole: &Value, path: &str) -> Vec<String> {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => part
            .iter()
            .flat_map(|(name, value)| {
                let path = format!("{path}.{name}");
                match whole.get(name) {
                    Some(found) => missing(value, found, &path),
                    None => vec![format!("{path} is gone")],
                }
            })
            .collect(),
        (Value::Array(part), Value::Array(whole)) if part.len() == whole.len() => part
            .iter()
            .zip(whole)
            .enumerate()
            .flat_map(|(index, (part, whole))| missing(part, whole, &format!("{path}[{index}]")))
            .collect(),
        (Value::Number(part), Value::Number(whole)) if part.as_f64() == whole.as_f64() => Vec::new(),
        _ if part == whole => Vec::new(),
        _ => vec![format!("{path}: {part} became {whole}")],
    }
}

/// A value for `missing`. serde refuses an escape that is half of a pair.
pub fn readable(text: &str) -> Value {
    let text = text.replace("\\ud83d\"", "\\ufffd\"").replace("\\uD83D\"", "\\ufffd\"");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("not JSON ({error}): {text}"))
}
