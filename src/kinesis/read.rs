//! Reads a stream as any reader would: every shard by iterator, and the children of a split or merged shard.

use std::sync::Arc;

use aws_sdk_kinesis::{
    primitives::DateTime,
    types::{Shard, ShardIteratorType},
};

use super::{client::Client, error::aws_error, read_one::record_of};
use crate::delivery::{AwsError, ReadFrom, Record};

/// Maximum records a call. Kinesis allows 10,000 or 10 MB.
const RECORDS_MAX: i32 = 1000;

/// The position in one shard.
struct Cursor {
    shard_id: Arc<str>,
    /// `None`: the shard is not read, or it was closed by a split or merge and read to its end.
    iterator: Option<String>,
    /// The sequence number of the last record, to go on from when the iterator has expired.
    last: Option<Arc<str>>,
    behind_ms: Option<i64>,
    /// False if another shard was chosen, or if the wanted position is in another shard.
    is_read: bool,
    /// The first and the last hash key that it takes; `None` once it is closed.
    hash_keys: Option<(u128, u128)>,
}

/// The records of one round over the shards.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Round {
    /// In order within a shard.
    pub records: Vec<Record>,
    /// How far the slowest shard is behind its newest record.
    pub behind_ms: Option<i64>,
}

/// Reads a stream from a position on. Each round makes one call a shard. The caller waits between rounds: AWS allows five
/// reads a second and shard.
pub struct Reader {
    client: Client,
    from: ReadFrom,
    only: Option<Arc<str>>,
    cursors: Vec<Cursor>,
}

impl Reader {
    /// Finds the shards and the position in each. With `only`, reads that shard alone.
    pub async fn open(client: &Client, from: ReadFrom, only: Option<&str>) -> Result<Self, AwsError> {
        client.ready().await?;
        let only = only.map(Arc::from);
        let mut reader = Self { client: client.clone(), from: from.clone(), only, cursors: Vec::new() };
        for shard in reader.list().await? {
            reader.add(&shard, &from).await?;
        }
        if !reader.cursors.iter().any(|cursor| cursor.is_read) {
            // Asks once more, to return AWS's error.
            let shard = reader
                .only
                .clone()
                .or_else(|| reader.cursors.first().map(|first| Arc::clone(&first.shard_id)));
            if let Some(shard) = shard {
                reader.iterator(&shard, &from, None).await?;
            }
        }
        Ok(reader)
    }

    /// Every shard with whether it is read, and how many milliseconds behind its newest record.
    pub fn shards(&self) -> impl Iterator<Item = (&Arc<str>, bool, Option<i64>)> {
        self.cursors.iter().map(|cursor| (&cursor.shard_id, cursor.is_read, cursor.behind_ms))
    }

    /// The open shards, each with the first and the last hash key that it takes.
    pub fn ranges(&self) -> impl Iterator<Item = (&Arc<str>, u128, u128)> {
        self.cursors.iter().filter_map(|cursor| {
            let (first, last) = cursor.hash_keys?;
            Some((&cursor.shard_id, first, last))
        })
    }

    /// The next records of every shard.
    pub async fn round(&mut self) -> Result<Round, AwsError> {
        let mut round = Round::default();
        let mut closed = false;
        for index in 0..self.cursors.len() {
            let Some(iterator) = self.cursors[index].iterator.clone() else { continue };
            let request = self.client.sdk().get_records().limit(RECORDS_MAX).shard_iterator(iterator);
            let request = request.set_stream_arn(self.client.target().arn());
            match request.send().await {
                Ok(output) => {
                    let cursor = &mut self.cursors[index];
                    cursor.behind_ms = output.millis_behind_latest();
                    let records: Vec<Record> =
                        output.records().iter().map(|record| record_of(&cursor.shard_id, record)).collect();
                    if let Some(last) = records.last() {
                        cursor.last = Some(Arc::clone(&last.sequence_number));
                    }
                    round.records.extend(records);
                    cursor.iterator = output.next_shard_iterator().map(str::to_owned);
                    closed |= cursor.iterator.is_none();
                }
                Err(error) => {
                    let error = aws_error(&error);
                    match &*error.code {
                        "ExpiredIteratorException" => self.renew(index).await?,
                        "ProvisionedThroughputExceededException" => {}
                        _ => return Err(error),
                    }
                }
            }
        }
        if closed {
            for cursor in self.cursors.iter_mut().filter(|cursor| cursor.is_read && cursor.iterator.is_none())
            {
                cursor.hash_keys = None;
            }
            self.add_children().await?;
        }
        round.behind_ms = self.cursors.iter().filter_map(|cursor| cursor.behind_ms).max();
        Ok(round)
    }

    async fn list(&self) -> Result<Vec<Shard>, AwsError> {
        let mut shards = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let request = self.client.sdk().list_shards();
            let request = match token.take() {
                Some(token) => request.next_token(token),
                None => request
                    .set_stream_name(self.client.target().name())
                    .set_stream_arn(self.client.target().arn()),
            };
            let output = request.send().await.map_err(|error| aws_error(&error))?;
            shards.extend_from_slice(output.shards());
            match output.next_token() {
                Some(next) => token = Some(next.to_owned()),
                None => return Ok(shards),
            }
        }
    }

    async fn add(&mut self, shard: &Shard, from: &ReadFrom) -> Result<(), AwsError> {
        let shard_id = shard.shard_id();
        let chosen = self.only.as_ref().is_none_or(|only| **only == *shard_id);
        let iterator = if chosen { self.iterator(shard_id, from, None).await } else { Ok(None) };
        let iterator = match iterator {
            // The sequence number belongs to another shard.
            Err(error)
                if matches!(from, ReadFrom::Sequence(_)) && &*error.code == "InvalidArgumentException" =>
            {
                None
            }
            iterator => iterator?,
        };
        let is_read = iterator.is_some();
        self.cursors.push(Cursor {
            shard_id: shard_id.into(),
            iterator,
            last: None,
            behind_ms: None,
            is_read,
            hash_keys: hash_keys_of(shard),
        });
        Ok(())
    }

    /// Adds the children of closed shards, to be read from their beginning.
    async fn add_children(&mut self) -> Result<(), AwsError> {
        for shard in self.list().await? {
            if !self.cursors.iter().any(|cursor| &*cursor.shard_id == shard.shard_id()) {
                self.add(&shard, &ReadFrom::Oldest).await?;
            }
        }
        Ok(())
    }

    /// Replaces an expired iterator (they live for five minutes) by one that continues after the last record.
    async fn renew(&mut self, index: usize) -> Result<(), AwsError> {
        let (shard_id, last) = (Arc::clone(&self.cursors[index].shard_id), self.cursors[index].last.clone());
        self.cursors[index].iterator = self.iterator(&shard_id, &self.from, last).await?;
        Ok(())
    }

    async fn iterator(
        &self,
        shard_id: &str,
        from: &ReadFrom,
        after: Option<Arc<str>>,
    ) -> Result<Option<String>, AwsError> {
        let request = self
            .client
            .sdk()
            .get_shard_iterator()
            .set_stream_name(self.client.target().name())
            .set_stream_arn(self.client.target().arn())
            .shard_id(shard_id);
        let request = match (after, from) {
            (Some(sequence), _) => request
                .shard_iterator_type(ShardIteratorType::AfterSequenceNumber)
                .starting_sequence_number(&*sequence),
            (None, ReadFrom::Oldest) => request.shard_iterator_type(ShardIteratorType::TrimHorizon),
            (None, ReadFrom::Latest) => request.shard_iterator_type(ShardIteratorType::Latest),
            (None, ReadFrom::Time(at)) => request
                .shard_iterator_type(ShardIteratorType::AtTimestamp)
                .timestamp(DateTime::from_millis(*at)),
            (None, ReadFrom::Sequence(sequence)) => request
                .shard_iterator_type(ShardIteratorType::AtSequenceNumber)
                .starting_sequence_number(&**sequence),
        };
        let output = request.send().await.map_err(|error| aws_error(&error))?;
        Ok(output.shard_iterator().map(str::to_owned))
    }
}

/// `None` for a closed shard, which has an end.
fn hash_keys_of(shard: &Shard) -> Option<(u128, u128)> {
    let is_open = shard.sequence_number_range().is_none_or(|range| range.ending_sequence_number().is_none());
    let range = shard.hash_key_range().filter(|_| is_open)?;
    Some((range.starting_hash_key().parse().ok()?, range.ending_hash_key().parse().ok()?))
}
