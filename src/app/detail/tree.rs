//! An event as a tree with nodes that open and close. It is built from the stored text: numbers, escapes and the order of
//! members are unchanged, and a member that occurs twice is shown twice.

use std::fmt;

use eframe::egui::{CollapsingHeader, FontId, Label, RichText, TextStyle, Ui, text::LayoutJob};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::{
    app::{
        json,
        theme::{Tokens, tokens},
    },
    event::shown,
};

/// Maximum members or items of one value to draw.
const SHOWN_MAX: usize = 200;
/// Nodes above this depth start open.
const OPEN_DEPTH: usize = 2;

/// A value with its name.
pub(super) struct Tree {
    name: String,
    /// The value as stored in the event; for an object or array, the number of its members or items.
    text: String,
    inner: Vec<Self>,
}

impl Tree {
    /// `None` if the text is not valid JSON.
    pub(super) fn new(text: &str) -> Option<Self> {
        Self::of(String::new(), serde_json::from_str(text).ok()?)
    }

    fn of(name: String, raw: &RawValue) -> Option<Self> {
        let text = raw.get();
        let count = |n: usize, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
        Some(match text.as_bytes().first()? {
            b'{' => {
                let Members(members) = serde_json::from_str(text).ok()?;
                let text = format!("{{{}}}", count(members.len(), "member"));
                let inner = members.into_iter().filter_map(|(name, raw)| Self::of(name, raw)).collect();
                Self { name, text, inner }
            }
            b'[' => {
                let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
                let text = format!("[{}]", count(items.len(), "item"));
                let inner = items.iter().enumerate().filter_map(|(n, raw)| Self::of(n.to_string(), raw));
                Self { name, text, inner: inner.collect() }
            }
            _ => Self { name, text: text.to_owned(), inner: Vec::new() },
        })
    }

    pub(super) fn ui(&self, ui: &mut Ui) {
        ui.spacing_mut().item_spacing.y = 1.0;
        ui.spacing_mut().interact_size.y = 20.0;
        self.inner_ui(ui, 0);
    }

    fn inner_ui(&self, ui: &mut Ui, depth: usize) {
        let t = tokens(ui);
        for (n, one) in self.inner.iter().take(SHOWN_MAX).enumerate() {
            if one.inner.is_empty() {
                ui.horizontal(|ui| {
                    // Aligned with the names of nodes that open.
                    ui.add_space(18.0);
                    ui.add(Label::new(one.line(ui, t)).wrap());
                });
            } else {
                CollapsingHeader::new(one.line(ui, t))
                    .id_salt((depth, n))
                    .default_open(depth < OPEN_DEPTH && one.inner.len() <= 40)
                    .show(ui, |ui| one.inner_ui(ui, depth + 1));
            }
        }
        if self.inner.len() > SHOWN_MAX {
            let more = format!("and {} more, see Text", self.inner.len() - SHOWN_MAX);
            ui.label(RichText::new(more).small().color(t.weak));
        }
    }

    fn line(&self, ui: &Ui, t: &Tokens) -> LayoutJob {
        let font: FontId = TextStyle::Monospace.resolve(ui.style());
        let (value, was_cut) = json::cut(&self.text, 4096);
        let mut job = LayoutJob::default();
        let format = |color| eframe::egui::TextFormat { font_id: font.clone(), color, ..Default::default() };
        job.append(&format!("{}: ", shown::line(&self.name)), 0.0, format(t.code_key));
        let color = match value.as_bytes().first() {
            _ if !self.inner.is_empty() => t.weak,
            Some(b'"') => t.code_string,
            Some(b'{' | b'[') | None => t.weak,
            Some(b't' | b'f' | b'n') => t.code_word,
            Some(_) => t.code_number,
        };
        job.append(&shown::line(value), 0.0, format(color));
        if was_cut {
            job.append(" …", 0.0, format(t.weak));
        }
        job
    }
}

/// The members of an object in their order, duplicates included.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry::<String, &RawValue>()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Each)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_keeps_order_numbers_and_members_that_occur_twice() {
        let tree = Tree::new(r#"{"b":1.10,"a":{"x":12345678901234567890123,"é":"\u00e9"},"b":[null,{}]}"#);
        let tree = tree.expect("JSON");
        let flat: Vec<_> = tree.inner.iter().map(|one| (&*one.name, &*one.text)).collect();
        assert_eq!(flat, [("b", "1.10"), ("a", "{2 members}"), ("b", "[2 items]")]);
        let inner: Vec<_> = tree.inner[1].inner.iter().map(|one| (&*one.name, &*one.text)).collect();
        assert_eq!(inner, [("x", "12345678901234567890123"), ("é", r#""\u00e9""#)]);
        assert!(Tree::new("{half").is_none());
    }
}
