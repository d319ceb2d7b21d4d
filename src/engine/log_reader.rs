//! Reads the delivery log for the faces, on a thread and a connection of its own.

use std::{
    io,
    sync::{Arc, Weak},
    thread::JoinHandle,
};

use tokio::sync::{mpsc, watch};

use super::{
    command::LogRequest,
    message::{LogMessage, Outcome, Reply},
    problems::Alarm,
    shared::Shared,
    start_error::StartError,
};
use crate::{
    clock::now_ms,
    delivery::LogPage,
    event::Encoding,
    spool::{KeyCounts, LogReader, Summary},
};

/// Maximum requests in the queue. Further ones get no reply, and the face asks again.
pub(super) const REQUESTS_MAX: usize = 64;

/// Opens the log and starts the thread. It ends when the last sender of `inbox` is gone.
pub(super) fn start(
    shared: &Arc<Shared>,
    inbox: mpsc::Receiver<LogMessage>,
) -> Result<JoinHandle<()>, StartError> {
    let alarm = Alarm {
        problems: Arc::clone(&shared.problems),
        stopping: shared.tasks.stopping().clone(),
        part: "reader of the delivery log",
    };
    let reader = Reader {
        log: shared.spool.log()?,
        keys: shared.spool.keys(),
        summary: shared.spool.watch(),
        shared: Arc::downgrade(shared),
    };
    let run = move || {
        let _alarm = alarm;
        reader.run(inbox);
    };
    Ok(std::thread::Builder::new().name("log-read".to_owned()).spawn(run)?)
}

struct Reader {
    log: LogReader,
    keys: KeyCounts,
    summary: watch::Receiver<Summary>,
    /// Weak: the thread must end when nobody else holds the state.
    shared: Weak<Shared>,
}

impl Reader {
    fn run(mut self, mut inbox: mpsc::Receiver<LogMessage>) {
        while let Some(message) = inbox.blocking_recv() {
            match message {
                LogMessage::Request(request, reply) => {
                    // The engine is gone: skip the request, but go on, because files to write may be behind it in the queue.
                    let Some(shared) = self.shared.upgrade() else { continue };
                    let encoding = shared.config.borrow().destination.encoding;
                    let is_wanted = |yields: bool| !reply.is_closed() && (!yields || inbox.is_empty());
                    let outcome = self.read(request, encoding, &is_wanted);
                    drop(reply.send(outcome));
                    shared.faces.wake();
                }
                LogMessage::SaveFaceState(state) => tell_if_unwritten(state.write()),
                LogMessage::SaveDraft(draft) => tell_if_unwritten(draft.write()),
            }
        }
    }

    /// `is_wanted`: whether the requester still waits; asked with `true`, also whether nothing else waits for the thread.
    fn read(&mut self, request: LogRequest, encoding: Encoding, is_wanted: &dyn Fn(bool) -> bool) -> Outcome {
        let (revision, files) = {
            let summary = self.summary.borrow();
            (summary.revision, summary.files)
        };
        if let Err(error) = self.log.follow(files) {
            tracing::debug!("the files of the delivery log cannot be opened again yet: {error}");
        }
        Ok(match request {
            // Stop the search when its requester has dropped the answer.
            LogRequest::Page(query) => {
                let page = self.log.page_while(&query, &|| is_wanted(false))?;
                Reply::Page(LogPage { revision, ..page })
            }
            LogRequest::Count(request) => Reply::Counts(self.log.counts(&request, &|| is_wanted(true))?),
            LogRequest::Values(request) => Reply::Values(self.log.values(&request)?),
            LogRequest::Detail(id) => Reply::Detail(self.log.detail(id, encoding)?.map(Box::new)),
            LogRequest::Overview(span) => Reply::Overview(self.log.overview(span, &self.keys, now_ms())?),
            LogRequest::Find { message_id, after } => {
                Reply::Line(self.log.find(&message_id, after)?.map(Box::new))
            }
        })
    }
}

fn tell_if_unwritten(written: io::Result<()>) {
    if let Err(error) = written {
        tracing::warn!("what the window keeps for its next start could not be written: {error}");
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::{super::face_state::FaceState, *};
    use crate::{config::Config, spool::Spool};

    #[test]
    fn a_file_is_saved_although_a_request_before_it_came_too_late() {
        let folder = tempfile::tempdir().expect("a folder");
        let (spool, threads) = Spool::open(folder.path(), (&Config::default()).into()).expect("opens");
        let reader = Reader {
            log: spool.log().expect("opens"),
            keys: spool.keys(),
            summary: spool.watch(),
            shared: Weak::new(),
        };
        let state = FaceState::load(folder.path());
        assert!(state.set("live", &7));
        let (messages, inbox) = mpsc::channel(2);
        let request = LogMessage::Request(LogRequest::Detail(1), oneshot::channel().0);
        for message in [request, LogMessage::SaveFaceState(state)] {
            messages.try_send(message).expect("there is room");
        }
        drop(messages);
        reader.run(inbox);
        assert_eq!(FaceState::load(folder.path()).get("live"), Some(7));
        tokio::runtime::Runtime::new().expect("a runtime").block_on(spool.close());
        drop(spool);
        threads.join();
    }
}
