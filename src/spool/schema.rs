//! The schema of the database and its versions.

use rusqlite::Connection;

/// Rises when the schema changes; a spool of a newer version is refused rather than misread.
pub(super) const VERSION: i64 = 7;

/// What makes each version out of the one before it. A database on a user's disk, and a new one too, goes through them
/// in this order: append to the list, never change what is there.
const SCHEMA: [&str; 7] = [VERSION_1, VERSION_2, VERSION_3, VERSION_4, VERSION_5, VERSION_6, VERSION_7];

/// The version of a database; 0 for a new one.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Writes an empty database of an older version.
#[cfg(test)]
pub(super) fn write_version(connection: &Connection, version: usize) -> rusqlite::Result<()> {
    SCHEMA[..version].iter().try_for_each(|change| connection.execute_batch(change))?;
    connection.pragma_update(None, "user_version", i64::try_from(version).unwrap_or(VERSION))
}

/// Brings a database from the version `found` to [`VERSION`], whole or not at all. Adding a column rewrites no row, so
/// this takes the same moment for ten events and for ten million.
pub(super) fn migrate(connection: &Connection, found: i64) -> rusqlite::Result<()> {
    if found == VERSION {
        return Ok(());
    }
    let transaction = connection.unchecked_transaction()?;
    for (made, change) in (1..).zip(SCHEMA) {
        if made > found {
            transaction.execute_batch(change)?;
        }
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

/// `event` and `settled` are narrow and keyed by the event's place, so rows are only added at the end (of `settled`:
/// near it). `chunk` holds payloads, written once. The one secondary index covers rare states only.
const VERSION_1: &str = "
CREATE TABLE IF NOT EXISTS event (
    id INTEGER PRIMARY KEY,
    received_at INTEGER NOT NULL,
    kind INTEGER,
    source INTEGER NOT NULL,
    partition_key TEXT NOT NULL,
    key_shortened INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    repeat_of INTEGER,
    name TEXT,
    chunk INTEGER NOT NULL,
    start INTEGER NOT NULL,
    length INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS chunk (
    id INTEGER PRIMARY KEY,
    last INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS settled (
    id INTEGER PRIMARY KEY,
    state INTEGER NOT NULL,
    at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    took INTEGER NOT NULL,
    encoding INTEGER NOT NULL,
    shard INTEGER,
    sequence TEXT,
    code TEXT,
    message TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS settled_rare ON settled (id) WHERE state <> 2;
CREATE TABLE IF NOT EXISTS attempt (
    event INTEGER NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    took INTEGER NOT NULL,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (event, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS word (
    id INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE IF NOT EXISTS ledger (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    newest INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    rejected INTEGER NOT NULL,
    repeats INTEGER NOT NULL,
    queued_bytes INTEGER NOT NULL,
    kept INTEGER NOT NULL,
    settled_through INTEGER NOT NULL,
    pruned_through INTEGER NOT NULL
) STRICT;
INSERT OR IGNORE INTO ledger VALUES (1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
";

/// `sum` is the checksum of a payload and its partition key (`payload::checksum`); events of version 1 have none.
/// `resend_of` leads from a line to the one that it repeats, `resent_as` back.
const VERSION_2: &str = "
ALTER TABLE event ADD COLUMN sum INTEGER;
ALTER TABLE event ADD COLUMN resend_of INTEGER;
ALTER TABLE settled ADD COLUMN resent_as INTEGER;
ALTER TABLE ledger ADD COLUMN replayed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ledger ADD COLUMN resent INTEGER NOT NULL DEFAULT 0;
";

/// The files of payloads that are not in `chunk` (see `segments`); `first` is the next line when the segment was begun.
const VERSION_3: &str = "
CREATE TABLE IF NOT EXISTS segment (
    id INTEGER PRIMARY KEY,
    first INTEGER NOT NULL
) STRICT;
";

/// Bytes of what was sent, for a rejected line that keeps less.
const VERSION_4: &str = "
ALTER TABLE settled ADD COLUMN sent INTEGER;
";

/// Which event of its record a delivered event is, from 1, and how many events the record holds; for records of
/// several.
const VERSION_5: &str = "
ALTER TABLE settled ADD COLUMN place INTEGER;
ALTER TABLE settled ADD COLUMN places INTEGER;
";

/// `held`: bytes of the queued and failed events of each source. The writer fills it when its sum differs from the
/// ledger's `queued_bytes`. `unkept`: rejected events that never had a line.
const VERSION_6: &str = "
CREATE TABLE IF NOT EXISTS held (
    source INTEGER PRIMARY KEY,
    bytes INTEGER NOT NULL
) STRICT;
ALTER TABLE ledger ADD COLUMN unkept INTEGER NOT NULL DEFAULT 0;
";

/// `identity`: who this spool is, and who adopts its events (see [`super::adoption`]). `adopted`: whose events it has
/// adopted, and how far.
const VERSION_7: &str = "
CREATE TABLE IF NOT EXISTS identity (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL,
    adopter TEXT,
    adopter_path TEXT,
    adoption_began INTEGER,
    adoption_ended INTEGER
) STRICT;
INSERT OR IGNORE INTO identity (one, id) VALUES (1, lower(hex(randomblob(16))));
CREATE TABLE IF NOT EXISTS adopted (
    id TEXT PRIMARY KEY,
    path TEXT NOT NULL,
    at INTEGER NOT NULL,
    through INTEGER NOT NULL,
    batch_after INTEGER NOT NULL,
    batch_first INTEGER NOT NULL,
    queued INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";
