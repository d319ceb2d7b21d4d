//! The sheet with the licences of third parties.

use std::sync::LazyLock;

use eframe::egui::{Label, RichText, ScrollArea, TextStyle, Ui};

use super::{sheet, theme::tokens};

/// Names, versions and licences of every crate and font in the program, with the texts of the licences. `.ci/notices` writes
/// the file.
static LICENCES: LazyLock<Vec<&str>> =
    LazyLock::new(|| include_str!("../../assets/third-party.txt").lines().collect());

/// Draws the licences. True: the sheet must be closed.
pub(super) fn licences_ui(ui: &Ui) -> bool {
    let mut closes = false;
    let modal = sheet::modal(ui, "notices").show(ui, |ui| {
        let t = tokens(ui);
        let window = ui.content_rect();
        ui.set_width((window.width() - 120.0).min(720.0));
        closes = sheet::title_ui(ui, "Third-party licences", "Close the licences");
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
