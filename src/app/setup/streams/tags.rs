//! The tags of a new stream: rows of a key and a value, checked by AWS's rules while they are typed.

use eframe::egui::{Ui, vec2};
use lucide_icons::Icon;

use super::super::{super::widgets, step::small_ui};
use crate::delivery::{StreamTag, TAGS_MAX, TagFault};

#[derive(Default)]
pub(super) struct Tags {
    rows: Vec<StreamTag>,
    /// Give the focus to the key of the last row.
    focus: bool,
}

impl Tags {
    /// Adds an empty row, unless the last one is still empty, and gives it the focus.
    pub(super) fn add(&mut self) {
        if self.rows.last().is_none_or(|row| !row.is_empty()) && self.rows.len() < TAGS_MAX {
            self.rows.push(StreamTag::default());
        }
        self.focus = true;
    }

    /// The tags without empty rows, or what is wrong with the first one that AWS would refuse.
    pub(super) fn wanted(&self) -> Result<Vec<StreamTag>, String> {
        let fault = (0..self.rows.len()).find_map(|at| Some((at, self.fault(at)?)));
        if let Some((at, fault)) = fault {
            return Err(format!("Tag {}: {}", at + 1, words(fault)));
        }
        Ok(self.rows.iter().filter(|row| !row.is_empty()).cloned().collect())
    }

    /// What is wrong with a row. Of two rows with the same key, the later one is wrong.
    fn fault(&self, at: usize) -> Option<TagFault> {
        let row = self.rows.get(at).filter(|row| !row.is_empty())?;
        row.fault(self.rows[..at].iter().map(|other| other.key.as_str()))
    }

    pub(super) fn ui(&mut self, ui: &mut Ui) {
        let mut removed = None;
        for at in 0..self.rows.len() {
            if self.row_ui(ui, at) {
                removed = Some(at);
            }
            let fault = self.fault(at).map(words);
            widgets::error_ui(ui, fault.as_deref());
        }
        if let Some(at) = removed {
            self.rows.remove(at);
        }
        ui.horizontal_wrapped(|ui| {
            let can = self.rows.len() < TAGS_MAX;
            let add = ui.add_enabled_ui(can, |ui| widgets::button_ui(ui, Icon::Tag, "Add tag")).inner;
            if add.on_disabled_hover_text(format!("A stream has at most {TAGS_MAX} tags")).clicked() {
                self.add();
            }
            let text = match self.rows.len() {
                0 => "Some organisations demand tags, such as CostCenter.".to_owned(),
                rows => format!("{rows} of {TAGS_MAX}. The value may be empty."),
            };
            small_ui(ui, &text);
        });
    }

    /// Draws a row. True: it is to be removed.
    fn row_ui(&mut self, ui: &mut Ui, at: usize) -> bool {
        const BUTTON: f32 = 30.0;
        let is_last = at + 1 == self.rows.len();
        let fault = self.fault(at);
        let row = &mut self.rows[at];
        ui.horizontal(|ui| {
            let gap = ui.spacing().item_spacing.x;
            let width =
                ((ui.available_width().min(2.0 * widgets::FIELD_WIDTH_MAX) - BUTTON) / 2.0 - gap).max(60.0);
            let is_value = matches!(fault, Some(TagFault::ValueTooLong(_)));
            for (name, hint, text, is_wrong) in [
                ("key", "Key", &mut row.key, fault.is_some() && !is_value),
                ("value", "Value", &mut row.value, is_value),
            ] {
                let field = ui
                    .scope(|ui| {
                        widgets::edge_ui(ui, is_wrong);
                        let edit = widgets::text_edit(text, hint).desired_width(width);
                        ui.add_sized(vec2(width, 32.0), edit)
                            .accessible_name(format!("Tag {} {name}", at + 1))
                    })
                    .inner;
                if name == "key" && is_last {
                    widgets::focus_once(&field, &mut self.focus);
                }
                widgets::keep_focus(&field, is_wrong);
            }
            widgets::icon_button_ui(ui, Icon::X, &format!("Remove tag {}", at + 1)).clicked()
        })
        .inner
    }
}

fn words(fault: TagFault) -> String {
    match fault {
        TagFault::KeyMissing => "the key is missing".to_owned(),
        TagFault::KeyTooLong(max) => format!("a key has at most {max} characters"),
        TagFault::ValueTooLong(max) => format!("a value has at most {max} characters"),
        TagFault::KeyReserved => "keys that begin with aws: are AWS's own".to_owned(),
        TagFault::Character(wrong) => {
            format!("“{wrong}” is not allowed: only letters, digits, spaces and _ . : / = + - % @")
        }
        TagFault::KeyRepeated => "an earlier tag has this key".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_rows_are_no_tags_and_a_wrong_one_is_named_by_its_number() {
        let tags = |rows: &[(&str, &str)]| {
            let tag = |(key, value): &(&str, &str)| StreamTag { key: (*key).into(), value: (*value).into() };
            Tags { rows: rows.iter().map(tag).collect(), focus: false }.wanted()
        };
        let wanted = tags(&[("", ""), ("team", "web"), ("", "")]).map(|tags| tags.len());
        assert_eq!(wanted, Ok(1));
        assert_eq!(tags(&[("a", ""), ("a", "2")]), Err("Tag 2: an earlier tag has this key".to_owned()));
        assert_eq!(tags(&[("", "2")]), Err("Tag 1: the key is missing".to_owned()));
    }
}
