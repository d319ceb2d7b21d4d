//! Finds the shard for a partition key without a request. The shards of the practice stream are always known, those of a stream
//! in AWS only after it was read.

use std::sync::Arc;

use crate::{config::Destination, kinesis::Reader};

/// The open shards of one stream, each with the first and last hash key of its range.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Shards {
    destination: Destination,
    ranges: Vec<(Arc<str>, u128, u128)>,
}

impl Shards {
    /// `shards`: the open shards of `stream`, each with the first and last hash key of its range.
    pub(super) fn new(stream: &Destination, shards: Vec<(String, u128, u128)>) -> Self {
        let ranges = shards.into_iter().map(|(id, first, last)| (id.into(), first, last)).collect();
        Self { destination: stream.clone(), ranges }
    }

    /// The shards that a reader has found.
    pub(super) fn of(destination: &Destination, reader: &Reader) -> Self {
        let ranges = reader.ranges().map(|(id, first, last)| (Arc::clone(id), first, last)).collect();
        Self { destination: destination.clone(), ranges }
    }

    /// The shard with this hash key. `None`: these are another stream's shards, or none of them has it.
    pub fn by_hash(&self, hash: u128, destination: &Destination) -> Option<Arc<str>> {
        if !self.destination.is_same_stream(destination) {
            return None;
        }
        let mut ranges = self.ranges.iter();
        ranges.find(|(_, first, last)| (*first..=*last).contains(&hash)).map(|(id, ..)| Arc::clone(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::DestinationKind;

    #[test]
    fn a_hash_is_taken_by_the_shard_of_its_range_and_only_of_that_very_stream() {
        let mut clicks = Destination { kind: DestinationKind::Kinesis, ..Destination::default() };
        "clicks".clone_into(&mut clicks.stream);
        let half = u128::MAX / 2;
        let ranges = vec![
            ("shardId-000000000001".into(), 0, half),
            ("shardId-000000000002".into(), half + 1, u128::MAX),
        ];
        let shards = Shards { destination: clicks.clone(), ranges };
        let taken = |hash, destination: &Destination| shards.by_hash(hash, destination);
        assert_eq!(taken(0, &clicks).as_deref(), Some("shardId-000000000001"));
        assert_eq!(taken(half, &clicks).as_deref(), Some("shardId-000000000001"));
        assert_eq!(taken(half + 1, &clicks).as_deref(), Some("shardId-000000000002"));
        assert_eq!(taken(u128::MAX, &clicks).as_deref(), Some("shardId-000000000002"));
        let orders = Destination { stream: "orders".to_owned(), ..clicks.clone() };
        let practice = Destination { kind: DestinationKind::Practice, ..clicks };
        assert_eq!((taken(0, &orders), taken(0, &practice)), (None, None));
    }
}
