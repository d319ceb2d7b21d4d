//! Connections to the database, and their settings.
//!
//! Three properties hold for all of them. No connection copies the write-ahead log when it closes: after a failed sync
//! that would spread pages that the disk never had; `checkpoint` does the copying. None opens an empty database beside
//! files that hold its events ([`remains`]). And within the writer's process none opens another file than the one that
//! the writer has open ([`ExpectedFile`]).

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, config::DbConfig};

use super::{
    data_folder,
    error::{Error, OpenError},
    remains,
    schema::{VERSION, migrate, version},
    wal,
};
use crate::files::Identity;

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Which file the writer of this process has open; shared by everything in the process that opens the database.
///
/// SQLite finds the write-ahead log and its index by the database's name. If another file had that name, a new
/// connection would use the log and the index of the open one. No lock protects the index then, because locks of one
/// process do not conflict (`fcntl(2)`): SQLite shortens it, and the next access to the memory map of another
/// connection ends the process with SIGBUS.
#[derive(Clone, Debug, Default)]
pub(super) struct ExpectedFile(Arc<Mutex<Option<Identity>>>);

impl ExpectedFile {
    /// From now on this file is expected.
    pub(super) fn set(&self, identity: Identity) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(identity);
    }

    /// Fails if `path` does not name the expected file.
    fn check(&self, path: &Path) -> Result<(), Error> {
        let expected = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if expected.is_some() && Identity::of(path).ok() == expected { Ok(()) } else { Err(Error::Moved) }
    }
}

/// Opens the file at `path`, which must be the `expected` one, if given.
///
/// SQLite opens the database here, and its log and index only with the first statement. So the checks before and after
/// the open come before it can change a wrong file.
fn connect(path: &Path, flags: OpenFlags, expected: Option<&ExpectedFile>) -> Result<Connection, Error> {
    let check = || expected.map_or(Ok(()), |expected| expected.check(path));
    check()?;
    remains::refuse(path)?;
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    check()?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(connection)
}

/// The writer's connection, for the first one of this process.
pub(super) fn connect_writer(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    Ok(configure_writer(connect(path, flags, None)?)?)
}

/// The writer's connection, reopened while other connections of this process are open.
pub(super) fn reconnect_writer(path: &Path, expected: &ExpectedFile) -> Result<Connection, Error> {
    Ok(configure_writer(connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, Some(expected))?)?)
}

/// WAL with full sync: a commit is on the disk when it returns
/// (<https://www.sqlite.org/pragma.html#pragma_synchronous>). There is no automatic checkpoint: `checkpoint` copies the
/// log.
fn configure_writer(connection: Connection) -> rusqlite::Result<Connection> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.execute_batch(
        "PRAGMA page_size = 8192;
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA fullfsync = ON;
         PRAGMA checkpoint_fullfsync = ON;
         PRAGMA wal_autocheckpoint = 0;
         PRAGMA journal_size_limit = 67108864;
         PRAGMA cache_size = -16384;
         PRAGMA temp_store = MEMORY;",
    )?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// A connection that only copies the write-ahead log into the database.
pub(super) fn connect_checkpointer(path: &Path, expected: &ExpectedFile) -> Result<Connection, Error> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, Some(expected))?;
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA checkpoint_fullfsync = ON;")?;
    Ok(connection)
}

/// A connection that cannot write and never blocks the writer. `expected` is given in the writer's process.
pub(super) fn connect_reader(path: &Path, expected: Option<&ExpectedFile>) -> Result<Connection, OpenError> {
    if let (None, Some(dir)) = (expected, path.parent().filter(|dir| dir.is_dir())) {
        data_folder::refuse_planted(dir)?;
    }
    let connection = open_reader(path, expected).map_err(|error| OpenError::database(path, error))?;
    let found = version(&connection).map_err(|error| OpenError::database(path, error))?;
    if found > VERSION {
        return Err(OpenError::Newer { path: path.to_owned(), found });
    }
    if found < VERSION {
        bring_up_to_date(path)?;
    }
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// A connection that only reads a database of the present schema or an older one, as it is; and the version of its schema.
pub(super) fn connect_unchanged(path: &Path) -> Result<(Connection, i64), OpenError> {
    if let Some(dir) = path.parent() {
        data_folder::refuse_planted(dir)?;
    }
    let connection = open_reader(path, None).map_err(|error| OpenError::database(path, error))?;
    match version(&connection).map_err(|error| OpenError::database(path, error))? {
        found if found > VERSION => Err(OpenError::Newer { path: path.to_owned(), found }),
        found => Ok((connection, found)),
    }
}

fn open_reader(path: &Path, expected: Option<&ExpectedFile>) -> Result<Connection, Error> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY, expected)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -8192;")?;
    Ok(connection)
}

/// Migrates the log that an older program wrote. Takes the folder's lock, so it fails while an engine runs.
fn bring_up_to_date(path: &Path) -> Result<(), OpenError> {
    let _lock = data_folder::lock(path.parent().unwrap_or(path))?;
    let migrated =
        connect_writer(path).and_then(|connection| Ok(migrate(&connection, version(&connection)?)?));
    migrated.map_err(|error| OpenError::database(path, error))
}

/// Bytes of the write-ahead log up to the end of the last commit that was synced. SQLite keeps this in the log's index,
/// and enters a commit there only after its sync.
pub(super) fn log_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    // <https://www.sqlite.org/pragma.html#pragma_wal_checkpoint>: NOOP copies nothing and tells the numbers.
    let frames: i64 = connection.query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| row.get(1))?;
    Ok(wal::bytes_of(u64::try_from(frames).unwrap_or(0), page.unsigned_abs()))
}
