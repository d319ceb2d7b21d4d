//! What is looked for in the delivery log, and the one way to write it down: words that must be found, and `field:value`
//! for what must be so. The window's search field and the command line read it with the same parser.
//!
//! ```text
//! refund event:"Order Completed" state:failed,retrying since:2h
//! ```
//!
//! Pure: the clock is an argument.

use std::{fmt, ops::Range};

use serde::{Deserialize, Serialize};

use super::{Delivery, EventId, Millis, State};
use crate::event::Kind;

/// Which lines of the log are wanted. Empty lists and `None` mean all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Query {
    /// Only these lines; for a few, such as those in sight.
    pub ids: Vec<EventId>,
    /// Only these states.
    pub states: Vec<State>,
    /// Only these types.
    pub kinds: Vec<Kind>,
    /// Only lines that say this: of each field that is named, one of its patterns fits.
    pub fields: Vec<(Field, Pattern)>,
    /// Only lines whose ids, name, source, shard, error or payload hold each of these (ASCII case does not count).
    pub words: Vec<String>,
    /// Only lines received at or after this moment.
    pub since: Option<Millis>,
    /// Only lines received before this moment.
    pub until: Option<Millis>,
    /// Only lines older than this one: the next page.
    pub before: Option<EventId>,
    /// Only lines newer than this one: what came since.
    pub after: Option<EventId>,
    /// Oldest first instead of newest first.
    pub oldest_first: bool,
    /// Those with most of it first, of the lines that a page looks at (see [`LogPage::stopped_at`], [`Measure::merge`]).
    pub by: Option<Measure>,
    /// At most so many lines.
    pub limit: usize,
}

/// What a line of the log says in so many words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Field {
    /// The `userId`, of an event without one its `anonymousId`: what the partition key is made of.
    User,
    /// The event of a track, the name of a page or screen (its first 120 characters).
    Event,
    /// The `messageId`.
    MessageId,
    /// The shard that the record is in: its id or its number.
    Shard,
    /// The name of the source.
    Source,
    /// What was said when it went wrong, anywhere in it.
    Error,
}

impl Field {
    /// Whether upper and lower case are different, as they are in ids.
    pub fn case_counts(self) -> bool {
        match self {
            Self::User | Self::MessageId => true,
            Self::Event | Self::Shard | Self::Source | Self::Error => false,
        }
    }
}

/// A text, with anything before or after it where a `*` stood there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Pattern {
    /// The text between the stars.
    pub text: String,
    /// Anything may stand before it.
    pub open_start: bool,
    /// Anything may stand behind it.
    pub open_end: bool,
}

impl Pattern {
    /// Exactly this text.
    pub fn exactly(text: impl Into<String>) -> Self {
        Self { text: text.into(), open_start: false, open_end: false }
    }

    fn is_empty(&self) -> bool {
        self.text.is_empty() && !self.open_start
    }

    /// Whether `text` is so; ASCII case counts or does not.
    pub fn fits(&self, text: &str, case_counts: bool) -> bool {
        if !case_counts {
            let lower = Self { text: self.text.to_ascii_lowercase(), ..*self };
            return lower.fits(&text.to_ascii_lowercase(), true);
        }
        match (self.open_start, self.open_end) {
            (false, false) => text == self.text,
            (false, true) => text.starts_with(&self.text),
            (true, false) => text.ends_with(&self.text),
            (true, true) => text.contains(&self.text),
        }
    }
}

/// By what lines can be sorted beside their time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Measure {
    /// From the endpoint to the stream; only delivered events have it.
    Latency,
    /// Bytes of JSON.
    Size,
}

impl Measure {
    /// The measure of a line, where it has one.
    pub fn of(self, line: &Delivery) -> Option<i64> {
        match self {
            Self::Latency => line.latency_ms(),
            Self::Size => Some(i64::from(line.bytes)),
        }
    }

    /// Puts what another page found among what is there, and keeps the first `limit`.
    pub fn merge(self, found: &mut Vec<Delivery>, more: Vec<Delivery>, limit: usize) {
        found.extend(more);
        found.sort_by_key(|line| std::cmp::Reverse((self.of(line), line.id)));
        found.truncate(limit);
    }
}

/// A page of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPage {
    /// The lines, in the order asked for.
    pub rows: Vec<Delivery>,
    /// How many lines fit the query, where that is known without reading the whole log.
    pub total: Option<u64>,
    /// The query looked at as much as one page may and stopped before the end: ask on from here.
    pub stopped_at: Option<EventId>,
    /// When the line at which it stopped was received.
    pub reached: Option<Millis>,
    /// The oldest place that the query reaches to, page after page; 0 in an empty log.
    pub reaches_to: EventId,
    /// The `revision` of the [`super::Status`] that the page is at least as new as.
    pub revision: u64,
}

/// What a part of a query is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum QueryKey {
    /// `state:`
    State,
    /// `type:`
    Type,
    /// `userId:` and the others.
    Field(Field),
    /// `since:`
    Since,
    /// `until:`
    Until,
}

impl QueryKey {
    /// Every name, as it is written, with what is allowed behind it.
    pub const ALL: [(Self, &'static str, &'static str); 10] = [
        (Self::State, "state", "queued, retrying, delivered, failed, resent, rejected"),
        (Self::Type, "type", "identify, track, page, screen, group, alias"),
        (Self::Field(Field::User), "userId", "a user's id, or an anonymous one"),
        (Self::Field(Field::Event), "event", "the event of a track, the name of a page or screen"),
        (Self::Field(Field::MessageId), "messageId", "an event's messageId"),
        (Self::Field(Field::Source), "source", "a source's name"),
        (Self::Field(Field::Shard), "shard", "a shard's number or id"),
        (Self::Field(Field::Error), "error", "a part of an error's code or message"),
        (Self::Since, "since", MOMENTS),
        (Self::Until, "until", MOMENTS),
    ];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(name, _, _)| *name == self).map_or("", |(_, word, _)| word)
    }

    fn parse(word: &str) -> Option<Self> {
        let known = Self::ALL.iter().find(|(_, name, _)| name.eq_ignore_ascii_case(word));
        known.map(|(name, _, _)| *name)
    }

    fn allowed(self) -> &'static str {
        Self::ALL.iter().find(|(name, _, _)| *name == self).map_or("", |(_, _, allowed)| allowed)
    }
}

const MOMENTS: &str = "2026-03-02T10:00:00Z, 2026-03-02, or 15m, 2h, 1d for so long ago";

/// Why a text is no query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// A value that its field does not take.
    Value {
        /// The field.
        name: QueryKey,
        /// What stood there.
        value: String,
    },
    /// The time range ends before it begins.
    BackwardRange,
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value { name, value } => {
                write!(f, "{}: \"{value}\" is not known here; allowed: {}", name.as_str(), name.allowed())
            }
            Self::BackwardRange => {
                f.write_str("the time range ends before it begins; \"until\" must be later than \"since\"")
            }
        }
    }
}

impl Query {
    /// Reads what a person wrote. Words stand alone or in double quotes; `field:value` has one of [`QueryKey::ALL`] before
    /// the colon and one value or several with commas (any of them), quoted where they hold a blank, a comma or a star
    /// that is meant. A `*` before or after a value stands for anything. All parts must hold. A colon behind any other
    /// word is part of the word; a field without a value says nothing yet.
    pub fn parse(text: &str, now: Millis) -> Result<Self, QueryError> {
        let mut query = Self::default();
        for term in terms(text) {
            let Some(name) = term.name else {
                query.words.extend(term.values.into_iter().map(|value| value.text.to_ascii_lowercase()));
                continue;
            };
            for value in term.values.into_iter().filter(|value| !value.is_empty()) {
                query.add(name, value, now)?;
            }
        }
        query.check_range()?;
        Ok(query)
    }

    /// Refuses a time range that ends before it begins.
    pub fn check_range(&self) -> Result<(), QueryError> {
        match (self.since, self.until) {
            (Some(since), Some(until)) if until < since => Err(QueryError::BackwardRange),
            _ => Ok(()),
        }
    }

    fn add(&mut self, name: QueryKey, value: Pattern, now: Millis) -> Result<(), QueryError> {
        let mistake = |value: &Pattern| QueryError::Value { name, value: value.text.clone() };
        // The window shows states with a capital.
        let word = value.text.to_ascii_lowercase();
        match name {
            QueryKey::State => self.states.push(State::parse(&word).ok_or_else(|| mistake(&value))?),
            QueryKey::Type => self.kinds.push(Kind::parse(&word).ok_or_else(|| mistake(&value))?),
            QueryKey::Field(field) => self.fields.push((field, pattern_for(field, value))),
            QueryKey::Since => self.since = Some(moment(&value.text, now).ok_or_else(|| mistake(&value))?),
            QueryKey::Until => self.until = Some(moment(&value.text, now).ok_or_else(|| mistake(&value))?),
        }
        Ok(())
    }

    /// Every line fits.
    pub fn is_all(&self) -> bool {
        let Self { ids, states, kinds, fields, words, since, until, .. } = self;
        ids.is_empty()
            && states.is_empty()
            && kinds.is_empty()
            && fields.is_empty()
            && words.is_empty()
            && since.is_none()
            && until.is_none()
    }

    /// The patterns for one field, of which one must fit.
    pub fn patterns(&self, field: Field) -> impl Iterator<Item = &Pattern> {
        self.fields.iter().filter(move |(other, _)| *other == field).map(|(_, pattern)| pattern)
    }
}

/// A value of a field on its own, without quotes: what a flag of the command line is given.
pub fn pattern(field: Field, value: &str) -> Pattern {
    let inner = value.strip_prefix('*').unwrap_or(value);
    let open_start = inner.len() < value.len();
    let text = inner.strip_suffix('*').unwrap_or(inner);
    let open_end = text.len() < inner.len() || value == "*";
    pattern_for(field, Pattern { text: text.to_owned(), open_start, open_end })
}

/// An error is known by a part of it, a shard by its number.
fn pattern_for(field: Field, value: Pattern) -> Pattern {
    match field {
        Field::Error => Pattern { open_start: true, open_end: true, ..value },
        Field::Shard => match value.text.parse::<u64>() {
            Ok(number) if !value.open_start && !value.open_end => {
                Pattern::exactly(format!("shardId-{number:012}"))
            }
            _ => value,
        },
        Field::User | Field::Event | Field::MessageId | Field::Source => value,
    }
}

/// A moment: RFC 3339, a date (its midnight in UTC), or a duration ago (`90s`, `15m`, `2h`, `1d`).
pub fn moment(text: &str, now: Millis) -> Option<Millis> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Some(time.as_millisecond());
    }
    if let Ok(date) = text.parse::<jiff::civil::Date>() {
        return Some(date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond());
    }
    let unit = text.chars().last()?;
    let count: i64 = text.strip_suffix(unit)?.parse().ok()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    Some(now.saturating_sub(count.saturating_mul(seconds * 1000)))
}

/// `text` with these values for `name` instead of those that it had; none: without any.
pub fn with(text: &str, name: QueryKey, values: &[&str]) -> String {
    let mut parts = Vec::new();
    let mut from = 0;
    for term in terms(text).iter().filter(|term| term.name == Some(name)) {
        parts.push(text[from..term.place.start].trim().to_owned());
        from = term.place.end;
    }
    parts.push(text[from..].trim().to_owned());
    if !values.is_empty() {
        let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
        parts.push(format!("{}:{}", name.as_str(), values.join(",")));
    }
    parts.retain(|part| !part.is_empty());
    parts.join(" ")
}

/// A `word:value` whose word is not the name of a field: it is searched for as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownField {
    /// Where in the text the word and its colon stand.
    pub place: Range<usize>,
    /// The field whose name is near, if there is one.
    pub meant: Option<QueryKey>,
}

/// The first unknown field in a query. URLs, times of day and quoted text are never taken for one.
pub fn unknown_field(text: &str) -> Option<UnknownField> {
    terms(text).into_iter().filter(|term| term.name.is_none()).find_map(|term| {
        let words = &text[term.place.clone()];
        let len = words.find(|c: char| !c.is_ascii_alphabetic()).filter(|len| *len > 1)?;
        let value = words[len..].strip_prefix(':').filter(|value| !value.starts_with("//"))?;
        let place = term.place.start..term.place.start + len + 1;
        (!value.is_empty()).then(|| UnknownField { place, meant: meant(&words[..len]) })
    })
}

/// The field whose name is nearest to an unknown one. The word may also be short for it: `usr` for `userId`.
fn meant(word: &str) -> Option<QueryKey> {
    const CHANGES_MAX: usize = 2;
    let word = word.to_ascii_lowercase();
    let names = QueryKey::ALL.iter().filter_map(|(name, known, _)| {
        let known = known.to_ascii_lowercase();
        let changes = strsim::levenshtein(&word, &known);
        let is_short_for = word[..1] == known[..1] && is_subsequence(&word, &known);
        (is_short_for || changes <= CHANGES_MAX).then_some((changes, *name))
    });
    names.min_by_key(|(changes, _)| *changes).map(|(_, name)| name)
}

/// Whether `long` has all letters of `short`, in their order.
fn is_subsequence(short: &str, long: &str) -> bool {
    let mut rest = long.chars();
    short.chars().all(|c| rest.any(|other| other == c))
}

/// A value as it is written: in quotes where it could be read as something else.
fn quoted(value: &str) -> String {
    let plain = |c: char| !(c.is_whitespace() || matches!(c, ',' | '"' | '\\' | '*'));
    if !value.is_empty() && value.chars().all(plain) {
        return value.to_owned();
    }
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A part of a query's text: a word, or a name and its values.
struct Term {
    name: Option<QueryKey>,
    values: Vec<Pattern>,
    place: Range<usize>,
}

fn terms(text: &str) -> Vec<Term> {
    let mut terms = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find(|c: char| !c.is_whitespace()).map(|skip| at + skip) {
        let name = text[start..]
            .find(|c: char| !c.is_ascii_alphabetic())
            .filter(|len| text[start + len..].starts_with(':'))
            .and_then(|len| Some((QueryKey::parse(&text[start..start + len])?, start + len + 1)));
        let (name, mut end) = name.map_or((None, start), |(name, end)| (Some(name), end));
        let mut values = Vec::new();
        loop {
            let (value, stop) = value(text, end, name.is_some());
            values.push(value);
            end = stop;
            if !(name.is_some() && text[end..].starts_with(',')) {
                break;
            }
            end += 1;
        }
        terms.push(Term { name, values, place: start..end });
        at = end;
    }
    terms
}

/// The value that begins at `start`, and where it ends: at a blank, or at a comma in a list. A quote that is not closed
/// reaches to the end: it is still being typed.
fn value(text: &str, start: usize, in_list: bool) -> (Pattern, usize) {
    let mut pattern = Pattern::exactly(String::new());
    let mut chars = text[start..].char_indices();
    let mut in_quotes = false;
    let mut end = text.len();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => in_quotes = !in_quotes,
            '\\' if in_quotes => pattern.text.extend(chars.next().map(|(_, c)| c)),
            c if !in_quotes && (c.is_whitespace() || (in_list && c == ',')) => {
                end = start + at;
                break;
            }
            '*' if in_list && !in_quotes && at == 0 => pattern.open_start = true,
            c => pattern.text.push(c),
        }
    }
    if in_list && !in_quotes && text[start..end].ends_with('*') {
        pattern.open_end = true;
        if text[start..end].len() > 1 {
            pattern.text.pop();
        }
    }
    (pattern, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = 1_772_445_605_250;

    fn read(text: &str) -> Query {
        Query::parse(text, NOW).expect(text)
    }

    #[test]
    fn words_and_fields_mix_in_any_order() {
        let query =
            read(r#"Refund event:"Order Completed" state:failed,retrying "two words" since:2h TYPE:track"#);
        let expected = Query {
            words: vec!["refund".into(), "two words".into()],
            fields: vec![(Field::Event, Pattern::exactly("Order Completed"))],
            states: vec![State::Failed, State::Retrying],
            kinds: vec![Kind::Track],
            since: Some(NOW - 7_200_000),
            ..Query::default()
        };
        assert_eq!(query, expected);
        assert!(read("  ").is_all() && !query.is_all());
    }

    #[test]
    fn what_looks_like_a_field_and_is_none_is_a_word() {
        assert_eq!(read("http://x/y 12:30 foo:bar").words, ["http://x/y", "12:30", "foo:bar"]);
        let being_typed = read(r#"event: userId:, "half a"#);
        assert_eq!((being_typed.fields, being_typed.words), (vec![], vec!["half a".to_owned()]));
    }

    #[test]
    fn an_unknown_field_is_named_with_the_nearest_known_one() {
        let unknown =
            |text: &str| unknown_field(text).map(|found| (text[found.place].to_owned(), found.meant));
        for (text, word, meant) in [
            ("usr:foo", "usr:", Some(QueryKey::Field(Field::User))),
            ("user:foo", "user:", Some(QueryKey::Field(Field::User))),
            ("a state:failed STATUS:failed", "STATUS:", Some(QueryKey::State)),
            ("evnt:x", "evnt:", Some(QueryKey::Field(Field::Event))),
            ("msgid:x", "msgid:", Some(QueryKey::Field(Field::MessageId))),
            ("tpye:track", "tpye:", Some(QueryKey::Type)),
            ("colour:red", "colour:", None),
        ] {
            assert_eq!(unknown(text), Some((word.to_owned(), meant)), "{text}");
        }
        for text in ["https://x/y", "12:30", "\"usr:foo\"", "C:\\x", "usr:", "x userId:a", ""] {
            assert_eq!(unknown(text), None, "{text}");
        }
    }

    #[test]
    fn a_star_stands_for_anything_unless_it_is_quoted() {
        let query = read(r#"event:Order*,*ed,*x* userId:"a*" event:* messageId:b\"#);
        let patterns: Vec<_> =
            query.patterns(Field::Event).map(|p| (p.open_start, &*p.text, p.open_end)).collect();
        assert_eq!(
            patterns,
            [(false, "Order", true), (true, "ed", false), (true, "x", true), (true, "", true)]
        );
        assert_eq!(query.patterns(Field::User).next(), Some(&Pattern::exactly("a*")));
        assert_eq!(query.patterns(Field::MessageId).next(), Some(&Pattern::exactly("b\\")));
        let order = query.patterns(Field::Event).next().expect("the first");
        assert!(order.fits("order completed", false) && !order.fits("order completed", true));
    }

    #[test]
    fn a_shard_is_known_by_its_number_and_an_error_by_a_part_of_it() {
        let query = read("shard:3 error:Throughput");
        assert_eq!(query.patterns(Field::Shard).next(), Some(&Pattern::exactly("shardId-000000000003")));
        let error = query.patterns(Field::Error).next().expect("there");
        assert!(error.fits("ProvisionedThroughputExceededException: slow down", false));
    }

    #[test]
    fn a_mistake_names_the_field_and_what_is_allowed() {
        for (text, word) in [("state:lost", "queued"), ("type:x", "identify"), ("since:yesterday", "15m")] {
            let said = Query::parse(text, NOW).expect_err(text).to_string();
            assert!(said.contains(word) && said.contains(text.split(':').nth(1).expect("a value")), "{said}");
        }
    }

    #[test]
    fn a_time_range_does_not_end_before_it_begins() {
        for text in ["since:1h until:2h", "until:2026-03-01 since:2026-03-02"] {
            assert_eq!(Query::parse(text, NOW), Err(QueryError::BackwardRange), "{text}");
        }
        assert_eq!(read("since:2h until:1h").until, Some(NOW - 3_600_000));
    }

    #[test]
    fn moments_are_points_dates_or_durations_ago() {
        assert_eq!(moment("2026-03-02T10:00:05.250Z", NOW), Some(NOW));
        assert_eq!(moment("2026-03-02", NOW), Some(NOW - 36_005_250));
        assert_eq!(moment("90s", NOW), Some(NOW - 90_000));
        assert_eq!([moment("", NOW), moment("5", NOW), moment("5w", NOW), moment("é", NOW)], [None; 4]);
    }

    #[test]
    fn a_part_is_replaced_added_and_taken_out_and_the_rest_stays() {
        let state = |text: &str, values: &[&str]| with(text, QueryKey::State, values);
        assert_eq!(state("", &["failed"]), "state:failed");
        assert_eq!(
            state(r#"a "b  c" state:failed d state:x"#, &["queued", "failed"]),
            r#"a "b  c" d state:queued,failed"#
        );
        assert_eq!(state("state:failed a", &[]), "a");
        for odd in ["two words", "a,b", r#"say "hi" \"#, "st*r", ""] {
            let text = with("x", QueryKey::Field(Field::Event), &[odd]);
            let patterns: Vec<_> = read(&text).fields.into_iter().map(|(_, pattern)| pattern).collect();
            let expected: Vec<_> =
                Some(odd).filter(|odd| !odd.is_empty()).map(Pattern::exactly).into_iter().collect();
            assert_eq!(patterns, expected, "{text}");
        }
    }
}
