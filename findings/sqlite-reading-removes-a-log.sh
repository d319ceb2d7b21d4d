#!/usr/bin/env bash
# SQLite 3.54.1 (apsw 3.54.1.0) removes a write-ahead log with committed transactions when a program only reads.
#
# A connection with SQLITE_OPEN_READONLY is expected to change no file of the database. But if the database file is
# empty (a copy that broke off, a file that was truncated by mistake), SQLite takes it for a new one, whose write-ahead
# log can only be a stale one: the first SELECT finds no tables, reports no error, and removes the log. The log was all
# that was left of the transactions. So a look at a damaged spool with any tool can be what destroys it. With
# `immutable=1` the log stays. A missing file is refused (CantOpenError), and the log stays.
#
# Seen: read-only: tables 0, error none, log of 12392 bytes removed; immutable: tables 0, log kept; missing file:
# CantOpenError, log kept.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check apsw==3.54.1.0

cat >run.py <<'EOF'
import pathlib, shutil, sys
import apsw

live = apsw.Connection("live.db")
live.execute("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (x); INSERT INTO t VALUES (1)").fetchall()

def look(name, uri, database):
    """Opens a copy of the log beside `database` (None: no file) for reading. Returns the count of tables, or the error; and
    whether the log is still there."""
    folder = pathlib.Path(name)
    folder.mkdir()
    log = pathlib.Path(shutil.copy("live.db-wal", folder / "a.db-wal"))
    size = log.stat().st_size
    if database is not None:
        (folder / "a.db").write_bytes(database)
    try:
        flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        connection = apsw.Connection(f"file:{folder.resolve()}/a.db{uri}", flags=flags)
        found = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        connection.close()
    except apsw.Error as error:
        found = type(error).__name__
    print(f"{name}: tables or error {found}, log of {size} bytes {'kept' if log.exists() else 'removed'}")
    return found, log.exists()

print("SQLite", apsw.sqlite_lib_version())
seen = [
    look("whole", "", pathlib.Path("live.db").read_bytes()),
    look("empty", "", b""),
    look("immutable", "?immutable=1", b""),
    look("missing", "", None),
]
sys.exit(0 if seen == [(1, True), (0, False), (0, True), ("CantOpenError", True)] else 1)
EOF
env/bin/python run.py || { echo "changed: reading an empty database was expected to remove its log"; exit 1; }
