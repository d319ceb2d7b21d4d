//! Pages of the delivery log: what SQLite can tell by a line's columns it tells; words, which may stand in a payload, are
//! looked for here.
//!
//! A page looks at no more than [`LINES_MAX`] lines and then says where it stopped, so that who asks can show what was
//! found, say how far it is, or think better of it. Rare states (failed, rejected) are found by an index of their own.

use rusqlite::{Connection, OptionalExtension, Row, params_from_iter, types::Value};

use super::{
    ReadError,
    read::{LINE_COLUMNS, LINE_JOINS, Payloads, delivery, last_attempt},
    rows::{Books, kind_column},
};
use crate::delivery::{Attempt, Delivery, EventId, Field, LogPage, Measure, Millis, Pattern, Query, State};

/// Lines that one page of a search looks at before it stops and says where.
const LINES_MAX: i64 = if cfg!(test) { 5_000 } else { 50_000 };

/// So often a page asks whether its answer is still wanted.
const ASK_EVERY: u32 = 512;

/// Lines are received nearly in the order of their places: a clock that was set back by less than this hides none from a
/// search by time.
const CLOCK_SLACK: Millis = 3_600_000;

/// The lines that fit `query`; `go_on` is asked now and then, and `false` ends it early.
pub(super) fn page(
    connection: &Connection,
    query: &Query,
    go_on: &dyn Fn() -> bool,
) -> Result<LogPage, ReadError> {
    let snapshot = connection.unchecked_transaction()?;
    let books = Books::read(&snapshot)?;
    let oldest = oldest(&snapshot)?;
    let mut page = LogPage { total: total(query, &books), ..LogPage::default() };
    let Some(oldest) = oldest else { return Ok(page) };
    let stretch = Stretch::new(&snapshot, query, &books, oldest)?;
    page.reaches_to = stretch.reaches_to;
    let statement = Statement::new(&snapshot, query, &stretch)?;
    let mut prepared = snapshot.prepare_cached(&statement.sql)?;
    let mut rows = prepared.query(params_from_iter(statement.values))?;
    let mut words = Words { query, connection: &snapshot, payloads: Payloads::new(&snapshot) };
    let mut best = query.by.map(|by| Best { by, limit: query.limit, found: Vec::new(), at_least: i64::MIN });
    let mut asked = 0;
    while let Some(row) = rows.next()? {
        asked += 1;
        if asked % ASK_EVERY == 0 && !go_on() {
            page.stopped_at = Some(row.get(0)?);
            return Ok(page);
        }
        if best.as_ref().is_some_and(|best| !best.wants(row)) || !words.fit(row)? {
            continue;
        }
        let line = delivery(row, words.last_attempt(row)?)?;
        match &mut best {
            Some(best) => best.take(line),
            None => page.rows.push(line),
        }
        if page.rows.len() >= query.limit && best.is_none() {
            return Ok(page);
        }
    }
    if let Some(best) = best {
        best.by.merge(&mut page.rows, best.found, query.limit);
    }
    if let Some(stop) = stretch.stop {
        page.stopped_at = Some(stop);
        page.reached = received_at(&snapshot, stop)?;
    }
    Ok(page)
}

/// How many lines fit, where the books know it.
fn total(query: &Query, books: &Books) -> Option<u64> {
    if query.is_all() {
        return Some(books.lines());
    }
    let only_failed =
        Query { states: Vec::new(), ..query.clone() }.is_all() && query.states == [State::Failed];
    only_failed.then_some(books.failed)
}

fn oldest(connection: &Connection) -> rusqlite::Result<Option<EventId>> {
    connection.prepare_cached("SELECT min(id) FROM event")?.query_row([], |row| row.get(0))
}

fn received_at(connection: &Connection, id: EventId) -> rusqlite::Result<Option<Millis>> {
    let mut statement = connection.prepare_cached("SELECT received_at FROM event WHERE id = ?1")?;
    statement.query_row([id], |row| row.get(0)).optional()
}

/// What one page looks at: the places between `low` and `high`, both excluded.
struct Stretch {
    low: EventId,
    high: EventId,
    /// The oldest place that any page of the query looks at.
    reaches_to: EventId,
    /// The last place of it, where there is more beyond.
    stop: Option<EventId>,
    /// Only lines of rare states are wanted.
    rare: bool,
}

impl Stretch {
    fn new(connection: &Connection, query: &Query, books: &Books, oldest: EventId) -> rusqlite::Result<Self> {
        let waiting = |state: &State| matches!(state, State::Queued | State::Retrying);
        let any = |wanted: fn(&State) -> bool| !query.states.is_empty() && query.states.iter().all(wanted);
        let floor = if any(waiting) { books.settled_through } else { 0 };
        let mut low = query.after.unwrap_or(0).max(floor).max(oldest - 1);
        let mut high = query.before.unwrap_or(i64::MAX).min(books.newest + 1);
        if let Some(since) = query.since {
            low = low.max(first_at(connection, (low, high), since.saturating_sub(CLOCK_SLACK))? - 1);
        }
        if let Some(until) = query.until {
            high = high.min(first_at(connection, (low, high), until.saturating_add(CLOCK_SLACK))?);
        }
        let rare = any(|state| matches!(state, State::Failed | State::Resent | State::Rejected));
        let mut stretch = Self { low, high, reaches_to: low + 1, stop: None, rare };
        // What every line fits ends at its limit, and lines that are named are few.
        if query.ids.is_empty() && (!query.is_all() || query.by.is_some()) {
            stretch.cut(connection, query.oldest_first && query.by.is_none())?;
        }
        Ok(stretch)
    }

    /// Shortens it to what one page may look at.
    fn cut(&mut self, connection: &Connection, upwards: bool) -> rusqlite::Result<()> {
        let order = if upwards { "ASC" } else { "DESC" };
        let table = if self.rare { "settled" } else { "event" };
        let rare = if self.rare { "AND state <> 2" } else { "" };
        let sql = format!(
            "SELECT id FROM {table} WHERE id > ?1 AND id < ?2 {rare} ORDER BY id {order} LIMIT 1 OFFSET ?3"
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let last: Option<EventId> =
            statement.query_row([self.low, self.high, LINES_MAX - 1], |row| row.get(0)).optional()?;
        match last {
            Some(last) if upwards => self.high = last + 1,
            Some(last) => self.low = last - 1,
            None => {}
        }
        self.stop = last;
        Ok(())
    }
}

/// The first place between two whose line was received at or after `moment`, by halving.
fn first_at(
    connection: &Connection,
    (low, high): (EventId, EventId),
    moment: Millis,
) -> rusqlite::Result<EventId> {
    let mut statement = connection
        .prepare_cached("SELECT id, received_at FROM event WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT 1")?;
    let (mut from, mut to) = (low + 1, high);
    while from < to {
        let middle = from + (to - from) / 2;
        let line: Option<(EventId, Millis)> =
            statement.query_row([middle, to], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        match line {
            Some((id, at)) if at < moment => from = id + 1,
            Some(_) | None => to = middle,
        }
    }
    Ok(from)
}

/// SQL and what it is given.
struct Statement {
    sql: String,
    values: Vec<Value>,
}

impl Statement {
    fn new(connection: &Connection, query: &Query, stretch: &Stretch) -> rusqlite::Result<Self> {
        let from = if stretch.rare {
            "settled INDEXED BY settled_rare CROSS JOIN event ON event.id = settled.id"
        } else {
            "event LEFT JOIN settled ON settled.id = event.id"
        };
        let key = if stretch.rare { "settled.id" } else { "event.id" };
        let mut statement = Self {
            sql: format!("SELECT {LINE_COLUMNS} FROM {from} {LINE_JOINS} WHERE {key} > ?1 AND {key} < ?2"),
            values: vec![stretch.low.into(), stretch.high.into()],
        };
        if stretch.rare {
            statement.sql.push_str(" AND settled.state <> 2");
        }
        if !query.ids.is_empty() {
            statement.one_of(key, query.ids.iter().copied());
        }
        for (column, moment, sign) in
            [("event.received_at", query.since, ">="), ("event.received_at", query.until, "<")]
        {
            if let Some(moment) = moment {
                let place = statement.give(moment.into());
                statement.all_of(&format!("{column} {sign} {place}"));
            }
        }
        if !query.kinds.is_empty() {
            let kinds: Vec<i64> = query.kinds.iter().map(|kind| kind_column(*kind)).collect();
            statement.one_of("event.kind", kinds);
        }
        for field in [Field::User, Field::MessageId, Field::Event, Field::Source, Field::Shard, Field::Error]
        {
            let patterns: Vec<&Pattern> = query.patterns(field).collect();
            if !patterns.is_empty() {
                statement.field(connection, field, &patterns)?;
            }
        }
        if !query.states.is_empty() {
            let any: Vec<&str> = query.states.iter().map(|state| state_sql(*state)).collect();
            statement.all_of(&any.join(" OR "));
        }
        if query.by == Some(Measure::Latency) {
            statement.all_of("settled.state = 2");
        }
        let order = if query.oldest_first && query.by.is_none() { "ASC" } else { "DESC" };
        statement.sql.extend([" ORDER BY ", key, " ", order]);
        Ok(statement)
    }

    fn give(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("?{}", self.values.len())
    }

    fn all_of(&mut self, condition: &str) {
        self.sql.extend([" AND (", condition, ")"]);
    }

    fn one_of(&mut self, column: &str, values: impl IntoIterator<Item = i64>) {
        let list: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
        self.all_of(&format!("{column} IN ({})", list.join(",")));
    }

    fn field(
        &mut self,
        connection: &Connection,
        field: Field,
        patterns: &[&Pattern],
    ) -> rusqlite::Result<()> {
        match field {
            Field::Source => self.one_of("event.source", words(connection, patterns)?),
            Field::Shard => self.one_of("settled.shard", words(connection, patterns)?),
            Field::User => self.text("event.partition_key", field, patterns),
            Field::MessageId => self.text("event.message_id", field, patterns),
            Field::Event => self.text("event.name", field, patterns),
            Field::Error => self.text(
                "CASE WHEN settled.id IS NULL
                    THEN (SELECT code || ': ' || message FROM attempt WHERE attempt.event = event.id
                          ORDER BY number DESC LIMIT 1)
                    ELSE settled.code || ': ' || settled.message END",
                field,
                patterns,
            ),
        }
        Ok(())
    }

    /// `GLOB` heeds case, `LIKE` does not (for ASCII).
    fn text(&mut self, column: &str, field: Field, patterns: &[&Pattern]) {
        let each: Vec<String> = patterns
            .iter()
            .map(|pattern| {
                if field.case_counts() && !pattern.open_start && !pattern.open_end {
                    let place = self.give(pattern.text.clone().into());
                    return format!("{column} = {place}");
                }
                let (any, verb) = if field.case_counts() { ("*", "GLOB") } else { ("%", "LIKE") };
                let mut text = String::new();
                text.push_str(if pattern.open_start { any } else { "" });
                for c in pattern.text.chars() {
                    match c {
                        '*' | '?' | '[' if field.case_counts() => text.extend(['[', c, ']']),
                        '%' | '_' | '\\' if !field.case_counts() => text.extend(['\\', c]),
                        c => text.push(c),
                    }
                }
                text.push_str(if pattern.open_end { any } else { "" });
                let place = self.give(text.into());
                let escape = if field.case_counts() { "" } else { " ESCAPE '\\'" };
                format!("{column} {verb} {place}{escape}")
            })
            .collect();
        self.all_of(&each.join(" OR "));
    }
}

/// The numbers of the sources or shards that are so called.
fn words(connection: &Connection, patterns: &[&Pattern]) -> rusqlite::Result<Vec<i64>> {
    let mut statement = connection.prepare_cached("SELECT id, text FROM word")?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let text: String = row.get(1)?;
        if patterns.iter().any(|pattern| pattern.fits(&text, false)) {
            found.push(row.get(0)?);
        }
    }
    Ok(found)
}

fn state_sql(state: State) -> &'static str {
    match state {
        State::Queued => {
            "(settled.id IS NULL AND NOT EXISTS (SELECT 1 FROM attempt WHERE attempt.event = event.id))"
        }
        State::Retrying => {
            "(settled.id IS NULL AND EXISTS (SELECT 1 FROM attempt WHERE attempt.event = event.id))"
        }
        State::Delivered => "settled.state = 2",
        State::Failed => "settled.state = 3",
        State::Rejected => "settled.state = 4",
        State::Resent => "settled.state = 5",
    }
}

/// What no column tells.
struct Words<'c> {
    query: &'c Query,
    connection: &'c Connection,
    payloads: Payloads<'c>,
}

impl Words<'_> {
    fn fit(&mut self, row: &Row<'_>) -> rusqlite::Result<bool> {
        for word in &self.query.words {
            if !self.has(row, word.as_bytes())? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn has(&mut self, row: &Row<'_>, word: &[u8]) -> rusqlite::Result<bool> {
        // source, partition key, message id, name, shard, sequence number, error
        for column in [3, 4, 6, 7, 13, 14, 15, 16] {
            let text = row.get_ref(column)?;
            if text.as_str_or_null().is_ok_and(|text| text.is_some_and(|text| holds(text.as_bytes(), word))) {
                return Ok(true);
            }
        }
        let last = self.last_attempt(row)?.map(|attempt| attempt.fault);
        if last.is_some_and(|fault| {
            [&fault.code, &fault.message].iter().any(|text| holds(text.as_bytes(), word))
        }) {
            return Ok(true);
        }
        match self.payloads.read(row.get(17)?, row.get(18)?, row.get(23)?) {
            Ok(payload) => Ok(holds(payload, word)),
            Err(rusqlite::Error::QueryReturnedNoRows) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The fault of a line that waits is that of its last put.
    fn last_attempt(&self, row: &Row<'_>) -> rusqlite::Result<Option<Attempt>> {
        if row.get::<_, Option<i64>>(9)?.is_some() {
            Ok(None)
        } else {
            last_attempt(self.connection, row.get(0)?)
        }
    }
}

/// The lines with most of something, so far.
struct Best {
    by: Measure,
    limit: usize,
    found: Vec<Delivery>,
    /// What a line must have more of to be among them.
    at_least: i64,
}

impl Best {
    fn wants(&self, row: &Row<'_>) -> bool {
        let number = |column| row.get::<_, Option<i64>>(column).ok().flatten().unwrap_or(0);
        let measure = match self.by {
            Measure::Size => number(8),
            Measure::Latency => number(10) - number(1),
        };
        measure > self.at_least
    }

    fn take(&mut self, line: Delivery) {
        self.found.push(line);
        if self.found.len() >= 2 * self.limit.max(1) {
            let found = std::mem::take(&mut self.found);
            self.by.merge(&mut self.found, found, self.limit);
            self.at_least = self.found.last().and_then(|last| self.by.of(last)).unwrap_or(i64::MIN);
        }
    }
}

/// Whether `text` holds `needle` (lower case), ASCII case aside.
fn holds(text: &[u8], needle: &[u8]) -> bool {
    let Some(first) = needle.first() else { return true };
    let upper = first.to_ascii_uppercase();
    let mut from = 0;
    while let Some(at) = text[from..].iter().position(|byte| byte == first || *byte == upper) {
        let start = from + at;
        let Some(candidate) = text.get(start..start + needle.len()) else { return false };
        if candidate.eq_ignore_ascii_case(needle) {
            return true;
        }
        from = start + 1;
    }
    false
}
