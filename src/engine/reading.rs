//! Reading the stream for the Stream place: the newest records, looked through, as long as somebody looks.
//!
//! Two windows: all that was read last, and what of it (and of what came before, as long as the filter stays) fits the
//! filter. Both are bounded by number and by bytes.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use serde::Deserialize;

use super::{Shared, shards::Shards};
use crate::{
    delivery::{AwsError, Millis, ReadFrom, Record},
    event::{Content, Inside, Part, parts},
    forward::ConnectionSettings,
    kinesis::{Client, Reader},
};

/// Records in a window.
const RECORDS_KEPT: usize = 1000;
/// Their bytes, as stored and as decoded.
const BYTES_KEPT: usize = 64 << 20;

/// AWS allows five reads a second and shard, shared by all consumers: one a second leaves the others theirs.
const PAUSE_AWS: Duration = Duration::from_secs(1);
const PAUSE_PRACTICE: Duration = Duration::from_millis(200);

/// How long after a fault it tries again.
const PAUSE_FAULT: Duration = Duration::from_secs(5);

/// Of a text so much is looked through for the filter.
const SEARCHED_BYTES_MAX: usize = 256 * 1024;

/// What is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadPlan {
    /// Where to begin.
    pub from: ReadFrom,
    /// Only this shard; `None`: all of them.
    pub shard: Option<Arc<str>>,
}

/// A record, or a part of an aggregated one, and what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The record as it is stored.
    pub record: Arc<Record>,
    /// Its partition key; of a part, its own.
    pub key: Arc<str>,
    /// The part's place in an aggregated record, from 1, and how many that has; `None`: it is a record of its own.
    pub place: Option<(usize, usize)>,
    /// What it holds.
    pub content: Content,
    /// The call's type and name, where it is an event: `track Order Completed`.
    pub summary: Option<Arc<str>>,
}

/// A shard and how reading it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardView {
    /// Its id.
    pub id: Arc<str>,
    /// Whether it is read: it may not be the one that was chosen, or not hold the place that was asked for.
    pub is_read: bool,
    /// How far behind its tip it is read; `None` before its first answer.
    pub behind_ms: Option<Millis>,
}

/// What a consumer of the stream reads, kept up to date while it is open. Published as a whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamView {
    /// The newest records that fit the filter (at most 1,000), oldest first; an aggregated one as its parts.
    pub records: VecDeque<Arc<Found>>,
    /// How many were read since it was opened.
    pub read: u64,
    /// How many of these fit the filter.
    pub fit: u64,
    /// The filter that they were looked through for.
    pub filter: Arc<str>,
    /// The record that was asked for by its sequence number, as its parts, once it is read. It stays when `records` has let
    /// go of it.
    pub asked: Vec<Arc<Found>>,
    /// The shards.
    pub shards: Vec<ShardView>,
    /// How far behind the tip the slowest shard is read; `None` before the first answer.
    pub behind_ms: Option<Millis>,
    /// Why reading does not go on, where it does not. It is tried again every five seconds.
    pub fault: Option<AwsError>,
}

impl Found {
    fn all(record: Record) -> Vec<Arc<Self>> {
        let record = Arc::new(record);
        let found = |Part { key, place, content, .. }: Part<'_>| {
            let summary = match &content.inside {
                Inside::Json(text) => summary(text),
                Inside::JsonLines(..) | Inside::Text(_) | Inside::Binary(_) => None,
            };
            Arc::new(Self { record: Arc::clone(&record), key, place, content, summary })
        };
        parts(&record.partition_key, &record.data).into_iter().map(found).collect()
    }

    /// The text inside, where it is text.
    pub fn text(&self) -> Option<&str> {
        match &self.content.inside {
            Inside::Json(text) | Inside::JsonLines(text, _) | Inside::Text(text) => Some(text),
            Inside::Binary(_) => None,
        }
    }

    /// The parts of a record share its bytes.
    fn bytes(&self) -> usize {
        let parts = self.place.map_or(1, |(_, of)| of.max(1));
        self.record.data.len() / parts + self.text().map_or(0, str::len) + 256
    }

    /// Whether it holds this text, ASCII letters in either case; everything holds nothing.
    fn fits(&self, wanted: &str) -> bool {
        let text = self.text().unwrap_or_default();
        let near =
            [&*self.key, &self.record.partition_key, &self.record.sequence_number, &self.record.shard_id];
        near.into_iter().chain([cut(text)]).any(|text| holds(text.as_bytes(), wanted.as_bytes()))
    }
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(SEARCHED_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn holds(text: &[u8], wanted: &[u8]) -> bool {
    wanted.is_empty() || text.windows(wanted.len()).any(|part| part.eq_ignore_ascii_case(wanted))
}

fn summary(json: &str) -> Option<Arc<str>> {
    #[derive(Deserialize)]
    struct Call {
        r#type: String,
        event: Option<String>,
        name: Option<String>,
    }
    let call: Call = serde_json::from_str(json).ok()?;
    let name = call.event.or(call.name).unwrap_or_default();
    let text: String = format!("{} {name}", call.r#type).chars().take(120).collect();
    Some(text.trim_end().into())
}

/// A bounded run of records; the oldest go first.
#[derive(Default)]
struct Window {
    records: VecDeque<Arc<Found>>,
    bytes: usize,
}

impl Window {
    fn push(&mut self, found: Arc<Found>) {
        self.bytes += found.bytes();
        self.records.push_back(found);
        while self.records.len() > RECORDS_KEPT || (self.bytes > BYTES_KEPT && self.records.len() > 1) {
            let Some(gone) = self.records.pop_front() else { return };
            self.bytes -= gone.bytes();
        }
    }
}

#[derive(Default)]
struct Windows {
    all: Window,
    fitting: Window,
    filter: Arc<str>,
    read: u64,
    fit: u64,
    /// The record that was asked for, and its parts.
    wanted: Option<Arc<str>>,
    asked: Vec<Arc<Found>>,
}

impl Windows {
    fn new(filter: Arc<str>, from: &ReadFrom) -> Self {
        let wanted = match from {
            ReadFrom::Sequence(number) => Some(Arc::clone(number)),
            ReadFrom::Oldest | ReadFrom::Latest | ReadFrom::Time(_) => None,
        };
        Self { filter, wanted, ..Self::default() }
    }

    fn take(&mut self, mut records: Vec<Record>) {
        // Of different shards: as they arrived. Within a shard that changes nothing.
        records.sort_by_key(|record| record.arrived_at);
        for found in records.into_iter().flat_map(Found::all) {
            self.read += 1;
            if self.wanted.as_ref() == Some(&found.record.sequence_number) {
                self.asked.push(Arc::clone(&found));
            }
            if found.fits(&self.filter) {
                self.fit += 1;
                self.fitting.push(Arc::clone(&found));
            }
            self.all.push(found);
        }
    }

    /// Another filter: it holds for what is still there, and for all that comes.
    fn look_for(&mut self, filter: Arc<str>) {
        self.filter = filter;
        self.fitting = Window::default();
        for found in self.all.records.iter().filter(|found| found.fits(&self.filter)) {
            self.fitting.push(Arc::clone(found));
        }
        self.fit = if self.filter.is_empty() { self.read } else { self.fitting.records.len() as u64 };
    }
}

/// Reads until it is dropped.
pub(super) async fn run(shared: Arc<Shared>, setup: ConnectionSettings, plan: ReadPlan) {
    let pause = if setup.practice.is_some() { PAUSE_PRACTICE } else { PAUSE_AWS };
    let client = Client::connect(&setup.config, setup.practice.as_ref()).await;
    let mut filter = shared.stream_filter.subscribe();
    let mut windows = Windows::new(Arc::clone(&filter.borrow_and_update()), &plan.from);
    let mut view = StreamView { filter: Arc::clone(&windows.filter), ..StreamView::default() };
    let mut reader = None;
    loop {
        let wait = match round(&client, &mut reader, &plan).await {
            Ok((records, behind_ms, shards)) => {
                if view.shards.len() != shards.len()
                    && let Some(reader) = &reader
                {
                    shared.shards.send_replace(Arc::new(Shards::of(&setup.config.destination, reader)));
                }
                let changed = !records.is_empty() || view.shards != shards || view.fault.is_some();
                windows.take(records);
                (view.behind_ms, view.shards, view.fault) = (behind_ms, shards, None);
                if changed {
                    publish(&shared, &mut view, &windows);
                }
                pause
            }
            Err(fault) => {
                if view.fault.as_ref() != Some(&fault) {
                    view.fault = Some(fault);
                    publish(&shared, &mut view, &windows);
                }
                PAUSE_FAULT
            }
        };
        let until = tokio::time::Instant::now() + wait;
        // The sender lives in `shared`: it does not end while this runs.
        while let Ok(Ok(())) = tokio::time::timeout_at(until, filter.changed()).await {
            windows.look_for(Arc::clone(&filter.borrow_and_update()));
            publish(&shared, &mut view, &windows);
        }
    }
}

type Round = (Vec<Record>, Option<Millis>, Vec<ShardView>);

async fn round(client: &Client, reader: &mut Option<Reader>, plan: &ReadPlan) -> Result<Round, AwsError> {
    if reader.is_none() {
        *reader = Some(Reader::open(client, plan.from.clone(), plan.shard.as_deref()).await?);
    }
    let Some(reader) = reader else { return Ok((Vec::new(), None, Vec::new())) };
    let round = reader.round().await?;
    let shards = reader.shards();
    let shards =
        shards.map(|(id, is_read, behind_ms)| ShardView { id: Arc::clone(id), is_read, behind_ms }).collect();
    Ok((round.records, round.behind_ms, shards))
}

fn publish(shared: &Shared, view: &mut StreamView, windows: &Windows) {
    view.records.clone_from(&windows.fitting.records);
    view.asked.clone_from(&windows.asked);
    (view.read, view.fit) = (windows.read, windows.fit);
    view.filter = Arc::clone(&windows.filter);
    shared.stream.send_replace(Arc::new(view.clone()));
    shared.wake_faces();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Bucket, Encoding, RecordData, UserRecord};

    fn record(number: usize, data: &str) -> Record {
        Record {
            shard_id: "shardId-000000000000".into(),
            sequence_number: format!("{number:020}").into(),
            arrived_at: Millis::try_from(number).ok(),
            partition_key: format!("user-{}", number % 10).into(),
            data: data.to_owned().into(),
        }
    }

    #[test]
    fn a_filter_holds_for_what_is_there_and_for_what_comes() {
        let mut windows = Windows::default();
        windows.take(
            (0..20).map(|number| record(number, "{\"type\":\"track\",\"event\":\"Ünder Way\"}")).collect(),
        );
        assert_eq!((windows.read, windows.fit), (20, 20));
        windows.look_for("USER-7".into());
        assert_eq!(windows.fit, 2);
        windows.take((20..30).map(|number| record(number, "x")).collect());
        assert_eq!((windows.read, windows.fit, windows.all.records.len()), (30, 3, 30));
        windows.look_for("nder w".into());
        assert_eq!(windows.fit, 20);
        let summary = windows.fitting.records[0].summary.as_deref();
        assert_eq!(summary, Some("track Ünder Way"));
        windows.look_for("".into());
        assert_eq!((windows.fit, windows.fitting.records.len()), (30, 30));
    }

    #[test]
    fn a_window_is_bounded_by_number_and_by_bytes() {
        let mut windows = Windows::default();
        windows.take((0..1100).map(|number| record(number, "x")).collect());
        assert_eq!((windows.all.records.len(), windows.read), (RECORDS_KEPT, 1100));
        assert_eq!(&*windows.all.records[0].record.sequence_number, format!("{:020}", 100));
        let large = "x".repeat(10 << 20);
        windows.take((1100..1110).map(|number| record(number, &large)).collect());
        assert!(
            windows.all.bytes <= BYTES_KEPT && windows.all.records.len() == 3,
            "{}",
            windows.all.records.len()
        );
    }

    fn aggregated(number: usize, events: usize, json: &str) -> Record {
        let each = UserRecord { key: "ada", json: json.as_bytes() };
        let mut data = Vec::new();
        let events = vec![each; events];
        RecordData::Kpl(Bucket::of("ada"), &events).encode_into(Encoding::Json, &mut data);
        Record { data: data.into(), ..record(number, "") }
    }

    #[test]
    fn the_events_of_a_large_record_share_its_bytes_in_a_window() {
        let mut windows = Windows::default();
        let json = format!("{{\"text\":\"{}\"}}", "x".repeat(1000));
        windows.take(vec![aggregated(1, 900, &json)]);
        assert_eq!(windows.all.records.len(), 900, "one megabyte is not counted 900 times");
    }

    #[test]
    fn the_record_that_was_asked_for_stays_whatever_comes_after_it() {
        let from = ReadFrom::Sequence(format!("{:020}", 1).into());
        let mut windows = Windows::new("".into(), &from);
        windows.take(vec![aggregated(1, RECORDS_KEPT + 500, "{}")]);
        windows.take((2..2_000).map(|number| record(number, "x")).collect());
        let places: Vec<_> = windows.asked.iter().map(|found| found.place).collect();
        assert_eq!(places.len(), RECORDS_KEPT + 500);
        assert_eq!(places.first(), Some(&Some((1, RECORDS_KEPT + 500))));
        let mut others = Windows::new("".into(), &ReadFrom::Oldest);
        others.take(vec![record(1, "x")]);
        assert!(others.asked.is_empty());
    }

    #[test]
    fn letters_of_either_case_are_found_at_both_ends() {
        for (text, wanted, found) in
            [("Order", "oRD", true), ("Order", "DER", true), ("", "", true), ("a", "ab", false)]
        {
            assert_eq!(holds(text.as_bytes(), wanted.as_bytes()), found, "{text} {wanted}");
        }
    }
}
