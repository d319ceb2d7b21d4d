//! The choice of what to read: the start, the shard and the filter. Also parses a typed time or sequence number.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use eframe::egui::{Context, Key, KeyboardShortcut, Modifiers, Ui};
use lucide_icons::Icon;

use super::{
    super::{clock::Clock, widgets},
    progress::{lag, lags_ui, progress_ui, short},
};
use crate::{
    delivery::{ReadFrom, Receipt},
    engine::{ReadPlan, ShardView, StreamView},
};

const FIND: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::F);
/// Typing has ended after a pause this long.
const TYPING: Duration = Duration::from_millis(250);

/// Where the user wants to begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum From {
    #[default]
    Oldest,
    LastHour,
    LastMinutes,
    Latest,
    Time,
    Sequence,
}

impl From {
    pub(super) const ALL: [(Self, &str); 6] = [
        (Self::Oldest, "Oldest"),
        (Self::LastHour, "Last hour"),
        (Self::LastMinutes, "Last 5 minutes"),
        (Self::Latest, "New ones only"),
        (Self::Time, "Time"),
        (Self::Sequence, "Sequence number"),
    ];
}

#[derive(Default)]
pub(super) struct Request {
    pub from: From,
    /// The time or the sequence number, as typed.
    place: String,
    /// Give the focus to that field.
    wants_place: bool,
    shard: Option<Arc<str>>,
    filter: String,
    typed_at: Option<Instant>,
}

impl Request {
    /// Reads from that record on, in its shard and without a filter.
    pub(super) fn aim_at(&mut self, receipt: &Receipt) {
        self.from = From::Sequence;
        self.place = receipt.sequence_number.to_string();
        self.shard = Some(Arc::clone(&receipt.shard_id));
        self.clear_filter();
    }

    pub(super) fn clear_filter(&mut self) {
        self.set_filter(String::new());
    }

    /// Reads only the records with this text.
    pub(super) fn set_filter(&mut self, text: String) {
        self.filter = text;
        self.typed_at = Some(Instant::now());
    }

    /// What to read, or the mistake in the typed place.
    pub(super) fn plan(&self, clock: &Clock) -> Result<ReadPlan, &'static str> {
        Ok(ReadPlan { from: self.from(clock)?, shard: self.shard.clone() })
    }

    fn from(&self, clock: &Clock) -> Result<ReadFrom, &'static str> {
        read_from(self.from, &self.place, clock)
    }

    /// The new filter, once typing has ended.
    pub(super) fn new_filter(&mut self, ctx: &Context) -> Option<String> {
        let left = TYPING.saturating_sub(self.typed_at?.elapsed());
        if !left.is_zero() {
            ctx.request_repaint_after(left);
            return None;
        }
        self.typed_at = None;
        Some(self.filter.trim().to_owned())
    }

    /// Draws the choice of where to begin. True when it has changed.
    pub(super) fn start_ui(&mut self, ui: &mut Ui, clock: &Clock) -> bool {
        let mut is_changed = false;
        ui.horizontal_wrapped(|ui| {
            if widgets::segments_ui(ui, &mut self.from, "Start reading at", &From::ALL) {
                self.place.clear();
                self.wants_place = true;
                is_changed = true;
            }
            let (name, hint) = match self.from {
                From::Time => ("Time to start at", "2026-03-02 10:00"),
                From::Sequence => ("Sequence number to start at", "4966…"),
                From::Oldest | From::LastHour | From::LastMinutes | From::Latest => return,
            };
            let wrong = self.from(clock).is_err();
            // A sequence number has 56 digits.
            let width: f32 = if self.from == From::Sequence { 490.0 } else { 210.0 };
            if ui.available_size_before_wrap().x < width {
                ui.end_row();
            }
            ui.scope(|ui| {
                widgets::edge_ui(ui, wrong && !self.place.is_empty());
                let edit = widgets::text_edit(&mut self.place, &widgets::example(hint));
                let field = ui.add(edit.desired_width(width.min(ui.max_rect().width())));
                widgets::focus_once(&field, &mut self.wants_place);
                widgets::keep_focus(&field, wrong);
                if field.accessible_name(name).changed() {
                    is_changed = true;
                }
            });
        });
        match self.from(clock) {
            Err(rule) if self.place.is_empty() => widgets::hint_ui(ui, &widgets::capital(rule)),
            Err(rule) => widgets::error_ui(ui, Some(rule)),
            Ok(_) => {}
        }
        is_changed
    }

    /// Draws the shard, the filter and the progress. True when another shard was chosen.
    pub(super) fn choose_ui(&mut self, ui: &mut Ui, view: &StreamView) -> bool {
        let mut is_changed = false;
        ui.horizontal_wrapped(|ui| {
            let shown =
                self.shard.as_deref().map_or("All shards".to_owned(), |id| format!("Shard {}", short(id)));
            let shards = &view.shards;
            let labels: Vec<_> =
                shards.iter().map(|shard| format!("Shard {} · {}", short(&shard.id), lag(shard))).collect();
            let mut choices = vec![("All shards", self.shard.is_none())];
            let is_shown = |shard: &ShardView| self.shard.as_ref() == Some(&shard.id);
            choices.extend(labels.iter().zip(shards).map(|(label, shard)| (&**label, is_shown(shard))));
            let list = widgets::List { name: "Shard to read", shown: &shown, width: 130.0, if_empty: "" };
            let (_, at) = list.ui(ui, &choices);
            let chosen = at
                .map(|at| at.checked_sub(1).and_then(|at| shards.get(at)).map(|shard| Arc::clone(&shard.id)));
            if let Some(shard) = chosen.filter(|shard| *shard != self.shard) {
                self.shard = shard;
                is_changed = true;
            }
            let filter = widgets::text_edit(&mut self.filter, "Filter: text, key, sequence number");
            let filter = ui.add(filter.desired_width(230.0)).accessible_name("Filter records");
            if filter.changed() {
                self.typed_at = Some(Instant::now());
            }
            if ui.input_mut(|input| input.consume_shortcut(&FIND)) {
                filter.request_focus();
            }
            if !self.filter.is_empty() && widgets::icon_button_ui(ui, Icon::X, "Clear the filter").clicked() {
                self.clear_filter();
            }
            progress_ui(ui, view);
        });
        lags_ui(ui, view);
        is_changed
    }
}

/// The place to read from, or the mistake in the typed text.
fn read_from(from: From, typed: &str, clock: &Clock) -> Result<ReadFrom, &'static str> {
    let typed = typed.trim();
    match from {
        From::Oldest => Ok(ReadFrom::Oldest),
        From::LastHour => Ok(ReadFrom::Time(Clock::now() - 3_600_000)),
        From::LastMinutes => Ok(ReadFrom::Time(Clock::now() - 300_000)),
        From::Latest => Ok(ReadFrom::Latest),
        From::Time => match clock.parse(typed) {
            Some(at) if at <= Clock::now() => Ok(ReadFrom::Time(at)),
            Some(_) => Err("that is in the future"),
            None => Err("write a time as 2026-03-02 10:00, as 10:00 (today), or as 15m (15 minutes ago)"),
        },
        From::Sequence if typed.is_empty() || !typed.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err("a sequence number has digits only; copy it from a delivery or a record")
        }
        From::Sequence => Ok(ReadFrom::Sequence(typed.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_people_write_it_and_a_wrong_one_is_explained() {
        let clock = Clock::utc();
        let at = |text: &str| read_from(From::Time, text, &clock);
        assert_eq!(at("2026-03-02 10:00"), Ok(ReadFrom::Time(1_772_445_600_000)));
        assert_eq!(at(" 2026-03-02T10:00:00Z "), Ok(ReadFrom::Time(1_772_445_600_000)));
        assert_eq!(at("2999-01-01 10:00"), Err("that is in the future"));
        assert!(matches!(at("15m"), Ok(ReadFrom::Time(at)) if (Clock::now() - at - 900_000).abs() < 60_000));
        assert!(matches!(at("00:00"), Ok(ReadFrom::Time(_))));
        assert!(at("yesterday").is_err() && at("").is_err() && at("m").is_err());
        assert_eq!(read_from(From::Sequence, "4966", &clock), Ok(ReadFrom::Sequence("4966".into())));
        assert!(read_from(From::Sequence, "shardId-1", &clock).is_err());
    }
}
