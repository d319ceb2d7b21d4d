//! The event as JSON to edit, and the switch that marks it as a test event.

use eframe::egui::{Label, Margin, RichText, TextBuffer, TextEdit, TextStyle, Ui};

use crate::{
    app::{
        json,
        theme::{tokens, weight},
        widgets,
    },
    snippets::edit,
};

/// The event's JSON to edit; true when it was changed.
pub(super) fn editor_ui(ui: &mut Ui, text: &mut String, is_refused: bool) -> bool {
    let font = TextStyle::Monospace.resolve(ui.style());
    let mut layouter = |ui: &Ui, text: &dyn TextBuffer, width: f32| {
        let mut job = json::highlight(text.as_str(), tokens(ui), &font);
        job.wrap.max_width = width;
        ui.fonts_mut(|fonts| fonts.layout_job(job))
    };
    ui.scope(|ui| {
        widgets::edge_ui(ui, is_refused);
        let edit = TextEdit::multiline(text)
            .code_editor()
            .desired_rows(15)
            .desired_width(f32::INFINITY)
            .margin(Margin::same(12))
            .layouter(&mut layouter);
        ui.add(edit).accessible_name("Event JSON").changed()
    })
    .inner
}

/// The switch for the mark of a test event. `text`: the event.
pub(super) fn mark_ui(ui: &mut Ui, is_unmarked: &mut bool, text: &str) {
    let t = tokens(ui);
    ui.horizontal(|ui| {
        let mut is_marked = !*is_unmarked;
        widgets::switch_ui(ui, &mut is_marked, "Mark as test");
        *is_unmarked = !is_marked;
        ui.label(weight("Mark as test", 560.0));
        let note = match (is_marked, edit::with_mark(text)) {
            (false, _) => "Consumers cannot tell it from a real event".to_owned(),
            (true, Some(_)) => {
                format!("context.{} = {}", edit::MARK.0, edit::MARK.1)
            }
            (true, None) if edit::Members::of(text).is_none() => {
                "Only a JSON object can carry the mark".to_owned()
            }
            (true, None) => "This event's context is not an object, so it cannot be marked".to_owned(),
        };
        ui.add(Label::new(RichText::new(note).color(t.weak)).truncate());
    });
}
