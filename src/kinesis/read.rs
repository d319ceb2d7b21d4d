//! Reading records back, as any consumer would: every shard, by iterator, children of a split shard included.

use std::{sync::Arc, time::Duration};

use aws_sdk_kinesis::{
    primitives::DateTime,
    types::{Shard, ShardIteratorType},
};

use super::{Client, fault_of};
use crate::delivery::{AwsError, ReadFrom, Receipt, Record};

/// Records asked for at a time; Kinesis gives up to 10,000 or 10 MB.
const RECORDS_MAX: i32 = 1000;

/// A record that was just confirmed may show up for readers a moment later: so often is it looked for, so far apart
/// (AWS allows five reads a second and shard).
const LOOKS: u32 = 8;
const LOOK_PAUSE: Duration = Duration::from_millis(300);

impl Client {
    /// The record at the place that a delivery names. `None`: it is not there (any more).
    pub async fn record_at(&self, receipt: &Receipt) -> Result<Option<Record>, AwsError> {
        self.ready().await?;
        let target = self.target();
        let request =
            self.sdk().get_shard_iterator().set_stream_name(target.name()).set_stream_arn(target.arn());
        let request = request
            .shard_id(&*receipt.shard_id)
            .shard_iterator_type(ShardIteratorType::AtSequenceNumber)
            .starting_sequence_number(&*receipt.sequence_number);
        let mut iterator = match request.send().await {
            Ok(output) => output.shard_iterator().map(str::to_owned),
            Err(error) => return Err(fault_of(&error).0),
        };
        for look in 0..LOOKS {
            let Some(place) = iterator.take() else { break };
            if look > 0 {
                tokio::time::sleep(LOOK_PAUSE).await;
            }
            let request =
                self.sdk().get_records().limit(1).shard_iterator(place).set_stream_arn(target.arn());
            let output = request.send().await.map_err(|error| fault_of(&error).0)?;
            if let Some(record) = output.records().first() {
                let record = record_of(&receipt.shard_id, record);
                return Ok(Some(record).filter(|record| record.sequence_number == receipt.sequence_number));
            }
            iterator = output.next_shard_iterator().map(str::to_owned);
        }
        Ok(None)
    }
}

/// Where reading one shard stands.
struct Cursor {
    shard_id: Arc<str>,
    /// `None`: closed by a split or merge and read to its end.
    iterator: Option<String>,
    /// The last record read, to go on from when the iterator has expired.
    last: Option<Arc<str>>,
    behind_ms: Option<i64>,
    /// False: another shard was chosen, or the place that was asked for is in another one.
    is_read: bool,
    /// The first and the last hash of partition keys that it takes; `None`: it takes no more.
    hashes: Option<(u128, u128)>,
}

/// What one round over the shards gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Round {
    /// In order per shard.
    pub records: Vec<Record>,
    /// How far the slowest shard is behind the tip.
    pub behind_ms: Option<i64>,
}

/// Reads a stream from a place on. Asks each shard once a round; the caller waits between rounds
/// (AWS allows five reads a second and shard).
pub struct Reader {
    client: Client,
    from: ReadFrom,
    only: Option<Arc<str>>,
    cursors: Vec<Cursor>,
}

impl Reader {
    /// Finds the shards and the place in each; or reads only one of them.
    pub async fn open(client: &Client, from: ReadFrom, only: Option<&str>) -> Result<Self, AwsError> {
        client.ready().await?;
        let only = only.map(Arc::from);
        let mut reader = Self { client: client.clone(), from: from.clone(), only, cursors: Vec::new() };
        for shard in reader.list().await? {
            reader.add(&shard, &from).await?;
        }
        if !reader.cursors.iter().any(|cursor| cursor.is_read) {
            // Asks for the place again, for AWS's own words about it.
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

    /// The stream's shards: whether each is read, and how far behind its tip.
    pub fn shards(&self) -> impl Iterator<Item = (&Arc<str>, bool, Option<i64>)> {
        self.cursors.iter().map(|cursor| (&cursor.shard_id, cursor.is_read, cursor.behind_ms))
    }

    /// Which shards take records, each with the first and the last hash of partition keys that go there.
    pub fn ranges(&self) -> impl Iterator<Item = (&Arc<str>, u128, u128)> {
        self.cursors.iter().filter_map(|cursor| {
            let (first, last) = cursor.hashes?;
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
                    let (fault, _) = fault_of(&error);
                    match &*fault.code {
                        "ExpiredIteratorException" => self.renew(index).await?,
                        "ProvisionedThroughputExceededException" => {}
                        _ => return Err(fault),
                    }
                }
            }
        }
        if closed {
            for cursor in self.cursors.iter_mut().filter(|cursor| cursor.is_read && cursor.iterator.is_none())
            {
                cursor.hashes = None;
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
            let output = request.send().await.map_err(|error| fault_of(&error).0)?;
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
            // The sequence number is another shard's.
            Err(fault)
                if matches!(from, ReadFrom::Sequence(_)) && &*fault.code == "InvalidArgumentException" =>
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
            hashes: hashes_of(shard),
        });
        Ok(())
    }

    /// A closed shard has children; they are read from their beginning.
    async fn add_children(&mut self) -> Result<(), AwsError> {
        for shard in self.list().await? {
            if !self.cursors.iter().any(|cursor| &*cursor.shard_id == shard.shard_id()) {
                self.add(&shard, &ReadFrom::Oldest).await?;
            }
        }
        Ok(())
    }

    /// An iterator lives for five minutes: on from the last record that was read.
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
        let output = request.send().await.map_err(|error| fault_of(&error).0)?;
        Ok(output.shard_iterator().map(str::to_owned))
    }
}

/// A shard that was split or merged has an end, and takes nothing more.
fn hashes_of(shard: &Shard) -> Option<(u128, u128)> {
    let is_open = shard.sequence_number_range().is_none_or(|range| range.ending_sequence_number().is_none());
    let range = shard.hash_key_range().filter(|_| is_open)?;
    Some((range.starting_hash_key().parse().ok()?, range.ending_hash_key().parse().ok()?))
}

fn record_of(shard_id: &Arc<str>, record: &aws_sdk_kinesis::types::Record) -> Record {
    Record {
        shard_id: Arc::clone(shard_id),
        sequence_number: record.sequence_number().into(),
        arrived_at: record.approximate_arrival_timestamp().and_then(|time| time.to_millis().ok()),
        partition_key: record.partition_key().unwrap_or_default().into(),
        data: record.data().clone().into_inner().into(),
    }
}
