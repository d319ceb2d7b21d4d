//! Bodies that are damaged at random and made into events. Nothing panics; accepted events are JSON; undocumented
//! members arrive byte for byte; each item has its answer; and memory stays within bounds.
//!
//! `cargo test --test fuzz` runs for 20 seconds, or for `TRIBUTARY_FUZZ_SECONDS`. It should not run with `--release`:
//! checked arithmetic finds more than speed would. A failure prints its body and the `TRIBUTARY_FUZZ_SEED` that repeats
//! it. The bodies are those of the corpus (`tests/corpus/bodies.txt`).

use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use tributary::event::{
    Arrival, Body, Encoding, Event, Kind, MESSAGE_ID_BYTES_MAX, PathClass, Rejection, decode_pixel,
};

#[path = "../corpus/read.rs"]
mod read;

/// Maximum memory of the process (if `/proc` tells it): bodies here have some kilobytes.
const MEMORY_KIB_MAX: u64 = 256 << 10;

/// Members that may be added or changed.
const DOCUMENTED: [&str; 14] = [
    "type",
    "messageId",
    "userId",
    "anonymousId",
    "groupId",
    "previousId",
    "context",
    "integrations",
    "sentAt",
    "receivedAt",
    "originalTimestamp",
    "timestamp",
    "writeKey",
    "batch",
];

/// Words with a meaning, to be inserted anywhere.
const WORDS: [&str; 40] = [
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "\\",
    "\\u",
    "\\ud83d",
    "\\u0000",
    "\\\"",
    "NaN",
    "-Infinity",
    "Infinity",
    "null",
    "true",
    "0",
    "-",
    "1e999",
    ".5",
    "\u{feff}",
    "\u{0}",
    "\n",
    "é",
    "😀",
    "\"userId\":",
    "\"batch\":[",
    "\"batch\":",
    "\"writeKey\":\"k\"",
    "\"context\":{",
    "\"ip\":",
    "\"direct\":true",
    "\"type\":\"page\"",
    "\"messageId\":7",
    "\"timestamp\":",
    "\"sentAt\":0,",
    "\"2026-03-02T10:00:05Z\"",
    ",{}",
    "[[[[[[[[",
];

/// The members of an object as text, in order, with repeated ones. `serde_json` reads them, not the code under test.
struct Members(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members;
            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    members.push((name, value.get().to_owned()));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

fn undocumented(json: &[u8]) -> Option<Vec<(String, String)>> {
    let mut members = serde_json::from_slice::<Members>(json).ok()?.0;
    members.retain(|(name, _)| !DOCUMENTED.contains(&name.as_str()));
    Some(members)
}

fn arrival(random: &mut fastrand::Rng) -> Arrival {
    Arrival {
        received_at_ms: if random.bool() { 1_772_445_605_250 } else { random.i64(..) },
        class: if random.bool() { PathClass::Device } else { PathClass::Server },
        peer: random.bool().then_some(IpAddr::from([203, 0, 113, 9])),
        encoding: *random.choice(&Encoding::ALL).expect("there are some"),
        record_bytes_max: if random.u8(..) < 16 { random.usize(..2000) } else { 1 << 20 },
    }
}

/// A body of the corpus with small changes, often ones that keep quotes and brackets complete.
fn broken(random: &mut fastrand::Rng, corpus: &[Vec<u8>]) -> Vec<u8> {
    let pick = |random: &mut fastrand::Rng| corpus[random.usize(..corpus.len())].clone();
    let mut body = pick(random);
    if random.u8(..) < 40 {
        // Several bodies of the corpus as items of one batch.
        let items: Vec<_> = (0..random.usize(1..8)).map(|_| pick(random)).collect();
        body = [b"{\"sentAt\":1,\"batch\":[", items.join(&b","[..]).as_slice(), b"]}"].concat();
    }
    let edits = random.usize(..6).min(random.usize(..6));
    for _ in 0..edits {
        let at = random.usize(..=body.len());
        let end = (at + random.usize(..12)).min(body.len());
        match random.u8(..8) {
            0 => body.truncate(at),
            1 => drop(body.drain(at..end)),
            2 => drop(body.splice(at..end, random.choice(WORDS).expect("there are some").bytes())),
            3 => {
                let stretch = body[at..end].to_vec();
                let to = random.usize(..=body.len());
                drop(body.splice(to..to, stretch));
            }
            4 => {
                let other = pick(random);
                let from = random.usize(..=other.len());
                body.truncate(at);
                body.extend_from_slice(&other[from..]);
            }
            5 if at < body.len() => body[at] = random.u8(..),
            6 if at < body.len() => body[at] ^= 1 << random.u8(..8),
            _ => drop(body.splice(at..at, random.choice(WORDS).expect("there are some").bytes())),
        }
    }
    body
}

/// Checks what must hold for every accepted event.
fn judge(event: &Event, sent: Option<&[u8]>, arrival: &Arrival) {
    let text = std::str::from_utf8(&event.json).expect("UTF-8");
    serde_json::from_str::<&RawValue>(text).expect("an accepted event is JSON");
    assert!(text.starts_with('{') && text.ends_with('}'));
    assert!(!event.key.as_str().is_empty() && event.key.as_str().encode_utf16().count() <= 256);
    assert!(!event.message_id.is_empty() && event.message_id.len() <= MESSAGE_ID_BYTES_MAX);
    let record = arrival.encoding.encode(&event.json);
    assert!(record.len() + event.key.as_str().len() <= arrival.record_bytes_max);
    // What serde_json cannot read either (lone surrogates in names, bare tokens) is not compared.
    if let Some(before) = sent.and_then(undocumented) {
        let after = undocumented(&event.json).expect("an object");
        assert_eq!(before, after, "what is not documented arrives byte for byte");
        let members = serde_json::from_slice::<Members>(&event.json).expect("an object").0;
        let has = |wanted: &str| members.iter().any(|(name, _)| name == wanted);
        assert!(!has("writeKey") && has("messageId") && has("receivedAt") && has("type") && has("timestamp"));
    }
}

/// The items of a batch as `serde_json` reads them, if it can.
fn items(body: &[u8]) -> Option<Vec<String>> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let members = serde_json::from_slice::<Members>(body).ok()?.0;
    let mut batches = members.iter().filter(|(name, _)| name == "batch");
    let (Some((_, batch)), None) = (batches.next(), batches.next()) else { return None };
    let items: Vec<Box<RawValue>> = serde_json::from_str(batch).ok()?;
    Some(items.into_iter().map(|item| item.get().to_owned()).collect())
}

fn bounded(rejection: &Rejection) {
    assert!(rejection.excerpt.len() <= Rejection::EXCERPT_BYTES_MAX && !rejection.message.is_empty());
}

/// Feeds one body to all of it. Returns how many events were accepted and refused.
fn feed(random: &mut fastrand::Rng, bytes: &[u8]) -> (u64, u64) {
    let arrival = arrival(random);
    let body = match Body::parse(bytes) {
        Ok(body) => body,
        Err(rejection) => {
            bounded(&rejection);
            let known = serde_json::from_slice::<Members>(bytes).is_ok();
            assert!(!known || rejection.message.contains("512 levels"), "JSON: {}", rejection.message);
            return (0, 1);
        }
    };
    drop(body.write_key());
    let (mut accepted, mut refused) = (0, 0);
    let kind = if random.bool() { Kind::Page } else { Kind::ALL[random.usize(..6)] };
    match body.single(kind, &arrival) {
        Ok(event) => {
            judge(&event, Some(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)), &arrival);
            accepted += 1;
        }
        Err(rejection) => {
            bounded(&rejection);
            refused += 1;
        }
    }
    let seen = items(bytes);
    match body.batch(&arrival) {
        Ok(events) => {
            let count = events.len();
            assert_eq!(count, body.items_len());
            if let Some(seen) = &seen {
                assert_eq!(count, seen.len(), "the items are those that serde_json sees");
            }
            let mut answered = 0;
            for (index, event) in events.enumerate() {
                answered += 1;
                match event {
                    Ok(event) => {
                        judge(&event, seen.as_ref().map(|seen| seen[index].as_bytes()), &arrival);
                        accepted += 1;
                    }
                    Err(rejection) => {
                        bounded(&rejection);
                        refused += 1;
                    }
                }
            }
            assert_eq!(answered, count, "accepted and refused are all items");
        }
        Err(rejection) => bounded(&rejection),
    }
    (accepted, refused)
}

fn setting(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "a test's own knob")]
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn whatever_comes_is_made_into_events_or_refused() {
    let corpus: Vec<_> = read::lines(include_str!("../corpus/bodies.txt"))
        .map(|(_, columns)| read::bytes(columns[1]))
        .filter(|body| body.len() < 8 << 10)
        .collect();
    let seconds = setting("TRIBUTARY_FUZZ_SECONDS").unwrap_or(20);
    let first = setting("TRIBUTARY_FUZZ_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("TRIBUTARY_FUZZ_SEED={first}, {seconds} s");
    let end = Instant::now() + Duration::from_secs(seconds);
    let (mut bodies, mut accepted, mut refused) = (0, 0, 0);
    while Instant::now() < end {
        let seed = first.wrapping_add(bodies);
        let mut random = fastrand::Rng::with_seed(seed);
        let body = broken(&mut random, &corpus);
        let fed = catch_unwind(AssertUnwindSafe(|| {
            drop(decode_pixel(&String::from_utf8_lossy(&body)));
            feed(&mut random, &body)
        }));
        let (taken, not) =
            fed.unwrap_or_else(|_| panic!("TRIBUTARY_FUZZ_SEED={seed}: {}", body.escape_ascii()));
        (bodies, accepted, refused) = (bodies + 1, accepted + taken, refused + not);
    }
    let peak = peak_kib();
    println!("{bodies} bodies, {accepted} events, {refused} refusals, at most {peak:?} KiB of memory");
    assert!(peak.is_none_or(|peak| peak < MEMORY_KIB_MAX), "{peak:?} KiB");
    assert!(bodies < 1000 || accepted > bodies / 100, "it breaks too much to find anything");
}

fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok())
}
