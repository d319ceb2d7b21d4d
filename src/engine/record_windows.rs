//! The records that the Stream place shows: the newest of all, and the newest that match the filter. Each window is bounded
//! by number and by bytes.

use std::{collections::VecDeque, sync::Arc};

use super::{record_view::RecordView, stream_view::StreamView};
use crate::delivery::{ReadFrom, Record};

/// Records in a window.
const RECORDS_MAX: usize = 1000;
/// Maximum bytes of a window: stored and decoded bytes together.
const BYTES_MAX: usize = 64 << 20;

/// A bounded window; the oldest records leave first.
#[derive(Default)]
struct Window {
    records: VecDeque<Arc<RecordView>>,
    bytes: usize,
}

impl Window {
    fn push(&mut self, record: Arc<RecordView>) {
        self.bytes += record.bytes();
        self.records.push_back(record);
        while self.records.len() > RECORDS_MAX || (self.bytes > BYTES_MAX && self.records.len() > 1) {
            let Some(oldest) = self.records.pop_front() else { return };
            self.bytes -= oldest.bytes();
        }
    }
}

#[derive(Default)]
pub(super) struct RecordWindows {
    all: Window,
    matching: Window,
    filter: Arc<str>,
    read: u64,
    matched: u64,
    /// The sequence number of the record that was asked for. It is kept even when the window drops it.
    wanted: Option<Arc<str>>,
    /// That record, as its events.
    asked: Vec<Arc<RecordView>>,
}

impl RecordWindows {
    pub(super) fn new(filter: Arc<str>, from: &ReadFrom) -> Self {
        let wanted = match from {
            ReadFrom::Sequence(number) => Some(Arc::clone(number)),
            ReadFrom::Oldest | ReadFrom::Latest | ReadFrom::Time(_) => None,
        };
        Self { filter, wanted, ..Self::default() }
    }

    /// Adds records that were read together.
    pub(super) fn take(&mut self, mut records: Vec<Record>) {
        // Records of different shards: in the order of arrival. Within a shard that changes nothing.
        records.sort_by_key(|record| record.arrived_at);
        for record in records.into_iter().flat_map(RecordView::all_of) {
            self.read += 1;
            if self.wanted.as_ref() == Some(&record.record.sequence_number) {
                self.asked.push(Arc::clone(&record));
            }
            if record.matches(&self.filter) {
                self.matched += 1;
                self.matching.push(Arc::clone(&record));
            }
            self.all.push(record);
        }
    }

    /// Changes the filter, for the records in the window and for those to come.
    pub(super) fn filter_by(&mut self, filter: Arc<str>) {
        self.filter = filter;
        self.matching = Window::default();
        for record in self.all.records.iter().filter(|record| record.matches(&self.filter)) {
            self.matching.push(Arc::clone(record));
        }
        self.matched = if self.filter.is_empty() { self.read } else { self.matching.records.len() as u64 };
    }

    /// Puts the records of the window into a view.
    pub(super) fn show_in(&self, view: &mut StreamView) {
        view.records.clone_from(&self.matching.records);
        view.asked.clone_from(&self.asked);
        (view.read, view.fit) = (self.read, self.matched);
        view.filter = Arc::clone(&self.filter);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        delivery::Millis,
        event::{Bucket, Encoding, RecordData, UserRecord},
    };

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
        let mut windows = RecordWindows::default();
        windows.take(
            (0..20).map(|number| record(number, "{\"type\":\"track\",\"event\":\"Ünder Way\"}")).collect(),
        );
        assert_eq!((windows.read, windows.matched), (20, 20));
        windows.filter_by("USER-7".into());
        assert_eq!(windows.matched, 2);
        windows.take((20..30).map(|number| record(number, "x")).collect());
        assert_eq!((windows.read, windows.matched, windows.all.records.len()), (30, 3, 30));
        windows.filter_by("nder w".into());
        assert_eq!(windows.matched, 20);
        let summary = windows.matching.records[0].summary.as_deref();
        assert_eq!(summary, Some("track Ünder Way"));
        windows.filter_by("".into());
        assert_eq!((windows.matched, windows.matching.records.len()), (30, 30));
    }

    #[test]
    fn a_window_is_bounded_by_number_and_by_bytes() {
        let mut windows = RecordWindows::default();
        windows.take((0..1100).map(|number| record(number, "x")).collect());
        assert_eq!((windows.all.records.len(), windows.read), (RECORDS_MAX, 1100));
        assert_eq!(&*windows.all.records[0].record.sequence_number, format!("{:020}", 100));
        let large = "x".repeat(10 << 20);
        windows.take((1100..1110).map(|number| record(number, &large)).collect());
        assert!(
            windows.all.bytes <= BYTES_MAX && windows.all.records.len() == 3,
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
        let mut windows = RecordWindows::default();
        let json = format!("{{\"text\":\"{}\"}}", "x".repeat(1000));
        windows.take(vec![aggregated(1, 900, &json)]);
        assert_eq!(windows.all.records.len(), 900, "one megabyte is not counted 900 times");
    }

    #[test]
    fn the_record_that_was_asked_for_stays_whatever_comes_after_it() {
        let from = ReadFrom::Sequence(format!("{:020}", 1).into());
        let mut windows = RecordWindows::new("".into(), &from);
        windows.take(vec![aggregated(1, RECORDS_MAX + 500, "{}")]);
        windows.take((2..2_000).map(|number| record(number, "x")).collect());
        let places: Vec<_> = windows.asked.iter().map(|found| found.place).collect();
        assert_eq!(places.len(), RECORDS_MAX + 500);
        assert_eq!(places.first(), Some(&Some((1, RECORDS_MAX + 500))));
        let mut others = RecordWindows::new("".into(), &ReadFrom::Oldest);
        others.take(vec![record(1, "x")]);
        assert!(others.asked.is_empty());
    }
}
