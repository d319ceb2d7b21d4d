//! Senders that were refused because their write key is unknown or their path is not served, and what to do about them.

use eframe::egui::{Label, RichText, Ui};
use lucide_icons::Icon;

use crate::{
    app::{
        seen::Seen,
        theme::{tokens, weight},
        widgets::{self, Tone},
    },
    delivery::{Millis, UnknownSender, WrongPath},
};

/// Maximum number of unknown senders to show. Further ones are only counted.
const SHOWN_MAX: usize = 8;

/// Draws the card, if somebody was turned away. True when the user wants to add a source.
pub(super) fn card_ui(ui: &mut Ui, seen: &mut Seen<'_>) -> bool {
    let senders = &seen.status.unknown_senders;
    let paths = &seen.status.wrong_paths;
    if senders.is_empty() && paths.is_empty() {
        return false;
    }
    let mut adds = false;
    widgets::card_ui(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 6.0;
        widgets::title_ui(ui, "Turned away");
        let (without, with): (Vec<_>, Vec<_>) = senders.iter().partition(|sender| &*sender.key == "no key");
        for sender in with.iter().take(SHOWN_MAX) {
            sender_ui(ui, seen, sender);
        }
        if let Some(more) = with.len().checked_sub(SHOWN_MAX).filter(|more| *more > 0) {
            widgets::hint_ui(ui, &format!("and {more} more"));
        }
        if !with.is_empty() {
            widgets::message_ui(ui, Tone::Attention, unknown_keys(&with));
        }
        for sender in &without {
            sender_ui(ui, seen, sender);
            let text = "Requests without a key belong to no source. Copy a key from the list of sources into that sender.";
            widgets::message_ui(ui, Tone::Attention, text);
        }
        if !senders.is_empty() {
            adds = actions_ui(ui, seen);
        }
        for path in paths.iter().take(SHOWN_MAX) {
            path_ui(ui, seen, path);
        }
        if let Some(more) = paths.len().checked_sub(SHOWN_MAX).filter(|more| *more > 0) {
            widgets::hint_ui(ui, &format!("and {more} more paths"));
        }
        if !paths.is_empty() {
            let text = "Nothing is served at these paths, and most SDKs drop what they sent there. Compare the URL in \
                        the sender with the snippet for its SDK.";
            widgets::message_ui(ui, Tone::Attention, text);
        }
    });
    adds
}

/// What can be done about senders without a known key. True when the user wants to add a source.
fn actions_ui(ui: &mut Ui, seen: &mut Seen<'_>) -> bool {
    let mut adds = false;
    ui.horizontal_wrapped(|ui| {
        if let [only] = &*seen.config.capture.sources
            && widgets::button_ui(ui, Icon::Copy, "Copy the write key").clicked()
        {
            ui.copy_text(only.write_key.clone());
            seen.copied("Write key");
        }
        adds = widgets::button_ui(ui, Icon::Plus, "Add a source for this sender").clicked();
    });
    adds
}

/// The advice for the rows above. One row may represent several keys.
fn unknown_keys(rows: &[&UnknownSender]) -> &'static str {
    match rows {
        [one] if &*one.key != "other keys" => {
            "This key belongs to no source. Copy the key again from the list of sources into that sender."
        }
        _ => {
            "These keys belong to no source. Copy the key again from the list of sources into those senders."
        }
    }
}

fn path_ui(ui: &mut Ui, seen: &Seen<'_>, path: &WrongPath) {
    let visits = (path.requests, path.last_seen, &*path.user_agent);
    turned_away_ui(ui, seen, &path.request, visits);
    if let Some(meant) = &path.meant {
        widgets::hint_ui(ui, &format!("Did you mean {meant}?"));
    }
}

fn sender_ui(ui: &mut Ui, seen: &Seen<'_>, sender: &UnknownSender) {
    let visits = (sender.requests, sender.last_seen, &*sender.user_agent);
    turned_away_ui(ui, seen, &key_words(&sender.key), visits);
}

fn turned_away_ui(ui: &mut Ui, seen: &Seen<'_>, who: &str, (count, last, agent): (u64, Millis, &str)) {
    let t = tokens(ui);
    let small = |text: String| RichText::new(text).size(12.0).color(t.text);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 10.0;
        ui.set_height(20.0);
        widgets::dot_ui(ui, t.warn);
        ui.label(weight(who, 580.0).color(t.strong));
        ui.label(small(requests(count)));
        ui.label(small(widgets::ago_ui(ui, last, seen.now)));
        let agent = if agent.is_empty() { "no user agent" } else { agent };
        ui.add(Label::new(small(agent.to_owned()).color(t.weak)).truncate());
    });
}

/// The known end of a key in words. Nothing is known of a short key.
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
