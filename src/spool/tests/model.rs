//! The spool against a plain model in memory, with restarts and crashes among the operations.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;

use super::*;
use crate::spool::{layout::SEGMENTS, segments};

/// What happens to a spool, in any order.
#[derive(Clone, Debug)]
enum Operation {
    Append {
        keys: Vec<u8>,
        rejected: u8,
    },
    /// Settle this many of the events that were read, from the front or from the back.
    Settle {
        count: u8,
        from_back: bool,
        fails: bool,
    },
    /// Queue failed lines again, or delivered ones once more.
    Resend {
        replays: bool,
    },
    /// Close and reopen; or reopen a copy of the files from before the close, which is what a crash leaves.
    Reopen {
        crash: bool,
    },
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let one = prop_oneof![
        3 => (prop::collection::vec(0_u8..4, 0..6), 0_u8..3)
            .prop_map(|(keys, rejected)| Operation::Append { keys, rejected }),
        3 => (0_u8..8, any::<bool>(), prop::bool::weighted(0.2))
            .prop_map(|(count, from_back, fails)| Operation::Settle { count, from_back, fails }),
        1 => any::<bool>().prop_map(|replays| Operation::Resend { replays }),
        1 => any::<bool>().prop_map(|crash| Operation::Reopen { crash }),
    ];
    prop::collection::vec(one, 1..40)
}

/// The spool as it should be. Texts are message ids.
#[derive(Default)]
struct Model {
    waiting: BTreeMap<EventId, String>,
    failed: BTreeMap<EventId, String>,
    delivered: BTreeMap<EventId, String>,
    rejected: u64,
    resent: u64,
    replayed: u64,
    newest: EventId,
    /// Settled, but perhaps not on disk yet: after a crash they may be queued again.
    unsure: BTreeMap<EventId, String>,
}

impl Model {
    fn ledger_without_bytes(&self) -> Ledger {
        let [queued, failed, delivered] =
            [&self.waiting, &self.failed, &self.delivered].map(|lines| lines.len() as u64);
        Ledger {
            accepted: queued + failed + delivered,
            delivered,
            queued,
            failed,
            replayed: self.replayed,
            resent: self.resent,
            rejected: self.rejected,
            ..Ledger::default()
        }
    }

    fn append(&mut self, keys: Vec<u8>, refused: u8) -> Arrivals {
        let mut events = Vec::new();
        for key in keys {
            self.newest += 1;
            let id = format!("m{}", self.newest);
            // Events of the last key are too large for a chunk.
            let bytes = if key == 3 { 70_000 } else { usize::from(key) * 10 };
            events.push(event(&key.to_string(), &id, bytes));
            self.waiting.insert(self.newest, id);
        }
        self.newest += EventId::from(refused);
        self.rejected += u64::from(refused);
        let source = ["Website", "App", "Server"][usize::from(refused) % 3];
        Arrivals {
            source: source.into(),
            rejected: (0..refused).map(|_| rejected("")).collect(),
            ..arrivals(events)
        }
    }

    fn settle(&mut self, one: &QueuedEvent, fails: bool) -> Settlement {
        let message_id = self.waiting.remove(&one.id).expect("only queued events are read");
        self.unsure.insert(one.id, message_id.clone());
        let lines = if fails { &mut self.failed } else { &mut self.delivered };
        lines.insert(one.id, message_id);
        if fails { failed(one) } else { delivered(one) }
    }

    /// The new lines are in the order of the lines that they repeat.
    fn resend(&mut self, lines: &[Delivery]) {
        assert!(lines.iter().is_sorted_by_key(|line| line.resend_of), "oldest first");
        for line in lines {
            self.newest += 1;
            assert_eq!((line.id, line.state), (self.newest, State::Queued));
            let original = line.resend_of.expect("it tells which line it repeats");
            let moved = self.failed.remove(&original);
            if moved.is_some() {
                self.resent += 1;
            } else {
                self.replayed += 1;
            }
            let message_id = moved.or_else(|| self.delivered.get(&original).cloned());
            let message_id = message_id.expect("only failed and delivered events are resent");
            assert_eq!(&*line.message_id, message_id);
            self.waiting.insert(line.id, message_id);
        }
    }

    /// Settlements that were not on disk are lost, and nothing else.
    fn crashed(&mut self, found: &[QueuedEvent]) {
        for id in found.iter().map(|one| one.id) {
            if let Some(message_id) = self.unsure.remove(&id) {
                self.failed.remove(&id);
                self.delivered.remove(&id);
                self.waiting.insert(id, message_id);
            }
        }
    }
}

async fn check(spool: &Spool, model: &mut Model, keep: u64) {
    settled(spool, |ledger| Ledger { queued_bytes: 0, ..*ledger } == model.ledger_without_bytes()).await;
    model.unsure.clear();
    let ledger = spool.watch().borrow().ledger;
    assert!(ledger.adds_up());
    let log = LogReader::open(spool.path()).expect("opens");
    let page = log.page(&Query { limit: 10_000, oldest_first: true, ..Query::default() }).expect("readable");
    let of = |wanted: &[State]| -> Vec<EventId> {
        page.rows.iter().filter(|line| wanted.contains(&line.state)).map(|line| line.id).collect()
    };
    assert_eq!(of(&[State::Queued]), model.waiting.keys().copied().collect::<Vec<_>>(), "never pruned");
    assert_eq!(of(&[State::Failed]), model.failed.keys().copied().collect::<Vec<_>>(), "never pruned");
    let kept = of(&[State::Delivered, State::Resent]).len() as u64;
    assert!(kept >= keep.min(ledger.delivered + ledger.resent), "{kept} lines kept");
    let [told, table, rows] = held(spool);
    assert_eq!((&told, &table), (&rows, &rows), "in memory, in the table and by the rows");
    let mut bytes = 0;
    for line in &page.rows {
        let detail = log.detail(line.id, Encoding::Json).expect("readable").expect("there");
        assert_eq!(detail.json.len(), line.bytes as usize, "every line still has its payload");
        let waits_or_failed = [State::Queued, State::Failed].contains(&line.state);
        bytes += if waits_or_failed { u64::from(line.bytes) } else { 0 };
    }
    assert_eq!(ledger.queued_bytes, bytes);
}

/// Copies what is on disk at this moment, as a killed process leaves it, into a folder of its own.
fn crash(spool: &Spool) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    // While a reader is open the write-ahead log only grows, so database and log fit together, whatever is written.
    let reader = connect_reader(spool.path(), None).expect("opens");
    let snapshot = reader.unchecked_transaction().expect("begins");
    snapshot.query_row("SELECT count(*) FROM ledger", [], |_| Ok(())).expect("readable");
    for end in ["", "-wal"] {
        let name = format!("{FILE_NAME}{end}");
        std::fs::copy(spool.path().with_file_name(&name), dir.path().join(&name)).expect("copies");
    }
    // The segments that those two point into were there before them, and stay for a while.
    let from = spool.path().parent().expect("it is in a folder");
    segments::copy_all(from, &dir.path().join(SEGMENTS)).expect("copies");
    dir
}

async fn run_model(operations: Vec<Operation>, keep: u64) {
    let mut dir = tempfile::tempdir().expect("a folder");
    let limits = Limits { keep_events: keep, keep_rejected: keep, ..ROOMY };
    let (mut spool, mut threads) = Spool::open(dir.path(), limits).expect("opens");
    let mut model = Model::default();
    let mut in_hand: VecDeque<QueuedEvent> = VecDeque::new();
    let mut cursor = spool.settled_through();
    for operation in operations {
        match operation {
            Operation::Append { keys, rejected } => {
                spool.append(model.append(keys, rejected)).await.expect("room");
            }
            Operation::Settle { count, from_back, fails } => {
                let next = spool.next(cursor, 100, 1 << 20).await.expect("readable");
                cursor = next.through;
                in_hand.extend(next.events);
                let count = usize::from(count).min(in_hand.len());
                let taken = (0..count).filter_map(|_| {
                    let one = if from_back { in_hand.pop_back() } else { in_hand.pop_front() }?;
                    Some(model.settle(&one, fails))
                });
                let settlements = taken.collect();
                spool.settle(settlements).await;
            }
            Operation::Resend { replays } => {
                check(&spool, &mut model, keep).await;
                let state = if replays { State::Delivered } else { State::Failed };
                let resent = resend(&spool, fitting(&[state]), AT_ONCE).await.expect("room");
                let log = LogReader::open(spool.path()).expect("opens");
                let query = Query { after: Some(model.newest), oldest_first: true, ..Query::default() };
                let page = log.page(&Query { limit: 10_000, ..query }).expect("readable");
                assert_eq!(page.rows.len() as u64, resent.events());
                model.resend(&page.rows);
                assert_eq!(resent.damaged, 0);
                assert!(replays || model.failed.is_empty(), "each of them");
            }
            Operation::Reopen { crash: crashes } => {
                let copy = crashes.then(|| crash(&spool));
                close(spool, threads).await;
                dir = copy.unwrap_or(dir);
                (spool, threads) = Spool::open(dir.path(), limits).expect("opens again");
                cursor = spool.settled_through();
                in_hand = waiting(&spool, cursor).await.into();
                cursor = in_hand.back().map_or(cursor, |last| last.id);
                if crashes {
                    model.crashed(in_hand.make_contiguous());
                }
                let ids: Vec<_> = in_hand.iter().map(|one| one.id).collect();
                let expected: Vec<_> = model.waiting.keys().copied().collect();
                assert_eq!(ids, expected, "the queue, and nothing else");
                for (one, message_id) in in_hand.iter().zip(model.waiting.values()) {
                    let member = format!(r#""messageId":"{message_id}""#);
                    assert!(String::from_utf8_lossy(&one.json).contains(&member), "each with its own bytes");
                }
            }
        }
    }
    check(&spool, &mut model, keep).await;
    close(spool, threads).await;
    let (spool, threads) = Spool::open(dir.path(), limits).expect("opens again");
    check(&spool, &mut model, keep).await;
    close(spool, threads).await;
}

/// 64 cases, or as many as this says: `PROPTEST_CASES=5000 cargo test --lib it_does_what_the_model_does`.
fn cases() -> ProptestConfig {
    let config = ProptestConfig::default();
    let cases = if config.cases == 256 { 64 } else { config.cases };
    ProptestConfig { cases, ..config }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn it_does_what_the_model_does(operations in operations(), keep in 0_u64..12) {
        runtime().block_on(run_model(operations, keep));
    }
}
