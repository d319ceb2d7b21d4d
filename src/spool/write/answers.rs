//! The answers to the commands of one group.

use super::{group::Group, transaction::Written};
use crate::{
    delivery::EventId,
    spool::{
        arrivals::AppendError,
        command::{Reply, Requeued},
    },
};

type Answer<T> = (Reply<T>, Result<T, AppendError>);

#[derive(Default)]
pub(super) struct Answers {
    pub(super) appends: Vec<Answer<EventId>>,
    pub(super) requeues: Vec<Answer<Requeued>>,
    pub(super) adopts: Vec<Answer<Option<EventId>>>,
    pub(super) flushes: Vec<Answer<()>>,
}

impl Answers {
    /// The group was written.
    pub(super) fn committed(group: Group, written: Written) -> Self {
        let firsts = written.requests.into_iter().map(|request| Ok(request.first));
        let requeued = written.requeued.into_iter().map(Ok);
        let adopted = written.adopted.into_iter().map(Ok);
        Self {
            appends: group.appends.into_iter().map(|append| append.reply).zip(firsts).collect(),
            requeues: group.requeues.into_iter().map(|requeue| requeue.reply).zip(requeued).collect(),
            adopts: group.adopts.into_iter().map(|adopt| adopt.reply).zip(adopted).collect(),
            flushes: group.flushes.into_iter().map(|reply| (reply, Ok(()))).collect(),
        }
    }

    /// The group was not written.
    pub(super) fn refused(group: &mut Group, reason: &AppendError) -> Self {
        let refused = || reason.clone();
        let (appends, requeues) = (group.appends.drain(..), group.requeues.drain(..));
        Self {
            appends: appends.map(|append| (append.reply, Err(refused()))).collect(),
            requeues: requeues.map(|requeue| (requeue.reply, Err(refused()))).collect(),
            adopts: group.adopts.drain(..).map(|adopt| (adopt.reply, Err(refused()))).collect(),
            flushes: group.flushes.drain(..).map(|reply| (reply, Err(refused()))).collect(),
        }
    }

    pub(super) fn send(self) {
        send_all(self.appends);
        send_all(self.requeues);
        send_all(self.adopts);
        send_all(self.flushes);
    }
}

/// A sender that went away meanwhile is no error: its events are safe all the same.
fn send_all<T>(answers: Vec<Answer<T>>) {
    for (reply, answer) in answers {
        drop(reply.send(answer));
    }
}
