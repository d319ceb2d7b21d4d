//! The registered consumers of one stream: readers with a name, each of which may subscribe to shards.

use super::tags::Tags;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;
use tokio::sync::Notify;

/// Maximum consumers of a stream.
pub(super) const CONSUMERS_MAX: usize = 20;

/// One registered consumer.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Consumer {
    /// The second in which it was registered: part of its ARN, and unique in its stream.
    pub(super) created_s: u64,
    pub(super) tags: Tags,
    /// Its subscriptions by shard: each the latest. They end with the process.
    #[serde(skip)]
    pub(super) subscriptions: HashMap<u32, Subscription>,
}

/// A subscription to one shard.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Subscription {
    /// Unlike that of every other subscription of the stream.
    pub(super) number: u64,
    pub(super) begun_ms: u64,
}

/// The consumers of a stream by their names.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Consumers {
    last_created_s: u64,
    last_subscription: u64,
    #[serde(skip)]
    changed: Arc<Notify>,
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

    /// Notified when a subscription may have something new to read, or may have ended.
    pub(super) fn changed(&self) -> Arc<Notify> {
        Arc::clone(&self.changed)
    }

    /// Wakes the subscriptions of the stream.
    pub(super) fn wake(&self) {
        if !self.by_name.is_empty() {
            self.changed.notify_waiters();
        }
    }

    /// Registers a consumer, or replaces the one of that name. Returns the second in its ARN.
    pub(super) fn register(&mut self, name: &str, tags: Tags, now_ms: u64) -> u64 {
        let created_s = (now_ms / 1000).max(self.last_created_s + 1);
        self.last_created_s = created_s;
        self.by_name.insert(name.to_owned(), Consumer { created_s, tags, subscriptions: HashMap::new() });
        created_s
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.wake();
        self.by_name.remove(name);
    }

    /// Names and consumers in the order of the names, after `start`.
    pub(super) fn after<'a>(&'a self, start: &'a str) -> impl Iterator<Item = (&'a str, &'a Consumer)> {
        let consumers = self.by_name.range::<str, _>((Bound::Excluded(start), Bound::Unbounded));
        consumers.map(|(name, consumer)| (&**name, consumer))
    }

    /// Begins a subscription of a consumer, which ends its earlier one to that shard. Returns its number.
    pub(super) fn subscribe(&mut self, name: &str, shard: u32, now_ms: u64) -> u64 {
        self.last_subscription += 1;
        let subscription = Subscription { number: self.last_subscription, begun_ms: now_ms };
        if let Some(consumer) = self.by_name.get_mut(name) {
            consumer.subscriptions.insert(shard, subscription);
        }
        self.wake();
        subscription.number
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

    #[test]
    fn a_later_subscription_replaces_the_earlier_one() {
        let mut consumers = Consumers::default();
        consumers.register("a", Tags::new(), 5_000);
        let (first, second) = (consumers.subscribe("a", 3, 5_000), consumers.subscribe("a", 3, 11_000));
        let held = consumers.get("a").unwrap().subscriptions[&3];
        assert_eq!(held, Subscription { number: second, begun_ms: 11_000 });
        assert_ne!(first, second);
    }
}
