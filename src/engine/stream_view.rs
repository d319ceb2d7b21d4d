//! What a consumer of the stream reads, as a face sees it.

use std::{collections::VecDeque, sync::Arc};

use super::record_view::RecordView;
use crate::delivery::{AwsError, Millis};

/// A shard and how far it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardView {
    /// Its id.
    pub id: Arc<str>,
    /// Whether it is read. Not if another shard was chosen, or if another shard has the record to begin at.
    pub is_read: bool,
    /// How far behind the newest record it is read; `None` before its first answer.
    pub behind_ms: Option<Millis>,
}

/// What a consumer of the stream reads. Each update replaces the whole view.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamView {
    /// The newest records that match the filter (at most 1,000), oldest first; an aggregated record as its events.
    pub records: VecDeque<Arc<RecordView>>,
    /// How many were read since reading began.
    pub read: u64,
    /// How many of the read records match the filter.
    pub fit: u64,
    /// The filter that they were matched with.
    pub filter: Arc<str>,
    /// The record that was asked for by its sequence number, as its events, once it is read. It stays when `records` has
    /// dropped it.
    pub asked: Vec<Arc<RecordView>>,
    /// The shards.
    pub shards: Vec<ShardView>,
    /// How far behind the newest record the slowest shard is read; `None` before the first answer.
    pub behind_ms: Option<Millis>,
    /// Why reading has stopped. It is tried again every five seconds.
    pub fault: Option<AwsError>,
}
