//! Fields for whole numbers and sizes. The typed text is never changed: if it is not an allowed number, the field says which
//! ones are allowed, instead of taking the nearest one.

use std::ops::RangeInclusive;

use eframe::egui::{
    Align, Align2, Key, Label, Layout, Response, RichText, Ui, Vec2,
    accesskit::Role,
    text::{CCursor, CCursorRange},
    text_edit::TextEditState,
    vec2,
};

use super::{
    theme::{tokens, weight},
    widgets,
};

/// The largest number that the settings file takes.
pub(super) const NUMBER_MAX: u64 = i64::MAX as u64;

/// Bytes of the units in which a size is typed.
const UNITS: [(&str, u64); 5] =
    [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// The format of a number.
#[derive(Clone, Copy)]
enum Written {
    /// Digits, with or without blanks and commas between them.
    Count,
    /// A size with a unit. The default unit is MiB.
    Bytes,
}

/// A number that is being typed.
pub(super) struct Number {
    text: String,
    written: Written,
    range: RangeInclusive<u64>,
    /// The step of an arrow key.
    step: u64,
}

impl Number {
    pub(super) fn count(value: u64, range: RangeInclusive<u64>, step: u64) -> Self {
        Self { text: Written::Count.show(value), written: Written::Count, range, step }
    }

    pub(super) fn bytes(value: u64, range: RangeInclusive<u64>, step: u64) -> Self {
        Self { text: Written::Bytes.show(value), written: Written::Bytes, range, step }
    }

    /// The number, or an error that says which numbers are allowed.
    pub(super) fn value(&self) -> Result<u64, String> {
        let typed = self.written.read(&self.text);
        typed.filter(|value| self.range.contains(value)).ok_or_else(|| self.rule(typed))
    }

    fn rule(&self, typed: Option<u64>) -> String {
        let (min, max) = (*self.range.start(), *self.range.end());
        let show = |value| self.written.show(value);
        match self.written {
            Written::Count if max < NUMBER_MAX => {
                format!("A whole number from {} to {}", show(min), show(max))
            }
            Written::Count | Written::Bytes if typed.is_some_and(|value| value > max) => {
                format!("At most {}", show(max))
            }
            Written::Count if min > 0 => format!("A whole number of at least {}", show(min)),
            Written::Bytes if typed.is_none() && min > 0 => {
                format!("A size in KiB, MiB or GiB, such as 512 MiB; at least {}", show(min))
            }
            Written::Count => "A whole number, such as 100 000".to_owned(),
            Written::Bytes if min > 0 => format!("A size of at least {}", show(min)),
            Written::Bytes => "A size in KiB, MiB or GiB, such as 512 MiB".to_owned(),
        }
    }

    /// Draws the field. The caller shows the error, where it has room for it.
    pub(super) fn ui(&mut self, ui: &mut Ui, size: Vec2, name: &str) -> Response {
        let is_wrong = self.value().is_err();
        let edit = widgets::text_edit(&mut self.text, "").align(Align2::CENTER_CENTER);
        let field = ui
            .scope(|ui| {
                widgets::edge_ui(ui, is_wrong);
                ui.add_sized(size, edit.desired_width(size.x)).accessible_name(name)
            })
            .inner;
        ui.ctx().accesskit_node_builder(field.id, |node| node.set_role(Role::SpinButton));
        if field.gained_focus() && !ui.input(|input| input.pointer.any_pressed()) {
            // Reached by the keyboard: select all, so that the next digits replace the number.
            let all = CCursorRange::two(CCursor::new(0), CCursor::new(self.text.chars().count()));
            let mut state = TextEditState::load(ui.ctx(), field.id).unwrap_or_default();
            state.cursor.set_char_range(Some(all));
            state.store(ui.ctx(), field.id);
        }
        if let Ok(value) = self.value() {
            let (up, down) =
                ui.input(|input| (input.key_pressed(Key::ArrowUp), input.key_pressed(Key::ArrowDown)));
            let (min, max) = (*self.range.start(), *self.range.end());
            match (field.has_focus(), up, down) {
                (true, true, _) => self.text = self.written.show(value.saturating_add(self.step).min(max)),
                (true, _, true) => self.text = self.written.show(value.saturating_sub(self.step).max(min)),
                _ if field.lost_focus() => self.text = self.written.show(value),
                _ => {}
            }
        }
        widgets::keep_focus(&field, is_wrong);
        field
    }
}

impl Written {
    fn show(self, value: u64) -> String {
        match self {
            Self::Count => widgets::digits(value),
            Self::Bytes => {
                // Without rounding: in MiB, or in a smaller unit of which it is a whole number.
                let is_whole = |(_, bytes): &&(&str, u64)| value.is_multiple_of(*bytes);
                let (unit, bytes) = UNITS[2..].iter().find(is_whole).unwrap_or(&UNITS[4]);
                format!("{} {unit}", widgets::digits(value / bytes))
            }
        }
    }

    /// A number that is too large for a `u64` is read as the largest one.
    fn read(self, text: &str) -> Option<u64> {
        let text = text.replace(|c: char| c.is_whitespace() || matches!(c, '_' | '\''), "");
        // A comma must be followed by three digits, because `1,5` may mean one and a half.
        let is_group = |part: &str| part.bytes().take_while(u8::is_ascii_digit).count() == 3;
        if !text.split(',').skip(1).all(is_group) {
            return None;
        }
        let text = text.replace(',', "").to_ascii_lowercase();
        let of_unit = UNITS.iter().find_map(|(unit, bytes)| {
            text.strip_suffix(&unit.to_ascii_lowercase()).map(|number| (number, *bytes))
        });
        let (number, factor) = match self {
            Self::Count => (&*text, 1),
            Self::Bytes => of_unit.unwrap_or((&text, 1 << 20)),
        };
        if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(number.parse::<u64>().map_or(u64::MAX, |number| number.saturating_mul(factor)));
        }
        let is_decimal = |c: char| c.is_ascii_digit() || c == '.';
        let fraction: f64 = number.parse().ok().filter(|_| number.chars().all(is_decimal))?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not negative; what is too large becomes the largest number"
        )]
        match self {
            Self::Count => None,
            Self::Bytes => Some((fraction * factor as f64).round() as u64),
        }
    }
}

/// A number with its name and a hint before it, and what is wrong with it below.
pub(super) fn number_ui(ui: &mut Ui, name: &str, hint: &str, number: &mut Number) {
    let t = tokens(ui);
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            number.ui(ui, vec2(150.0, 30.0), name);
            ui.with_layout(Layout::top_down(Align::Min), |ui| {
                ui.spacing_mut().item_spacing.y = 2.0;
                ui.label(weight(name, 580.0));
                ui.add(Label::new(RichText::new(hint).color(t.weak)).wrap());
            });
        });
    });
    widgets::error_ui(ui, number.value().err().as_deref());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_shown_exactly_and_read_in_any_unit() {
        let (show, read) = (|n| Written::Bytes.show(n), |text: &str| Written::Bytes.read(text));
        for n in [0, 1, 1000, 64 << 10, 16 << 20, (16 << 20) + 1, 2 << 30, 8 << 40, NUMBER_MAX] {
            assert_eq!(read(&show(n)), Some(n), "{}", show(n));
        }
        assert_eq!(show(64 << 10), "64 KiB");
        assert_eq!(show(2 << 30), "2\u{2009}048 MiB");
        for text in ["1536", "1,536 MiB", "1.5 GiB", "1.5gib", "1 572 864 KiB"] {
            assert_eq!(read(text), Some(1_610_612_736), "{text}");
        }
        for text in ["much", "", "-5", "1e3", "MiB", ".", "1..5", "NaN", "inf", "1,5 GiB", "1,5360"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_count_is_read_whole_or_not_at_all() {
        let read = |text: &str| Written::Count.read(text);
        for text in ["2500000", "2 500 000", "2,500,000", "2_500_000", "2\u{2009}500\u{2009}000"] {
            assert_eq!(read(text), Some(2_500_000), "{text}");
        }
        for text in ["", "-1", "1.5", "many", "12 events", "0x10"] {
            assert_eq!(read(text), None, "{text}");
        }
        let number = |text: &str| Number { text: text.to_owned(), ..Number::count(1, 1..=9, 1) };
        assert_eq!(number("9").value(), Ok(9));
        for text in ["0", "10", "99999999999999999999", "x"] {
            assert_eq!(number(text).value(), Err("A whole number from 1 to 9".to_owned()), "{text}");
        }
        let any = Number { text: "99999999999999999999".to_owned(), ..Number::count(1, 0..=NUMBER_MAX, 1) };
        assert!(any.value().is_err_and(|rule| rule.starts_with("At most 9")));
    }
}
