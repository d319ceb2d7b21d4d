//! Reading the stream, as a consumer does.

use std::sync::Arc;

use super::super::{
    answer::Answer,
    command::{Command, Immediate, ReadPlan, Request},
    message::Reply,
    practice_access::PRACTICE_STREAM,
    shards::Shards,
    shared::Shared,
    stream_view::StreamView,
};
use crate::{
    config::DestinationKind,
    delivery::{AwsError, Receipt, Record},
};

/// Reads the destination's records, as any consumer does. Needs the permissions for reading.
pub struct StreamReader<'a>(pub(crate) &'a Shared);

impl StreamReader<'_> {
    /// Begins to read; records that were read before are dropped.
    pub fn read(&self, plan: ReadPlan) {
        self.0.command(Command::ReadStream(plan));
    }

    /// Shows only records whose content, partition key, sequence number or shard contains this text; the case of ASCII
    /// letters does not matter. The filter applies to present and future records until it is changed.
    pub fn filter(&self, text: &str) {
        self.0.at_once(Immediate::FilterStream(text.to_owned()));
    }

    /// Stops reading.
    pub fn stop(&self) {
        self.0.command(Command::StopReading);
    }

    /// The records read so far, and the state of each shard.
    pub fn view(&self) -> Arc<StreamView> {
        Arc::clone(&self.0.reading.progress().borrow())
    }

    /// The record that a delivery names. `None`: the stream does not have it (any more).
    pub fn record(&self, receipt: Receipt) -> Answer<Result<Option<Record>, AwsError>> {
        self.0.request(Request::ReadRecord(receipt), |reply| {
            if let Reply::Record(record) = reply { Some(record) } else { None }
        })
    }

    /// The shards of the destination: the practice stream's, or those that reading the destination has found since the start.
    /// Makes no request.
    pub fn shards(&self) -> Arc<Shards> {
        let config = self.0.config.borrow();
        match config.destination.kind {
            DestinationKind::Practice => {
                let shards = self.0.practice.open_shards(PRACTICE_STREAM);
                Arc::new(Shards::new(&config.destination, shards))
            }
            DestinationKind::Kinesis => Arc::clone(&self.0.shards.borrow()),
        }
    }
}
