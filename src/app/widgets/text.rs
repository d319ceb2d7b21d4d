//! Running text.

use eframe::egui::{
    Color32, FontFamily, FontId, Response, RichText, TextFormat, TextStyle, Ui, WidgetText, text::LayoutJob,
};

use crate::{app::theme::tokens, event::shown};

/// A sentence under a title or a field.
pub(crate) fn hint_ui(ui: &mut Ui, text: &str) {
    let t = tokens(ui);
    ragged_ui(ui, RichText::new(shown::lines(text)).color(t.weak));
}

/// Running text, not justified. A menu's layout would stretch each line to the menu's width.
pub(crate) fn ragged_ui(ui: &mut Ui, text: impl Into<WidgetText>) -> Response {
    if ui.layout().horizontal_justify() { ui.vertical(|ui| ui.label(text)).inner } else { ui.label(text) }
}

/// Running text. Text between backticks is shown as code.
pub(crate) fn words(ui: &Ui, text: &str, wght: f32, color: Color32) -> LayoutJob {
    let t = tokens(ui);
    let body = TextStyle::Body.resolve(ui.style());
    let mono = FontId::new(body.size - 1.0, FontFamily::Monospace);
    let mut job = LayoutJob::default();
    for (at, piece) in shown::lines(text).split('`').enumerate() {
        let format = if at % 2 == 1 {
            TextFormat { font_id: mono.clone(), color: t.strong, background: t.hover, ..Default::default() }
        } else {
            let mut format = TextFormat { font_id: body.clone(), color, ..Default::default() };
            format.coords.push(b"wght", wght);
            format
        };
        job.append(piece, 0.0, format);
    }
    job
}

/// Makes the first letter a capital. Texts of rules begin in lower case, because they usually follow a setting's name.
pub(crate) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// Whether these texts contain each of the words, which are in lower case.
pub(crate) fn contains_words(texts: &[&str], words: &str) -> bool {
    let has = |word: &str| texts.iter().any(|text| text.to_lowercase().contains(word));
    words.split_whitespace().all(has)
}

/// Cuts a name to the room of a button: a stream's name may have 128 characters.
pub(crate) fn shortened(name: &str) -> String {
    shortened_to(name, 32)
}

/// Cuts a text to this number of characters.
pub(crate) fn shortened_to(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    let head: String = text.chars().take(chars_max - 1).collect();
    format!("{}…", head.trim_end())
}
