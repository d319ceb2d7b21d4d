//! The commands of one group commit.

use std::time::{Duration, Instant};

use crate::{
    delivery::{Attempt, EventId},
    spool::{
        attempts,
        command::{Adopt, Append, Command, Reply, Requeue},
        limits::Limits,
        queue::Settlement,
    },
};

/// A group is closed at this many bytes or commands. The rest waits for the next commit.
const BYTES_MAX: u64 = 8 << 20;
const COMMANDS_MAX: usize = 4096;

/// How long settlements wait for more settlements before they cost a sync of their own.
const SETTLE_WAIT: Duration = Duration::from_millis(10);

/// The same wait, for attempts that the next attempt replaces. So an event that is tried for days does not cost a sync
/// for each attempt.
const REPLACED_WAIT: Duration = Duration::from_secs(1);

/// Commands that are committed together.
#[derive(Default)]
pub(super) struct Group {
    pub(super) appends: Vec<Append>,
    pub(super) requeues: Vec<Requeue>,
    pub(super) adopts: Vec<Adopt>,
    pub(super) settlements: Vec<Settlement>,
    pub(super) attempts: Vec<(EventId, Attempt)>,
    /// Puts without a clear answer.
    pub(super) repeats: u64,
    /// Answered when all of the group is committed.
    pub(super) flushes: Vec<Reply<()>>,
    /// More settlements wait in the buffer.
    settles: bool,
    /// Some attempts are kept for good, or there are repeats to count.
    hurries: bool,
    bytes: u64,
    commands: usize,
    /// When the first command came.
    since: Option<Instant>,
    pub(super) is_closing: bool,
}

impl Group {
    /// The part of a failed group that no sender waits for (settlements, attempts), to be tried again after `wait`.
    pub(super) fn retry(self, attempts_max: usize, wait: Duration) -> Self {
        let Self { settlements, mut attempts, hurries, repeats, .. } = self;
        attempts.truncate(attempts_max);
        // Counts as one command, so that the loop tries again by itself.
        let since = Some(Instant::now() + wait);
        Self { settlements, attempts, hurries, repeats, since, commands: 1, ..Self::default() }
    }

    /// Adds a command; gives new limits back, which apply at once.
    pub(super) fn add(&mut self, command: Command) -> Option<Limits> {
        self.since.get_or_insert_with(Instant::now);
        self.commands += 1;
        match command {
            Command::Append(append) => {
                self.bytes += append.bytes;
                self.appends.push(append);
            }
            Command::Requeue(requeue) => self.requeues.push(requeue),
            Command::Adopt(adopt) => {
                self.bytes += adopt.bytes();
                self.adopts.push(adopt);
            }
            Command::Settle(list) => {
                self.settlements.extend(list);
                self.settles = true;
            }
            Command::Attempts { list, repeats } => {
                self.hurries |=
                    repeats > 0 || list.iter().any(|(_, attempt)| attempts::is_kept(attempt.number));
                self.attempts.extend(list);
                self.repeats += repeats;
            }
            Command::Flush(reply) => self.flushes.push(reply),
            Command::Limits(limits) => return Some(limits),
            Command::Close => self.is_closing = true,
        }
        None
    }

    /// Adds the settlements of the buffer.
    pub(super) fn add_settlements(&mut self, buffered: Vec<Settlement>) {
        if self.settlements.is_empty() {
            self.settlements = buffered;
        } else {
            self.settlements.extend(buffered);
        }
        self.settles = false;
    }

    pub(super) fn is_full(&self) -> bool {
        self.is_closing || self.bytes >= BYTES_MAX || self.commands >= COMMANDS_MAX
    }

    pub(super) fn has_work(&self) -> bool {
        !(self.appends.is_empty()
            && self.requeues.is_empty()
            && self.adopts.is_empty()
            && self.settlements.is_empty()
            && !self.settles
            && self.attempts.is_empty()
            && self.flushes.is_empty()
            && self.repeats == 0)
    }

    /// A waiting sender is answered at once; settlements alone wait for more.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        let is_awaited = !(self.appends.is_empty()
            && self.requeues.is_empty()
            && self.adopts.is_empty()
            && self.flushes.is_empty());
        self.has_work() && (self.is_full() || is_awaited || now >= self.due_at())
    }

    /// When the group is committed if nobody waits for it.
    pub(super) fn due_at(&self) -> Instant {
        let hurries = self.hurries || self.settles || !self.settlements.is_empty();
        self.since.unwrap_or_else(Instant::now) + if hurries { SETTLE_WAIT } else { REPLACED_WAIT }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::AwsError;

    #[test]
    fn attempts_that_the_next_one_replaces_cost_no_commit_of_their_own_for_a_while() {
        let since = Instant::now();
        let attempts = |number| {
            let attempt = Attempt { number, at: 0, took_ms: 1, fault: AwsError::new("Odd", "answer") };
            let hurries = attempts::is_kept(number);
            Group { attempts: vec![(1, attempt)], hurries, since: Some(since), ..Group::default() }
        };
        for (number, wait) in [(16, SETTLE_WAIT), (17, REPLACED_WAIT), (31, REPLACED_WAIT), (32, SETTLE_WAIT)]
        {
            let group = attempts(number);
            assert!(!group.is_due(since) && group.is_due(since + wait), "{number}");
            assert_eq!(group.due_at(), since + wait, "{number}");
        }
        let with_a_settlement = Group { settles: true, ..attempts(17) };
        assert!(with_a_settlement.is_due(since + SETTLE_WAIT), "they go with it");
    }
}
