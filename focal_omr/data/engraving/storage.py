"""Files in a folder of this machine, or behind a URL that fsspec knows: object storage, a web server, ...

A URL is asked for parts of files, so that one plate can be read alone; with a cache files come whole, once.
"""

import hashlib
import io
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import IO, Any

from focal_omr.errors import DataError
from focal_omr.runtime.atomic_files import make_writable, write_atomic

# Seconds before the second and the third time that a storage is asked which did not answer well.
_PATIENCE_S = (0.5, 4.0)
_FINAL = (FileNotFoundError, PermissionError, ImportError, ValueError)  # asking again changes nothing
_URL = re.compile(r"[a-z0-9+]+(://|::)")


@dataclass(frozen=True)
class Remote:
    """A file or folder behind a URL.

    Attributes:
        url: As fsspec takes it: `s3://bucket/shards`, `https://host/shards`, `memory://shards`.
        cache: Folder on this machine to keep whole files in, for any number of processes and runs; None:
            parts are asked for each time. A file that was changed under its name is not noticed.
    """

    url: str
    cache: Path | None = None

    def __str__(self) -> str:
        return self.url

    @property
    def name(self) -> str:
        """The last part of its URL."""
        return PurePosixPath(self.url).name

    def with_suffix(self, suffix: str) -> "Remote":
        """The file of the same name with another suffix."""
        return Remote(self.url.removesuffix(PurePosixPath(self.url).suffix) + suffix, self.cache)


Place = Path | Remote


def place_of(name: str, *, cache: Path | None = None) -> Place:
    """What a name of a configuration or a command stands for.

    Args:
        name: A path or a URL; `file:` URLs are paths.
        cache: As of `Remote`.

    Raises:
        DataError: A URL, and fsspec is not installed.
    """
    if name.startswith("file://"):
        return Path(name.removeprefix("file://"))
    if not _URL.match(name):
        return Path(name)
    if find_spec("fsspec") is None:
        raise DataError(f"{name}: URLs need fsspec; `pip install focal-ctc-omr[remote]` brings it")
    return Remote(name.rstrip("/"), cache)


def check_folder(folder: Path) -> None:
    """Raise DataError for what was a URL, where files are written to folders alone."""
    if re.match(r"[a-z0-9+]{2,}:/", folder.as_posix()):  # a path has one of a URL's two slashes
        raise DataError(f"{folder}: shards are written to a folder; copy it with what your storage brings")


def files_in(folder: Place, suffix: str) -> list[Place]:
    """The files of a folder with a suffix, by name; none where there is no such folder.

    Raises:
        DataError: The storage cannot be reached; names the folder.
    """
    if isinstance(folder, Path):
        return [*sorted(folder.glob(f"*{suffix}"))]
    names = _asked(folder, lambda system: system.ls(folder.url, detail=False), absent=[])
    own = {PurePosixPath(name).name for name in names}
    return [Remote(f"{folder.url}/{name}", folder.cache) for name in sorted(own) if name.endswith(suffix)]


def exists(file: Place) -> bool:
    """Whether the file is there. Raises DataError where the storage cannot be reached."""
    if isinstance(file, Path):
        return file.exists()
    return bool(_asked(file, lambda system: system.exists(file.url)))


def size_of(file: Place) -> int:
    """In bytes. Raises OSError for a path, DataError for a URL, where it cannot be told."""
    if isinstance(file, Path):
        return file.stat().st_size
    return int(_asked(file, lambda system: system.size(file.url)))


def read_all(file: Place) -> bytes:
    """Its content. Raises OSError for a path, DataError for a URL, where it cannot be read."""
    if isinstance(file, Path):
        return file.read_bytes()
    content: bytes = _asked(file, lambda system: system.cat_file(file.url))
    return content


def read_part(file: Place, offset: int, size: int) -> bytes:
    """So many bytes from there on, fewer where it ends before.

    Raises:
        OSError: A path that cannot be read.
        DataError: A URL that cannot be read, or whose server sends no parts.
    """
    if isinstance(file, Remote) and file.cache is not None:
        file = _kept(file, file.cache)
    if isinstance(file, Path):
        with file.open("rb") as opened:
            opened.seek(offset)
            return opened.read(size)
    url = file.url
    part: bytes = _asked(file, lambda system: system.cat_file(url, start=offset, end=offset + size))
    if len(part) > size:
        raise DataError(f"{file}: its server does not send parts of files; set data.cache to a folder")
    return part


def opened(file: Place) -> IO[bytes]:
    """The file to read from its beginning; raises as `read_all`."""
    if isinstance(file, Remote) and file.cache is not None:
        file = _kept(file, file.cache)
    return file.open("rb") if isinstance(file, Path) else io.BytesIO(read_all(file))


def _kept(file: Remote, cache: Path) -> Path:
    """The file in the cache; of two processes that want it at once both fetch it and rename a whole one."""
    digest = hashlib.sha256(file.url.encode()).hexdigest()[:16]
    kept = cache / f"{digest}-{file.name}"
    if not kept.exists():
        make_writable(cache)
        write_atomic(kept, read_all(file))
    return kept


def _asked(file: Remote, question: Callable[[Any], Any], *, absent: Any = None) -> Any:
    """What the file system answers, asked again where it fails; `absent`, if any, where nothing is there."""
    from fsspec.core import url_to_fs

    for patience_s in (*_PATIENCE_S, None):
        try:
            return question(url_to_fs(file.url)[0])  # fsspec keeps it for the next call
        except Exception as error:  # each storage raises its own
            if isinstance(error, FileNotFoundError) and absent is not None:
                return absent
            if patience_s is None or isinstance(error, _FINAL):
                reason = " ".join(str(error).split()) or type(error).__name__
                raise DataError(f"{file}: cannot be read ({reason})") from error
            time.sleep(patience_s)
    raise AssertionError
