//! The SQL of a query.

use rusqlite::{Connection, types::Value};

use super::range::LineRange;
use crate::{
    delivery::{Field, Measure, Pattern, Query, State},
    spool::{
        columns::{StoredText, kind_column},
        line::{JOINS, SELECT},
    },
};

/// SQL and the values of its parameters.
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) values: Vec<Value>,
}

impl Statement {
    pub(super) fn new(connection: &Connection, query: &Query, range: &LineRange) -> rusqlite::Result<Self> {
        let (from, key) = if range.is_rare {
            ("settled INDEXED BY settled_rare CROSS JOIN event ON event.id = settled.id", "settled.id")
        } else {
            ("event LEFT JOIN settled ON settled.id = event.id", "event.id")
        };
        let select = &*SELECT;
        let mut statement = Self {
            sql: format!("{select} FROM {from} {JOINS} WHERE {key} > ?1 AND {key} < ?2"),
            values: vec![range.low.into(), range.high.into()],
        };
        if range.is_rare {
            statement.sql.push_str(" AND settled.state <> 2");
        }
        if !query.ids.is_empty() {
            statement.require_one_of(key, query.ids.iter().copied());
        }
        for (moment, sign) in [(query.since, ">="), (query.until, "<")] {
            if let Some(moment) = moment {
                let parameter = statement.bind(moment.into());
                statement.require(&format!("event.received_at {sign} {parameter}"));
            }
        }
        if !query.kinds.is_empty() {
            let kinds: Vec<i64> = query.kinds.iter().map(|kind| kind_column(*kind)).collect();
            statement.require_one_of("event.kind", kinds);
        }
        for field in [Field::User, Field::MessageId, Field::Event, Field::Source, Field::Shard, Field::Error]
        {
            let patterns: Vec<&Pattern> = query.patterns(field).collect();
            if !patterns.is_empty() {
                statement.require_field(connection, field, &patterns)?;
            }
        }
        if !query.states.is_empty() {
            let any: Vec<&str> = query.states.iter().map(|state| state_sql(*state)).collect();
            statement.require(&any.join(" OR "));
        }
        if query.by == Some(Measure::Latency) {
            statement.require("settled.state = 2");
        }
        let order = if query.oldest_first && query.by.is_none() { "ASC" } else { "DESC" };
        statement.sql.extend([" ORDER BY ", key, " ", order]);
        Ok(statement)
    }

    /// Adds a value; returns its parameter.
    fn bind(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("?{}", self.values.len())
    }

    fn require(&mut self, condition: &str) {
        self.sql.extend([" AND (", condition, ")"]);
    }

    fn require_one_of(&mut self, column: &str, values: impl IntoIterator<Item = i64>) {
        let list: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
        self.require(&format!("{column} IN ({})", list.join(",")));
    }

    fn require_field(
        &mut self,
        connection: &Connection,
        field: Field,
        patterns: &[&Pattern],
    ) -> rusqlite::Result<()> {
        match field {
            Field::Source => self.require_one_of("event.source", words_like(connection, patterns)?),
            Field::Shard => self.require_one_of("settled.shard", words_like(connection, patterns)?),
            Field::User => self.require_text("event.partition_key", field, patterns),
            Field::MessageId => self.require_text("event.message_id", field, patterns),
            Field::Event => self.require_text("event.name", field, patterns),
            Field::Error => self.require_text(
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

    /// `GLOB` compares case, `LIKE` ignores it (for ASCII).
    fn require_text(&mut self, column: &str, field: Field, patterns: &[&Pattern]) {
        let each: Vec<String> = patterns
            .iter()
            .map(|pattern| {
                if field.case_counts() && !pattern.open_start && !pattern.open_end {
                    let parameter = self.bind(pattern.text.clone().into());
                    return format!("{column} = {parameter}");
                }
                let (any, verb) = if field.case_counts() { ("*", "GLOB") } else { ("%", "LIKE") };
                let literal = if field.case_counts() { glob(&pattern.text) } else { like(&pattern.text) };
                let (before, after) = (pattern.open_start, pattern.open_end);
                let [before, after] = [before, after].map(|is_open| if is_open { any } else { "" });
                let text = format!("{before}{literal}{after}");
                let parameter = self.bind(text.into());
                let escape = if field.case_counts() { "" } else { " ESCAPE '\\'" };
                format!("{column} {verb} {parameter}{escape}")
            })
            .collect();
        self.require(&each.join(" OR "));
    }
}

/// A pattern of `GLOB` that fits this text alone.
fn glob(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '*' | '?' | '[' => pattern.extend(['[', c, ']']),
            c => pattern.push(c),
        }
    }
    pattern
}

/// A pattern of `LIKE … ESCAPE '\'` that fits this text alone.
pub(super) fn like(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

/// The numbers of the sources or shards whose names match.
fn words_like(connection: &Connection, patterns: &[&Pattern]) -> rusqlite::Result<Vec<i64>> {
    let mut statement = connection.prepare_cached("SELECT id, text FROM word")?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let StoredText(text) = row.get(1)?;
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
