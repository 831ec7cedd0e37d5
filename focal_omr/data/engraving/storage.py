"""Shards behind URLs: the part of `pathlib.Path` that reading shards needs, over universal-pathlib.

Byte ranges are requested, so one staff can be read alone; with a cache, files are downloaded whole on first
use. fsspec's own caches are not used: their downloads (fsspec 2026.9) appear under the final name before they
are complete, so another worker, or a run after an interrupted one, would read a truncated shard.
"""

import hashlib
import io
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

from focal_omr.errors import DataError, missing_extra
from focal_omr.runtime.atomic_files import make_writable, write_atomic

if TYPE_CHECKING:  # an optional dependency, imported only for URLs
    from upath import UPath

T = TypeVar("T")

_RETRY_DELAYS_S = (0.5, 4.0)
_PERMANENT = (FileNotFoundError, PermissionError, ImportError, ValueError)  # not worth a retry
_URL = re.compile(r"[a-z0-9+]+(://|::)")


@dataclass(frozen=True)
class RemotePath:
    """A file or folder behind a URL. Failed requests are retried twice, then raise DataError.

    Attributes:
        url: For instance `s3://bucket/shards`, `https://host/shards` or `memory://shards`.
        cache: Local folder for whole files, shared by any number of processes and runs; None requests byte
            ranges each time. A file that changes under its name is not downloaded again.
    """

    url: "UPath"
    cache: Path | None = None

    def __str__(self) -> str:
        return str(self.url)

    @property
    def name(self) -> str:
        """Last component of the URL."""
        return str(self.url.name)

    def with_suffix(self, suffix: str) -> "RemotePath":
        """Replace the suffix of the file name."""
        return replace(self, url=self.url.with_suffix(suffix))

    def glob(self, pattern: str) -> list["RemotePath"]:
        """List the matching files of a folder; none if it does not exist."""

        def find() -> list["UPath"]:
            try:
                return list(self.url.glob(pattern))
            except FileNotFoundError:
                return []

        return [replace(self, url=url) for url in self._retry(find)]

    def exists(self) -> bool:
        """Whether the file exists."""
        return bool(self._retry(self.url.exists))

    def stat(self) -> Any:
        """The file's status; `st_size` is its size in bytes."""
        return self._retry(self.url.stat)

    def read_bytes(self) -> bytes:
        """Read the whole file, past the cache."""
        return self._retry(lambda: bytes(self.url.fs.cat_file(self.url.path)))

    def open(self, mode: str = "rb") -> IO[bytes]:
        """Open the file for reading."""
        return io.BytesIO(self.read_bytes()) if self.cache is None else self._cached(self.cache).open("rb")

    def read_range(self, offset: int, size: int) -> bytes:
        """Read up to `size` bytes from `offset` on.

        Raises:
            DataError: Also if there is no cache and the server ignores byte ranges.
        """
        if self.cache is not None:
            return read_range(self._cached(self.cache), offset, size)
        end = offset + size
        data = self._retry(lambda: bytes(self.url.fs.cat_file(self.url.path, start=offset, end=end)))
        if len(data) > size:
            raise DataError(f"{self}: the server does not support byte ranges; set data.cache to a folder")
        return data

    def _cached(self, cache: Path) -> Path:
        """Download the file unless the cache has it; of concurrent downloads the last complete one stays."""
        digest = hashlib.sha256(str(self.url).encode()).hexdigest()[:16]
        path = cache / f"{digest}-{self.name}"
        if not path.exists():
            make_writable(cache)
            write_atomic(path, self.read_bytes())
        return path

    def _retry(self, request: Callable[[], T]) -> T:
        for delay_s in (*_RETRY_DELAYS_S, None):
            try:
                return request()
            except Exception as error:  # each storage raises its own
                if delay_s is None or isinstance(error, _PERMANENT):
                    raise _unreadable(self, error) from error
                time.sleep(delay_s)
        raise AssertionError


ShardPath = Path | RemotePath


def parse_location(name: str, *, cache: Path | None = None) -> ShardPath:
    """Parse a path or URL from a configuration or command; `file:` URLs are paths.

    Raises:
        DataError: The URL is of an unknown kind, or universal-pathlib is not installed.
    """
    if name.startswith("file://"):
        return Path(name.removeprefix("file://"))
    if not _URL.match(name):
        return Path(name)
    try:
        from upath import UPath
    except ImportError as error:
        raise DataError(missing_extra(f"{name}: a URL", "universal-pathlib", extra="remote")) from error
    try:
        return RemotePath(UPath(name.rstrip("/")), cache)
    except (ValueError, ImportError) as error:
        raise _unreadable(name, error) from error


def check_is_local(folder: Path) -> None:
    """Check that an output folder is not a URL.

    Raises:
        DataError: It is one; shards are written to local folders only.
    """
    if re.match(r"[a-z0-9+]{2,}:/", folder.as_posix()):  # a path keeps one of a URL's two slashes
        raise DataError(
            f"{folder}: shards are written to a local folder; upload it with your storage's tools"
        )


def read_range(path: ShardPath, offset: int, size: int) -> bytes:
    """Read up to `size` bytes of a file from `offset` on.

    Args:
        path: The file.
        offset: First byte.
        size: Number of bytes.

    Raises:
        OSError: A local file cannot be read.
        DataError: A URL cannot be read, or its server ignores byte ranges.
    """
    if isinstance(path, RemotePath):
        return path.read_range(offset, size)
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(size)


def _unreadable(location: object, error: Exception) -> DataError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return DataError(f"{location}: cannot be read ({reason})")
