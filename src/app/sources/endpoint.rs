//! The capture endpoint: its address, who can reach it, and the check of its public address.

use eframe::egui::{Align, Frame, Label, Layout, Margin, RichText, Stroke, Ui};
use lucide_icons::Icon;

use super::public::Public;
use crate::{
    app::{
        seen::Seen,
        theme::{self, tokens},
        widgets::{self, Tone},
    },
    config::Config,
};

/// The card of the endpoint: its address, and who can reach it.
pub(super) fn card_ui(ui: &mut Ui, seen: &mut Seen<'_>, public: &mut Public) {
    widgets::card_ui(ui, |ui| {
        widgets::title_ui(ui, "Capture endpoint");
        url_ui(ui, seen);
        if seen.config.capture.public_url.is_some() {
            let text = format!(
                "Senders use this public address. A reverse proxy passes it on to {}.",
                seen.endpoint()
            );
            widgets::hint_ui(ui, &text);
        }
        if seen.config.capture.exposed() {
            exposed_ui(ui, seen.config, seen.config);
        } else if seen.config.capture.public_url.is_none() {
            let text = "Takes the calls that analytics SDKs send, from this computer only. Settings can open it \
                            to other computers, or give it the public address of a reverse proxy.";
            widgets::hint_ui(ui, text);
        }
        if seen.config.capture.listen.ip().is_loopback() && seen.config.capture.public_url.is_none() {
            let text = "Web pages on this computer can send. For a public https page the browser asks its user first; for a public \
                            http page it refuses.";
            widgets::hint_ui(ui, text);
        }
        public.ui(ui, seen);
    });
}

/// The address with a button that copies it.
fn url_ui(ui: &mut Ui, seen: &mut Seen<'_>) {
    let t = tokens(ui);
    let url = seen.public_endpoint();
    let frame = Frame::new().fill(t.field).stroke(Stroke::new(1.0, t.line)).corner_radius(9);
    frame.inner_margin(Margin { left: 12, right: 6, top: 5, bottom: 5 }).show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.label(theme::icon(Icon::Globe).color(t.accent));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if widgets::icon_button_ui(ui, Icon::Copy, "Copy endpoint URL").clicked() {
                    ui.copy_text(url.clone());
                    seen.copied("Endpoint URL");
                }
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    let text = RichText::new(&url).monospace().size(13.5).color(t.strong);
                    ui.add(Label::new(text).truncate());
                });
            });
        });
    });
}

/// Warns about a listen address that other computers can reach. `config` need not be in force.
pub(crate) fn exposed_ui(ui: &mut Ui, in_force: &Config, config: &Config) {
    let (tone, text) = exposed(in_force, config);
    widgets::message_ui(ui, tone, &text);
}

fn exposed(in_force: &Config, config: &Config) -> (Tone, String) {
    let capture = &config.capture;
    let is_encrypted = !capture.tls_cert.is_empty();
    let (tone, then) = match (capture.require_write_key, is_encrypted) {
        (true, true) => (Tone::Note, "They need a write key, and connections are encrypted (https)."),
        (true, false) => (
            Tone::Attention,
            "Write keys and events travel unencrypted: set a certificate (capture.tls_cert), or put a proxy with TLS or a \
             firewall in front.",
        ),
        (false, true) => (
            Tone::Attention,
            "No write key is required, so any of them can send events: require one in Settings, or put a firewall in \
             front.",
        ),
        (false, false) => (
            Tone::Attention,
            "No write key is required, so any of them can send events, which travel unencrypted. Require one in Settings, \
             and set a certificate (capture.tls_cert), or put a proxy with TLS or a firewall in front.",
        ),
    };
    let is_reached = capture.listen == in_force.capture.listen;
    let (can, listens) = if is_reached {
        ("Other computers can", "listens")
    } else {
        ("Once applied, other computers can", "then listens")
    };
    let then = if is_reached && capture.require_write_key != in_force.capture.require_write_key {
        format!("Once applied: {then}")
    } else {
        then.to_owned()
    };
    let text = format!("{can} reach this endpoint, because it {listens} on {}. {then}", capture.listen);
    (tone, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_with_a_certificate_is_not_said_to_be_unencrypted() {
        let mut config = Config::default();
        config.capture.listen = "0.0.0.0:8485".parse().expect("an address");
        assert!(exposed(&config, &config).1.contains("unencrypted"));
        "/etc/tributary/cert.pem".clone_into(&mut config.capture.tls_cert);
        for require_write_key in [true, false] {
            config.capture.require_write_key = require_write_key;
            let (tone, text) = exposed(&config, &config);
            assert!(!text.contains("unencrypted") && !text.contains("certificate"), "{text}");
            assert_eq!(tone == Tone::Attention, !require_write_key, "{text}");
        }
    }
}
