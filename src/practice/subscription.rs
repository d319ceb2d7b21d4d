//! What a subscription to a shard sends: its events, as the records come.
//!
//! It ends after five minutes, at the end of a closed shard, when the server stops, and with an exception when another
//! subscription takes its place or its consumer or stream is gone. Records that come close together share an event.

use super::api_error::ApiError;
use super::event_stream::{event, exception};
use super::format::Format;
use super::page::{children_member, page_json};
use super::sequence::Sequence;
use super::shard;
use super::shared::Shared;
use super::stream::{Position, ReadLimits, RecordsPage};
use crate::clock::now_ms;
use axum::body::Bytes;
use futures_util::Stream;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long a subscription lasts (API reference).
const LIFETIME: Duration = Duration::from_mins(5);
/// How long it sends nothing, at most. An event without records carries the checkpoint on.
const SILENCE_MAX: Duration = Duration::from_secs(5);
/// How long it waits for more records after the first.
const GATHERING: Duration = Duration::from_millis(10);
/// Maximum records of one event.
const EVENT: ReadLimits = ReadLimits { records: 10_000, bytes: 1 << 20 };

/// A subscription of a consumer to a shard.
pub(super) struct Subscription {
    pub(super) shared: Arc<Shared>,
    /// Notified when there may be something new.
    pub(super) changed: Arc<Notify>,
    pub(super) stream: String,
    /// The stream's `created_s`, which no other stream has.
    pub(super) stream_id: u64,
    pub(super) consumer: String,
    pub(super) consumer_created_s: u64,
    pub(super) number: u64,
    pub(super) position: Position,
}

/// The error of a call or of a subscription while another one is active.
pub(super) fn active_elsewhere(account: &str, stream: &str, shard: u32, consumer: &str) -> ApiError {
    ApiError::in_use(format!(
        "Another active subscription exists for this consumer: {account}:{stream}:{}:{consumer}",
        shard::id_of(shard)
    ))
}

/// How far the sending is.
enum Phase {
    Opening,
    /// When it ends, and when the last event was sent.
    Reading(Instant, Option<Instant>),
    Over,
}

impl Subscription {
    /// The frames of its answer.
    pub(super) fn events(
        self,
        format: Format,
        stopping: CancellationToken,
    ) -> impl Stream<Item = Bytes> + Send {
        futures_util::stream::unfold((self, Phase::Opening), move |(mut subscription, phase)| {
            let stopping = stopping.clone();
            async move {
                let (frame, phase) = match phase {
                    Phase::Opening => {
                        let end = Instant::now() + LIFETIME;
                        (event("initial-response", "{}".into(), format), Phase::Reading(end, None))
                    }
                    Phase::Reading(end, last) => {
                        let ended = async {
                            tokio::select! {
                                () = stopping.cancelled() => {}
                                () = tokio::time::sleep_until(end) => {}
                            }
                        };
                        tokio::select! {
                            found = subscription.next(last) => subscription.frame(found, end, format),
                            () = ended => return None,
                        }
                    }
                    Phase::Over => return None,
                };
                Some((frame, (subscription, phase)))
            }
        })
    }

    /// The next records, or none after a silence. The first event comes at once.
    async fn next(&self, last: Option<Instant>) -> Result<RecordsPage, ApiError> {
        loop {
            let mut changed = pin!(self.changed.notified());
            // From here on no change is missed.
            changed.as_mut().enable();
            let page = self.read()?;
            let silence_end = last.map(|last| last + SILENCE_MAX);
            let is_due = silence_end.is_none_or(|end| Instant::now() >= end);
            if is_due || !page.records.is_empty() || page.children.is_some() {
                return Ok(page);
            }
            tokio::select! {
                () = changed => tokio::time::sleep(GATHERING).await,
                () = tokio::time::sleep_until(silence_end.unwrap_or_else(Instant::now)) => {}
            }
        }
    }

    fn read(&self) -> Result<RecordsPage, ApiError> {
        let account = &*self.shared.settings.account_id;
        let streams = self.shared.streams();
        let stream = streams.get(&self.stream).filter(|stream| stream.created_s == self.stream_id);
        let stream = stream.ok_or_else(|| ApiError::no_stream(&self.stream, account))?;
        let consumer = stream.consumers.get(&self.consumer);
        let consumer = consumer.filter(|consumer| consumer.created_s == self.consumer_created_s);
        let consumer = consumer.ok_or_else(|| ApiError::no_consumer(&self.consumer, account))?;
        let at = self.position.shard;
        if consumer.subscriptions.get(&at).is_none_or(|held| held.number != self.number) {
            return Err(active_elsewhere(account, &self.stream, at, &self.consumer));
        }
        let page = stream.read(&self.position, EVENT, now_ms().unsigned_abs());
        page.ok_or_else(|| ApiError::no_shard(&shard::id_of(at), &self.stream, account))
    }

    /// The frame of what was read; the position moves behind it.
    fn frame(
        &mut self,
        found: Result<RecordsPage, ApiError>,
        end: Instant,
        format: Format,
    ) -> (Bytes, Phase) {
        let page = match found {
            Ok(page) => page,
            Err(error) => return (exception(&error, format), Phase::Over),
        };
        let shard = self.position.shard;
        let (member, phase) = if let Some(children) = &page.children {
            // As on AWS, the end of a shard has no number to go on from.
            (children_member(children), Phase::Over)
        } else {
            // Behind the last record and before the next one, so that AT and AFTER both begin with the next one.
            let arrived_ms = page.records.last().map_or(0, |record| record.arrived_ms);
            let time_s = arrived_ms.max(now_ms().unsigned_abs()) / 1000 + 1;
            let index = page.next.saturating_sub(1);
            let number = Sequence { created_s: page.created_s, shard, index, time_s };
            let phase = Phase::Reading(end, Some(Instant::now()));
            (format!("\"ContinuationSequenceNumber\":\"{number}\""), phase)
        };
        self.position = Position { created_s: page.created_s, shard, index: page.next };
        (event("SubscribeToShardEvent", page_json(&page, shard, &member), format), phase)
    }
}
