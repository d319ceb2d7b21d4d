//! How a program of the user's own reads the practice stream: its address, region, name and keys, each with a button that
//! copies it, and all of them as environment variables. The secret is hidden until the user asks for it.

use std::fmt::Write as _;

use eframe::egui::{Align, Layout, Ui};
use lucide_icons::Icon;

use super::{seen::Seen, widgets};
use crate::{engine::PracticeAccess, shell};

const HIDDEN: &str = "••••••••••••";

/// Two columns from this width on, so that the table below keeps its height.
const TWO_COLUMNS_WIDTH_MIN: f32 = 640.0;

/// Of the two buttons after the secret.
const BUTTONS_WIDTH: f32 = 76.0;

#[derive(Default)]
pub(super) struct Reach {
    shows_secret: bool,
}

impl Reach {
    /// Draws address and keys. Call it only while the practice stream is the destination.
    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let access = seen.snapshot.practice.as_ref();
        ui.horizontal(|ui| {
            widgets::title_ui(ui, "Connect a reader");
            if let Some(access) = access {
                let right = Layout::right_to_left(Align::Center);
                ui.with_layout(right, |ui| environment_ui(ui, seen, access));
            }
        });
        let Some(access) = access else {
            let text = "The practice stream has no address yet: its port is being opened.";
            return widgets::hint_ui(ui, text);
        };
        widgets::beside_ui(
            ui,
            TWO_COLUMNS_WIDTH_MIN,
            &mut (&mut *self, &mut *seen),
            |(_, seen), ui| place_ui(ui, seen, access),
            |(reach, seen), ui| reach.keys_ui(ui, seen, access),
        );
        let text = "For programs on this computer, as long as the app runs. The keys are new at each start; for keys that stay \
                    the same, run tributary practice.";
        widgets::hint_ui(ui, text);
    }

    fn keys_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, access: &PracticeAccess) {
        if widgets::fact_ui(ui, "Access key id", &access.access_key_id, true) {
            seen.copied("Access key id");
        }
        let secret = if self.shows_secret { &*access.secret_access_key } else { HIDDEN };
        ui.horizontal(|ui| {
            ui.scope(|ui| {
                ui.set_max_width(ui.available_width() - BUTTONS_WIDTH);
                widgets::fact_ui(ui, "Secret access key", secret, false);
            });
            let (icon, name) = if self.shows_secret {
                (Icon::EyeOff, "Hide secret access key")
            } else {
                (Icon::Eye, "Show secret access key")
            };
            if widgets::icon_button_ui(ui, icon, name).clicked() {
                self.shows_secret = !self.shows_secret;
            }
            if widgets::icon_button_ui(ui, Icon::Copy, "Copy secret access key").clicked() {
                ui.copy_text(access.secret_access_key.clone());
                seen.copied("Secret access key");
            }
        });
    }
}

/// Copies the environment variables with the real secret, whether it is shown or not.
fn environment_ui(ui: &mut Ui, seen: &mut Seen<'_>, access: &PracticeAccess) {
    let hint = "AWS_ENDPOINT_URL_KINESIS and the others that AWS's SDKs and tools read, one a line";
    if widgets::button_ui(ui, Icon::Copy, "Copy as environment variables").on_hover_text(hint).clicked() {
        let mut text = String::new();
        for (name, value) in access.environment() {
            writeln!(text, "{name}={}", shell::word(value)).expect("a String takes all that is written");
        }
        ui.copy_text(text);
        seen.copied("Environment variables");
    }
}

fn place_ui(ui: &mut Ui, seen: &mut Seen<'_>, access: &PracticeAccess) {
    let facts = [("Address", &access.endpoint_url), ("Region", &access.region), ("Stream", &access.stream)];
    for (name, value) in facts {
        if widgets::fact_ui(ui, name, value, true) {
            seen.copied(name);
        }
    }
}
