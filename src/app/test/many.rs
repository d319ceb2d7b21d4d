//! Sends one event many times: how many, how fast, and for which users. The engine does the sending; this shows its progress.

use eframe::egui::{self, ProgressBar, RichText, Ui, vec2};
use lucide_icons::Icon;

use super::super::{
    command::{Command, TestCommand},
    number::Number,
    seen::Seen,
    theme::{tokens, weight},
    widgets::{self, Tone},
};
use crate::{
    engine::{RUN_EVENTS_MAX, RUN_PER_SEC_MAX, RUN_USERS_MAX, RunEnd, RunView, TestRun},
    event::Kind,
};

const NOT_VALID: &str = "The event, or a number above, is not valid yet";

pub(super) struct Many {
    events: Number,
    has_rate: bool,
    per_sec: Number,
    /// The events get random users.
    has_users: bool,
    users: Number,
    /// The user pressed the keys that start the run.
    pub is_asked: bool,
}

impl Default for Many {
    fn default() -> Self {
        let number = |value, max: u32| Number::count(value, 1..=u64::from(max), 1);
        Self {
            events: number(100, RUN_EVENTS_MAX),
            has_rate: true,
            per_sec: number(20, RUN_PER_SEC_MAX),
            has_users: true,
            users: number(25, RUN_USERS_MAX),
            is_asked: false,
        }
    }
}

impl Many {
    /// `event`: the event and the index of its source; `None` if it cannot be sent.
    pub(super) fn ui(
        &mut self,
        ui: &mut Ui,
        seen: &mut Seen<'_>,
        kind: Kind,
        event: Option<(String, usize)>,
    ) {
        widgets::card_ui(ui, |ui| {
            widgets::title_ui(ui, "Send many");
            widgets::hint_ui(ui, "Sends this event many times, in batches like an SDK.");
            let running = seen.snapshot.is_test_running();
            ui.add_enabled_ui(!running, |ui| self.choices_ui(ui));
            let is_asked = std::mem::take(&mut self.is_asked);
            ui.horizontal_wrapped(|ui| {
                if running {
                    if widgets::danger_button_ui(ui, Icon::Square, "Stop").clicked() {
                        seen.push(Command::Test(TestCommand::StopRun));
                    }
                    return;
                }
                let run = event.and_then(|(json, source)| self.run(kind, json, source));
                let start = widgets::primary_button_ui(ui, Icon::Play, "Start", run.is_some());
                let start = start.on_disabled_hover_text(NOT_VALID);
                match run {
                    Some(run) if start.clicked() || is_asked => {
                        seen.push(Command::Test(TestCommand::Run(run)));
                    }
                    None if is_asked => seen.push(Command::Refuse(NOT_VALID.to_owned())),
                    Some(_) | None => {}
                }
            });
            if let Some(run) = &seen.snapshot.test_run {
                progress_ui(ui, run);
            }
        });
    }

    /// The run that the user has chosen; `None` while a number is not allowed.
    fn run(&self, kind: Kind, json: String, source: usize) -> Option<TestRun> {
        let value = |number: &Number| number.value().ok().and_then(|value| u32::try_from(value).ok());
        let per_sec = if self.has_rate { Some(value(&self.per_sec)?) } else { None };
        let users = if self.has_users { Some(value(&self.users)?) } else { None };
        Some(TestRun { kind, json, source, events: value(&self.events)?, per_sec, users })
    }

    fn choices_ui(&mut self, ui: &mut Ui) {
        number_ui(ui, "Events", &mut self.events, None, "");
        let pace = if self.has_rate { "per second" } else { "as fast as the endpoint accepts them" };
        number_ui(ui, "At a rate", &mut self.per_sec, Some(&mut self.has_rate), pace);
        let who = match (self.has_users, self.users.value()) {
            (false, _) => "the event's own user".to_owned(),
            (true, Ok(users)) => format!("at random, test-user-1 to {users}"),
            (true, Err(_)) => "at random".to_owned(),
        };
        number_ui(ui, "Random users", &mut self.users, Some(&mut self.has_users), &who);
    }
}

/// A number. `on`: the switch that the number depends on.
fn number_ui(ui: &mut Ui, name: &str, number: &mut Number, on: Option<&mut bool>, note: &str) {
    let t = tokens(ui);
    let mut is_on = true;
    ui.horizontal(|ui| {
        if let Some(on) = on {
            widgets::switch_ui(ui, on, name);
            is_on = *on;
        } else {
            ui.add_space(36.0 + ui.spacing().item_spacing.x);
        }
        let left = egui::Layout::left_to_right(egui::Align::Center);
        ui.allocate_ui_with_layout(vec2(110.0, 28.0), left, |ui| {
            ui.set_min_width(110.0);
            ui.label(weight(name, 560.0));
        });
        if is_on {
            number.ui(ui, vec2(120.0, 28.0), &format!("{name}: how many"));
        }
        if !note.is_empty() {
            ui.add(egui::Label::new(RichText::new(note).color(t.weak)).truncate());
        }
    });
    widgets::error_ui(ui, number.value().err().filter(|_| is_on).as_deref());
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
