"""The SQLite file of a server: its tables, a connection for each thread, and transactions."""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from focal_omr.errors import OmrError

__all__ = ["Database"]

_FORMAT = 1  # of the tables; a file of another format is refused
_PATIENCE_S = 10.0  # that one writer waits for another; each takes milliseconds
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
    """The file, for any number of threads.

    Args:
        path: Of the file; made where it is missing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connections: list[sqlite3.Connection] = []
        self._of_thread = threading.local()

    def close(self) -> None:
        """Close the connections of all threads."""
        for connection in self._connections:
            connection.close()
        self._connections.clear()
        self._of_thread = threading.local()

    @property
    def connection(self) -> sqlite3.Connection:
        """Of this thread."""
        connection: sqlite3.Connection | None = getattr(self._of_thread, "connection", None)
        if connection is None:
            connection = sqlite3.connect(
                self._path, timeout=_PATIENCE_S, isolation_level=None, check_same_thread=False
            )
            connection.execute("PRAGMA foreign_keys = ON")
            # A killed server loses nothing with this; a power cut at most the last moments.
            connection.execute("PRAGMA synchronous = NORMAL")
            self._of_thread.connection = connection
            self._connections.append(connection)
        return connection

    def make_tables(self) -> None:
        """Make what is missing. Raises OmrError for a file of another format."""
        database = self.connection
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version not in (0, _FORMAT):
            raise OmrError(f"{self._path}: has format {version}, this version reads {_FORMAT}")
        database.execute("PRAGMA journal_mode = WAL")  # readers never wait for a writer
        database.executescript(_TABLES)
        database.execute(f"PRAGMA user_version = {_FORMAT}")

    def rows(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows that a query finds."""
        return self.connection.execute(query, values).fetchall()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that holds as a whole or not at all."""
        database = self.connection
        database.execute("BEGIN IMMEDIATE")
        try:
            yield database
            database.execute("COMMIT")
        except BaseException:
            if database.in_transaction:  # a full disk may have ended it already
                database.execute("ROLLBACK")
            raise

    def update_jobs(self, what: str, values: Sequence[object]) -> None:
        """Change jobs in one statement: what is set, and where."""
        with closing(self.connection.execute(f"UPDATE jobs SET {what}", values)):
            pass
