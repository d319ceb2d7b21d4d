//! The activity at the endpoint since the start: each source's last request, rate and SDK, requests without a known
//! key, requests to unknown paths, and refused requests by code. In memory and bounded. Never a whole key.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::{key, probes::Probes};
use crate::{
    delivery::{Millis, RATE_SECONDS, SourceSeen, UnknownSender, WrongPath},
    event::{EndpointCode, library_of, shown},
    spool::Arrivals,
};

/// Maximum unknown keys that are counted separately. Further ones are counted together.
const UNKNOWN_KEYS_MAX: usize = 50;

/// Maximum unknown paths that are counted separately. Further ones are counted together.
const PATHS_MAX: usize = 50;

/// How often a source's SDK is read from its events.
const LIBRARY_EVERY_MS: Millis = 5_000;

/// Seconds whose events are counted separately: those of the rate, and the current one.
const SECONDS_KEPT: usize = RATE_SECONDS + 1;

/// Maximum characters of a user agent or a path that are kept.
const TEXT_MAX: usize = 80;

/// The activity at the endpoint. Written by its connections, read for the status.
#[derive(Debug, Default)]
pub struct Activity {
    counts: Mutex<Counts>,
    /// Wakes the reader after a change that is displayed at once.
    pub changed: Notify,
    /// The requests of a check of the public address.
    pub probes: Probes,
}

#[derive(Debug, Default)]
struct Counts {
    sources: HashMap<Arc<str>, SourceActivity>,
    /// By key as it is displayed.
    unknown_keys: HashMap<String, UnknownSender>,
    /// All requests without a known key.
    unknown_key_requests: u64,
    /// By method and path.
    wrong_paths: HashMap<String, WrongPath>,
    /// Refused requests by the code of their response.
    refused: BTreeMap<&'static str, u64>,
}

#[derive(Debug, Default)]
struct SourceActivity {
    last_seen: Millis,
    sums: SourceSums,
    library: Option<Arc<str>>,
    library_at: Millis,
    share_full_at: Option<Millis>,
    /// The last seconds with the events in each, at the index of the second's remainder.
    recent: [(i64, u32); SECONDS_KEPT],
}

/// What a source sent since the start.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SourceSums {
    pub(super) accepted: u64,
    /// JSON bytes of the accepted events.
    pub(super) accepted_bytes: u64,
    pub(super) rejected: u64,
}

/// What is counted of a request. Made before its events go to the spool.
pub(super) struct RequestSummary {
    source: Arc<str>,
    at: Millis,
    events: u32,
    bytes: u64,
    rejected: u64,
    library: Option<Arc<str>>,
}

/// A request to an unknown path or with a wrong method.
#[derive(Clone, Copy)]
pub(super) struct PathRequest<'r> {
    pub(super) method: &'r str,
    /// Without keys (see [`key::shown_path`]).
    pub(super) path: &'r str,
    /// The path that the sender probably meant.
    pub(super) suggested: Option<&'static str>,
}

impl RequestSummary {
    /// Summarises a request. Reads the SDK from an event at most once in [`LIBRARY_EVERY_MS`] per source.
    pub(super) fn new(activity: &Activity, arrivals: &Arrivals) -> Self {
        let Arrivals { source, received_at, events, .. } = arrivals;
        let event = events.first().filter(|_| activity.wants_library(source, *received_at));
        Self {
            source: Arc::clone(source),
            at: *received_at,
            events: u32::try_from(events.len()).unwrap_or(u32::MAX),
            bytes: arrivals.accepted_bytes(),
            rejected: arrivals.rejected_count(),
            library: event.and_then(|event| library_of(&event.json)).map(Arc::from),
        }
    }
}

impl SourceSums {
    fn add(&mut self, more: Self) {
        self.accepted += more.accepted;
        self.accepted_bytes += more.accepted_bytes;
        self.rejected += more.rejected;
    }
}

impl Activity {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a source's request that was accepted.
    pub(super) fn accepted(&self, request: RequestSummary) {
        let mut counts = self.counts();
        let source = counts.sources.entry(request.source).or_default();
        source.last_seen = request.at;
        source.sums.add(SourceSums {
            accepted: request.events.into(),
            accepted_bytes: request.bytes,
            rejected: request.rejected,
        });
        source.add(request.at / 1000, request.events);
        if request.library.is_some() {
            source.library = request.library;
            source.library_at = request.at;
        }
    }

    /// Notes a source's request that was refused because the source's share of the spool is full.
    pub(super) fn share_was_full(&self, request: &RequestSummary) {
        let mut counts = self.counts();
        let source = counts.sources.entry(Arc::clone(&request.source)).or_default();
        (source.last_seen, source.share_full_at) = (request.at, Some(request.at));
        drop(counts);
        self.changed.notify_one();
    }

    /// Moves the numbers of a source to its new name. A request that was accepted just before may still count for the
    /// old name.
    pub fn renamed(&self, before: &str, name: &str) {
        let mut counts = self.counts();
        let Some(source) = counts.sources.remove(before) else { return };
        match counts.sources.entry(name.into()) {
            Entry::Occupied(mut existing) => existing.get_mut().add_all(source),
            Entry::Vacant(entry) => drop(entry.insert(source)),
        }
    }

    fn wants_library(&self, source: &str, now: Millis) -> bool {
        self.counts().sources.get(source).is_none_or(|source| now - source.library_at >= LIBRARY_EVERY_MS)
    }

    /// Counts a request without a known key.
    pub(super) fn unknown_key(&self, key: Option<&str>, user_agent: Option<&str>, now: Millis) {
        let mut name = key.map_or_else(|| "no key".to_owned(), key::masked);
        let mut counts = self.counts();
        counts.unknown_key_requests += 1;
        if counts.unknown_keys.len() >= UNKNOWN_KEYS_MAX && !counts.unknown_keys.contains_key(&name) {
            "other keys".clone_into(&mut name);
        }
        let unknown = counts.unknown_keys.entry(name.clone()).or_insert_with(|| UnknownSender {
            key: name.into(),
            requests: 0,
            last_seen: now,
            user_agent: Arc::default(),
        });
        unknown.requests += 1;
        unknown.last_seen = now;
        unknown.user_agent = user_agent.map(short).unwrap_or_default().into();
        drop(counts);
        self.changed.notify_one();
    }

    /// Counts a request to an unknown path or with a wrong method.
    pub(super) fn wrong_path(&self, path: PathRequest<'_>, user_agent: Option<&str>, now: Millis) {
        let mut request = short(&format!("{} {}", path.method, path.path));
        let mut counts = self.counts();
        if counts.wrong_paths.len() >= PATHS_MAX && !counts.wrong_paths.contains_key(&request) {
            "other paths".clone_into(&mut request);
        }
        let wrong = counts.wrong_paths.entry(request.clone()).or_insert_with(|| WrongPath {
            request: request.into(),
            meant: path.suggested.map(Into::into),
            requests: 0,
            last_seen: now,
            user_agent: Arc::default(),
        });
        wrong.requests += 1;
        wrong.last_seen = now;
        wrong.user_agent = user_agent.map(short).unwrap_or_default().into();
        drop(counts);
        self.changed.notify_one();
    }

    /// Counts a refused request.
    pub(super) fn refused(&self, code: &'static str) {
        *self.counts().refused.entry(code).or_default() += 1;
    }

    /// Refused requests since the start by each code of a response, in alphabetical order.
    pub(super) fn refused_counts(&self) -> BTreeMap<&'static str, u64> {
        let mut all: BTreeMap<_, _> = EndpointCode::ALL.iter().map(|code| (code.as_str(), 0)).collect();
        all.extend(&self.counts().refused);
        all
    }

    /// What each source sent since the start, by name: these, and others that sent something.
    pub(super) fn source_sums<'n>(
        &self,
        names: impl Iterator<Item = &'n Arc<str>>,
    ) -> BTreeMap<Arc<str>, SourceSums> {
        let mut all: BTreeMap<_, _> = names.map(|name| (Arc::clone(name), SourceSums::default())).collect();
        let counts = self.counts();
        all.extend(counts.sources.iter().map(|(name, source)| (Arc::clone(name), source.sums)));
        all
    }

    /// Requests to unknown paths, most recent first.
    pub fn wrong_paths(&self) -> Vec<WrongPath> {
        let mut paths: Vec<_> = self.counts().wrong_paths.values().cloned().collect();
        paths.sort_by_key(|wrong| std::cmp::Reverse(wrong.last_seen));
        paths
    }

    /// Requests without a known key since the start.
    pub fn unknown_key_requests(&self) -> u64 {
        self.counts().unknown_key_requests
    }

    /// The sources that sent something, by name, and the senders without a known key, most recent first.
    pub fn snapshot(&self, now: Millis) -> (Vec<SourceSeen>, Vec<UnknownSender>) {
        let counts = self.counts();
        let mut sources: Vec<_> =
            counts.sources.iter().map(|(name, source)| source.snapshot(name, now)).collect();
        let mut unknown: Vec<_> = counts.unknown_keys.values().cloned().collect();
        drop(counts);
        sources.sort_by(|a, b| a.name.cmp(&b.name));
        unknown.sort_by_key(|sender| std::cmp::Reverse(sender.last_seen));
        (sources, unknown)
    }
}

impl SourceActivity {
    fn add(&mut self, second: i64, events: u32) {
        let index = usize::try_from(second.unsigned_abs()).unwrap_or(0) % SECONDS_KEPT;
        let (in_second, count) = &mut self.recent[index];
        let before = if *in_second == second { *count } else { 0 };
        (*in_second, *count) = (second, before.saturating_add(events));
    }

    /// Adds the numbers of the source under its previous name.
    fn add_all(&mut self, before: Self) {
        self.last_seen = self.last_seen.max(before.last_seen);
        self.sums.add(before.sums);
        if self.library.is_none() {
            (self.library, self.library_at) = (before.library, before.library_at);
        }
    }

    /// The rate is that of full seconds: the current one would make it too low.
    fn snapshot(&self, name: &Arc<str>, now: Millis) -> SourceSeen {
        let current = now / 1000;
        let full = current - i64::try_from(RATE_SECONDS).unwrap_or(0)..current;
        let recent: u32 =
            self.recent.iter().filter(|(second, _)| full.contains(second)).map(|(_, count)| count).sum();
        SourceSeen {
            name: Arc::clone(name),
            last_seen: self.last_seen,
            accepted: self.sums.accepted,
            rejected: self.sums.rejected,
            per_sec: recent as f32 / RATE_SECONDS as f32,
            library: self.library.clone(),
            share_full_at: self.share_full_at,
        }
    }
}

/// The beginning of a text, safe to display.
fn short(text: &str) -> String {
    shown::line(&text.chars().take(TEXT_MAX).collect::<String>()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Arrival, Body, Encoding, Event, Kind, PathClass};

    const NOW: Millis = 1_772_445_605_250;

    fn event(context: &str) -> Event {
        let json = format!(r#"{{"userId":"u","event":"E","context":{context}}}"#);
        let arrival = Arrival {
            received_at_ms: NOW,
            class: PathClass::Server,
            peer: None,
            encoding: Encoding::Json,
            record_bytes_max: 1 << 20,
        };
        Body::parse(json.as_bytes()).expect("JSON").single(Kind::Track, &arrival).expect("an event")
    }

    fn request<'r>(method: &'r str, path: &'r str, suggested: Option<&'static str>) -> PathRequest<'r> {
        PathRequest { method, path, suggested }
    }

    fn arrivals(source: &Arc<str>, events: &[Event], refused: u64, received_at: Millis) -> Arrivals {
        let counted = vec![("invalid_json", refused)];
        let source = Arc::clone(source);
        Arrivals { source, received_at, events: events.to_vec(), counted, ..Arrivals::default() }
    }

    #[test]
    fn a_source_shows_its_sdk_its_rate_and_when_it_was_last_seen() {
        let activity = Activity::default();
        let source: Arc<str> = "Website".into();
        let events = vec![event(r#"{"library":{"name":"analytics-node","version":"3.1.0"}}"#); 20];
        activity.accepted(RequestSummary::new(&activity, &arrivals(&source, &events, 1, NOW)));
        activity.accepted(RequestSummary::new(&activity, &arrivals(&source, &events[..5], 0, NOW + 1000)));
        let (sources, _) = activity.snapshot(NOW + 1500);
        let [seen] = sources.as_slice() else { panic!("{sources:?}") };
        assert_eq!((seen.accepted, seen.rejected, seen.last_seen), (25, 1, NOW + 1000));
        assert_eq!(seen.library.as_deref(), Some("analytics-node 3.1.0"));
        assert!(
            (seen.per_sec - 20.0 / 3.0).abs() < 0.01,
            "without the second that is running: {}",
            seen.per_sec
        );
        let (later, _) = activity.snapshot(NOW + 2500);
        assert!((later[0].per_sec - 25.0 / 3.0).abs() < 0.01, "{}", later[0].per_sec);
        let (sources, _) = activity.snapshot(NOW + 60_000);
        assert!(sources[0].per_sec.abs() < 0.01, "quiet by now");
    }

    #[test]
    fn a_source_that_is_renamed_keeps_its_numbers() {
        let activity = Activity::default();
        let events = vec![event(r#"{"library":{"name":"analytics-node"}}"#); 3];
        let came = |name: &str, at| {
            activity.accepted(RequestSummary::new(&activity, &arrivals(&name.into(), &events, 1, at)));
        };
        came("Old", NOW);
        activity.renamed("Old", "New");
        activity.renamed("Nobody", "New");
        came("New", NOW + 1);
        // A request that was accepted under the old name, and a change back.
        came("Old", NOW + 2);
        activity.renamed("New", "Old");
        let (sources, _) = activity.snapshot(NOW);
        let [seen] = sources.as_slice() else { panic!("{sources:?}") };
        assert_eq!((&*seen.name, seen.accepted, seen.rejected), ("Old", 9, 3));
        assert_eq!(seen.last_seen, NOW + 2);
    }

    #[test]
    fn strangers_are_counted_per_key_without_showing_it_and_bounded() {
        let activity = Activity::default();
        activity.unknown_key(Some("a-mistyped-write-key-1234"), Some("curl/8"), NOW);
        activity.unknown_key(Some("a-mistyped-write-key-1234"), Some("curl/8"), NOW + 1);
        activity.unknown_key(None, None, NOW + 2);
        for n in 0..1000 {
            activity.unknown_key(Some(&format!("a-long-key-of-nobody-{n:04}")), None, NOW - 1);
        }
        let (_, strangers) = activity.snapshot(NOW + 5);
        assert_eq!(&*strangers[0].key, "no key");
        assert_eq!((&*strangers[1].key, strangers[1].requests), ("…1234", 2));
        assert!(strangers.len() <= UNKNOWN_KEYS_MAX + 1);
        assert_eq!(activity.unknown_key_requests(), 1003);
        assert!(strangers.iter().all(|stranger| !stranger.key.contains("nobody")));
    }

    #[test]
    fn wrong_paths_are_counted_each_and_bounded() {
        let activity = Activity::default();
        for _ in 0..3 {
            activity.wrong_path(request("POST", "/track", Some("/v1/track")), Some("curl/8"), NOW);
        }
        for n in 0..1000 {
            activity.wrong_path(request("GET", &format!("/{n}"), None), None, NOW - 1);
        }
        let paths = activity.wrong_paths();
        assert_eq!((&*paths[0].request, paths[0].requests), ("POST /track", 3));
        assert_eq!((paths[0].meant.as_deref(), &*paths[0].user_agent), (Some("/v1/track"), "curl/8"));
        assert!(paths.len() <= PATHS_MAX + 1, "{}", paths.len());
        assert_eq!(paths.iter().map(|wrong| wrong.requests).sum::<u64>(), 1003);
    }

    #[test]
    fn control_characters_of_a_path_and_of_a_user_agent_are_shown_as_escapes() {
        let activity = Activity::default();
        activity.wrong_path(request("GET", "/a\u{202e}b", None), Some("shop\u{9b}31m"), NOW);
        activity.unknown_key(None, Some("shop\u{1b}[31m"), NOW);
        let path = &activity.wrong_paths()[0];
        assert_eq!((&*path.request, &*path.user_agent), ("GET /a\\u202eb", "shop\\u009b31m"));
        assert_eq!(&*activity.snapshot(NOW).1[0].user_agent, "shop\\u001b[31m");
    }

    #[test]
    fn refused_requests_are_counted_by_code() {
        let activity = Activity::default();
        for code in ["not_found", "bad_encoding", "not_found"] {
            activity.refused(code);
        }
        let counts = activity.refused_counts();
        assert_eq!(counts.len(), EndpointCode::ALL.len(), "the others have none");
        let some: Vec<_> = counts.into_iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(some, [("bad_encoding", 1), ("not_found", 2)]);
    }
}
