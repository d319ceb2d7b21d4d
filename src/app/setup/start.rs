//! What Set up shows first while the practice stream is the destination: that it works, and the way to Amazon Kinesis.

use eframe::egui::{Frame, Label, Margin, RichText, Ui};
use lucide_icons::Icon;

use super::super::{
    command::Command,
    place::Place,
    seen::Seen,
    theme::{self, tokens, weight},
    widgets,
};
use crate::{delivery::ForwarderState, policy};

/// Draws the start. True when the user wants to set up Amazon Kinesis.
pub(super) fn start_ui(ui: &mut Ui, seen: &mut Seen<'_>) -> bool {
    let t = tokens(ui);
    let mut begins = false;
    let frame = Frame::new().fill(t.accent_soft.gamma_multiply(0.6)).corner_radius(12);
    frame.inner_margin(Margin::symmetric(18, 16)).show(ui, |ui| {
        ui.take_available_width();
        ui.horizontal_top(|ui| {
            ui.label(theme::icon(Icon::GraduationCap).size(20.0).color(t.accent));
            ui.vertical(|ui| {
                let title = match seen.status.forwarder {
                    ForwarderState::Running if seen.status.ledger.failed == 0 => "Now: practice stream. Everything works",
                    _ => "Now: practice stream",
                };
                ui.label(weight(title, 640.0).size(14.0).color(t.strong));
                let text = "A small Kinesis inside this app. It needs no AWS account, and nothing leaves this computer. \
                            Events are sent to it by the same AWS client and the same calls as to a real stream, so what \
                            you see here is what AWS will get.";
                ui.add(Label::new(RichText::new(text).color(t.text)).wrap());
                ui.add_space(2.0);
                ui.horizontal_wrapped(|ui| {
                    let switch = "Switch to Amazon Kinesis";
                    begins = widgets::primary_button_ui(ui, Icon::ArrowRight, switch, true).clicked();
                    if widgets::button_ui(ui, Icon::FlaskConical, "Send a test event").clicked() {
                        seen.push(Command::SendDraft);
                    }
                    if widgets::button_ui(ui, Icon::Plug, "Connect an SDK").clicked() {
                        seen.go(Place::Sources);
                    }
                });
                widgets::link_ui(ui, "What is Amazon Kinesis?", policy::ABOUT_KINESIS);
            });
        });
    });
    begins
}
