//! A line of the delivery log: a row of `event` and, once it is settled, a row of `settled`. No other file knows the
//! columns of a line by number.

use std::sync::{Arc, LazyLock};

use rusqlite::{CachedStatement, Connection, Row, params, types::FromSql};

use super::{
    arrivals::Rejected,
    columns::{DELIVERED, FAILED, REJECTED, StoredText, encoding_column, encoding_of, kind_of, state_of},
    location::{Container, PayloadLocation},
    queue::Settlement,
};
use crate::{
    delivery::{Attempt, AwsError, Delivery, EventId, Measure, Millis, PlaceInRecord, Receipt, State},
    event::Encoding,
};

/// The columns of a query for lines, in the order of [`COLUMNS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Id,
    ReceivedAt,
    Kind,
    Source,
    Key,
    KeyShortened,
    MessageId,
    Name,
    SentBytes,
    State,
    SettledAt,
    Attempts,
    TookMs,
    Shard,
    Sequence,
    Code,
    Message,
    /// The columns [`Self::Start`] and [`Self::Length`] follow it.
    Container,
    Start,
    Length,
    Encoding,
    RepeatOf,
    ResendOf,
    ResentAs,
    PlaceAt,
    PlaceOf,
}

const COLUMNS: [(Column, &str); 26] = [
    (Column::Id, "event.id"),
    (Column::ReceivedAt, "event.received_at"),
    (Column::Kind, "event.kind"),
    (Column::Source, "source.text"),
    (Column::Key, "event.partition_key"),
    (Column::KeyShortened, "event.key_shortened"),
    (Column::MessageId, "event.message_id"),
    (Column::Name, "event.name"),
    (Column::SentBytes, "coalesce(settled.sent, event.length)"),
    (Column::State, "settled.state"),
    (Column::SettledAt, "settled.at"),
    (Column::Attempts, "settled.attempts"),
    (Column::TookMs, "settled.took"),
    (Column::Shard, "shard.text"),
    (Column::Sequence, "settled.sequence"),
    (Column::Code, "settled.code"),
    (Column::Message, "settled.message"),
    (Column::Container, "event.chunk"),
    (Column::Start, "event.start"),
    (Column::Length, "event.length"),
    (Column::Encoding, "settled.encoding"),
    (Column::RepeatOf, "event.repeat_of"),
    (Column::ResendOf, "event.resend_of"),
    (Column::ResentAs, "settled.resent_as"),
    (Column::PlaceAt, "settled.place"),
    (Column::PlaceOf, "settled.places"),
];

/// `SELECT` and the columns of [`LineRow`]. `FROM` has to join `event` and `settled`, and then [`JOINS`].
pub(super) static SELECT: LazyLock<String> =
    LazyLock::new(|| format!("SELECT {}", COLUMNS.map(|(_, sql)| sql).join(", ")));

/// The names of source and shard, for [`SELECT`].
pub(super) const JOINS: &str = "LEFT JOIN word AS source ON source.id = event.source
    LEFT JOIN word AS shard ON shard.id = settled.shard";

/// A query for the lines that meet a condition.
pub(super) fn select_where(condition: &str) -> String {
    let select = &*SELECT;
    format!("{select} FROM event LEFT JOIN settled ON settled.id = event.id {JOINS} WHERE {condition}")
}

/// One row of a query that begins with [`SELECT`].
pub(super) struct LineRow<'r>(pub(super) &'r Row<'r>);

impl LineRow<'_> {
    fn get<T: FromSql>(&self, column: Column) -> rusqlite::Result<T> {
        self.0.get(column as usize)
    }

    fn text(&self, column: Column) -> rusqlite::Result<Option<Arc<str>>> {
        Ok(self.get::<Option<StoredText>>(column)?.map(|text| text.0.into()))
    }

    pub(super) fn id(&self) -> rusqlite::Result<EventId> {
        self.get(Column::Id)
    }

    pub(super) fn is_settled(&self) -> rusqlite::Result<bool> {
        Ok(self.get::<Option<i64>>(Column::State)?.is_some())
    }

    /// The state of a settled line.
    pub(super) fn settled_state(&self) -> rusqlite::Result<Option<State>> {
        Ok(self.get::<Option<i64>>(Column::State)?.map(state_of))
    }

    pub(super) fn received_at(&self) -> rusqlite::Result<Millis> {
        self.get(Column::ReceivedAt)
    }

    pub(super) fn location(&self) -> rusqlite::Result<PayloadLocation> {
        PayloadLocation::of_row(self.0, Column::Container as usize)
    }

    /// How the event was encoded when it was settled; `None` if it is queued or was rejected.
    pub(super) fn encoding(&self) -> rusqlite::Result<Option<Encoding>> {
        Ok(self.get::<Option<i64>>(Column::Encoding)?.and_then(encoding_of))
    }

    /// [`Measure::of`] without reading the whole line; both must agree.
    pub(super) fn measure(&self, by: Measure) -> i64 {
        let number = |column| self.get::<Option<i64>>(column).ok().flatten().unwrap_or(0);
        match by {
            Measure::Size => number(Column::SentBytes),
            Measure::Latency => number(Column::SettledAt) - number(Column::ReceivedAt),
        }
    }

    /// Whether one of the texts that a search looks through meets a condition.
    pub(super) fn any_text(&self, is_met: impl Fn(&[u8]) -> bool) -> rusqlite::Result<bool> {
        const TEXTS: [Column; 8] = [
            Column::Source,
            Column::Key,
            Column::MessageId,
            Column::Name,
            Column::Shard,
            Column::Sequence,
            Column::Code,
            Column::Message,
        ];
        for column in TEXTS {
            let text = self.0.get_ref(column as usize)?.as_bytes_or_null()?;
            if text.is_some_and(&is_met) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The whole line. `last` is the event's last attempt, if it is not settled.
    pub(super) fn delivery(&self, last: Option<Attempt>) -> rusqlite::Result<Delivery> {
        let settled: Option<i64> = self.get(Column::State)?;
        let state = match settled {
            Some(column) => state_of(column),
            None if last.is_some() => State::Retrying,
            None => State::Queued,
        };
        let fault = match (settled, self.text(Column::Code)?) {
            (Some(_), Some(code)) => {
                Some(AwsError { code, message: self.text(Column::Message)?.unwrap_or_default() })
            }
            (Some(_), None) => None,
            (None, _) => last.as_ref().map(|attempt| attempt.fault.clone()),
        };
        let attempts: Option<u32> = self.get(Column::Attempts)?;
        Ok(Delivery {
            id: self.id()?,
            state,
            kind: kind_of(self.get(Column::Kind)?),
            name: self.text(Column::Name)?,
            message_id: self.text(Column::MessageId)?.unwrap_or_default(),
            source: self.text(Column::Source)?.unwrap_or_default(),
            partition_key: self.text(Column::Key)?.unwrap_or_default(),
            key_shortened: self.get(Column::KeyShortened)?,
            received_at: self.get(Column::ReceivedAt)?,
            settled_at: self.get(Column::SettledAt)?,
            attempts: attempts.unwrap_or_else(|| last.map_or(0, |attempt| attempt.number)),
            took_ms: if settled == Some(DELIVERED) { self.get(Column::TookMs)? } else { 0 },
            receipt: self.receipt()?,
            fault,
            bytes: self.get(Column::SentBytes)?,
            repeat_of: self.get(Column::RepeatOf)?,
            resend_of: self.get(Column::ResendOf)?,
            resent_as: self.get(Column::ResentAs)?,
            preview: None,
        })
    }

    fn receipt(&self) -> rusqlite::Result<Option<Receipt>> {
        let (Some(shard_id), Some(sequence_number)) =
            (self.text(Column::Shard)?, self.text(Column::Sequence)?)
        else {
            return Ok(None);
        };
        let number = |column| -> rusqlite::Result<Option<u32>> {
            Ok(self.get::<Option<i64>>(column)?.and_then(|number| u32::try_from(number).ok()))
        };
        let place = number(Column::PlaceAt)?.zip(number(Column::PlaceOf)?);
        let place = place.filter(|(at, of)| (1..=*of).contains(at)).map(|(at, of)| PlaceInRecord { at, of });
        Ok(Some(Receipt { shard_id, sequence_number, place }))
    }
}

/// A new row of `event`.
#[derive(Clone, Copy, Default)]
pub(super) struct NewLine<'a> {
    pub(super) id: EventId,
    pub(super) received_at: Millis,
    /// The number of its source's name in `word`.
    pub(super) source: i64,
    pub(super) kind: Option<i64>,
    /// The partition key. Of a rejected event: that of its user, or "".
    pub(super) key: &'a str,
    pub(super) key_shortened: bool,
    pub(super) message_id: &'a str,
    pub(super) name: Option<&'a str>,
    pub(super) repeat_of: Option<EventId>,
    pub(super) resend_of: Option<EventId>,
}

/// Inserts rows into `event`. Values that a row shares with the one before it stay bound: to bind a value costs nearly
/// as much as to insert it.
pub(super) struct InsertLine<'c> {
    statement: CachedStatement<'c>,
    bound: Option<SharedByLines>,
}

/// The values that neighbouring lines mostly share.
#[derive(Clone, Copy, PartialEq)]
struct SharedByLines {
    received_at: Millis,
    kind: Option<i64>,
    source: i64,
    key_shortened: bool,
    repeat_of: Option<EventId>,
    container: Container,
    resend_of: Option<EventId>,
}

impl<'c> InsertLine<'c> {
    pub(super) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        let statement = connection.prepare_cached(
            "INSERT INTO event (id, partition_key, message_id, name, start, length, sum,
                received_at, kind, source, key_shortened, repeat_of, chunk, resend_of)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        )?;
        Ok(Self { statement, bound: None })
    }

    pub(super) fn insert(
        &mut self,
        line: &NewLine<'_>,
        location: PayloadLocation,
        checksum: i64,
    ) -> rusqlite::Result<()> {
        let shared = SharedByLines {
            received_at: line.received_at,
            kind: line.kind,
            source: line.source,
            key_shortened: line.key_shortened,
            repeat_of: line.repeat_of,
            container: location.container,
            resend_of: line.resend_of,
        };
        if self.bound != Some(shared) {
            self.bound = None;
            self.statement.raw_bind_parameter(8, shared.received_at)?;
            self.statement.raw_bind_parameter(9, shared.kind)?;
            self.statement.raw_bind_parameter(10, shared.source)?;
            self.statement.raw_bind_parameter(11, shared.key_shortened)?;
            self.statement.raw_bind_parameter(12, shared.repeat_of)?;
            self.statement.raw_bind_parameter(13, shared.container)?;
            self.statement.raw_bind_parameter(14, shared.resend_of)?;
            self.bound = Some(shared);
        }
        self.statement.raw_bind_parameter(1, line.id)?;
        self.statement.raw_bind_parameter(2, line.key)?;
        self.statement.raw_bind_parameter(3, line.message_id)?;
        self.statement.raw_bind_parameter(4, line.name)?;
        self.statement.raw_bind_parameter(5, location.start)?;
        self.statement.raw_bind_parameter(6, location.length)?;
        self.statement.raw_bind_parameter(7, checksum)?;
        self.statement.raw_execute()?;
        Ok(())
    }
}

/// Inserts rows for delivered and failed events into `settled`. The events of one put share nearly all values, which
/// stay bound.
pub(super) struct InsertSettled<'c> {
    statement: CachedStatement<'c>,
    /// The values of a delivered event that are bound. Code and message are NULL then.
    bound: Option<SharedBySettlements>,
}

#[derive(Clone, Copy, PartialEq)]
struct SharedBySettlements {
    at: Millis,
    attempts: u32,
    took_ms: u32,
    encoding: i64,
    shard: Option<i64>,
}

impl<'c> InsertSettled<'c> {
    pub(super) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        let statement = connection.prepare_cached(
            "INSERT OR IGNORE INTO settled (id, sequence, place, places,
                state, at, attempts, took, encoding, shard, code, message)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?;
        Ok(Self { statement, bound: None })
    }

    /// `shard` is the number of the shard's id in `word`. `false`: the event is settled already.
    pub(super) fn insert(&mut self, settlement: &Settlement, shard: Option<i64>) -> rusqlite::Result<bool> {
        let Settlement { id, at, attempts, took_ms, encoding, result, .. } = settlement;
        let encoding = encoding_column(*encoding);
        let shared = SharedBySettlements { at: *at, attempts: *attempts, took_ms: *took_ms, encoding, shard };
        let (receipt, fault) = (result.as_ref().ok(), result.as_ref().err());
        if fault.is_some() || self.bound != Some(shared) {
            self.bound = None;
            let state = if fault.is_some() { FAILED } else { DELIVERED };
            self.statement.raw_bind_parameter(5, state)?;
            self.statement.raw_bind_parameter(6, shared.at)?;
            self.statement.raw_bind_parameter(7, shared.attempts)?;
            self.statement.raw_bind_parameter(8, shared.took_ms)?;
            self.statement.raw_bind_parameter(9, shared.encoding)?;
            self.statement.raw_bind_parameter(10, shared.shard)?;
            self.statement.raw_bind_parameter(11, fault.map(|fault| &*fault.code))?;
            self.statement.raw_bind_parameter(12, fault.map(|fault| &*fault.message))?;
            self.bound = fault.is_none().then_some(shared);
        }
        let place = receipt.and_then(|receipt| receipt.place);
        self.statement.raw_bind_parameter(1, id)?;
        self.statement.raw_bind_parameter(2, receipt.map(|receipt| &*receipt.sequence_number))?;
        self.statement.raw_bind_parameter(3, place.map(|place| place.at))?;
        self.statement.raw_bind_parameter(4, place.map(|place| place.of))?;
        Ok(self.statement.raw_execute()? > 0)
    }
}

/// Settles a rejected line. `unkept`: number of earlier rejected events of its source that have no line.
pub(super) fn insert_rejection(
    connection: &Connection,
    line: &NewLine<'_>,
    rejected: &Rejected,
    unkept: u64,
) -> rusqlite::Result<()> {
    let fault = &rejected.fault;
    let noted = (unkept > 0).then(|| {
        format!("{} ({unkept} more refused events of this source were counted and not kept)", fault.message)
    });
    let message = noted.as_deref().unwrap_or(&fault.message);
    let sent = (rejected.bytes as usize > rejected.excerpt.len()).then_some(rejected.bytes);
    connection
        .prepare_cached(
            "INSERT INTO settled (id, state, at, attempts, took, encoding, code, message, sent)
             VALUES (?1, ?2, ?3, 0, 0, 0, ?4, ?5, ?6)",
        )?
        .execute(params![line.id, REJECTED, line.received_at, &*fault.code, message, sent])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_column_is_selected_at_its_own_number() {
        for (index, (column, sql)) in COLUMNS.into_iter().enumerate() {
            assert_eq!(column as usize, index, "{column:?}: {sql}");
        }
    }
}
