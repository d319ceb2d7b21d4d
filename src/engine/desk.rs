//! The desk: reads the delivery log for the faces, on a thread and a connection of its own.

use tokio::sync::{mpsc, oneshot};

use super::memo::Memo;
use crate::{
    clock::now_ms,
    delivery::{
        Delivery, Detail, EventId, LogPage, Query,
        chart::{ChartSpan, Overview},
    },
    event::Encoding,
    spool::{KeyCounts, LogReader},
};

/// Questions that may wait; above it a face hears that the log is busy.
pub(super) const QUESTIONS_MAX: usize = 64;

pub(super) enum Question {
    Page(Query, oneshot::Sender<Result<LogPage, String>>),
    Detail(EventId, Encoding, oneshot::Sender<Result<Option<Detail>, String>>),
    Remember(Memo),
    Overview(ChartSpan, oneshot::Sender<Result<Overview, String>>),
    Find { message_id: String, after: EventId, reply: oneshot::Sender<Option<Delivery>> },
}

/// The thread's life: ends when the engine is gone. `answered` is called after each answer. `state` gives the spool's
/// revision, and how often its files were made anew.
pub(super) fn run(
    mut log: LogReader,
    keys: &KeyCounts,
    mut inbox: mpsc::Receiver<Question>,
    state: impl Fn() -> (u64, u64),
    answered: impl Fn(),
) {
    while let Some(question) = inbox.blocking_recv() {
        let (revision, files) = state();
        if let Err(error) = log.follow(files) {
            tracing::debug!("the delivery log is not read anew yet: {error}");
        }
        // A face that no longer waits for its answer is no error.
        match question {
            Question::Page(query, reply) => {
                // A search that nobody waits for any more ends early.
                let page =
                    log.page_while(&query, &|| !reply.is_closed()).map(|page| LogPage { revision, ..page });
                drop(reply.send(page.map_err(|error| error.to_string())));
            }
            Question::Detail(id, encoding, reply) => {
                drop(reply.send(log.detail(id, encoding).map_err(|error| error.to_string())));
            }
            Question::Remember(memo) => {
                if let Err(error) = memo.write() {
                    tracing::warn!("what the window wants to remember could not be written: {error}");
                }
                continue;
            }
            Question::Overview(window, reply) => {
                let overview = log.overview(window, keys, now_ms());
                drop(reply.send(overview.map_err(|error| error.to_string())));
            }
            Question::Find { message_id, after, reply } => {
                let found = log.find(&message_id, after);
                drop(reply.send(found.unwrap_or_else(|error| {
                    tracing::warn!("{error}");
                    None
                })));
            }
        }
        answered();
    }
}
