//! All that is known of one delivery: what happened to it, its event, its exact record. Used beside the log and under
//! the Test place. Read once when opened, and again while the delivery goes on.

mod actions;
mod changes;
mod event;
mod loaded;
mod record;
mod state;
mod steps;
mod timeline;
mod tree;

use eframe::egui::{self, Label, RichText, ScrollArea, Ui};
use lucide_icons::Icon;

use super::{
    command::{Command, DeliveryCommand, LogCommand},
    place::Place,
    seen::Seen,
    theme::{tokens, weight},
    waiting::{Poll, Waiting},
    widgets::{self, Tone},
};
use crate::{
    delivery::{Delivery, Detail, EventId, State},
    engine::Answer,
    event::shown,
};
use actions::acts_ui;
pub(super) use event::fault_ui;
use event::{Form, event_ui};
use loaded::Loaded;
use record::record_ui;
pub(super) use record::wrapped_code_ui;
pub(super) use state::{again, size, state_color, state_word};
use steps::story_ui;
pub(super) use steps::{Step, steps, steps_ui};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Tab {
    #[default]
    Event,
    Record,
    Story,
}

/// How a delivery is shown; the next one that is opened is shown in the same way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Looks {
    tab: Tab,
    form: Form,
}

/// A delivery that is being looked at.
pub(super) struct Pane {
    pub id: EventId,
    waiting: Option<Waiting<Result<Option<Detail>, String>>>,
    shown: Shown,
    /// The log's revision when it was last asked for.
    revision: u64,
    pub looks: Looks,
    /// To be done by keys, once it is loaded.
    pub asked: Option<DeliveryCommand>,
}

enum Shown {
    Loading,
    Gone,
    Failed(String),
    There(Box<Loaded>),
}

impl Pane {
    pub(super) fn new(id: EventId, looks: Looks) -> Self {
        Self { id, waiting: None, shown: Shown::Loading, revision: 0, looks, asked: None }
    }

    /// All of it as last read.
    pub(super) fn detail(&self) -> Option<&Detail> {
        match &self.shown {
            Shown::There(loaded) => Some(&loaded.detail),
            Shown::Loading | Shown::Gone | Shown::Failed(_) => None,
        }
    }

    /// The delivery as last read.
    pub(super) fn delivery(&self) -> Option<&Delivery> {
        self.detail().map(|detail| &detail.delivery)
    }

    /// The delivery is being read.
    pub(super) fn coming(&mut self, answer: Answer<Result<Option<Detail>, String>>) {
        self.waiting = Some(Waiting::new(answer));
    }

    /// `place`: where it is shown.
    pub(super) fn logic(&mut self, ctx: &egui::Context, seen: &mut Seen<'_>, place: Place) {
        if let Some(waiting) = &mut self.waiting {
            self.shown = match waiting.poll(ctx) {
                Poll::Pending => return,
                Poll::There(Ok(Some(detail))) => self.load(detail),
                Poll::There(Ok(None)) => Shown::Gone,
                Poll::There(Err(error)) => Shown::Failed(error),
                Poll::Lost => Shown::Failed("The engine did not answer.".to_owned()),
            };
            self.waiting = None;
        }
        let ask = match &self.shown {
            Shown::Loading => true,
            Shown::There(loaded) => match loaded.detail.delivery.state {
                State::Queued | State::Retrying | State::Failed => self.revision != seen.status.revision,
                State::Delivered | State::Resent | State::Rejected => false,
            },
            Shown::Gone | Shown::Failed(_) => false,
        };
        if ask {
            self.revision = seen.status.revision;
            seen.push(Command::Log(LogCommand::ReadDetail(self.id, place)));
        }
    }

    /// Keeps the texts where only the story went on.
    fn load(&mut self, detail: Detail) -> Shown {
        match std::mem::replace(&mut self.shown, Shown::Loading) {
            Shown::There(mut loaded)
                if loaded.detail.json == detail.json && loaded.detail.encoding == detail.encoding =>
            {
                loaded.detail = detail;
                Shown::There(loaded)
            }
            _ => Shown::There(Box::new(Loaded::new(detail))),
        }
    }

    /// False when it was closed.
    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) -> bool {
        let mut open = true;
        match &self.shown {
            Shown::There(loaded) => {
                header_ui(ui, &loaded.detail.delivery, &mut open);
                acts_ui(
                    ui,
                    &[
                        DeliveryCommand::CopyJson,
                        DeliveryCommand::CopyRecord,
                        DeliveryCommand::Resend,
                        DeliveryCommand::CopyCurl,
                        DeliveryCommand::Edit,
                    ],
                    loaded,
                    seen,
                );
                if let Some(act) = self.asked.take() {
                    if !act.is_possible(&loaded.detail.delivery) {
                        seen.push(Command::Refuse("Not available for this delivery".to_owned()));
                    } else if let Some(why) = act.refusal(loaded) {
                        seen.push(Command::Refuse(why));
                    } else {
                        act.run(ui, loaded, seen);
                    }
                }
                let tabs = [(Tab::Event, "Event"), (Tab::Record, "Record"), (Tab::Story, "Story")];
                widgets::segments_ui(ui, &mut self.looks.tab, "What to show", &tabs);
                let salt = ("detail", self.id, self.looks.tab as u8);
                ScrollArea::vertical().id_salt(salt).auto_shrink(false).show(ui, |ui| {
                    // The scroll bar floats over what is left free here.
                    ui.set_max_width(ui.available_width() - 8.0);
                    ui.spacing_mut().item_spacing.y = 6.0;
                    match self.looks.tab {
                        Tab::Event => event_ui(ui, loaded, &mut self.looks.form, seen),
                        Tab::Record => record_ui(ui, loaded, seen),
                        Tab::Story => story_ui(ui, &loaded.detail, seen),
                    }
                    ui.add_space(12.0);
                });
            }
            Shown::Loading => {
                close_ui(ui, "Delivery", &mut open);
                widgets::hint_ui(ui, "Loading …");
            }
            Shown::Gone => {
                close_ui(ui, "Delivery", &mut open);
                widgets::message_ui(
                    ui,
                    Tone::Note,
                    "This delivery is no longer in the log: it keeps a limited number of delivered and rejected \
                     events (see Settings).",
                );
            }
            Shown::Failed(error) => {
                close_ui(ui, "Delivery", &mut open);
                widgets::message_ui(ui, Tone::Bad, error);
            }
        }
        open
    }
}

fn close_ui(ui: &mut Ui, title: &str, open: &mut bool) {
    let t = tokens(ui);
    egui::Sides::new().shrink_left().truncate().show(
        ui,
        |ui| {
            ui.add(Label::new(weight(shown::line(title), 640.0).size(15.0).color(t.strong)).truncate());
        },
        |ui| {
            if widgets::icon_button_ui(ui, Icon::X, "Close").clicked() {
                *open = false;
            }
        },
    );
}

fn header_ui(ui: &mut Ui, delivery: &Delivery, open: &mut bool) {
    let t = tokens(ui);
    let kind = delivery.kind.map_or("event", crate::event::Kind::as_str);
    close_ui(ui, delivery.name.as_deref().unwrap_or(kind), open);
    ui.horizontal(|ui| {
        widgets::pill_ui(ui, state_color(delivery.state, t), state_word(delivery.state));
        if let Some((mark, means)) = again(delivery) {
            widgets::pill_ui(ui, t.warn, mark).on_hover_text(means);
        }
        let latency = delivery.latency_ms().map(|ms| format!(" · delivered in {}", widgets::duration(ms)));
        let size = size(delivery).map(|size| format!(" · {size}"));
        let text = format!("{kind}{}{}", size.unwrap_or_default(), latency.unwrap_or_default());
        ui.add(Label::new(RichText::new(text).color(t.weak)).truncate());
    });
}
