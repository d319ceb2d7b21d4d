//! The sheets about the program: every key, and the licences of third parties.

use std::sync::LazyLock;

use eframe::egui::{Grid, Key, Label, RichText, ScrollArea, Sides, TextStyle, Ui};
use lucide_icons::Icon;

use super::{
    command::{self, ALL, Command, KEYS_OF_PLACES, WindowCommand},
    sheet,
    theme::{tokens, weight},
    widgets,
};

/// Names, versions and licences of every crate and font in the program, with the texts of the licences. `.ci/notices` writes
/// the file.
static LICENCES: LazyLock<Vec<&str>> =
    LazyLock::new(|| include_str!("../../assets/third-party.txt").lines().collect());

/// Draws the list of keys. True: the sheet must be closed.
pub(super) fn keys_ui(ui: &Ui) -> bool {
    let mut closes = sheet::is_key_pressed(ui, &Command::Window(WindowCommand::Help));
    let modal = sheet::modal(ui, "help").show(ui, |ui| {
        ui.set_width(540.0);
        ui.spacing_mut().interact_size.y = 20.0;
        closes |= title_ui(ui, "Keys", "Close the help sheet");
        let height = (ui.content_rect().height() - 160.0).clamp(160.0, 560.0);
        ScrollArea::vertical().max_height(height).min_scrolled_height(height).auto_shrink(false).show(
            ui,
            |ui| {
                Grid::new("keys").num_columns(3).spacing([18.0, 6.0]).striped(false).show(ui, |ui| {
                    for entry in ALL {
                        let Some(keys) = entry.keys else { continue };
                        let mut text = command::keys_text(ui, keys);
                        if keys.logical_key == Key::F1 {
                            text.push_str(" or ?");
                        }
                        row_ui(ui, "Everywhere", &text, entry.title);
                    }
                    for (place, keys, what) in KEYS_OF_PLACES {
                        let is_mac = cfg!(target_os = "macos");
                        let keys = if is_mac { keys.replace("Ctrl+", "⌘") } else { keys.to_owned() };
                        row_ui(ui, place, &keys, what);
                    }
                });
                ui.add_space(8.0);
                widgets::hint_ui(ui, "Every other command is in the palette, by its name.");
            },
        );
    });
    closes || modal.should_close()
}

/// Draws the licences. True: the sheet must be closed.
pub(super) fn licences_ui(ui: &Ui) -> bool {
    let mut closes = false;
    let modal = sheet::modal(ui, "notices").show(ui, |ui| {
        let t = tokens(ui);
        let window = ui.content_rect();
        ui.set_width((window.width() - 120.0).min(720.0));
        closes = title_ui(ui, "Third-party licences", "Close the licences");
        let height = (window.height() - 160.0).max(160.0);
        let line = ui.text_style_height(&TextStyle::Monospace);
        ui.spacing_mut().item_spacing.y = 2.0;
        let area = ScrollArea::both().max_height(height).min_scrolled_height(height).auto_shrink(false);
        area.show_rows(ui, line, LICENCES.len(), |ui, rows| {
            for line in &LICENCES[rows] {
                ui.add(Label::new(RichText::new(*line).monospace().color(t.text)).extend());
            }
        });
    });
    closes || modal.should_close()
}

/// The title of a sheet, with a button that closes it. True: the button was pressed.
fn title_ui(ui: &mut Ui, title: &str, close: &str) -> bool {
    let color = tokens(ui).strong;
    let (_, closes) = Sides::new().show(
        ui,
        |ui| ui.label(weight(title, 680.0).size(17.0).color(color)),
        |ui| widgets::icon_button_ui(ui, Icon::X, close).clicked(),
    );
    closes
}

fn row_ui(ui: &mut Ui, place: &str, keys: &str, what: &str) {
    let t = tokens(ui);
    ui.label(RichText::new(place).color(t.weak));
    ui.label(RichText::new(keys).monospace().color(t.strong));
    ui.label(RichText::new(what).color(t.text));
    ui.end_row();
}
