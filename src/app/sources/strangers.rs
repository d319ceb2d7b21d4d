//! Who was turned away for want of a known write key, and what to do about it.

use eframe::egui::{Label, RichText, Ui};

use crate::{
    app::{
        Seen,
        theme::{tokens, weight},
        widgets::{self, Tone},
    },
    delivery::Stranger,
};

/// Further ones are only counted.
const SHOWN_MAX: usize = 8;

pub(super) fn strangers_ui(ui: &mut Ui, seen: &Seen<'_>) {
    let strangers = &seen.status.strangers;
    if strangers.is_empty() {
        return;
    }
    widgets::card_ui(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 6.0;
        widgets::title_ui(ui, "Turned away");
        for stranger in strangers.iter().take(SHOWN_MAX) {
            stranger_ui(ui, seen, stranger);
        }
        if let Some(more) = strangers.len().checked_sub(SHOWN_MAX).filter(|more| *more > 0) {
            widgets::hint_ui(ui, &format!("and {more} more"));
        }
        let without = strangers.iter().any(|stranger| &*stranger.key == "no key");
        let with = strangers.iter().any(|stranger| &*stranger.key != "no key");
        if with {
            let text = "These keys belong to no source. Copy the key again from above into that sender.";
            widgets::message_ui(ui, Tone::Attention, text);
        }
        if without {
            let text =
                "A request without a key gives its sender no name. Copy a key from above into that sender.";
            widgets::message_ui(ui, Tone::Attention, text);
        }
    });
}

fn stranger_ui(ui: &mut Ui, seen: &Seen<'_>, stranger: &Stranger) {
    let t = tokens(ui);
    let small = |text: String| RichText::new(text).size(12.0).color(t.text);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 10.0;
        widgets::dot_ui(ui, t.warn);
        ui.label(weight(key_words(&stranger.key), 580.0).color(t.strong));
        ui.label(small(requests(stranger.requests)));
        ui.label(small(widgets::ago_ui(ui, stranger.last_seen, seen.now)));
        let agent = if stranger.user_agent.is_empty() { "no user agent" } else { &*stranger.user_agent };
        ui.add(Label::new(small(agent.to_owned()).color(t.weak)).truncate()).on_hover_text(agent);
    });
}

/// Of a key only its end is known, and of a short one nothing.
pub(super) fn key_words(key: &str) -> String {
    match key {
        "no key" => "No key".to_owned(),
        "other keys" => "Other keys".to_owned(),
        "…" => "A short key".to_owned(),
        end => format!("Key {end}"),
    }
}

pub(super) fn requests(count: u64) -> String {
    format!("{} request{}", widgets::digits(count), if count == 1 { "" } else { "s" })
}
