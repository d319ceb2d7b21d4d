//! The oracle: the real program under load while everything that fails in practice fails at random, and then a check of
//! what happened to each event. Nothing may be lost, nothing may be out of order per user by first arrival, no byte may
//! be changed, every record that is stored twice must have a reason, and the ledger must add up each time it is read.
//!
//! Runs for 15 seconds. A longer run, with other failures:
//! `TRIBUTARY_ORACLE_SECONDS=1800 TRIBUTARY_ORACLE_SEED=7 cargo test --test it oracle -- --nocapture`.
//! As root on Linux, the data folder is a small disk in memory, which is full at times.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::binary::{Home, Serve, WRITE_KEY, key_header};
use crate::scripted::{Answer, Call, FAILING, Scripted, THROTTLED, TOO_LARGE};
use crate::wire::{self, Connection, wait_until};

const USERS: usize = 24;

/// The stream refuses one of this number of events until the end.
const REFUSED_EVERY: usize = 97;
const REFUSED: &str = "the stream refuses this one";

/// Megabytes of the small disk, and how much of it stays free for delivery.
const DISK_MB: u64 = 160;
const MIN_FREE_MB: u64 = 24;

/// How long before a kill a record may be written whose answer, or whose settlement on disk, is then missing.
const BEFORE_KILL: Duration = Duration::from_secs(3);

const EXPIRED: Answer =
    Answer::Error(400, "ExpiredTokenException", "The security token included in the request is expired");
const NO_STREAM: Answer =
    Answer::Error(400, "ResourceNotFoundException", "Stream clicks under account 123456789012 not found.");

/// An event whose payload follows from its user and number alone.
fn event(user: usize, n: usize) -> String {
    let pad = "ä😀 \\u00e9\\n".repeat((user * 31 + n * 17) % 40);
    let word = if n % REFUSED_EVERY == REFUSED_EVERY - 1 { REFUSED } else { "e" };
    format!(
        r#"{{"type":"track","userId":"u{user}","event":"{word}","n":{n},"messageId":"u{user}-{n}","big":{n}.50,"pad":"{pad}"}}"#
    )
}

/// What the senders share.
#[derive(Default)]
struct Load {
    endpoint: Mutex<Option<SocketAddr>>,
    stop: AtomicBool,
    acknowledged: AtomicUsize,
    refused: Mutex<BTreeMap<u16, usize>>,
}

impl Load {
    fn set(&self, serve: Option<&Serve>) {
        *self.endpoint.lock().unwrap() = serve.map(|serve| serve.address);
    }

    /// One user sends in order. Requests without an answer are repeated, as SDKs do. Returns how many events were
    /// acknowledged.
    fn send(&self, user: usize) -> usize {
        let mut next = 0;
        let mut connection: Option<(SocketAddr, Connection)> = None;
        while !self.stop.load(Ordering::Relaxed) {
            let address = *self.endpoint.lock().unwrap();
            if connection.as_ref().map(|(to, _)| *to) != address {
                connection = address.and_then(|to| Some((to, Connection::open(to).ok()?)));
            }
            let Some((_, open)) = &mut connection else {
                std::thread::sleep(Duration::from_millis(2));
                continue;
            };
            let count = 1 + (user + next) % 5;
            let events: Vec<_> = (next..next + count).map(|n| event(user, n)).collect();
            let body = format!(r#"{{"batch":[{}]}}"#, events.join(","));
            match open.ask(&wire::request("POST", "/v1/batch", &key_header(WRITE_KEY), body.as_bytes())) {
                Ok(reply) if reply.status == 200 => {
                    next += count;
                    self.acknowledged.fetch_add(count, Ordering::Relaxed);
                    std::thread::sleep(Duration::from_millis(40));
                }
                Ok(reply) => {
                    *self.refused.lock().unwrap().entry(reply.status).or_default() += 1;
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(_cut) => connection = None,
            }
        }
        next
    }
}

/// The faults of the stream, and the reasons for records that are stored twice.
struct StreamFaults {
    random: fastrand::Rng,
    phase: Phase,
    until: Instant,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    /// Number of records that were, or may have been, written without an answer that says so.
    unanswered: usize,
    /// When records were written, and their number.
    written: Vec<(Instant, usize)>,
    answers: BTreeMap<String, usize>,
    phases: usize,
}

impl Seen {
    /// Number of records that were written shortly before a kill.
    fn written_before(&self, kills: &[Instant]) -> usize {
        let is_near =
            |at: Instant| kills.iter().any(|kill| at <= *kill && kill.duration_since(at) <= BEFORE_KILL);
        self.written.iter().filter(|(at, _)| is_near(*at)).map(|(_, count)| count).sum()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Working,
    Expired,
    NoStream,
}

impl StreamFaults {
    fn answer(&mut self, call: &Call) -> Answer {
        let answer = self.choose(call);
        let mut seen = self.seen.lock().unwrap();
        let count = call.events().count();
        let name = match &answer {
            Answer::Error(_, code, _) => (*code).to_owned(),
            other => format!("{other:?}").chars().take_while(|c| c.is_alphabetic()).collect(),
        };
        *seen.answers.entry(name).or_default() += 1;
        match &answer {
            Answer::CutAfter | Answer::OneShort => seen.unanswered += count,
            Answer::Success | Answer::Each(_) => seen.written.push((Instant::now(), count)),
            _ => {}
        }
        answer
    }

    fn choose(&mut self, call: &Call) -> Answer {
        if call.holds(REFUSED) {
            return TOO_LARGE;
        }
        if Instant::now() >= self.until {
            let is_working = self.phase != Phase::Working;
            self.phase = match self.random.u32(..2) {
                _ if is_working => Phase::Working,
                0 => Phase::Expired,
                _ => Phase::NoStream,
            };
            self.until = Instant::now()
                + Duration::from_millis(self.random.u64(if is_working { 1500..4000 } else { 100..700 }));
            self.seen.lock().unwrap().phases += 1;
        }
        match self.phase {
            Phase::Expired => return EXPIRED,
            Phase::NoStream => return NO_STREAM,
            Phase::Working => {}
        }
        match self.random.u32(..100) {
            0..4 => THROTTLED,
            4..6 => FAILING,
            6..7 => Answer::Html(503),
            7..8 => Answer::Empty,
            8..10 => Answer::CutBefore,
            10..13 => Answer::CutAfter,
            13..14 => Answer::OneShort,
            14..24 if call.operation == "PutRecords" => Answer::Each(
                (0..call.records.len())
                    .map(|_| match self.random.u32(..5) {
                        0 => Some("ProvisionedThroughputExceededException"),
                        1 => Some("InternalFailure"),
                        _ => None,
                    })
                    .collect(),
            ),
            _ => Answer::Success,
        }
    }
}

/// A small disk in memory, unmounted when dropped.
struct Disk(PathBuf);

impl Disk {
    /// `None`: this machine does not permit it.
    fn mount(folder: &Path) -> Option<Self> {
        std::fs::create_dir_all(folder).unwrap();
        let size = format!("size={DISK_MB}m,mode=0700");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder).output();
        mounted.is_ok_and(|mounted| mounted.status.success()).then(|| Self(folder.to_owned()))
    }

    /// Fills the disk up to this number of bytes, and frees it after `span`.
    fn fill(&self, span: Duration) {
        use std::io::Write;
        let ballast = self.0.join("ballast");
        let mut file = std::fs::File::create(&ballast).unwrap();
        let zeros = vec![0; 64 << 10];
        while file.write_all(&zeros).is_ok() {}
        drop(file);
        std::thread::sleep(span);
        std::fs::remove_file(ballast).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

#[expect(clippy::disallowed_methods, reason = "a test is told by its variables how long to run")]
fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// Does everything that can happen to the program, until the time is over. Returns the running program and when it was
/// killed.
fn cause_faults(
    home: &Home,
    load: &Load,
    disk: Option<&Disk>,
    random: &mut fastrand::Rng,
) -> (Serve, Vec<Instant>) {
    let end = Instant::now() + Duration::from_secs(variable("TRIBUTARY_ORACLE_SECONDS", 15));
    let mut kills = Vec::new();
    let start = |random: &mut fastrand::Rng| {
        let operation = if random.bool() { "put-record" } else { "put-records" };
        let [encoding, aggregation] =
            [["base64", "none"], ["base64", "kpl"], ["json-lines", "lines"]][random.usize(..3)];
        let serve =
            home.serve(&["--operation", operation, "--encoding", encoding, "--aggregation", aggregation]);
        load.set(Some(&serve));
        serve
    };
    let mut serve = start(random);
    for round in 0.. {
        if Instant::now() >= end {
            break;
        }
        let before = load.acknowledged.load(Ordering::Relaxed);
        wait_until("it accepts events", || load.acknowledged.load(Ordering::Relaxed) > before);
        std::thread::sleep(Duration::from_millis(random.u64(20..400)));
        let metrics = serve.metrics();
        assert!(wire::adds_up(&metrics), "{metrics}");
        match round % 6 {
            0 | 2 | 4 => {
                serve.kill();
                kills.push(Instant::now());
                load.set(None);
                serve = start(random);
            }
            5 => {
                serve.terminate();
                let (status, log) = serve.wait();
                assert!(status.success(), "{status}: {log}");
                load.set(None);
                serve = start(random);
            }
            _ => {
                if let Some(disk) = disk {
                    disk.fill(Duration::from_millis(random.u64(200..1000)));
                }
            }
        }
    }
    (serve, kills)
}

/// The numbers of each user's events in the order of their first arrival, each checked against the bytes that were
/// sent.
fn first_arrivals(server: &Scripted) -> (HashMap<String, Vec<usize>>, usize) {
    let mut seen = HashSet::new();
    let mut order: HashMap<String, Vec<usize>> = HashMap::new();
    let written = server.written();
    for record in &written {
        let found = record.json();
        let n = usize::try_from(found["n"].as_u64().unwrap()).unwrap();
        let user: usize = record.key[1..].parse().unwrap();
        let sent: Value = serde_json::from_str(&event(user, n)).unwrap();
        for (name, value) in sent.as_object().unwrap() {
            assert_eq!(&found[name], value, "{name} of u{user}-{n}");
        }
        if seen.insert((user, n)) {
            order.entry(record.key.clone()).or_default().push(n);
        }
    }
    (order, written.len())
}

fn sums(home: &Home) -> Value {
    let sums = home.run(&["log", "--summary", "--json"]).line();
    assert_eq!(sums["addsUp"], true, "{sums}");
    sums
}

/// The faults are over, except for the records that the stream refuses. When all others are delivered, it takes these
/// too.
fn resend_what_failed(home: &Home, server: &Scripted) -> u64 {
    server.set_rule(|call| if call.holds(REFUSED) { TOO_LARGE } else { Answer::Success });
    let serve = home.serve(&[]);
    wait_drained(home);
    let failed = sums(home)["failed"].as_u64().unwrap();
    server.set_rule(|_| Answer::Success);
    let resent = home.run(&["resend", "--all", "--rate", "0", "--json"]).line();
    assert_eq!(resent["failed"].as_u64(), Some(failed), "{resent}");
    wait_drained(home);
    serve.stop();
    failed
}

/// Waits as long as the queue becomes shorter.
fn wait_drained(home: &Home) {
    let mut left = u64::MAX;
    loop {
        wait_until("the queue gets shorter", || sums(home)["queued"].as_u64().is_some_and(|now| now < left));
        left = sums(home)["queued"].as_u64().unwrap();
        if left == 0 {
            return;
        }
    }
}

/// Returns how many different events arrived.
fn assert_whole_and_in_order(order: &HashMap<String, Vec<usize>>, acknowledged: &[usize]) -> usize {
    let mut distinct = 0;
    for (user, count) in acknowledged.iter().enumerate() {
        let arrived = order.get(&format!("u{user}")).cloned().unwrap_or_default();
        distinct += arrived.len();
        let there: HashSet<_> = arrived.iter().copied().collect();
        let lost: Vec<_> = (0..*count).filter(|n| !there.contains(n)).collect();
        assert!(lost.is_empty(), "u{user}: acknowledged and lost: {lost:?}");
        // The refused events came at the end, when they were resent.
        let usual: Vec<_> = arrived.iter().filter(|n| *n % REFUSED_EVERY != REFUSED_EVERY - 1).collect();
        assert!(usual.is_sorted(), "u{user}: out of order: {usual:?}");
    }
    distinct
}

#[test]
fn whatever_goes_wrong_nothing_is_lost_reordered_or_changed_and_what_is_twice_has_a_reason() {
    let seed = variable("TRIBUTARY_ORACLE_SEED", 42);
    let mut random = fastrand::Rng::with_seed(seed);
    let seen = Arc::new(Mutex::new(Seen::default()));
    let mut faults = StreamFaults {
        random: fastrand::Rng::with_seed(seed + 1),
        phase: Phase::Working,
        until: Instant::now() + Duration::from_secs(2),
        seen: Arc::clone(&seen),
    };
    let server = Scripted::start(move |call| faults.answer(call));
    server.set_delay(Duration::from_millis(2));
    let limits = format!("\n[spool]\nmin_free_bytes = {}\n", MIN_FREE_MB << 20);
    let home = Home::with_kinesis(&server.url, &limits);
    let disk = Disk::mount(&home.data_dir());
    let load = Load::default();
    let (serve, kills, acknowledged) = std::thread::scope(|scope| {
        let load = &load;
        let senders: Vec<_> = (0..USERS).map(|user| scope.spawn(move || load.send(user))).collect();
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            cause_faults(&home, load, disk.as_ref(), &mut random)
        }));
        load.stop.store(true, Ordering::Relaxed);
        let acknowledged: Vec<usize> = senders.into_iter().map(|sender| sender.join().unwrap()).collect();
        let (serve, kills) = done.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (serve, kills, acknowledged)
    });
    serve.stop();
    let failed = resend_what_failed(&home, &server);

    let (order, written) = first_arrivals(&server);
    let distinct = assert_whole_and_in_order(&order, &acknowledged);
    let sums = sums(&home);
    assert_eq!(
        (&sums["queued"], &sums["failed"], &sums["resent"]),
        (&json!(0), &json!(0), &json!(failed)),
        "{sums}"
    );
    assert_eq!(sums["accepted"], sums["delivered"], "{sums}");
    // Reasons: the sender sent again, there was no answer, or the put was just before a kill.
    let sent_again = usize::try_from(sums["accepted"].as_u64().unwrap()).unwrap() - distinct;
    let seen = seen.lock().unwrap();
    let killed = seen.written_before(&kills);
    let twice = written - distinct;
    let total: usize = acknowledged.iter().sum();
    println!(
        "seed {seed}: {total} acknowledged, {written} written, {twice} of them twice (sent again {sent_again}, without \
         an answer {}, around kills at most {killed}); {failed} refused and resent; {} kills, {} phases, disk: {}; senders \
         heard {:?}; the stream said {:?}; {sums}",
        seen.unanswered,
        kills.len(),
        seen.phases,
        if disk.is_some() { "small" } else { "large" },
        load.refused.lock().unwrap(),
        seen.answers
    );
    assert!(twice <= sent_again + seen.unanswered + killed, "records are twice without a reason");
    assert!(total > 500, "{total} events");
    let report = home.run(&["doctor", "--json"]);
    assert_eq!((report.code, &report.line()["ok"]), (Some(0), &json!(true)), "{report:?}");
    assert_eq!(report.line()["findings"], json!([]), "{report:?}");
}
