//! The head of an open delivery, which stays in sight while its contents scroll: what it is, what can be done with it, and the
//! tabs.

use eframe::egui::{self, Label, RichText, Ui, vec2};
use lucide_icons::Icon;

use super::{
    actions,
    labels::{Mark, mark, size, state_color, state_word},
    loaded::Loaded,
    looks::{Looks, Tab},
};
use crate::{
    app::{
        command::{Command, LiveCommand},
        seen::Seen,
        theme::{tokens, weight},
        widgets,
    },
    delivery::{Delivery, State},
    event::{Kind, shown},
};

/// False when it was closed.
pub(super) fn head_ui(ui: &mut Ui, loaded: &Loaded, looks: &mut Looks, seen: &mut Seen<'_>) -> bool {
    let delivery = &loaded.detail.delivery;
    let kind = delivery.kind.map_or("event", Kind::as_str);
    let stays = title_ui(ui, delivery.name.as_deref().unwrap_or(kind), seen);
    ui.horizontal(|ui| {
        ui.spacing_mut().interact_size.y = 20.0;
        widgets::pill_ui(ui, state_color(delivery.state, tokens(ui)), state_word(delivery.state));
        if let Some(Mark { word, meaning }) = mark(delivery) {
            widgets::pill_ui(ui, tokens(ui).warn, word).on_hover_text(meaning);
        }
        let text = summary(delivery, kind);
        ui.add(Label::new(RichText::new(shown::line(&text)).color(tokens(ui).weak)).truncate());
    });
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(6.0, 6.0);
        ui.spacing_mut().button_padding = vec2(9.0, 4.0);
        actions::buttons_ui(ui, loaded, looks, seen);
    });
    let tabs = [(Tab::Payload, "Payload"), (Tab::Timeline, "Timeline"), (Tab::Record, "Record")];
    widgets::segments_ui(ui, &mut looks.tab, "What to show", &tabs);
    stays
}

/// The type, the size, the user, how long the delivery took, and the source.
fn summary(delivery: &Delivery, kind: &str) -> String {
    let mut parts = vec![kind.to_owned()];
    parts.extend(size(delivery));
    if !delivery.partition_key.is_empty() {
        let name = if delivery.state == State::Rejected || !delivery.key_shortened { "" } else { "SHA-256 " };
        parts.push(format!("{name}{}", delivery.partition_key));
    }
    parts.extend(delivery.latency_ms().map(|ms| format!("delivered in {}", widgets::duration(ms))));
    if !delivery.source.is_empty() {
        parts.push(delivery.source.to_string());
    }
    parts.join(" · ")
}

/// The title with the buttons that lead to the next delivery, and the one that closes; false when it was pressed.
pub(super) fn title_ui(ui: &mut Ui, title: &str, seen: &mut Seen<'_>) -> bool {
    let t = tokens(ui);
    let mut stays = true;
    egui::Sides::new().shrink_left().truncate().show(
        ui,
        |ui| {
            ui.add(Label::new(weight(shown::line(title), 640.0).size(15.0).color(t.strong)).truncate());
        },
        |ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            stays = !widgets::icon_button_ui(ui, Icon::X, "Close").clicked();
            if widgets::icon_button_ui(ui, Icon::ChevronDown, "Next delivery").clicked() {
                seen.push(Command::Live(LiveCommand::Next));
            }
            if widgets::icon_button_ui(ui, Icon::ChevronUp, "Previous delivery").clicked() {
                seen.push(Command::Live(LiveCommand::Previous));
            }
        },
    );
    stays
}
