//! The writer's thread, the only one that writes: it commits together what has come since the last commit (group
//! commit), answers, and does upkeep in between.

mod adopt;
mod answers;
mod database;
mod error;
mod group;
mod health;
mod payload_writer;
mod rejected_lines;
mod requeue;
mod table_state;
mod transaction;
mod upkeep;
mod writer;

use std::{sync::PoisonError, time::Instant};

use tokio::sync::mpsc;

use super::{arrivals::AppendError, command::Command, shared::Shared};
use answers::Answers;
pub(super) use database::Database;
use group::Group;
pub use rejected_lines::LinesOfRequest;
pub(super) use writer::Writer;

/// Runs the writer's thread. It ends on [`Command::Close`], or when the last handle is dropped. Earlier commands are
/// written first.
pub(super) fn run(mut writer: Writer, mut inbox: mpsc::Receiver<Command>, shared: &Shared) {
    let clock = match tokio::runtime::Builder::new_current_thread().enable_time().build() {
        Ok(clock) => clock,
        Err(error) => return tracing::error!("the spool's writer has no clock: {error}"),
    };
    let mut group = Group::default();
    while !group.is_closing {
        let upkeep_at = writer.upkeep_at();
        let until = if group.has_work() { group.due_at().min(upkeep_at) } else { upkeep_at };
        let received =
            clock.block_on(async { tokio::time::timeout_at(until.into(), inbox.recv()).await.ok() });
        match received {
            Some(Some(command)) => add(&mut group, command, &mut writer),
            Some(None) => group.is_closing = true,
            None => {}
        }
        while !group.is_full() {
            let Ok(command) = inbox.try_recv() else { break };
            add(&mut group, command, &mut writer);
        }
        if group.is_due(Instant::now()) {
            let is_closing = group.is_closing;
            group = writer.commit(group, shared);
            group.is_closing = is_closing;
        }
        writer.upkeep(shared, group.is_closing);
    }
    shared.settlements.set_unwritten(0);
    inbox.close();
    let mut rest = Group::default();
    while let Ok(command) = inbox.try_recv() {
        rest.add(command);
    }
    Answers::refused(&mut rest, &AppendError::Closed).send();
    *shared.left_open.lock().unwrap_or_else(PoisonError::into_inner) = Some(writer.into_files());
}

fn add(group: &mut Group, command: Command, writer: &mut Writer) {
    if let Some(limits) = group.add(command) {
        writer.set_limits(limits);
    }
}
