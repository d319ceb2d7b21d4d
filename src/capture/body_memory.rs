//! The memory for bodies, which all connections of a listener share.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error_response::ErrorResponse;

/// Memory that all bodies of a listener take together while they are read, checked and stored, in KiB. Above it senders
/// get 429, so that senders without a key cannot take more either.
pub(super) const ALL_KIB_MAX: usize = 256 << 10;

/// A body that was read, with its share of the memory.
pub(super) struct ReadBody {
    pub(super) bytes: Bytes,
    pub(super) _memory: BodyMemory,
}

/// The memory that one body has taken. It is returned when this is dropped.
pub(super) struct BodyMemory {
    all: Arc<Semaphore>,
    taken: Option<OwnedSemaphorePermit>,
    /// Bytes of what was taken that are not used yet.
    left: usize,
}

impl BodyMemory {
    /// `all`: the memory of all bodies, one permit a KiB.
    pub(super) fn new(all: &Arc<Semaphore>) -> Self {
        Self { all: Arc::clone(all), taken: None, left: 0 }
    }

    /// Returns everything that was taken.
    pub(super) fn release(&mut self) {
        self.taken = None;
        self.left = 0;
    }

    /// Takes memory for this many more bytes. Called for each frame, so that a stalled sender holds only as much as it
    /// sent.
    pub(super) fn take(&mut self, bytes: usize) -> Result<(), ErrorResponse> {
        let Some(missing) = bytes.checked_sub(self.left).filter(|missing| *missing > 0) else {
            self.left -= bytes;
            return Ok(());
        };
        let kib = missing.div_ceil(1024);
        let permits = u32::try_from(kib).map_err(|_too_many| ErrorResponse::no_memory())?;
        let more = Arc::clone(&self.all)
            .try_acquire_many_owned(permits)
            .map_err(|_none| ErrorResponse::no_memory())?;
        self.left = self.left + kib * 1024 - bytes;
        match &mut self.taken {
            Some(taken) => taken.merge(more),
            None => self.taken = Some(more),
        }
        Ok(())
    }

    /// Makes bytes that were taken available to the next [`Self::take`].
    pub(super) fn unuse(&mut self, bytes: usize) {
        self.left += bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_share_their_memory_and_give_it_back() {
        let all = Arc::new(Semaphore::new(4));
        let mut one = BodyMemory::new(&all);
        one.take(1500).expect("two of four KiB");
        one.take(500).expect("the rest of the second");
        let mut two = BodyMemory::new(&all);
        two.take(2048).expect("the other two");
        assert_eq!(one.take(100).expect_err("none is left").status.as_u16(), 429);
        drop(two);
        one.take(100).expect("there is room again");
        drop(one);
        assert_eq!(all.available_permits(), 4);
    }
}
