//! One delivery in full: its event, its record, and what happened to it. Live shows it beside the list, and Test below the
//! event that was sent. It is read when it is opened, and again while its state can still change.

mod actions;
mod changes;
mod head;
mod history;
mod labels;
mod loaded;
mod looks;
mod payload;
mod record;
mod time_bar;

use eframe::egui::{self, ScrollArea, Ui};

use super::{
    command::{Command, DeliveryCommand, LogCommand},
    place::Place,
    seen::Seen,
    waiting::{Waiting, arrived},
    widgets::{self, Tone},
};
use crate::{
    delivery::{Delivery, Detail, EventId, State},
    engine::Answer,
};
use loaded::Loaded;
use looks::Tab;

pub(super) use history::{HistoryStep, history, history_ui};
pub(super) use labels::{Mark, mark, short_shard, size, state_color, state_word};
pub(super) use looks::Looks;
pub(super) use payload::error_ui;

/// A delivery that is open.
pub(super) struct Pane {
    pub id: EventId,
    /// The delivery was requested, and the answer has not arrived yet.
    is_asking: bool,
    waiting: Option<Waiting<Result<Option<Detail>, String>>>,
    shown: Shown,
    /// The log's revision when the delivery was asked for.
    revision: u64,
    pub looks: Looks,
    /// A command to carry out as soon as the delivery is loaded.
    pub asked: Option<DeliveryCommand>,
    /// The user resends this delivery: if it had failed, its new line is shown as soon as it is known.
    pub follows: bool,
}

enum Shown {
    Loading,
    /// The delivery is no longer in the log.
    Gone,
    Failed(String),
    Loaded(Box<Loaded>),
}

impl Pane {
    pub(super) fn new(id: EventId, looks: Looks) -> Self {
        Self {
            id,
            is_asking: false,
            waiting: None,
            shown: Shown::Loading,
            revision: 0,
            looks,
            asked: None,
            follows: false,
        }
    }

    /// The delivery in full, as it was read last.
    pub(super) fn detail(&self) -> Option<&Detail> {
        match &self.shown {
            Shown::Loaded(loaded) => Some(&loaded.detail),
            Shown::Loading | Shown::Gone | Shown::Failed(_) => None,
        }
    }

    pub(super) fn delivery(&self) -> Option<&Delivery> {
        self.detail().map(|detail| &detail.delivery)
    }

    /// Whether this pane waits for this delivery. Several panes can show the same one.
    pub(super) fn asks_for(&self, id: EventId) -> bool {
        self.is_asking && self.id == id
    }

    pub(super) fn coming(&mut self, answer: Answer<Result<Option<Detail>, String>>) {
        self.is_asking = false;
        self.waiting = Some(Waiting::new(answer));
    }

    /// `place`: the place that shows it.
    pub(super) fn logic(&mut self, ctx: &egui::Context, seen: &mut Seen<'_>, place: Place) {
        match arrived(&mut self.waiting, ctx) {
            Some(Ok(Some(detail))) => {
                if let Some(next) = detail.delivery.resent_as
                    && std::mem::take(&mut self.follows)
                {
                    seen.push(Command::ShowDelivery(next));
                }
                self.shown = self.load(detail);
            }
            Some(Ok(None)) => self.shown = Shown::Gone,
            Some(Err(error)) => self.shown = Shown::Failed(error),
            None if self.waiting.is_some() => return,
            None => {}
        }
        let is_due = match &self.shown {
            Shown::Loading => true,
            Shown::Loaded(loaded) => match loaded.detail.delivery.state {
                State::Queued | State::Retrying | State::Failed => self.revision != seen.status.revision,
                State::Delivered | State::Resent | State::Rejected => false,
            },
            Shown::Gone | Shown::Failed(_) => false,
        };
        if is_due {
            self.revision = seen.status.revision;
            seen.push(self.ask(place));
        }
    }

    pub(super) fn ask(&mut self, place: Place) -> Command {
        self.is_asking = true;
        Command::Log(LogCommand::ReadDetail(self.id, place))
    }

    /// Reuses the texts of the event if only its state has changed.
    fn load(&mut self, detail: Detail) -> Shown {
        match std::mem::replace(&mut self.shown, Shown::Loading) {
            Shown::Loaded(mut loaded)
                if loaded.detail.json == detail.json && loaded.detail.encoding == detail.encoding =>
            {
                loaded.detail = detail;
                Shown::Loaded(loaded)
            }
            _ => Shown::Loaded(Box::new(Loaded::new(detail))),
        }
    }

    /// False when it was closed.
    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) -> bool {
        let (tone, text) = match &mut self.shown {
            Shown::Loaded(loaded) => {
                let stays = head::head_ui(ui, loaded, &mut self.looks, seen);
                if let Some(command) = self.asked.take() {
                    actions::act(command, ui, loaded, &mut self.looks, seen);
                }
                loaded_ui(ui, loaded, &mut self.looks, seen);
                return stays;
            }
            Shown::Loading => (None, "Loading …"),
            Shown::Gone => {
                let text = "This delivery is no longer in the log, which keeps a limited number of delivered and \
                            rejected events (see Settings).";
                (Some(Tone::Note), text)
            }
            Shown::Failed(error) => (Some(Tone::Bad), &**error),
        };
        let stays = head::title_ui(ui, "Delivery", seen);
        match tone {
            None => widgets::hint_ui(ui, text),
            Some(tone) => widgets::message_ui(ui, tone, text),
        }
        stays
    }
}

fn loaded_ui(ui: &mut Ui, loaded: &mut Loaded, looks: &mut Looks, seen: &mut Seen<'_>) {
    if looks.tab == Tab::Payload && loaded.payload.tools_ui(ui, &mut looks.find, "Copy payload") {
        ui.copy_text(loaded.payload.raw().to_owned());
        seen.copied(loaded.event_name());
    }
    let salt = ("detail", loaded.detail.delivery.id, looks.tab as u8);
    ScrollArea::vertical().id_salt(salt).auto_shrink(false).show(ui, |ui| {
        // Leave room for the scroll bar, which floats over the content.
        ui.set_max_width(ui.available_width() - 8.0);
        ui.spacing_mut().item_spacing.y = 6.0;
        match looks.tab {
            Tab::Payload => payload::payload_ui(ui, loaded, seen),
            Tab::Timeline => history::tab_ui(ui, &loaded.detail, &mut looks.shows_attempts, seen),
            Tab::Record => record::record_ui(ui, loaded, seen),
        }
        ui.add_space(12.0);
        widgets::follow_focus(ui);
    });
}
