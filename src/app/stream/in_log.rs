//! Finds the event of a record in the delivery log, and shows it in Live.

use std::sync::Arc;

use eframe::egui;

use crate::{
    app::{
        command::{Command, LogCommand},
        place::Place,
        seen::Seen,
        waiting::{Waiting, arrived},
    },
    delivery::{Delivery, Field, LogPage, Query, Record, query::Pattern},
    engine::Answer,
};

/// Maximum lines with one messageId to look at: repeats and replays have the same.
const LINES_MAX: usize = 50;

/// A record, and the place of the event in it if it is aggregated.
type Wanted = (Arc<Record>, Option<(usize, usize)>);

#[derive(Default)]
pub(super) struct InLog {
    wanted: Option<Wanted>,
    waiting: Option<Waiting<Result<LogPage, String>>>,
}

impl InLog {
    /// Asks the log for the lines with this messageId.
    pub(super) fn look_for(&mut self, message_id: &Arc<str>, wanted: Wanted, seen: &mut Seen<'_>) {
        self.wanted = Some(wanted);
        let fields = vec![(Field::MessageId, Pattern::exactly(&**message_id))];
        let query = Query { fields, limit: LINES_MAX, ..Query::default() };
        seen.push(Command::Log(LogCommand::ReadPage(Box::new(query), Place::Stream)));
    }

    pub(super) fn coming(&mut self, answer: Answer<Result<LogPage, String>>) {
        self.waiting = Some(Waiting::new(answer));
    }

    pub(super) fn logic(&mut self, ctx: &egui::Context, seen: &mut Seen<'_>) {
        let Some(answer) = arrived(&mut self.waiting, ctx) else { return };
        let Some(wanted) = self.wanted.take() else { return };
        seen.push(match answer {
            Ok(page) => line_of(&wanted, &page.rows).map_or_else(
                || {
                    let text =
                        "The log does not have this event: it was removed since, or another program put it";
                    Command::Refuse(text.to_owned())
                },
                |line| Command::ShowDelivery(line.id),
            ),
            Err(error) => Command::Refuse(format!("The log could not be read: {error}")),
        });
    }
}

/// The line that was delivered as this record; if none says so, the newest one.
fn line_of<'r>((record, place): &Wanted, rows: &'r [Delivery]) -> Option<&'r Delivery> {
    let is_of = |row: &&Delivery| {
        row.receipt.as_ref().is_some_and(|receipt| {
            receipt.sequence_number == record.sequence_number
                && receipt.shard_id == record.shard_id
                && receipt.place.map(|place| place.at as usize) == place.map(|(at, _)| at)
        })
    };
    rows.iter().find(is_of).or(rows.first())
}
