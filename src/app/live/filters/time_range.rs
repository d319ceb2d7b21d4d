//! The menu for the time range of the search.

use eframe::egui::{Key, Ui};
use lucide_icons::Icon;

use super::super::menu::{choice_ui, menu_ui};
use crate::{
    app::{clock::Clock, widgets},
    delivery::{
        Millis, Query,
        query::{self, QueryKey},
    },
    engine::lines,
};

const RANGES: [(&str, Option<&str>); 5] = [
    ("All time", None),
    ("Last 15 minutes", Some("15m")),
    ("Last hour", Some("1h")),
    ("Last 24 hours", Some("24h")),
    ("Last 7 days", Some("7d")),
];

/// The exact range that is being typed.
#[derive(Default)]
pub(super) struct TimeRange {
    from: String,
    to: String,
}

impl TimeRange {
    /// Draws the menu; the search with the range that was chosen. `shown`: the query of the list.
    pub(super) fn ui(&mut self, ui: &mut Ui, clock: &Clock, text: &str, shown: &Query) -> Option<String> {
        let label = match (shown.since, shown.until) {
            (None, None) => "All time".to_owned(),
            (Some(since), None) => format!("Since {}", clock.short(since)),
            (None, Some(until)) => format!("Until {}", clock.short(until)),
            (Some(since), Some(until)) => format!("{} – {}", clock.short(since), clock.short(until)),
        };
        let mut chosen = None;
        menu_ui(ui, Icon::Clock, &label, "Time range", |ui| {
            for (name, ago) in RANGES {
                if choice_ui(ui, name, has_time(text, ago)) {
                    chosen = Some(with_time(text, ago));
                }
            }
            ui.separator();
            chosen = chosen.take().or(self.exact_ui(ui, clock, text));
        });
        chosen
    }

    fn exact_ui(&mut self, ui: &mut Ui, clock: &Clock, text: &str) -> Option<String> {
        let fields = [
            ("From (local time)", &mut self.from, "2026-03-02 10:00"),
            ("To", &mut self.to, "2026-03-02 11:30"),
        ];
        let fields = fields.map(|(name, value, hint)| {
            let name = ui.label(name);
            let edit = widgets::text_edit(value, &widgets::example(hint)).desired_width(190.0);
            widgets::menu_edit_ui(ui, edit).labelled_by(name.id)
        });
        let (from, to) = (clock.read(&self.from), clock.read(&self.to));
        let is_wrong = |text: &str, time: Option<i64>| !text.trim().is_empty() && time.is_none();
        let error = if is_wrong(&self.from, from) || is_wrong(&self.to, to) {
            Some("A time looks like 2026-03-02 10:00")
        } else if from.zip(to).is_some_and(|(from, to)| to <= from) {
            Some("The range ends before it begins: “To” must be later than “From”")
        } else {
            None
        };
        widgets::error_ui(ui, error);
        let can_apply = error.is_none() && (from.is_some() || to.is_some());
        let entered = fields.iter().find(|field| widgets::is_left_with(field, Key::Enter));
        let is_pressed = widgets::primary_button_ui(ui, Icon::Check, "Apply range", can_apply).clicked();
        if !(is_pressed || (entered.is_some() && can_apply)) {
            if let Some(field) = entered {
                // The user has to correct it.
                field.request_focus();
            }
            return None;
        }
        ui.close();
        let mut text = with_time(text, None);
        for (key, time) in [(QueryKey::Since, from), (QueryKey::Until, to)] {
            if let Some(time) = time {
                text = query::with(&text, key, &[&lines::time(time)]);
            }
        }
        Some(text)
    }
}

/// Whether the search has this time range.
fn has_time(text: &str, ago: Option<&str>) -> bool {
    let now = Clock::now();
    let time = |text: &str| Query::parse(text, now).map(|query| (query.since, query.until));
    time(text).is_ok_and(|range| time(&with_time(text, ago)) == Ok(range))
}

/// The search with this time range instead of its own.
pub(super) fn with_time(text: &str, ago: Option<&str>) -> String {
    query::with(&query::with(text, QueryKey::Since, ago.as_slice()), QueryKey::Until, &[])
}

/// The search limited to the time from `from` on and before `to`.
pub(super) fn between(text: &str, from: Millis, to: Millis) -> String {
    let text = query::with(text, QueryKey::Since, &[&lines::time(from)]);
    query::with(&text, QueryKey::Until, &[&lines::time(to)])
}
