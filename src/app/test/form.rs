//! The event as a form. The form shows the JSON text and changes only the members that the user edits. All others keep their
//! bytes, although the text is indented again.

use eframe::egui::{self, Align, Layout, RichText, Ui, vec2};
use lucide_icons::Icon;

use super::super::{
    json,
    theme::{tokens, weight},
    widgets::{self, Tone},
};
use crate::{
    event::Kind,
    snippets::edit::{self, Members},
};

const ROW_HEIGHT: f32 = 32.0;

/// One property or trait.
struct Row {
    name: String,
    value: String,
}

#[derive(Default)]
pub(super) struct Form {
    /// The text that the form shows.
    text: String,
    kind: Option<Kind>,
    /// `None`: the text is not a JSON object.
    members: Option<Members>,
    fields: Vec<String>,
    rows: Vec<Row>,
    /// The member for the rows exists but is not an object.
    is_table_odd: bool,
}

/// The members that have a field of their own: name and label.
fn fields(kind: Kind) -> &'static [(&'static str, &'static str)] {
    const IDS: [(&str, &str); 2] = [("userId", "User id"), ("anonymousId", "Anonymous id")];
    match kind {
        Kind::Identify => &IDS,
        Kind::Track => &[("event", "Event name"), IDS[0], IDS[1]],
        Kind::Page => &[("name", "Page name"), IDS[0], IDS[1]],
        Kind::Screen => &[("name", "Screen name"), IDS[0], IDS[1]],
        Kind::Group => &[("groupId", "Group id"), IDS[0], IDS[1]],
        Kind::Alias => &[("previousId", "Previous id"), IDS[0]],
    }
}

/// The member whose members are the rows, and the word for one of them.
fn table(kind: Kind) -> Option<(&'static str, &'static str)> {
    match kind {
        Kind::Identify | Kind::Group => Some(("traits", "trait")),
        Kind::Track | Kind::Page | Kind::Screen => Some(("properties", "property")),
        Kind::Alias => None,
    }
}

/// A value as the user types it. Text has no quotes, unless it would be read as another type or has more than one line.
fn typed(json: &str) -> String {
    match edit::unquoted(json) {
        Some(text) if is_json(text.trim()) || text.contains(char::is_control) => json.to_owned(),
        Some(text) => text,
        None => one_line(json),
    }
}

/// JSON without white space between its tokens.
fn one_line(json: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    let keeps = |c: &char| {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => in_string = !in_string,
            _ => {}
        }
        in_string || !c.is_ascii_whitespace()
    };
    json.chars().filter(keeps).collect()
}

/// The JSON for a typed value. A valid JSON value is taken as it is; everything else becomes a string.
fn parsed(typed: &str) -> String {
    let trimmed = typed.trim();
    if is_json(trimmed) { trimmed.to_owned() } else { edit::quoted(typed) }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// The JSON for a typed id: text, unless it was a number before and still is one.
fn parsed_id(typed: &str, before: Option<&str>) -> Option<String> {
    if typed.is_empty() {
        return None;
    }
    let is_number = |text: &str| serde_json::from_str::<serde_json::Number>(text).is_ok();
    let stays_number = before.is_some_and(is_number) && is_number(typed);
    Some(if stays_number { typed.to_owned() } else { edit::quoted(typed) })
}

impl Form {
    /// Reads the text again if it was changed outside the form.
    fn sync(&mut self, kind: Kind, text: &str) {
        if self.kind == Some(kind) && self.text == text {
            return;
        }
        let members = Members::of(text);
        let value = |name: &str| members.as_ref().and_then(|members| members.get(name));
        let field = |(name, _): &(&str, &str)| {
            value(name)
                .map_or_else(String::new, |json| edit::unquoted(json).unwrap_or_else(|| json.to_owned()))
        };
        let table = table(kind).and_then(|(name, _)| value(name)).filter(|json| *json != "null");
        let inner = table.map(Members::of);
        self.is_table_odd = inner.as_ref().is_some_and(Option::is_none);
        let row = |(name, value): &(String, String)| Row { name: name.clone(), value: typed(value) };
        self.rows =
            inner.flatten().map(|mut inner| inner.list().iter().map(row).collect()).unwrap_or_default();
        self.fields = fields(kind).iter().map(field).collect();
        self.kind = Some(kind);
        text.clone_into(&mut self.text);
        self.members = members;
    }

    /// The rows as a JSON object. Rows without a name are left out.
    fn table_json(&self) -> Option<String> {
        let named: Vec<_> = self.rows.iter().filter(|row| !row.name.is_empty()).collect();
        if named.is_empty() {
            return None;
        }
        let mut object = Members::default();
        for row in named {
            object.list().push((row.name.clone(), parsed(&row.value)));
        }
        Some(object.text())
    }

    /// Draws the form; true when the user has changed the text.
    pub(super) fn ui(&mut self, ui: &mut Ui, kind: Kind, text: &mut String) -> bool {
        self.sync(kind, text);
        if self.members.is_none() {
            let what = "The text is not a JSON object, so the form cannot show it. Correct it under JSON, or use the \
                        template.";
            widgets::message_ui(ui, Tone::Attention, what);
            return false;
        }
        let changed = self.fields_ui(ui, kind) | self.table_ui(ui, kind);
        if changed && let Some(members) = &self.members {
            *text = json::indent(&members.text());
            self.text.clone_from(text);
        }
        changed
    }

    fn fields_ui(&mut self, ui: &mut Ui, kind: Kind) -> bool {
        let mut changed = false;
        let Some(members) = &mut self.members else { return false };
        for (chunk, texts) in fields(kind).chunks(2).zip(self.fields.chunks_mut(2)) {
            // The event's name is alone in its row, as wide as two fields.
            ui.columns(chunk.len(), |columns| {
                for ((column, (name, label)), text) in columns.iter_mut().zip(chunk).zip(texts) {
                    let hint = if name.ends_with("Id") { "none" } else { "" };
                    if widgets::field_ui(column, label, text, hint, None).changed() {
                        let value = parsed_id(text, members.get(name));
                        members.set(name, value);
                        changed = true;
                    }
                }
            });
        }
        changed
    }

    fn table_ui(&mut self, ui: &mut Ui, kind: Kind) -> bool {
        let Some((member, one)) = table(kind) else { return false };
        let t = tokens(ui);
        ui.add_space(2.0);
        ui.label(weight(widgets::capital(member), 560.0));
        if self.is_table_odd {
            widgets::hint_ui(
                ui,
                &format!("`{member}` is not an object, so the form cannot show it: see JSON."),
            );
            return false;
        }
        let (mut changed, mut remove) = (false, None);
        for (at, row) in self.rows.iter_mut().enumerate() {
            let number = at + 1;
            let size = vec2(ui.available_width(), ROW_HEIGHT);
            ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
                let name = if row.name.is_empty() { format!("{one} {number}") } else { row.name.clone() };
                if widgets::icon_button_ui(ui, Icon::X, &format!("Remove {name}")).clicked() {
                    remove = Some(at);
                }
                let room = ui.available_width() - ui.spacing().item_spacing.x;
                let value = widgets::text_edit(&mut row.value, "value").code_editor().lock_focus(false);
                let value = ui.add_sized(vec2(room * 0.6, ROW_HEIGHT), value);
                changed |= value.accessible_name(format!("Value of {name}")).changed();
                let field = widgets::text_edit(&mut row.name, "name");
                let field = ui.add_sized(vec2(ui.available_width(), ROW_HEIGHT), field);
                changed |= field.accessible_name(format!("Name of {one} {number}")).changed();
            });
        }
        if let Some(at) = remove {
            self.rows.remove(at);
            changed = true;
        }
        ui.horizontal_wrapped(|ui| {
            if widgets::button_ui(ui, Icon::Plus, &format!("Add {one}")).clicked() {
                self.rows.push(Row { name: String::new(), value: String::new() });
            }
            let text =
                RichText::new("A value is text, or JSON such as 42, true, [1, 2]").size(12.0).color(t.weak);
            ui.add(egui::Label::new(text).truncate());
        });
        if changed {
            let table = self.table_json();
            if let Some(members) = &mut self.members {
                members.set(member, table);
            }
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_parsed_as_it_was_shown() {
        for json in [
            "1.10",
            "true",
            "null",
            "\"ada\"",
            "\"42\"",
            "\"true\"",
            "[1,2]",
            "\"a \\\"b\\\"\"",
            "\"\"",
            "\"a\\nb\"",
        ] {
            assert_eq!(parsed(&typed(json)), json);
        }
        assert_eq!(typed("{\n  \"a b\": [1, \"\\\" \"]\n}"), "{\"a b\":[1,\"\\\" \"]}");
        assert_eq!((typed("\"ada\""), typed("\"42\"")), ("ada".into(), "\"42\"".into()));
    }

    #[test]
    fn a_number_stays_a_number_as_long_as_it_is_one() {
        assert_eq!(parsed_id("43", Some("42")).as_deref(), Some("43"));
        assert_eq!(parsed_id("43a", Some("42")).as_deref(), Some("\"43a\""));
        assert_eq!(parsed_id("43", Some("\"42\"")).as_deref(), Some("\"43\""));
        assert_eq!(parsed_id("", Some("42")), None);
    }

    #[test]
    fn the_form_follows_the_text_and_keeps_a_row_that_has_no_name_yet() {
        let mut form = Form::default();
        let text = r#"{"userId":7,"event":"A","properties":{"n":1.10}}"#;
        form.sync(Kind::Track, text);
        assert_eq!(form.fields, ["A", "7", ""]);
        assert_eq!(form.table_json().as_deref(), Some(r#"{"n":1.10}"#));
        form.rows.push(Row { name: String::new(), value: "x".into() });
        form.sync(Kind::Track, text);
        assert_eq!(form.rows.len(), 2, "the same text is not read again");
        assert_eq!(form.table_json().as_deref(), Some(r#"{"n":1.10}"#));
        form.sync(Kind::Track, r#"{"properties":[1]}"#);
        assert!(form.is_table_odd && form.rows.is_empty());
        form.sync(Kind::Track, "[");
        assert!(form.members.is_none());
    }
}
