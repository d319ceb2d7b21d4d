//! Sheets over whatever is in sight: the command palette (every command by name), the help (every key), the licences of what
//! the program is made of, and the frames in which other parts ask.

use std::sync::LazyLock;

use eframe::egui::{
    self, Button, Frame, Grid, Id, Key, Label, Modal, RichText, ScrollArea, Ui, Widget as _, vec2,
};
use lucide_icons::Icon;

use super::{
    Seen,
    commands::{self, ALL, Command, ELSEWHERE, Entry},
    theme::{self, tokens, weight},
    widgets,
};

const LIST_HEIGHT: f32 = 360.0;

/// What is open over the window.
#[derive(Default)]
pub(super) enum Over {
    #[default]
    Nothing,
    Palette {
        typed: String,
        chosen: usize,
    },
    Help,
    Notices,
}

impl Over {
    pub(super) fn palette() -> Self {
        Self::Palette { typed: String::new(), chosen: 0 }
    }

    pub(super) fn is_open(&self) -> bool {
        !matches!(self, Self::Nothing)
    }

    /// Draws what is open, and closes it when it is done with.
    pub(super) fn ui(&mut self, ui: &Ui, seen: &mut Seen<'_>) {
        let closes = match self {
            Self::Nothing => return,
            Self::Palette { typed, chosen } => palette_ui(ui, seen, typed, chosen),
            Self::Help => help_ui(ui),
            Self::Notices => notices_ui(ui),
        };
        if closes {
            *self = Self::Nothing;
            ui.request_repaint();
        }
    }
}

/// A sheet over the window, which takes the keys and the pointer until it is closed.
pub(super) fn modal(ui: &Ui, name: &str) -> Modal {
    let frame = Frame::popup(ui.style()).inner_margin(14).corner_radius(12);
    Modal::new(Id::unique(name)).frame(frame)
}

/// The sheet of a question before something that cannot be undone: its title, and the name of what it is about; `rest` draws
/// what is below. True: it is to be closed.
pub(super) fn question_ui(
    ui: &Ui,
    width: f32,
    (title, about): (&str, &str),
    rest: impl FnOnce(&mut Ui),
) -> bool {
    // Each question has its own name, because egui keeps the height of a sheet under its name.
    let frame = Frame::popup(ui.style()).inner_margin(20).corner_radius(12);
    let sheet = Modal::new(Id::unique(("question", title))).frame(frame).show(ui, |ui| {
        let color = tokens(ui).strong;
        ui.set_width(width);
        ui.label(weight(title, 660.0).size(15.0).color(color));
        ui.add(Label::new(weight(about, 560.0)).truncate());
        rest(ui);
    });
    sheet.should_close()
}

/// The commands whose names hold every word that was typed.
fn fitting(typed: &str) -> impl Iterator<Item = &'static Entry> {
    let typed = typed.to_lowercase();
    ALL.iter()
        .filter(move |entry| typed.split_whitespace().all(|word| entry.title.to_lowercase().contains(word)))
}

/// True when it is to be closed.
fn palette_ui(ui: &Ui, seen: &mut Seen<'_>, typed: &mut String, chosen: &mut usize) -> bool {
    let (down, up, enter) = ui.input_mut(|i| {
        let mut pressed = |key| i.consume_key(egui::Modifiers::NONE, key);
        (pressed(Key::ArrowDown), pressed(Key::ArrowUp), pressed(Key::Enter))
    });
    let again = are_pressed(ui, Command::Palette);
    let mut run = None;
    // As high as what fits, and its field always in the same place.
    let top = ((ui.content_rect().height() - LIST_HEIGHT) / 2.0 - 34.0).max(0.0);
    let modal = modal(ui, "palette");
    let area = modal.area.anchor(egui::Align2::CENTER_TOP, vec2(0.0, top));
    let modal = Modal { area, ..modal }.show(ui, |ui| {
        ui.set_width(460.0);
        let field = widgets::text_edit(typed, "Find a command").desired_width(f32::INFINITY);
        let field = ui.add(field).accessible_name("Find a command");
        if field.changed() {
            *chosen = 0;
        }
        field.request_focus();
        // What would do nothing now is not offered.
        let entries: Vec<_> = fitting(typed).filter(|entry| entry.command.refusal(seen).is_none()).collect();
        *chosen = (*chosen).min(entries.len().saturating_sub(1));
        if down && *chosen + 1 < entries.len() {
            *chosen += 1;
        }
        if up {
            *chosen = chosen.saturating_sub(1);
        }
        ui.spacing_mut().item_spacing.y = 2.0;
        let list = ScrollArea::vertical()
            .max_height(LIST_HEIGHT)
            .min_scrolled_height(LIST_HEIGHT)
            .auto_shrink([false, true]);
        list.show(ui, |ui| {
            if entries.is_empty() {
                widgets::hint_ui(ui, "No matching command");
            }
            for (at, entry) in entries.iter().enumerate() {
                let line = line_ui(ui, entry, at == *chosen);
                if (down || up) && at == *chosen {
                    line.scroll_to_me(None);
                }
                if line.clicked() || (enter && at == *chosen) {
                    run = Some(entry.command);
                }
            }
        });
    });
    if let Some(command) = run {
        command.run(ui, seen);
    }
    run.is_some() || again || modal.should_close()
}

/// The keys that opened it close it, too.
fn are_pressed(ui: &Ui, command: Command) -> bool {
    command.entry().keys.is_some_and(|keys| ui.input_mut(|input| input.consume_shortcut(&keys)))
}

fn line_ui(ui: &mut Ui, entry: &Entry, is_chosen: bool) -> egui::Response {
    let t = tokens(ui);
    let keys = entry.keys.map(|keys| commands::text_of(ui, keys)).unwrap_or_default();
    let name = weight(entry.title, if is_chosen { 620.0 } else { 480.0 }).color(t.strong);
    let icon = theme::icon(entry.icon).color(if is_chosen { t.accent } else { t.weak });
    let button =
        Button::selectable(is_chosen, (icon, name)).right_text(RichText::new(keys).small().color(t.weak));
    button.min_size(vec2(ui.available_width(), 32.0)).ui(ui).accessible_name(entry.title)
}

/// True when it is to be closed.
fn help_ui(ui: &Ui) -> bool {
    let mut close = are_pressed(ui, Command::Help);
    let modal = modal(ui, "help").show(ui, |ui| {
        let t = tokens(ui);
        ui.set_width(540.0);
        ui.spacing_mut().interact_size.y = 20.0;
        egui::Sides::new().show(
            ui,
            |ui| ui.label(weight("Keys", 680.0).size(17.0).color(t.strong)),
            |ui| close |= widgets::icon_button_ui(ui, Icon::X, "Close the help sheet").clicked(),
        );
        let height = (ui.content_rect().height() - 160.0).clamp(160.0, 560.0);
        ScrollArea::vertical().max_height(height).min_scrolled_height(height).auto_shrink(false).show(
            ui,
            |ui| {
                Grid::new("keys").num_columns(3).spacing([18.0, 6.0]).striped(false).show(ui, |ui| {
                    for entry in &ALL {
                        let Some(keys) = entry.keys else { continue };
                        let keys = commands::text_of(ui, keys);
                        let keys = if entry.keys.is_some_and(|keys| keys.logical_key == Key::F1) {
                            format!("{keys} or ?")
                        } else {
                            keys
                        };
                        row_ui(ui, "Everywhere", &keys, entry.title);
                    }
                    for (place, keys, what) in ELSEWHERE {
                        let keys = if cfg!(target_os = "macos") {
                            keys.replace("Ctrl+", "⌘")
                        } else {
                            keys.to_owned()
                        };
                        row_ui(ui, place, &keys, what);
                    }
                });
                ui.add_space(8.0);
                widgets::hint_ui(ui, "Every other command is in the palette, by its name.");
            },
        );
    });
    close || modal.should_close()
}

/// Names, versions and licences of every crate and font in the program, with the licences' texts. `.ci/notices` writes it.
static NOTICES: LazyLock<Vec<&str>> =
    LazyLock::new(|| include_str!("../../assets/third-party.txt").lines().collect());

/// True when it is to be closed.
fn notices_ui(ui: &Ui) -> bool {
    let mut close = false;
    let modal = modal(ui, "notices").show(ui, |ui| {
        let t = tokens(ui);
        let window = ui.content_rect();
        ui.set_width((window.width() - 120.0).min(720.0));
        egui::Sides::new().show(
            ui,
            |ui| ui.label(weight("Third-party licences", 680.0).size(17.0).color(t.strong)),
            |ui| close |= widgets::icon_button_ui(ui, Icon::X, "Close the licences").clicked(),
        );
        let height = (window.height() - 160.0).max(160.0);
        let line = ui.text_style_height(&egui::TextStyle::Monospace);
        ui.spacing_mut().item_spacing.y = 2.0;
        let area = ScrollArea::both().max_height(height).min_scrolled_height(height).auto_shrink(false);
        area.show_rows(ui, line, NOTICES.len(), |ui, rows| {
            for line in &NOTICES[rows] {
                ui.add(Label::new(RichText::new(*line).monospace().color(t.text)).extend());
            }
        });
    });
    close || modal.should_close()
}

fn row_ui(ui: &mut Ui, place: &str, keys: &str, what: &str) {
    let t = tokens(ui);
    ui.label(RichText::new(place).color(t.weak));
    ui.label(RichText::new(keys).monospace().color(t.strong));
    ui.label(RichText::new(what).color(t.text));
    ui.end_row();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_found_by_any_of_its_words() {
        let titles = |typed: &str| fitting(typed).map(|entry| entry.title).collect::<Vec<_>>();
        assert_eq!(titles("stream go"), ["Go to Stream"]);
        assert_eq!(titles("DARK"), ["Dark theme"]);
        assert_eq!(titles("").len(), ALL.len());
        assert!(titles("nothing like it").is_empty());
    }
}
