//! The registered consumers of one stream: readers with a name.

use super::tags::Tags;
use std::collections::BTreeMap;
use std::ops::Bound;

/// Maximum consumers of a stream.
pub(super) const CONSUMERS_MAX: usize = 20;

/// One registered consumer.
pub(super) struct Consumer {
    /// The second in which it was registered: part of its ARN, and unique in its stream.
    pub(super) created_s: u64,
    pub(super) tags: Tags,
}

/// The consumers of a stream by their names.
#[derive(Default)]
pub(super) struct Consumers {
    last_created_s: u64,
    by_name: BTreeMap<String, Consumer>,
}

impl Consumers {
    pub(super) fn len(&self) -> usize {
        self.by_name.len()
    }

    pub(super) fn get(&self, name: &str) -> Option<&Consumer> {
        self.by_name.get(name)
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Consumer> {
        self.by_name.get_mut(name)
    }

    /// Registers a consumer, or replaces the one of that name. Returns the second in its ARN.
    pub(super) fn register(&mut self, name: &str, tags: Tags, now_ms: u64) -> u64 {
        let created_s = (now_ms / 1000).max(self.last_created_s + 1);
        self.last_created_s = created_s;
        self.by_name.insert(name.to_owned(), Consumer { created_s, tags });
        created_s
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.by_name.remove(name);
    }

    /// Names and consumers in the order of the names, after `start`.
    pub(super) fn after<'a>(&'a self, start: &'a str) -> impl Iterator<Item = (&'a str, &'a Consumer)> {
        let consumers = self.by_name.range::<str, _>((Bound::Excluded(start), Bound::Unbounded));
        consumers.map(|(name, consumer)| (&**name, consumer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_consumer_that_is_registered_again_has_another_second() {
        let mut consumers = Consumers::default();
        let first = consumers.register("a", Tags::new(), 5_000);
        consumers.remove("a");
        assert_eq!((first, consumers.register("a", Tags::new(), 5_000)), (5, 6));
    }
}
