//! The store keeps its promises: numbers rise, the oldest records go first, readers go on.

use super::super::shard::hash_of;
use super::super::stream::{Position, RECORD_OVERHEAD_BYTES, ReadLimits, RecordsPage};
use super::*;
use proptest::prelude::*;

const SPEC: StreamSpec = StreamSpec { shards: 2, on_demand: false, record_bytes_max: 1 << 20 };
const ALL: ReadLimits = ReadLimits { records: 10_000, bytes: 10 << 20 };
const AT: PutOptions = PutOptions { shard_limits: false, now_ms: 5_000 };

fn content(key: &str, len: usize) -> Arc<Content> {
    Arc::new(Content { key: key.into(), data: vec![7; len] })
}

fn put(streams: &mut Streams, name: &str, key: &str, len: usize) -> Sequence {
    let id = streams.get(name).unwrap().created_s;
    sequence_of(streams.put(id, hash_of(key), content(key, len), AT))
}

fn sequence_of(result: PutResult) -> Sequence {
    match result {
        PutResult::Written(sequence) => sequence,
        PutResult::Throttled(_) | PutResult::Failed => panic!("{result:?}"),
    }
}

fn dropped(streams: &Streams, name: &str) -> u64 {
    streams.get(name).map_or(0, Stream::dropped)
}

fn page(streams: &Streams, name: &str, shard: u32, index: u64) -> RecordsPage {
    let stream = streams.get(name).unwrap();
    let created_s = stream.shard(shard).unwrap().created_s;
    stream.read(&Position { created_s, shard, index }, ALL, 9_000).unwrap()
}

#[test]
fn a_name_is_taken_once_and_free_again_after_deletion() {
    let mut streams = Streams::new(1 << 20);
    assert!(streams.create("a", SPEC, 1_000) && !streams.create("a", SPEC, 2_000));
    assert!(streams.delete("a") && !streams.delete("a"));
    assert!(streams.create("a", SPEC, 3_000));
}

#[test]
fn streams_made_in_the_same_second_never_share_a_sequence_number() {
    let mut streams = Streams::new(1 << 20);
    let mut seen = std::collections::HashSet::new();
    for _ in 0..5 {
        assert!(streams.create("a", SPEC, 1_000));
        assert!(seen.insert(put(&mut streams, "a", "k", 1).to_string()));
        assert!(streams.delete("a"));
    }
}

#[test]
fn the_oldest_record_of_all_streams_goes_first_and_is_counted() {
    let mut streams = Streams::new(3 * (RECORD_OVERHEAD_BYTES + 101));
    assert!(streams.create("a", SPEC, 0) && streams.create("b", SPEC, 0));
    for name in ["a", "b", "a", "b"] {
        put(&mut streams, name, "k", 100);
    }
    assert_eq!((dropped(&streams, "a"), dropped(&streams, "b"), dropped(&streams, "c")), (1, 0, 0));
    put(&mut streams, "a", "k", 100);
    assert_eq!((dropped(&streams, "a"), dropped(&streams, "b")), (1, 1));
}

#[test]
fn a_reader_whose_place_was_dropped_goes_on_at_the_oldest_kept() {
    let mut streams = Streams::new(2 * (RECORD_OVERHEAD_BYTES + 11));
    assert!(streams.create("a", StreamSpec { shards: 1, ..SPEC }, 0));
    for _ in 0..5 {
        put(&mut streams, "a", "k", 10);
    }
    let page = page(&streams, "a", 0, 1);
    assert_eq!((page.first, page.records.len(), page.next), (4, 2, 6));
    assert_eq!(streams.get("a").unwrap().shard(0).unwrap().index_at(0), 4);
}

#[test]
fn a_record_larger_than_the_cap_leaves_an_empty_store_that_still_works() {
    let mut streams = Streams::new(1000);
    assert!(streams.create("a", StreamSpec { shards: 1, ..SPEC }, 0));
    assert_eq!(put(&mut streams, "a", "k", 5000).index, 1);
    assert_eq!((streams.bytes, page(&streams, "a", 0, 0).records.len()), (0, 0));
    assert_eq!(put(&mut streams, "a", "k", 10).index, 2);
    assert_eq!(page(&streams, "a", 0, 0).first, 2);
}

#[test]
fn a_page_holds_at_most_the_limit_and_ten_mebibytes_but_at_least_one_record() {
    let mut streams = Streams::new(64 << 20);
    assert!(streams.create("a", StreamSpec { shards: 1, ..SPEC }, 0));
    for _ in 0..12 {
        put(&mut streams, "a", "k", (1 << 20) - 1);
    }
    let first = page(&streams, "a", 0, 0);
    assert_eq!(first.records.len(), 10);
    assert_eq!(first.behind_ms, 4_000);
    let rest = page(&streams, "a", 0, first.next);
    assert_eq!((rest.records.len(), rest.behind_ms), (2, 0));
    let stream = streams.get("a").unwrap();
    let one = stream
        .read(
            &Position { created_s: stream.created_s, shard: 0, index: 0 },
            ReadLimits { records: 1, ..ALL },
            9_000,
        )
        .unwrap();
    assert_eq!(one.records.len(), 1);
}

#[test]
fn a_reader_of_a_deleted_stream_reads_all_of_its_successor() {
    let mut streams = Streams::new(1 << 20);
    assert!(streams.create("a", StreamSpec { shards: 1, ..SPEC }, 0));
    let old = streams.get("a").unwrap().created_s;
    assert_eq!((0..3).map(|_| put(&mut streams, "a", "k", 1).index).max(), Some(3));
    assert!(streams.delete("a") && streams.create("a", StreamSpec { shards: 1, ..SPEC }, 0));
    put(&mut streams, "a", "k", 1);
    let page =
        streams.get("a").unwrap().read(&Position { created_s: old, shard: 0, index: 4 }, ALL, 0).unwrap();
    assert_eq!((page.first, page.records.len()), (1, 1));
}

#[test]
fn time_never_runs_backwards() {
    let mut streams = Streams::new(1 << 20);
    assert!(streams.create("a", StreamSpec { shards: 1, ..SPEC }, 9_000));
    let id = streams.get("a").unwrap().created_s;
    sequence_of(streams.put(id, 0, content("k", 1), PutOptions { now_ms: 1_000, ..AT }));
    assert_eq!(page(&streams, "a", 0, 0).records[0].arrived_ms, 9_000);
}

proptest! {
    /// Whatever is split and merged: every hash has one open shard, whose range holds it, and no record is lost.
    #[test]
    fn splits_and_merges_leave_each_hash_one_open_shard(
        shards in 1..9_u32,
        steps in proptest::collection::vec((any::<bool>(), any::<u128>()), 0..40),
        hashes in proptest::collection::vec(any::<u128>(), 1..20),
    ) {
        let mut streams = Streams::new(1 << 20);
        streams.create("a", StreamSpec { shards, ..SPEC }, 0);
        let id = streams.get("a").unwrap().created_s;
        let mut written = 0;
        for (is_split, hash) in steps {
            let stream = streams.get("a").unwrap();
            let at = stream.shard_by_hash(hash);
            let next = stream.shard(at).unwrap().range.1.checked_add(1).map(|next| stream.shard_by_hash(next));
            match next.filter(|_| !is_split) {
                Some(next) => streams.merge(id, [next, at], 0),
                None => streams.split(id, at, hash, 0),
            }
            sequence_of(streams.put(id, hash, content("k", 1), AT));
            written += 1;
        }
        let stream = streams.get("a").unwrap();
        let ranges: Vec<_> = stream.open().map(|at| stream.shard(at).unwrap().range).collect();
        prop_assert_eq!((ranges[0].0, ranges[ranges.len() - 1].1), (0, u128::MAX));
        for pair in ranges.windows(2) {
            prop_assert_eq!(pair[0].1 + 1, pair[1].0);
        }
        for hash in hashes {
            let (start, end) = stream.shard(stream.shard_by_hash(hash)).unwrap().range;
            prop_assert!(start <= hash && hash <= end);
        }
        let mut kept = 0;
        for (at, shard) in stream.shards() {
            kept += page(&streams, "a", at, 0).records.len();
            prop_assert_eq!(shard.closing.is_none(), stream.open().any(|open| open == at));
            for child in shard.closing.iter().flat_map(|closing| &closing.children) {
                prop_assert!(stream.ending_sequence(at).unwrap().to_string() < stream.sequence(*child, 0, 0).to_string());
            }
        }
        prop_assert_eq!(kept, written);
    }

    /// Whatever is put, read and deleted: the byte count is exact, below the cap, and the kept records are the newest.
    #[test]
    fn the_cap_holds_and_the_newest_are_kept(puts in proptest::collection::vec((0..3_usize, 0..20_u8, 0..400_usize), 1..200)) {
        let names = ["a", "b", "c"];
        let mut streams = Streams::new(8_000);
        for name in names {
            streams.create(name, SPEC, 0);
        }
        let mut put_order = Vec::new();
        for (stream, key, len) in puts {
            let sequence = put(&mut streams, names[stream], &key.to_string(), len);
            put_order.push((stream, sequence.shard, sequence.index));
            let kept: usize = names
                .iter()
                .flat_map(|name| (0..2).flat_map(|shard| page(&streams, name, shard, 0).records).collect::<Vec<_>>())
                .map(|record| record.content.cost())
                .sum();
            prop_assert_eq!(kept, streams.bytes);
            prop_assert!(kept <= 8_000);
            let dropped: u64 = names.iter().map(|name| dropped(&streams, name)).sum();
            for (stream, shard, index) in &put_order[usize::try_from(dropped).unwrap()..] {
                prop_assert!(page(&streams, names[*stream], *shard, 0).first <= *index);
            }
            for name in names {
                streams.delete("nothing");
                prop_assert!(streams.get(name).is_some());
            }
        }
        for name in names {
            streams.delete(name);
        }
        prop_assert_eq!((streams.bytes, streams.order.len()), (0, 0));
    }
}
