//! The desk: reads the delivery log for the faces, on a thread and a connection of its own.

use tokio::sync::{mpsc, oneshot};

use crate::{
    delivery::{Delivery, Detail, EventId, Page, Query},
    event::Encoding,
    spool::LogReader,
};

/// Questions that may wait; above it a face hears that the log is busy.
pub(super) const QUESTIONS_MAX: usize = 64;

pub(super) enum Question {
    Page(Query, oneshot::Sender<Result<Page, String>>),
    Detail(EventId, Encoding, oneshot::Sender<Result<Option<Detail>, String>>),
    Find { message_id: String, after: EventId, reply: oneshot::Sender<Option<Delivery>> },
}

/// The thread's life: ends when the engine is gone. `answered` is called after each answer.
pub(super) fn run(
    log: &LogReader,
    mut inbox: mpsc::Receiver<Question>,
    revision: impl Fn() -> u64,
    answered: impl Fn(),
) {
    while let Some(question) = inbox.blocking_recv() {
        // A face that no longer waits for its answer is no error.
        match question {
            Question::Page(query, reply) => {
                let revision = revision();
                let page = log.page(&query).map(|page| Page { revision, ..page });
                drop(reply.send(page.map_err(|error| error.to_string())));
            }
            Question::Detail(id, encoding, reply) => {
                drop(reply.send(log.detail(id, encoding).map_err(|error| error.to_string())));
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
