//! The flags that choose lines of the delivery log, one for each part of a query. A query in the syntax of the window's search
//! field can be combined with them.

use anyhow::Context;
use clap::Args;

use super::output::note;
use crate::{
    clock::now_ms,
    delivery::{Field, Millis, Query, State, query},
    event::Kind,
};

/// A line must match every flag; if a flag has several values, it must match one of them.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct Filter {
    /// Only these states: queued, retrying, delivered, failed, resent, rejected (repeatable)
    #[arg(long = "state", value_name = "STATE", value_delimiter = ',', value_parser = state)]
    states: Vec<State>,
    /// Only these types: identify, track, page, screen, group, alias (repeatable)
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',', value_parser = kind)]
    kinds: Vec<Kind>,
    /// Only events of this user: the userId, or the anonymousId of one without (repeatable)
    #[arg(long = "user", value_name = "ID")]
    users: Vec<String>,
    /// Only events of this name (repeatable)
    #[arg(long = "event", value_name = "NAME")]
    events: Vec<String>,
    /// Only the event with this messageId (repeatable)
    #[arg(long = "message-id", value_name = "ID")]
    message_ids: Vec<String>,
    /// Only events of this source (repeatable)
    #[arg(long = "source", value_name = "NAME")]
    sources: Vec<String>,
    /// Only records in this shard: its number or id (repeatable)
    #[arg(long = "shard", value_name = "SHARD")]
    shards: Vec<String>,
    /// Only events whose error has this in its code or message (repeatable)
    #[arg(long = "error", value_name = "TEXT")]
    errors: Vec<String>,
    /// Only events with this text in ids, name, source, shard, error or payload
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// Only events since a time: 2026-03-02T10:00:00Z, 2026-03-02, or 15m, 2h, 1d ago
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Millis>,
    /// Only events before a time
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Millis>,
}

impl Filter {
    /// Combines the flags and the written queries into one query.
    pub(super) fn query(&self, written: &[Query]) -> Result<Query, query::QueryError> {
        let mut query = Query::default();
        for part in written {
            query.states.extend_from_slice(&part.states);
            query.kinds.extend_from_slice(&part.kinds);
            query.fields.extend_from_slice(&part.fields);
            query.words.extend_from_slice(&part.words);
            query.since = part.since.or(query.since);
            query.until = part.until.or(query.until);
        }
        query.states.extend_from_slice(&self.states);
        query.kinds.extend_from_slice(&self.kinds);
        let fields = [
            (Field::User, &self.users),
            (Field::Event, &self.events),
            (Field::MessageId, &self.message_ids),
            (Field::Source, &self.sources),
            (Field::Shard, &self.shards),
            (Field::Error, &self.errors),
        ];
        for (field, values) in fields {
            query.fields.extend(values.iter().map(|value| (field, query::pattern(field, value))));
        }
        query.words.extend(self.text.as_ref().map(|text| text.trim().to_ascii_lowercase()));
        query.since = self.since.or(query.since);
        query.until = self.until.or(query.until);
        query.check_range()?;
        Ok(query)
    }
}

pub(super) fn parse(text: &str) -> anyhow::Result<Query> {
    if let Some(unknown) = query::unknown_field(text) {
        let meant =
            unknown.meant.map(|name| format!(" Did you mean {}:?", name.as_str())).unwrap_or_default();
        let word = &text[unknown.span];
        note(&format!("{word} is not a field, so it is searched for as text.{meant}"));
    }
    Ok(Query::parse(text, now_ms())?)
}

fn state(word: &str) -> anyhow::Result<State> {
    State::parse(word).context("allowed: queued, retrying, delivered, failed, resent, rejected")
}

fn kind(word: &str) -> anyhow::Result<Kind> {
    Kind::parse(word).context("allowed: identify, track, page, screen, group, alias")
}

/// Reads a moment: RFC 3339, a date, or a duration ago (`90s`, `15m`, `2h`, `1d`).
pub(super) fn moment(text: &str) -> anyhow::Result<Millis> {
    query::moment(text, now_ms()).with_context(|| {
        format!(
            "\"{text}\" is not a time; write 2026-03-02T10:00:00Z, 2026-03-02, or an age such as 15m, 2h, 1d"
        )
    })
}
