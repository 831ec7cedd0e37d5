"""SQLite database of a server: schema, one connection per thread, transactions."""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from focal_omr.errors import OmrError

__all__ = ["Database"]

_SCHEMA_VERSION = 1  # a file with another version is rejected
_LOCK_TIMEOUT_S = 10.0  # a writer holds the lock for milliseconds
_TABLES = """
CREATE TABLE IF NOT EXISTS jobs (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  status TEXT NOT NULL,
  error TEXT,
  progress REAL NOT NULL DEFAULT 0,
  pages INTEGER,
  pages_read INTEGER NOT NULL DEFAULT 0,
  staves_read INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  created REAL NOT NULL,
  expires REAL NOT NULL,
  revision INTEGER NOT NULL DEFAULT 0,
  applied INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS jobs_by_status ON jobs (status, number);
CREATE INDEX IF NOT EXISTS jobs_by_expiry ON jobs (expires);
CREATE TABLE IF NOT EXISTS changes (
  job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  change TEXT NOT NULL,
  before TEXT NOT NULL,
  after TEXT NOT NULL,
  staves TEXT NOT NULL,
  PRIMARY KEY (job, number)
) WITHOUT ROWID;
"""


class Database:
    """A database file, usable from any number of threads.

    Args:
        path: Path of the file, created if missing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connections: list[sqlite3.Connection] = []
        self._local = threading.local()

    def close(self) -> None:
        """Close the connections of all threads."""
        for connection in self._connections:
            connection.close()
        self._connections.clear()
        self._local = threading.local()

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection of this thread."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(
                self._path, timeout=_LOCK_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
            connection.execute("PRAGMA foreign_keys = ON")
            # Loses nothing when the server is killed; a power cut may lose the last transactions.
            connection.execute("PRAGMA synchronous = NORMAL")
            self._local.connection = connection
            self._connections.append(connection)
        return connection

    def create_tables(self) -> None:
        """Create missing tables.

        Raises:
            OmrError: The file has another schema version.
        """
        database = self.connection
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version not in (0, _SCHEMA_VERSION):
            raise OmrError(f"{self._path}: has format {version}, this version reads {_SCHEMA_VERSION}")
        database.execute("PRAGMA journal_mode = WAL")  # readers do not wait for writers
        database.executescript(_TABLES)
        database.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")

    def rows(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return self.connection.execute(query, values).fetchall()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A write transaction; rolled back on any exception."""
        database = self.connection
        database.execute("BEGIN IMMEDIATE")
        try:
            yield database
            database.execute("COMMIT")
        except BaseException:
            if database.in_transaction:  # a full disk may have ended it already
                database.execute("ROLLBACK")
            raise

    def update_jobs(self, assignments: str, values: Sequence[object]) -> None:
        """Run `UPDATE jobs SET` with assignments and a WHERE clause."""
        with closing(self.connection.execute(f"UPDATE jobs SET {assignments}", values)):
            pass
