//! Small edits of an event's JSON text. Every value that is not edited keeps its bytes: numbers, escapes, order. Pure.
//! If the text is no JSON object, the result is `None`.

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// What [`with_mark`] puts into an event's `context`, as a member of that name.
pub const MARK: (&str, &str) = ("tributary", r#"{"test":true}"#);

/// The event with the mark of a test event in its `context`, so that consumers can tell it from a real one.
/// `None`: the text is no object, or its `context` is none.
pub fn with_mark(text: &str) -> Option<String> {
    let (name, value) = MARK;
    let context = match Pairs::of(text)?.get("context") {
        None | Some("null") => format!("{{{}:{value}}}", quoted(name)),
        Some(context) => set(context, name, value)?,
    };
    set(text, "context", &context)
}

/// Whether the event has that mark.
pub fn has_mark(text: &str) -> bool {
    let (name, value) = MARK;
    let context = Pairs::of(text).and_then(|pairs| pairs.get("context").map(str::to_owned));
    context.is_some_and(|context| Pairs::of(&context).and_then(|pairs| pairs.get(name)) == Some(value))
}

/// The event without the members that belong to one sending (ids and times), so that it can be sent as a new event with
/// the same content. `None`: the text is no object.
pub fn as_new(text: &str) -> Option<String> {
    const OF_ONE_SENDING: [&str; 4] = ["messageId", "receivedAt", "sentAt", "originalTimestamp"];
    let mut members = Members::of(text)?;
    if OF_ONE_SENDING.iter().all(|name| members.get(name).is_none()) {
        return Some(text.to_owned());
    }
    for name in OF_ONE_SENDING {
        members.set(name, None);
    }
    Some(members.text())
}

/// The object with that member set to `value`, a JSON text. Replaces the existing member (of two with that name, the
/// last, which is the one that counts), or adds one at the end.
pub fn set(text: &str, name: &str, value: &str) -> Option<String> {
    let pairs = Pairs::of(text)?;
    if let Some(old) = pairs.get(name) {
        // `old` is a part of `text`, so the difference of the two addresses is its offset.
        let start = old.as_ptr() as usize - text.as_ptr() as usize;
        return Some([&text[..start], value, &text[start + old.len()..]].concat());
    }
    let end = text.rfind('}')?;
    let content = text[..end].trim_end();
    let comma = if pairs.0.is_empty() { "" } else { "," };
    // On a line of its own if the other members are on lines of their own.
    let gap = if content.len() < end && text[content.len()..end].contains('\n') { "\n  " } else { "" };
    let member = format!("{comma}{gap}{}:{}{value}", quoted(name), if gap.is_empty() { "" } else { " " });
    Some([content, &member, &text[content.len()..]].concat())
}

/// An object's members in their order, each value as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members(Vec<(String, String)>);

impl Members {
    /// `None`: the text is no object.
    pub fn of(text: &str) -> Option<Self> {
        let pairs = Pairs::of(text)?;
        Some(Self(pairs.0.into_iter().map(|(name, value)| (name, value.get().to_owned())).collect()))
    }

    /// The value of a member, a JSON text; of two with that name, the last.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(other, _)| other == name).map(|(_, value)| &**value)
    }

    /// Sets a member to a JSON text, in its place or at the end; `None` takes it out.
    pub fn set(&mut self, name: &str, value: Option<String>) {
        match (self.0.iter_mut().rev().find(|(other, _)| other == name), value) {
            (Some((_, old)), Some(new)) => *old = new,
            (None, Some(new)) => self.0.push((name.to_owned(), new)),
            (_, None) => self.0.retain(|(other, _)| other != name),
        }
    }

    /// The members, to read or change.
    pub fn list(&mut self) -> &mut Vec<(String, String)> {
        &mut self.0
    }

    /// The object on one line.
    pub fn text(&self) -> String {
        let members: Vec<String> =
            self.0.iter().map(|(name, value)| format!("{}:{value}", quoted(name))).collect();
        format!("{{{}}}", members.join(","))
    }
}

/// A text as a JSON string.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The text of a JSON string; `None`: it is another value.
pub fn unquoted(json: &str) -> Option<String> {
    serde_json::from_str(json).ok()
}

/// An object's members as they stand in its text.
struct Pairs<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Pairs<'a> {
    fn of(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().rev().find(|(other, _)| other == name).map(|(_, value)| value.get())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Walk;
        impl<'de> Visitor<'de> for Walk {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(pairs)
            }
        }
        from.deserialize_map(Walk).map(Pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{event::Kind, snippets::sample::sample};
    use proptest::prelude::*;

    #[test]
    fn the_mark_is_added_and_every_other_byte_stays() {
        for (sent, marked) in [
            ("{}", r#"{"context":{"tributary":{"test":true}}}"#),
            (r#"{ "n": 1.10 }"#, r#"{ "n": 1.10,"context":{"tributary":{"test":true}} }"#),
            (r#"{"context":null,"a":1}"#, r#"{"context":{"tributary":{"test":true}},"a":1}"#),
            (r#"{"context":{},"a":1}"#, r#"{"context":{"tributary":{"test":true}},"a":1}"#),
            (
                r#"{"context": {"ip":"::1" } ,"a":12345678901234567890}"#,
                r#"{"context": {"ip":"::1","tributary":{"test":true} } ,"a":12345678901234567890}"#,
            ),
            (
                "{\n  \"userId\": \"\\u00e9\"\n}",
                "{\n  \"userId\": \"\\u00e9\",\n  \"context\": {\"tributary\":{\"test\":true}}\n}",
            ),
        ] {
            assert_eq!(with_mark(sent).as_deref(), Some(marked));
            assert!(has_mark(marked) && !has_mark(sent), "{sent}");
            assert_eq!(with_mark(marked).as_deref(), Some(marked), "a second time changes nothing");
        }
        for kind in Kind::ALL {
            assert!(with_mark(sample(kind)).is_some_and(|text| has_mark(&text)), "{kind:?}");
        }
    }

    #[test]
    fn an_event_that_is_sent_anew_has_nothing_of_its_first_sending() {
        let sent = r#"{"messageId":"m","userId":"ada","n":1.10,"receivedAt":"r","sentAt":"s","timestamp":"t","originalTimestamp":"o"}"#;
        assert_eq!(as_new(sent).as_deref(), Some(r#"{"userId":"ada","n":1.10,"timestamp":"t"}"#));
        let new = "{ \"userId\": \"ada\" }";
        assert_eq!(as_new(new).as_deref(), Some(new), "nothing to take out, nothing changed");
        assert_eq!(as_new("[1]"), None);
    }

    #[test]
    fn what_is_no_object_gets_no_mark() {
        for text in ["[1]", "{", "", "null", r#"{"context":"x"}"#, r#"{"context":[1]}"#] {
            assert_eq!(with_mark(text), None, "{text}");
        }
    }

    #[test]
    fn of_two_members_with_one_name_the_last_is_set() {
        assert_eq!(set(r#"{"a":1,"a":2}"#, "a", "3").as_deref(), Some(r#"{"a":1,"a":3}"#));
    }

    #[test]
    fn members_keep_their_order_and_bytes() {
        let mut members =
            Members::of(r#"{ "b": 1.0, "a": {"x": [1, 2.50]}, "c": "\u0041" }"#).expect("an object");
        assert_eq!(members.text(), r#"{"b":1.0,"a":{"x": [1, 2.50]},"c":"\u0041"}"#);
        members.set("a", Some("true".into()));
        members.set("b", None);
        members.set("d", Some("null".into()));
        assert_eq!(members.text(), r#"{"a":true,"c":"\u0041","d":null}"#);
        assert_eq!((members.get("c").and_then(unquoted), members.get("b")), (Some("A".into()), None));
    }

    proptest! {
        #[test]
        fn any_member_of_any_object_is_set_and_read_back(
            names in proptest::collection::vec(".{0,6}", 0..5), name in ".{0,6}", value in ".{0,10}", pretty: bool
        ) {
            let object: serde_json::Map<_, _> = names.into_iter().map(|name| (name, 1.5.into())).collect();
            let text = if pretty {
                serde_json::to_string_pretty(&object).expect("JSON")
            } else {
                serde_json::to_string(&object).expect("JSON")
            };
            let set = set(&text, &name, &quoted(&value)).expect("an object");
            let members = Members::of(&set).expect("an object still");
            prop_assert_eq!(members.get(&name).and_then(unquoted), Some(value));
            for (other, _) in object.iter().filter(|(other, _)| **other != name) {
                prop_assert_eq!(members.get(other), Some("1.5"));
            }
        }
    }
}
