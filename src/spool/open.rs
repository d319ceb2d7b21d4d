//! Opening the spool: the lock on the data folder, the schema and its version, the connections' settings.

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rusqlite::{Connection, OpenFlags, config::DbConfig, ffi};

use super::{
    FILE_NAME, Limits, doctor,
    renew::{Ends, Files},
    segments, wal,
    write::Writer,
};
use crate::files::{self, Identity};

/// Rises when the schema changes; a spool of a newer version is refused rather than misread.
const VERSION: i64 = 6;

/// Why a spool did not open. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the folder.
    #[error(
        "another Tributary is already running on the data folder {}; stop it, or choose another folder with --data-dir",
        .0.display()
    )]
    InUse(PathBuf),
    /// The folder or a file in it cannot be made or read.
    #[error("cannot use the data folder {}; check that it exists, is yours and the disk has room", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// SQLite cannot open the file.
    #[error("cannot open the spool {}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
    /// The file is not what SQLite wrote.
    #[error(
        "the spool {} is damaged; run `tributary doctor`: it recovers what can be read, and deletes nothing",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
    /// A file in the folder was made by another user, who knows what is in it.
    #[error(
        "{} was made by another user (uid {owner}) in a folder that is yours: what is in it may not be what you put there, so it is \
         not used. If it is yours all the same, give it to this user (chown) or run this as that user; if not, move it away, \
         or name another folder with --data-dir",
        path.display()
    )]
    Planted {
        /// The file.
        path: PathBuf,
        /// The number of that user.
        owner: u32,
    },
    /// A repair of a damaged file did not end.
    #[error("a repair of the spool in {} did not end; run `tributary doctor` again", .0.display())]
    Unfinished(PathBuf),
    /// A newer program wrote it.
    #[error("the spool {} was written by a newer Tributary (its version is {found}, this one knows {VERSION}); update this one", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
    },
}

impl OpenError {
    fn sqlite(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        if doctor::is_damage(&source) {
            Self::Damaged { path, source }
        } else {
            Self::Sqlite { path, source }
        }
    }
}

/// Takes the folder, opens the file for writing, brings the schema up to date.
///
/// A write-ahead log that is there was left by a process that did not end in order. What of it is in the page cache need not
/// be on the disk, so it is made certain first, and copied whole before anything is added.
pub(super) fn writer(dir: &Path, limits: Limits) -> Result<(PathBuf, Writer), OpenError> {
    let io = |source| OpenError::Io { path: dir.to_owned(), source };
    files::create_folder(dir).map_err(io)?;
    let lock = lock(dir)?;
    if let Some(text) = others_can_write(dir) {
        tracing::warn!("{text}");
    }
    let path = dir.join(FILE_NAME);
    if !path.exists() {
        // Whoever made the folders may have ended before their names were on the disk.
        files::sync_parents(dir).map_err(io)?;
    }
    if doctor::is_unfinished(dir) {
        return Err(OpenError::Unfinished(dir.to_owned()));
    }
    files::open_private(&path).map_err(io)?;
    let mut files = Files::new(&path);
    let is_left = std::fs::metadata(beside(&path, "-wal")).is_ok_and(|log| log.len() > 0);
    if is_left {
        files.forget_cached().and_then(|()| files.renew(Ends::WithLastCommit)).map_err(io)?;
    }
    let sqlite = |source| OpenError::sqlite(&path, source);
    let connection = connect_writer(&path).map_err(sqlite)?;
    let found = version(&connection).map_err(sqlite)?;
    if found > VERSION {
        return Err(OpenError::Newer { path, found });
    }
    files.opened().map_err(io)?;
    migrate(&connection, found).map_err(sqlite)?;
    let mut writer = Writer::new((connection, path.clone()), (files, lock), limits).map_err(sqlite)?;
    if is_left {
        writer.take_over();
    }
    Ok((path, writer))
}

/// Which file the writer of this process has open, for everybody in it who opens that file again.
///
/// A log and an index belong to a database by name. Another file under the database's name would be given those of the open
/// one. No lock protects the index then, since the locks of a process do not count against itself (`fcntl(2)`): SQLite
/// shortens it, and the next connection that looks into its map of it ends the process with SIGBUS.
#[derive(Clone, Debug, Default)]
pub(super) struct Ours(Arc<Mutex<Option<Identity>>>);

impl Ours {
    /// From now on it is this one.
    pub(super) fn set(&self, identity: Identity) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(identity);
    }

    /// An error when `path` does not name it.
    fn look(&self, path: &Path) -> rusqlite::Result<()> {
        let ours = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ours.is_some() && Identity::of(path).ok() == ours {
            return Ok(());
        }
        let words = "another file has the database's name, or none; put the right one back".to_owned();
        Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_READONLY_DBMOVED), Some(words)))
    }
}

/// Bytes that the write-ahead log has, up to the end of the last commit that was synced. SQLite keeps this in the log's
/// index, and enters a commit there only after its sync.
pub(super) fn log_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    // <https://www.sqlite.org/pragma.html#pragma_wal_checkpoint>: NOOP only tells the numbers.
    let frames: i64 = connection.query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| row.get(1))?;
    Ok(wal::bytes_of(u64::try_from(frames).unwrap_or(0), page.unsigned_abs()))
}

/// A file that SQLite keeps beside the database.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// From the version that was found (0: a new file) to ours, whole or not at all. Adding columns rewrites no row, so this
/// takes the same moment for ten events and for ten million.
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

/// An owner that is about to end may still have the lock for a moment: a file that a child process has inherited is
/// closed only when that one runs its own program.
const OWNER_PATIENCE: Duration = Duration::from_millis(200);
/// Who only looks lets go at once, but on a busy machine that can take its time.
const LOOKERS_PATIENCE: Duration = Duration::from_secs(10);
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// The lock goes with the process, however it ends. It is the first file of the folder that is opened.
pub(super) fn lock(dir: &Path) -> Result<File, OpenError> {
    let io = |source| OpenError::Io { path: dir.to_owned(), source };
    guard(dir)?;
    let file = lock_file(dir).map_err(io)?;
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        let patience = if is_owned(&file) { OWNER_PATIENCE } else { LOOKERS_PATIENCE };
        if start.elapsed() >= patience {
            return Err(OpenError::InUse(dir.to_owned()));
        }
        std::thread::sleep(LOCK_PAUSE);
    }
}

/// A lock on the file that has the lock's name now, where `held` is one on a file that has not; an error where somebody
/// else has taken the folder.
pub(super) fn lock_anew(dir: &Path, held: &File) -> Result<Option<File>, OpenError> {
    let is_named = Identity::of(&dir.join(LOCK_NAME)).ok() == Identity::of_open(held).ok();
    if is_named { Ok(None) } else { lock(dir).map(Some) }
}

const LOCK_NAME: &str = "tributary.lock";

/// Nobody else may open it: a lock needs no more than that, and would keep us out.
fn lock_file(dir: &Path) -> std::io::Result<File> {
    files::open_private(&dir.join(LOCK_NAME))
}

/// Refuses a folder in which another user has left a file under a name of ours; from now on none can, where the folder is
/// this user's. Before anything in it is opened.
pub fn guard(dir: &Path) -> Result<(), OpenError> {
    let io = |source| OpenError::Io { path: dir.to_owned(), source };
    if files::keep_others_out(dir).map_err(io)? {
        tracing::warn!("Other users could write into the data folder {}; now they cannot", dir.display());
    }
    refuse_planted(dir)
}

/// The same for who only looks: nothing is changed.
pub(super) fn refuse_planted(dir: &Path) -> Result<(), OpenError> {
    match planted(dir) {
        Ok(None) => Ok(()),
        Ok(Some((path, owner))) => Err(OpenError::Planted { path, owner }),
        Err(source) => Err(OpenError::Io { path: dir.to_owned(), source }),
    }
}

fn planted(dir: &Path) -> std::io::Result<Option<(PathBuf, u32)>> {
    // The last is the engine's own, which says where it takes orders.
    let names = [LOCK_NAME, segments::FOLDER, "engine.json"];
    files::planted_in(dir, |name| name.starts_with(FILE_NAME) || names.contains(&name))
}

/// A sentence where other users can put files into the data folder and take them away.
pub fn others_can_write(dir: &Path) -> Option<String> {
    let who = files::writers_of(dir).ok()??;
    let dir = dir.display();
    Some(format!(
        "Other users can write into the data folder {dir} ({who}): they could take its files away or put others there. Make it \
         this user's own, with mode 700, or name another folder with --data-dir"
    ))
}

/// An owner's lock is exclusive. Who looks shares it, so that two who look are not an owner to each other, and one who
/// wants to own can tell them apart.
fn is_owned(file: &File) -> bool {
    match file.try_lock_shared() {
        Ok(()) => {
            // The lock would go with the file, too.
            _ = file.unlock();
            false
        }
        Err(error) => matches!(error, TryLockError::WouldBlock),
    }
}

/// Whether an engine has this data folder now.
pub fn is_in_use(dir: &Path) -> bool {
    // Another user who holds a lock there is no engine.
    dir.is_dir() && refuse_planted(dir).is_ok() && lock_file(dir).is_ok_and(|file| is_owned(&file))
}

/// No connection of ours copies the write-ahead log when it closes: after a failure that would spread what the disk never
/// had. `checkpoint` does the copying.
fn keep_log(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map(drop)
}

/// Opens the file at `path`, which has to be `ours` where that is given.
///
/// SQLite opens the file itself here, and its log and index only with the first statement: the look before and the look
/// after come before any harm (see [`Ours`]).
fn connect(path: &Path, flags: OpenFlags, ours: Option<&Ours>) -> rusqlite::Result<Connection> {
    let look = || ours.map_or(Ok(()), |ours| ours.look(path));
    look()?;
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    look()?;
    keep_log(&connection)?;
    Ok(connection)
}

/// `checkpoint` shortens the write-ahead log; there is no automatic checkpoint.
/// WAL with full sync: a commit is on the disk when it returns (<https://www.sqlite.org/pragma.html#pragma_synchronous>).
pub(super) fn connect_writer(path: &Path) -> rusqlite::Result<Connection> {
    for_writing(connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE, None)?)
}

/// The writer's connection, made anew while others of this process are open.
pub(super) fn reconnect_writer(path: &Path, ours: &Ours) -> rusqlite::Result<Connection> {
    for_writing(connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, Some(ours))?)
}

fn for_writing(connection: Connection) -> rusqlite::Result<Connection> {
    connection.busy_timeout(Duration::from_secs(5))?;
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

/// Copies the write-ahead log into the file, and nothing else.
pub(super) fn checkpointer(path: &Path, ours: &Ours) -> rusqlite::Result<Connection> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, Some(ours))?;
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA checkpoint_fullfsync = ON;")?;
    Ok(connection)
}

/// A connection that cannot write and never holds up the writer; to `ours` where this process has a writer.
pub(super) fn reader(path: &Path, ours: Option<&Ours>) -> Result<Connection, OpenError> {
    let sqlite = |source| OpenError::sqlite(path, source);
    if let (None, Some(dir)) = (ours, path.parent().filter(|dir| dir.is_dir())) {
        refuse_planted(dir)?;
    }
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY, ours).map_err(sqlite)?;
    connection.busy_timeout(Duration::from_secs(5)).map_err(sqlite)?;
    connection.execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -8192;").map_err(sqlite)?;
    let found = version(&connection).map_err(sqlite)?;
    if found > VERSION {
        return Err(OpenError::Newer { path: path.to_owned(), found });
    }
    if found < VERSION {
        bring_up_to_date(path)?;
    }
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Somebody looks at the log of an older program that does not run any more.
fn bring_up_to_date(path: &Path) -> Result<(), OpenError> {
    let _lock = lock(path.parent().unwrap_or(path))?;
    let migrated = connect_writer(path).and_then(|connection| migrate(&connection, version(&connection)?));
    migrated.map_err(|source| OpenError::sqlite(path, source))
}

/// What makes each version out of the one before it. A file on a user's disk has gone through them in this order, a new
/// one too: add to the end, never change what is there.
const SCHEMA: [&str; 6] = [VERSION_1, VERSION_2, VERSION_3, VERSION_4, VERSION_5, VERSION_6];

/// `event` and `settled` are narrow and keyed by the event's place, so rows are only ever added at the end
/// (of `settled`: near it). `chunk` holds payloads, written once. The one secondary index covers rare states only.
pub(super) const VERSION_1: &str = "
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

/// `sum` guards a payload and its partition key (see `rows::sum_of`); events of version 1 have none. `resend_of` and
/// `resent_as` lead from a line to the one it repeats, and back.
const VERSION_2: &str = "
ALTER TABLE event ADD COLUMN sum INTEGER;
ALTER TABLE event ADD COLUMN resend_of INTEGER;
ALTER TABLE settled ADD COLUMN resent_as INTEGER;
ALTER TABLE ledger ADD COLUMN replayed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ledger ADD COLUMN resent INTEGER NOT NULL DEFAULT 0;
";

/// Where payloads lie that are not in `chunk` (see `segments`): `first` is the line that was to come when it was begun.
const VERSION_3: &str = "
CREATE TABLE IF NOT EXISTS segment (
    id INTEGER PRIMARY KEY,
    first INTEGER NOT NULL
) STRICT;
";

/// Bytes of what was sent, where a rejected line keeps less.
const VERSION_4: &str = "
ALTER TABLE settled ADD COLUMN sent INTEGER;
";

/// Which event of its record a delivered one is, from 1, and how many that holds, where it holds several.
const VERSION_5: &str = "
ALTER TABLE settled ADD COLUMN place INTEGER;
ALTER TABLE settled ADD COLUMN places INTEGER;
";

/// Bytes of the events of each source that wait or failed (the writer fills it where it does not come to the ledger's
/// `queued_bytes`), and how many rejected events never had a line.
const VERSION_6: &str = "
CREATE TABLE IF NOT EXISTS held (
    source INTEGER PRIMARY KEY,
    bytes INTEGER NOT NULL
) STRICT;
ALTER TABLE ledger ADD COLUMN unkept INTEGER NOT NULL DEFAULT 0;
";
