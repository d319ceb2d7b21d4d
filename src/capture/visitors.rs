//! Who has been at the door: each source's last request, rate and SDK, the strangers that were turned away, and requests
//! to paths that are not served. In memory, since the start; bounded. Never a whole key.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::probes::Probes;
use crate::{
    config::Source,
    delivery::{Millis, RATE_SECONDS, SourceSeen, UnknownSender, WrongPath},
    event::{library_of, shown},
    spool::Arrivals,
};

/// Strangers kept apart; further ones are counted together.
const STRANGERS_MAX: usize = 50;

/// Wrong paths kept apart; further ones are counted together.
const PATHS_MAX: usize = 50;

/// How often a source's SDK is looked for in its events.
const LIBRARY_EVERY_MS: Millis = 5_000;

/// Seconds whose events are kept apart: those of the rate, and the one that is running.
const SECONDS_KEPT: usize = RATE_SECONDS + 1;

/// Characters of a user agent or a path that are kept.
const TEXT_MAX: usize = 80;

/// What is known of visitors; shared by the endpoint's connections and the status board.
#[derive(Debug, Default)]
pub struct Visitors {
    seen: Mutex<Seen>,
    /// Somebody came who changes what is shown.
    pub changed: Notify,
    /// What was seen of a check of the public address.
    pub probes: Probes,
}

#[derive(Debug, Default)]
struct Seen {
    sources: HashMap<Arc<str>, Visits>,
    strangers: HashMap<String, UnknownSender>,
    /// Requests of all strangers.
    turned_away: u64,
    /// By method and path.
    wrong_paths: HashMap<String, WrongPath>,
    /// Refused requests by the code of their answer.
    refused: BTreeMap<&'static str, u64>,
}

#[derive(Debug, Default)]
struct Visits {
    last_seen: Millis,
    accepted: u64,
    rejected: u64,
    library: Option<Arc<str>>,
    library_at: Millis,
    share_full_at: Option<Millis>,
    /// Events in each of the last seconds, by the remainder of the second.
    recent: [(i64, u32); SECONDS_KEPT],
}

/// What is remembered of a request, made before its events go to the spool.
pub(super) struct Visit {
    source: Arc<str>,
    at: Millis,
    events: u32,
    rejected: u64,
    library: Option<Arc<str>>,
}

impl Visit {
    /// One of the events may say by which SDK it was sent; that is looked at only now and then.
    pub(super) fn new(visitors: &Visitors, arrivals: &Arrivals) -> Self {
        let Arrivals { source, received_at, events, .. } = arrivals;
        let named = events.first().filter(|_| visitors.wants_library(source, *received_at));
        Self {
            source: Arc::clone(source),
            at: *received_at,
            events: u32::try_from(events.len()).unwrap_or(u32::MAX),
            rejected: arrivals.rejected_count(),
            library: named.and_then(|event| library_of(&event.json)).map(Arc::from),
        }
    }
}

impl Visitors {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A source's request was taken.
    pub(super) fn came(&self, visit: Visit) {
        let mut seen = self.seen();
        let visits = seen.sources.entry(visit.source).or_default();
        visits.last_seen = visit.at;
        visits.accepted += u64::from(visit.events);
        visits.rejected += visit.rejected;
        visits.add(visit.at / 1000, visit.events);
        if visit.library.is_some() {
            visits.library = visit.library;
            visits.library_at = visit.at;
        }
    }

    /// A source's request found its share of the spool full.
    pub(super) fn share_was_full(&self, visit: &Visit) {
        let mut seen = self.seen();
        let visits = seen.sources.entry(Arc::clone(&visit.source)).or_default();
        (visits.last_seen, visits.share_full_at) = (visit.at, Some(visit.at));
        drop(seen);
        self.changed.notify_one();
    }

    /// A source has another name from now on. Its numbers are kept; a request that was taken just before may still add to
    /// those of the old name.
    pub fn renamed(&self, before: &str, name: &str) {
        let mut seen = self.seen();
        let Some(visits) = seen.sources.remove(before) else { return };
        match seen.sources.entry(name.into()) {
            Entry::Occupied(mut there) => there.get_mut().add_all(visits),
            Entry::Vacant(place) => drop(place.insert(visits)),
        }
    }

    fn wants_library(&self, source: &str, now: Millis) -> bool {
        self.seen().sources.get(source).is_none_or(|visits| now - visits.library_at >= LIBRARY_EVERY_MS)
    }

    /// Somebody came without a known key.
    pub(super) fn turned_away(&self, key: Option<&str>, user_agent: Option<&str>, now: Millis) {
        let name = key.map_or_else(|| "no key".to_owned(), masked);
        let mut seen = self.seen();
        seen.turned_away += 1;
        let name = if seen.strangers.len() < STRANGERS_MAX || seen.strangers.contains_key(&name) {
            name
        } else {
            "other keys".to_owned()
        };
        let stranger = seen.strangers.entry(name.clone()).or_insert_with(|| UnknownSender {
            key: name.into(),
            requests: 0,
            last_seen: now,
            user_agent: Arc::default(),
        });
        stranger.requests += 1;
        stranger.last_seen = now;
        stranger.user_agent = user_agent.map(short).unwrap_or_default().into();
        drop(seen);
        self.changed.notify_one();
    }

    /// Somebody asked for a path, or with a method, that is not served. `meant`: what there is instead. The path must
    /// hold no key (see [`shown_path`]).
    pub(super) fn went_astray(
        &self,
        (method, path): (&str, &str),
        meant: Option<&'static str>,
        user_agent: Option<&str>,
        now: Millis,
    ) {
        let mut request = short(&format!("{method} {path}"));
        let mut seen = self.seen();
        if seen.wrong_paths.len() >= PATHS_MAX && !seen.wrong_paths.contains_key(&request) {
            "other paths".clone_into(&mut request);
        }
        let wrong = seen.wrong_paths.entry(request.clone()).or_insert_with(|| WrongPath {
            request: request.into(),
            meant: meant.map(Into::into),
            requests: 0,
            last_seen: now,
            user_agent: Arc::default(),
        });
        wrong.requests += 1;
        wrong.last_seen = now;
        wrong.user_agent = user_agent.map(short).unwrap_or_default().into();
        drop(seen);
        self.changed.notify_one();
    }

    /// A request was refused with this code.
    pub(super) fn refused(&self, code: &'static str) {
        *self.seen().refused.entry(code).or_default() += 1;
    }

    /// Refused requests since the start by the code of their answer, in the order of the alphabet.
    pub(super) fn refused_counts(&self) -> Vec<(&'static str, u64)> {
        self.seen().refused.iter().map(|(code, count)| (*code, *count)).collect()
    }

    /// Requests that were sent where nothing is served, most recent first.
    pub fn wrong_paths(&self) -> Vec<WrongPath> {
        let mut paths: Vec<_> = self.seen().wrong_paths.values().cloned().collect();
        paths.sort_by_key(|wrong| std::cmp::Reverse(wrong.last_seen));
        paths
    }

    /// Requests without a known key, since the start.
    pub fn turned_away_count(&self) -> u64 {
        self.seen().turned_away
    }

    /// The sources that sent something, by name, and the strangers, most recent first.
    pub fn snapshot(&self, now: Millis) -> (Vec<SourceSeen>, Vec<UnknownSender>) {
        let seen = self.seen();
        let mut sources: Vec<_> = seen.sources.iter().map(|(name, visits)| visits.shown(name, now)).collect();
        let mut strangers: Vec<_> = seen.strangers.values().cloned().collect();
        drop(seen);
        sources.sort_by(|a, b| a.name.cmp(&b.name));
        strangers.sort_by_key(|stranger| std::cmp::Reverse(stranger.last_seen));
        (sources, strangers)
    }
}

impl Visits {
    fn add(&mut self, second: i64, events: u32) {
        let place = usize::try_from(second.unsigned_abs()).unwrap_or(0) % SECONDS_KEPT;
        let slot = &mut self.recent[place];
        let before = if slot.0 == second { slot.1 } else { 0 };
        *slot = (second, before.saturating_add(events));
    }

    /// Adds what came under another name, before.
    fn add_all(&mut self, before: Self) {
        self.last_seen = self.last_seen.max(before.last_seen);
        self.accepted += before.accepted;
        self.rejected += before.rejected;
        if self.library.is_none() {
            (self.library, self.library_at) = (before.library, before.library_at);
        }
    }

    /// The rate is of full seconds: the one that is running would make it too low.
    fn shown(&self, name: &Arc<str>, now: Millis) -> SourceSeen {
        let running = now / 1000;
        let full = running - i64::try_from(RATE_SECONDS).unwrap_or(0)..running;
        let recent: u32 =
            self.recent.iter().filter(|(second, _)| full.contains(second)).map(|(_, count)| count).sum();
        SourceSeen {
            name: Arc::clone(name),
            last_seen: self.last_seen,
            accepted: self.accepted,
            rejected: self.rejected,
            per_sec: recent as f32 / RATE_SECONDS as f32,
            library: self.library.clone(),
            share_full_at: self.share_full_at,
        }
    }
}

/// A key that belongs to nobody may be a mistyped real one, or somebody's other secret.
pub(super) fn masked(key: &str) -> String {
    Source::new("", key).masked_key()
}

/// A path as it may be shown: without what is a key, or could be one.
pub(super) fn shown_path(path: &str, is_key: impl Fn(&str) -> bool) -> String {
    let segments = path.split('/').map(|segment| {
        let could_be =
            segment.len() >= 20 || segment.len() >= 12 && segment.bytes().any(|byte| byte.is_ascii_digit());
        if could_be || is_key(segment) { Cow::Owned(masked(segment)) } else { Cow::Borrowed(segment) }
    });
    segments.collect::<Vec<_>>().join("/")
}

/// Its beginning, as it may be shown.
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

    fn arrivals(source: &Arc<str>, events: &[Event], refused: u64, received_at: Millis) -> Arrivals {
        let counted = vec![("invalid_json", refused)];
        let source = Arc::clone(source);
        Arrivals { source, received_at, events: events.to_vec(), counted, ..Arrivals::default() }
    }

    #[test]
    fn a_source_shows_its_sdk_its_rate_and_when_it_was_last_seen() {
        let visitors = Visitors::default();
        let source: Arc<str> = "Website".into();
        let events = vec![event(r#"{"library":{"name":"analytics-node","version":"3.1.0"}}"#); 20];
        visitors.came(Visit::new(&visitors, &arrivals(&source, &events, 1, NOW)));
        visitors.came(Visit::new(&visitors, &arrivals(&source, &events[..5], 0, NOW + 1000)));
        let (sources, _) = visitors.snapshot(NOW + 1500);
        let [seen] = sources.as_slice() else { panic!("{sources:?}") };
        assert_eq!((seen.accepted, seen.rejected, seen.last_seen), (25, 1, NOW + 1000));
        assert_eq!(seen.library.as_deref(), Some("analytics-node 3.1.0"));
        assert!(
            (seen.per_sec - 20.0 / 3.0).abs() < 0.01,
            "without the second that is running: {}",
            seen.per_sec
        );
        let (later, _) = visitors.snapshot(NOW + 2500);
        assert!((later[0].per_sec - 25.0 / 3.0).abs() < 0.01, "{}", later[0].per_sec);
        let (sources, _) = visitors.snapshot(NOW + 60_000);
        assert!(sources[0].per_sec.abs() < 0.01, "quiet by now");
    }

    #[test]
    fn a_source_that_is_renamed_keeps_its_numbers() {
        let visitors = Visitors::default();
        let events = vec![event(r#"{"library":{"name":"analytics-node"}}"#); 3];
        let came = |name: &str, at| {
            visitors.came(Visit::new(&visitors, &arrivals(&name.into(), &events, 1, at)));
        };
        came("Old", NOW);
        visitors.renamed("Old", "New");
        visitors.renamed("Nobody", "New");
        came("New", NOW + 1);
        // A request that was taken under the old name, and a second change back.
        came("Old", NOW + 2);
        visitors.renamed("New", "Old");
        let (sources, _) = visitors.snapshot(NOW);
        let [seen] = sources.as_slice() else { panic!("{sources:?}") };
        assert_eq!((&*seen.name, seen.accepted, seen.rejected), ("Old", 9, 3));
        assert_eq!(seen.last_seen, NOW + 2);
    }

    #[test]
    fn strangers_are_counted_per_key_without_showing_it_and_bounded() {
        let visitors = Visitors::default();
        visitors.turned_away(Some("a-mistyped-write-key-1234"), Some("curl/8"), NOW);
        visitors.turned_away(Some("a-mistyped-write-key-1234"), Some("curl/8"), NOW + 1);
        visitors.turned_away(None, None, NOW + 2);
        for n in 0..1000 {
            visitors.turned_away(Some(&format!("a-long-key-of-nobody-{n:04}")), None, NOW - 1);
        }
        let (_, strangers) = visitors.snapshot(NOW + 5);
        assert_eq!(&*strangers[0].key, "no key");
        assert_eq!((&*strangers[1].key, strangers[1].requests), ("…1234", 2));
        assert!(strangers.len() <= STRANGERS_MAX + 1);
        assert_eq!(visitors.turned_away_count(), 1003);
        assert!(strangers.iter().all(|stranger| !stranger.key.contains("nobody")));
    }

    #[test]
    fn wrong_paths_are_counted_each_and_bounded() {
        let visitors = Visitors::default();
        for _ in 0..3 {
            visitors.went_astray(("POST", "/track"), Some("/v1/track"), Some("curl/8"), NOW);
        }
        for n in 0..1000 {
            visitors.went_astray(("GET", &format!("/{n}")), None, None, NOW - 1);
        }
        let paths = visitors.wrong_paths();
        assert_eq!((&*paths[0].request, paths[0].requests), ("POST /track", 3));
        assert_eq!((paths[0].meant.as_deref(), &*paths[0].user_agent), (Some("/v1/track"), "curl/8"));
        assert!(paths.len() <= PATHS_MAX + 1, "{}", paths.len());
        assert_eq!(paths.iter().map(|wrong| wrong.requests).sum::<u64>(), 1003);
    }

    #[test]
    fn control_characters_of_a_path_and_of_a_user_agent_are_shown_as_escapes() {
        let visitors = Visitors::default();
        visitors.went_astray(("GET", "/a\u{202e}b"), None, Some("shop\u{9b}31m"), NOW);
        visitors.turned_away(None, Some("shop\u{1b}[31m"), NOW);
        let path = &visitors.wrong_paths()[0];
        assert_eq!((&*path.request, &*path.user_agent), ("GET /a\\u202eb", "shop\\u009b31m"));
        assert_eq!(&*visitors.snapshot(NOW).1[0].user_agent, "shop\\u001b[31m");
    }

    #[test]
    fn a_path_is_shown_without_its_key() {
        let shown = |path| shown_path(path, |segment| segment == "known");
        assert_eq!(shown("/v2/projects/known/settings"), "/v2/projects/…/settings");
        assert_eq!(shown("/x/abcdefgh-ijkl-1234/settings"), "/x/…1234/settings");
        assert_eq!(shown("/x/a-key-of-letters-alone/y"), "/x/…lone/y");
        assert_eq!(shown("/analytics.js/v1/identify"), "/analytics.js/v1/identify");
        assert_eq!(shown("/"), "/");
    }

    #[test]
    fn refused_requests_are_counted_by_code() {
        let visitors = Visitors::default();
        for code in ["not_found", "bad_encoding", "not_found"] {
            visitors.refused(code);
        }
        assert_eq!(visitors.refused_counts(), [("bad_encoding", 1), ("not_found", 2)]);
    }
}
