//! One event many times: how often, how fast, as whom; and how the run goes. The run is the engine's.

use eframe::egui::{self, ProgressBar, RichText, Ui, vec2};
use lucide_icons::Icon;

use super::super::{
    Seen,
    theme::{tokens, weight},
    widgets::{self, Tone},
};
use crate::{
    engine::{RUN_EVENTS_MAX, RUN_PER_SEC_MAX, RUN_USERS_MAX, RunEnd, RunView, TestRun},
    event::Kind,
};

/// What the user chose.
pub(super) struct Many {
    events: u32,
    paced: bool,
    per_sec: u32,
    spread: bool,
    users: u32,
    /// It is to be started by keys.
    pub asked: bool,
}

impl Default for Many {
    fn default() -> Self {
        Self { events: 100, paced: true, per_sec: 20, spread: true, users: 25, asked: false }
    }
}

impl Many {
    /// `event`: what would be sent, `None` where it cannot be.
    pub(super) fn ui(
        &mut self,
        ui: &mut Ui,
        seen: &mut Seen<'_>,
        kind: Kind,
        event: Option<(String, usize)>,
    ) {
        widgets::card_ui(ui, |ui| {
            widgets::title_ui(ui, "Send many");
            widgets::hint_ui(ui, "This event again and again, in batches, as SDKs send them.");
            let run = seen.engine.test_run();
            let running = run.as_ref().is_some_and(|run| run.ended.is_none());
            ui.add_enabled_ui(!running, |ui| self.choices_ui(ui));
            let asked = std::mem::take(&mut self.asked);
            ui.horizontal_wrapped(|ui| {
                if running {
                    if widgets::danger_button_ui(ui, Icon::Square, "Stop").clicked() {
                        seen.engine.stop_test_run();
                    }
                    return;
                }
                let start = widgets::primary_button_ui(ui, Icon::Play, "Start", event.is_some());
                let start = start.on_disabled_hover_text("The event cannot be sent yet");
                if let (true, Some((json, source))) = (start.clicked() || asked, event) {
                    seen.engine.start_test_run(TestRun {
                        kind,
                        json,
                        source,
                        events: self.events,
                        per_sec: self.paced.then_some(self.per_sec),
                        users: self.spread.then_some(self.users),
                    });
                }
            });
            if let Some(run) = &run {
                progress_ui(ui, run);
            }
        });
    }

    fn choices_ui(&mut self, ui: &mut Ui) {
        let number = |name, value, max, unit| Number { name, value, max, unit };
        number("Events", &mut self.events, RUN_EVENTS_MAX, "").ui(ui, None, "");
        let pace = if self.paced { "" } else { "as fast as they are accepted" };
        let rate = number("At a rate", &mut self.per_sec, RUN_PER_SEC_MAX, " per second");
        rate.ui(ui, Some(&mut self.paced), pace);
        let who = if self.spread {
            format!("at random, test-user-1 to {}", self.users)
        } else {
            "the event's own user".to_owned()
        };
        let users = number("Random users", &mut self.users, RUN_USERS_MAX, "");
        users.ui(ui, Some(&mut self.spread), &who);
    }
}

/// A number to choose, up to a limit.
struct Number<'a> {
    name: &'a str,
    value: &'a mut u32,
    max: u32,
    unit: &'a str,
}

impl Number<'_> {
    /// With a switch without which it does not count.
    fn ui(self, ui: &mut Ui, on: Option<&mut bool>, note: &str) {
        let t = tokens(ui);
        let Self { name, value, max, unit } = self;
        ui.horizontal(|ui| {
            let counts = if let Some(on) = on {
                widgets::switch_ui(ui, on, name);
                *on
            } else {
                ui.add_space(36.0 + ui.spacing().item_spacing.x);
                true
            };
            let left = egui::Layout::left_to_right(egui::Align::Center);
            ui.allocate_ui_with_layout(vec2(110.0, 28.0), left, |ui| {
                ui.set_min_width(110.0);
                ui.label(weight(name, 560.0));
            });
            if counts {
                let speed = f64::from(*value).sqrt().max(1.0) / 4.0;
                let drag = widgets::number_edit(value).range(1..=max).speed(speed).suffix(unit);
                ui.add_sized(vec2(120.0, 28.0), drag).accessible_name(format!("{name}: how many"));
            }
            if !note.is_empty() {
                ui.add(egui::Label::new(RichText::new(note).color(t.weak)).truncate());
            }
        });
    }
}

fn progress_ui(ui: &mut Ui, run: &RunView) {
    let t = tokens(ui);
    let done = run.accepted + run.rejected;
    let share = if run.events == 0 { 1.0 } else { done as f32 / run.events as f32 };
    let digits = |n: u32| widgets::digits(u64::from(n));
    let mut text = format!("{} of {} accepted", digits(run.accepted), digits(run.events));
    if run.rejected > 0 {
        text = format!("{text}, {} rejected", digits(run.rejected));
    }
    let bar = ProgressBar::new(share).desired_height(6.0).fill(t.accent);
    ui.add(bar).accessible_name("Progress of the run");
    match &run.ended {
        None => {
            ui.label(RichText::new(&text).color(t.text));
            if let Some(why) = &run.waits {
                widgets::message_ui(
                    ui,
                    Tone::Attention,
                    &format!("Waiting to send the same events again: {why}"),
                );
            }
        }
        Some(RunEnd::Done) => widgets::message_ui(ui, Tone::Good, &format!("{text}. All events were sent.")),
        Some(RunEnd::Stopped) => widgets::message_ui(ui, Tone::Note, &format!("{text}. Stopped.")),
        Some(RunEnd::Failed(why)) => {
            widgets::message_ui(ui, Tone::Bad, &format!("{text}. It could not continue: {why}"));
        }
    }
}
