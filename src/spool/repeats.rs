//! Finds events that were accepted before: SDKs send a batch again, with the same `messageId`s, if its answer was lost.
//!
//! In memory: a 64-bit hash and the line of each of the last 0.9 to 1.8 million accepted events. An index on disk over
//! random ids would cost more with every event in the log. A hit only suggests a line; the line in the log decides.

use std::{collections::HashMap, hash::BuildHasher};

use ahash::RandomState;

use crate::delivery::EventId;

/// Events of a generation. Two generations are kept; when the younger is full it becomes the older. At 17 bytes an
/// entry they take at most 36 MB.
const GENERATION: usize = 900_000;

/// From `messageId`s to the lines that have them.
pub(super) struct Repeats {
    hasher: RandomState,
    young: HashMap<u64, EventId, HashedAlready>,
    old: HashMap<u64, EventId, HashedAlready>,
    generation: usize,
}

impl Repeats {
    pub(super) fn new() -> Self {
        Self::with_generation(GENERATION)
    }

    fn with_generation(generation: usize) -> Self {
        Self { hasher: RandomState::new(), young: HashMap::default(), old: HashMap::default(), generation }
    }

    /// The hash of a `messageId`.
    pub(super) fn hash_of(&self, message_id: &str) -> u64 {
        self.hasher.hash_one(message_id)
    }

    /// The line of an event that was accepted before, probably with this `messageId`.
    pub(super) fn suspect(&self, hash: u64) -> Option<EventId> {
        self.young.get(&hash).or_else(|| self.old.get(&hash)).copied()
    }

    /// Remembers an accepted event whose `messageId` no line in the log has. It takes precedence over an entry of the
    /// older generation.
    pub(super) fn remember(&mut self, hash: u64, id: EventId) {
        self.young.insert(hash, id);
        if self.young.len() >= self.generation {
            self.old = std::mem::take(&mut self.young);
        }
    }

    /// Forgets events that were not committed: those after the line `newest`.
    pub(super) fn forget_after(&mut self, newest: EventId) {
        self.young.retain(|_, id| *id <= newest);
        self.old.retain(|_, id| *id <= newest);
    }
}

/// Hashes a key to itself: the keys are hashes already.
#[derive(Clone, Copy, Default)]
struct HashedAlready;

impl BuildHasher for HashedAlready {
    type Hasher = PassThrough;

    fn build_hasher(&self) -> PassThrough {
        PassThrough(0)
    }
}

struct PassThrough(u64);

impl std::hash::Hasher for PassThrough {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remember(repeats: &mut Repeats, message_id: &str, id: EventId) {
        repeats.remember(repeats.hash_of(message_id), id);
    }

    fn suspect(repeats: &Repeats, message_id: &str) -> Option<EventId> {
        repeats.suspect(repeats.hash_of(message_id))
    }

    #[test]
    fn the_first_one_is_remembered_through_one_change_of_generations() {
        let mut repeats = Repeats::with_generation(3);
        for (id, message_id) in [(1, "a"), (2, "b"), (3, "c"), (4, "d"), (5, "e")] {
            remember(&mut repeats, message_id, id);
        }
        assert_eq!((suspect(&repeats, "a"), suspect(&repeats, "e")), (Some(1), Some(5)));
        remember(&mut repeats, "a", 6);
        assert_eq!(suspect(&repeats, "a"), Some(6), "the line before it was pruned");
        assert_eq!(suspect(&repeats, "b"), None, "two generations ago");
        assert_eq!(suspect(&repeats, "nobody"), None);
    }

    #[test]
    fn what_was_rolled_back_is_forgotten() {
        let mut repeats = Repeats::with_generation(10);
        remember(&mut repeats, "kept", 1);
        remember(&mut repeats, "lost", 2);
        repeats.forget_after(1);
        assert_eq!((suspect(&repeats, "kept"), suspect(&repeats, "lost")), (Some(1), None));
    }
}
