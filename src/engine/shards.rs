//! Which shard a partition key's record goes to, as far as that is known: the practice stream's always, a stream's of AWS
//! once reading it has told of its shards. Nothing is asked for it.

use std::sync::Arc;

use crate::{config::Destination, kinesis::Reader};

/// The shards of one stream that take records, each with its first and its last hash.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Shards {
    of: Destination,
    all: Vec<(Arc<str>, u128, u128)>,
}

impl Shards {
    pub(super) fn of(destination: &Destination, reader: &Reader) -> Self {
        let all = reader.ranges().map(|(id, first, last)| (Arc::clone(id), first, last)).collect();
        Self { of: destination.clone(), all }
    }

    /// The shards of this stream, each with its first and its last hash.
    pub(super) fn new(stream: &Destination, shards: Vec<(String, u128, u128)>) -> Self {
        let all = shards.into_iter().map(|(id, first, last)| (id.into(), first, last)).collect();
        Self { of: stream.clone(), all }
    }

    /// The shard that takes this hash; `None`: these are another stream's shards, or none of them takes it.
    pub fn that_takes(&self, hash: u128, destination: &Destination) -> Option<Arc<str>> {
        if !self.of.is_same_stream(destination) {
            return None;
        }
        self.all
            .iter()
            .find(|(_, first, last)| (*first..=*last).contains(&hash))
            .map(|(id, ..)| Arc::clone(id))
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
        let all = vec![
            ("shardId-000000000001".into(), 0, half),
            ("shardId-000000000002".into(), half + 1, u128::MAX),
        ];
        let shards = Shards { of: clicks.clone(), all };
        let taken = |hash, destination: &Destination| shards.that_takes(hash, destination);
        assert_eq!(taken(0, &clicks).as_deref(), Some("shardId-000000000001"));
        assert_eq!(taken(half, &clicks).as_deref(), Some("shardId-000000000001"));
        assert_eq!(taken(half + 1, &clicks).as_deref(), Some("shardId-000000000002"));
        assert_eq!(taken(u128::MAX, &clicks).as_deref(), Some("shardId-000000000002"));
        let orders = Destination { stream: "orders".to_owned(), ..clicks.clone() };
        let practice = Destination { kind: DestinationKind::Practice, ..clicks };
        assert_eq!((taken(0, &orders), taken(0, &practice)), (None, None));
    }
}
