//! The list without rows: why there are none, and what to do.

use eframe::egui::Ui;
use lucide_icons::Icon;

use super::{filters, pressed::Pressed};
use crate::{
    app::{
        command::{COPY_CURL_HINT, Command, WindowCommand},
        seen::Seen,
        widgets,
    },
    delivery::Query,
};

pub(super) fn list_ui(ui: &mut Ui, seen: &mut Seen<'_>, filter: &Query) -> Option<Pressed> {
    let removed =
        (seen.status.pruned > 0).then(|| filters::removed(seen.status.pruned, seen.config.log.keep_events));
    if !filter.is_all() {
        let has_only_range = Query { since: None, until: None, ..filter.clone() }.is_all();
        let (title, text, clear, pressed) = if has_only_range {
            let text = "No event in the log was received in this time.";
            ("No matches in this time range", text, "Show all time", Pressed::ClearRange)
        } else {
            let text = "No event in the log matches this search and these filters.";
            ("No matches", text, "Clear filters", Pressed::ClearSearch)
        };
        let text = removed.map_or_else(|| text.to_owned(), |removed| format!("{text} {removed}"));
        let is_pressed = widgets::empty_ui(ui, Icon::Search, title, &text, Some((Icon::X, clear)));
        return is_pressed.then_some(pressed);
    }
    if let Some(removed) = removed {
        widgets::empty_ui(ui, Icon::Activity, "No events in the log", &removed, None);
        return None;
    }
    let text = "Send one from the Test place or with curl, or point an SDK at the capture endpoint. It shows up here at \
                once.";
    let action = Some((Icon::FlaskConical, "Send a test event"));
    if widgets::empty_ui(ui, Icon::Activity, "No events yet", text, action) {
        seen.push(Command::SendDraft);
    }
    if !seen.config.capture.sources.is_empty() {
        ui.vertical_centered(|ui| {
            let button = widgets::button_ui(ui, Icon::Copy, "Copy curl");
            if button.on_hover_text(COPY_CURL_HINT).clicked() {
                seen.push(Command::Window(WindowCommand::CopyCurl));
            }
        });
    }
    None
}
