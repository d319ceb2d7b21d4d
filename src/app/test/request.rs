//! The request that sends the event, as code.

use eframe::egui::Ui;

use crate::{
    app::{seen::Seen, widgets},
    config::Source,
    event::Kind,
    snippets::{self, Language},
};

/// Draws the request. `source`: the index of the source whose key it has.
pub(super) fn request_ui(
    ui: &mut Ui,
    seen: &mut Seen<'_>,
    language: &mut Language,
    (kind, event, source): (Kind, &str, usize),
) {
    widgets::card_ui(ui, |ui| {
        let languages = Language::ALL.map(|language| (language, language.title()));
        widgets::segments_ui(ui, language, "Language of the request", &languages);
        let source = seen.config.capture.sources.get(source);
        let endpoint = seen.endpoint();
        let code = |key: &str| snippets::request(*language, &endpoint, key, kind, event);
        let masked = source.map(Source::masked_key).unwrap_or_default();
        if widgets::code_copy_ui(ui, code(&masked).trim_end(), "Copy request") {
            ui.copy_text(code(source.map_or("", |source| &source.write_key)));
            seen.copied("Request");
        }
        let text = "The copied code contains the real write key. The body is sent exactly as shown here.";
        widgets::hint_ui(ui, text);
    });
}
