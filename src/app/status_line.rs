//! The status line at the bottom of the window: the destination, the state of the forwarder, the event rates, the queue, and
//! the address to send to.

use std::time::Duration;

use eframe::egui::{self, Align, Color32, Frame, Label, Layout, Margin, Panel, RichText, Stroke, Ui};
use lucide_icons::Icon;

use super::{
    destinations,
    seen::Seen,
    theme::{self, Tokens, tokens, weight},
    widgets,
};
use crate::{
    aws::Arn,
    config::{Config, DestinationKind},
    delivery::{ForwarderState, RATE_SECONDS},
};

pub(super) fn panel_ui(ui: &mut Ui, seen: &mut Seen<'_>) {
    let t = tokens(ui);
    let margin = Margin { left: 14, right: 10, top: 3, bottom: 3 };
    Panel::bottom("status")
        .exact_size(36.0)
        .resizable(false)
        .frame(Frame::new().fill(t.window).inner_margin(margin))
        .show(ui, |ui| {
            ui.horizontal_centered(|ui| {
                ui.spacing_mut().item_spacing.x = 7.0;
                let roomy = ui.available_width() > 1000.0;
                destination_ui(ui, seen, if roomy { 300.0 } else { 190.0 });
                divider_ui(ui);
                forwarder_ui(ui, &seen.status.forwarder);
                divider_ui(ui);
                flow_ui(ui, seen);
                divider_ui(ui);
                queue_ui(ui, seen);
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| endpoint_ui(ui, seen));
            });
        });
}

/// Where events go now, in a few words. Unlike [`destination`], it includes a server that AWS's own variables or profile set.
pub(super) fn destination_in_force(seen: &Seen<'_>) -> String {
    let destination = &seen.config.destination;
    match seen.status.server.as_deref().and_then(server) {
        Some(server)
            if destination.kind == DestinationKind::Kinesis && destination.endpoint_url.is_empty() =>
        {
            format!("{} @ {server}", stream_name(seen.config))
        }
        Some(_) | None => self::destination(seen.config),
    }
}

/// Host and port of an address.
fn server(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#', ' ', ',']).next()?;
    authority.rsplit('@').next().filter(|host| !host.is_empty())
}

/// Where events go, in a few words: the server where it is not AWS, else the region.
pub(super) fn destination(config: &Config) -> String {
    let destination = &config.destination;
    match destination.kind {
        DestinationKind::Practice => "Practice stream".to_owned(),
        DestinationKind::Kinesis => {
            let region = match Arn::parse(&destination.stream) {
                Some(arn) if destination.region.is_empty() => arn.region,
                _ => &destination.region,
            };
            let at = server(&destination.endpoint_url).unwrap_or(region);
            format!("{} @ {at}", stream_name(config))
        }
    }
}

/// The stream's name, also where the settings have its ARN.
pub(super) fn stream_name(config: &Config) -> &str {
    config.destination.stream.rsplit("stream/").next().unwrap_or_default()
}

/// The colour for the forwarder's state.
pub(super) fn forwarder_color(forwarder: &ForwarderState, t: &Tokens) -> Color32 {
    match forwarder {
        ForwarderState::Disabled | ForwarderState::Draining => t.weak,
        ForwarderState::Running => t.ok,
        ForwarderState::Throttled(_) | ForwarderState::Offline { .. } => t.warn,
        ForwarderState::Blocked { .. } => t.err,
    }
}

/// The name of the state, with a capital.
pub(super) fn forwarder_word(forwarder: &ForwarderState) -> &'static str {
    match forwarder {
        ForwarderState::Disabled => "Disabled",
        ForwarderState::Running => "Running",
        ForwarderState::Throttled(_) => "Throttled",
        ForwarderState::Blocked { .. } => "Blocked",
        ForwarderState::Offline { .. } => "Offline",
        ForwarderState::Draining => "Draining",
    }
}

/// What the state means.
pub(super) fn forwarder_meaning(forwarder: &ForwarderState) -> &'static str {
    match forwarder {
        ForwarderState::Disabled => "Switched off. Events are accepted and wait in the spool.",
        ForwarderState::Running => "Events are delivered as they arrive.",
        ForwarderState::Throttled(_) => "The stream throttles. Delivery is slower; nothing is lost.",
        ForwarderState::Blocked { .. } => "Needs you. Events are accepted and wait in the spool.",
        ForwarderState::Offline { .. } => {
            "The destination cannot be reached. Events wait in the spool; it tries again by itself."
        }
        ForwarderState::Draining => "Shutting down.",
    }
}

fn divider_ui(ui: &mut Ui) {
    let t = tokens(ui);
    let (rect, _) = ui.allocate_exact_size(egui::vec2(9.0, 14.0), egui::Sense::hover());
    ui.painter().vline(rect.center().x, rect.y_range(), Stroke::new(1.0, t.edge));
}

fn destination_ui(ui: &mut Ui, seen: &mut Seen<'_>, width_max: f32) {
    let is_aws = seen.config.destination.endpoint_url.is_empty() && seen.status.server.is_none();
    let (icon, what) = match seen.config.destination.kind {
        DestinationKind::Practice => {
            (Icon::GraduationCap, "Events go to the practice stream inside this app")
        }
        DestinationKind::Kinesis if is_aws => (Icon::Cloud, "Events go to this Kinesis stream"),
        DestinationKind::Kinesis => (Icon::Server, "Events go to this stream on a server that is not AWS"),
    };
    let destination = destination_in_force(seen);
    ui.scope(|ui| {
        ui.set_max_width(width_max);
        let text = format!("{what}: {destination}");
        destinations::menu_ui(ui, seen, icon, &destination).on_hover_text(text);
    });
}

fn forwarder_ui(ui: &mut Ui, forwarder: &ForwarderState) {
    let t = tokens(ui);
    let color = forwarder_color(forwarder, t);
    widgets::dot_ui(ui, color);
    let color = if matches!(forwarder, ForwarderState::Running) { t.text } else { color };
    ui.add(Label::new(weight(forwarder_word(forwarder), 580.0).color(color)).selectable(false))
        .on_hover_text(forwarder_meaning(forwarder));
}

fn flow_ui(ui: &mut Ui, seen: &Seen<'_>) {
    let t = tokens(ui);
    for (icon, series, name) in [
        (Icon::ArrowDown, &seen.status.accepted_per_sec, "Events accepted per second"),
        (Icon::ArrowUp, &seen.status.delivered_per_sec, "Events delivered per second"),
    ] {
        let value = latest(series);
        if value > 0.0 || series.last().is_some_and(|running| *running > 0.0) {
            // The engine does not wake the window for the passing of time.
            ui.request_repaint_after(Duration::from_secs(1));
        }
        let value = widgets::rate(value);
        ui.scope(|ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            ui.label(theme::icon(icon).size(11.5).color(t.weak));
            ui.add(Label::new(RichText::new(format!("{value}/s")).color(t.text)).selectable(false))
                .on_hover_text(name);
        });
    }
}

/// The mean of the last [`RATE_SECONDS`] full seconds: smoother than one second, and still quick to change. The running
/// second is left out.
pub(super) fn latest(series: &[f32]) -> f32 {
    let full = full_seconds(series);
    let tail = &full[full.len().saturating_sub(RATE_SECONDS)..];
    if tail.is_empty() { 0.0 } else { tail.iter().sum::<f32>() / tail.len() as f32 }
}

/// The series without the running second, whose count would look like a drop.
pub(super) fn full_seconds(series: &[f32]) -> &[f32] {
    &series[..series.len().saturating_sub(1)]
}

fn queue_ui(ui: &mut Ui, seen: &Seen<'_>) {
    let t = tokens(ui);
    let ledger = &seen.status.ledger;
    ui.label(RichText::new("Queue").color(t.weak));
    let color = if ledger.queued > 0 { t.strong } else { t.text };
    ui.add(Label::new(weight(widgets::digits(ledger.queued), 580.0).color(color)).selectable(false)).on_hover_ui(|ui| {
        ui.label(format!(
            "{} accepted = {} delivered + {} queued + {} failed\n{} rejected at the endpoint\n{} waiting on disk",
            widgets::digits(ledger.accepted),
            widgets::digits(ledger.delivered),
            widgets::digits(ledger.queued),
            widgets::digits(ledger.failed),
            widgets::digits(ledger.rejected),
            widgets::bytes(ledger.queued_bytes),
        ));
    });
}

fn endpoint_ui(ui: &mut Ui, seen: &mut Seen<'_>) {
    let t = tokens(ui);
    let url = seen.public_endpoint();
    if widgets::icon_button_ui(ui, Icon::Copy, "Copy endpoint address").clicked() {
        ui.copy_text(url.clone());
        seen.copied("Endpoint address");
    }
    let label = Label::new(RichText::new(&url).monospace().color(t.text)).truncate();
    ui.add(label.show_tooltip_when_elided(false))
        .on_hover_text(format!("The capture endpoint, where SDKs send: {url}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_of_full_seconds() {
        assert!((latest(&[50.0, 30.0, 30.0, 30.0, 1.0]) - 30.0).abs() < 0.01);
        assert!(latest(&[]).abs() < 0.01 && latest(&[7.0]).abs() < 0.01);
    }
}
