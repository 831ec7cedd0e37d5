"""Shards behind URLs: read one staff image at a time, in parts, or from a cache, like those in a folder."""

import os
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fsspec
import pytest
from tiny import staff_images, write_shards_of_staves
from upath import UPath

from focal_omr.data.engraving import storage
from focal_omr.data.engraving.shards import read_shards, save_shard
from focal_omr.data.engraving.staff_images import staff_record, write_shards
from focal_omr.data.engraving.storage import RemotePath, parse_location
from focal_omr.data.loader import list_staves
from focal_omr.data.pack import pack_samples
from focal_omr.errors import DataError


class _WithoutParts(SimpleHTTPRequestHandler):
    """A folder; as Python's own server it sends whole files alone. `asked` are the paths, with the ranges."""

    asked: list[tuple[str, str | None]]

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers.get("Range")))
        super().do_GET()


class _WithParts(_WithoutParts):
    def do_GET(self) -> None:
        file = Path(self.translate_path(self.path))
        if (asked := self.headers.get("Range")) is None or not file.is_file():
            return super().do_GET()
        self.asked.append((self.path, asked))
        first, last = map(int, asked.removeprefix("bytes=").split("-"))
        part = file.read_bytes()[first : last + 1]
        self.send_response(206)
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part)
        return None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two shards with indices and one without."""
    for number in range(2):
        (tmp_path / "shards").mkdir(exist_ok=True)
        records = [staff_record(f"{number}-{index}", staff_images()[index]) for index in range(4)]
        save_shard(tmp_path / "shards" / f"a{number}.tar", records)
    write_shards_of_staves(tmp_path / "shards", 3)
    return tmp_path / "shards"


@pytest.fixture
def server(
    request: pytest.FixtureRequest, folder: Path
) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """Its URL of the folder, and what it was asked."""
    handler = type("Handler", (request.param,), {"asked": []})
    with ThreadingHTTPServer(
        ("127.0.0.1", 0), lambda *given: handler(*given, directory=str(folder.parent))
    ) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}/shards", handler.asked
        serving.shutdown()
        thread.join()


def _content(folder: str, *, cache: str = "") -> list[tuple[Any, ...]]:
    """Everything about its staves except their location."""
    found, _ = list_staves([folder], held_out=0, cache=cache)
    return [(p.id, p.semantic, p.xs, p.accidental_xs, p.width, p.gray().tobytes()) for p in found]


@pytest.mark.parametrize("server", [_WithParts], indirect=True)
def test_a_web_server_is_asked_for_the_staff_images_that_are_wanted(folder: Path, server: Any) -> None:
    url, asked = server
    assert _content(url) == _content(str(folder))
    asked.clear()
    (one, *_), _ = list_staves([url], held_out=1)
    one.gray()
    parts = [(path, part) for path, part in asked if part]
    assert parts == [(f"/shards/{one.shard.name}", f"bytes={one.offset}-{one.offset + one.size - 1}")]
    # From any staff image on, and nothing of what is passed over.
    shards = sorted(parse_location(url).glob("a*.tar"), key=lambda path: path.name)
    asked.clear()
    assert [record.id for record in read_shards(shards, start=5)] == ["1-1", "1-2", "1-3"]
    assert [path for path, part in asked if part] == ["/shards/a1.tar"] * 3


@pytest.mark.parametrize("server", [_WithoutParts], indirect=True)
def test_with_a_cache_each_shard_is_fetched_once(folder: Path, tmp_path: Path, server: Any) -> None:
    url, asked = server
    with pytest.raises(
        DataError, match=r"000\.tar: the server does not support byte ranges; set data\.cache"
    ):
        _content(url)
    asked.clear()
    cache = tmp_path / "cache"
    assert _content(url, cache=str(cache)) == _content(str(folder))
    assert _content(url, cache=str(cache)) == _content(str(folder))
    fetched = [path for path, _ in asked if path.endswith(".tar")]
    assert sorted(fetched) == ["/shards/000.tar", "/shards/a0.tar", "/shards/a1.tar"]
    assert len(list(cache.iterdir())) == 3


def test_other_storages_are_those_of_fsspec(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = fsspec.filesystem("memory")
    for file in folder.iterdir():
        system.pipe_file(f"/there/{file.name}", file.read_bytes())
    try:
        assert _content("memory://there") == _content(str(folder))
        assert _content("memory://there/") == _content(folder.as_uri())
        train, held_out = list_staves(["memory://there"], held_out=2)
        assert [staff_image.id for staff_image in train] == ["1-0", "1-1", "1-2", "1-3"]
        system.rm_file("/there/a1.tar")
        with pytest.raises(DataError, match=r"^memory://there/a1\.tar: cannot be read \(.*\)$"):
            train[0].gray()
        assert len(held_out) == 7
    finally:
        system.rm("/there", recursive=True)
    with pytest.raises(DataError, match=r"^memory://there: no shards; make them with"):
        list_staves(["memory://there"], held_out=0)


def test_what_cannot_be_reached_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "_RETRY_DELAYS_S", (0.0, 0.0))
    for url in ("http://127.0.0.1:9/shards", "nosuch://bucket/shards"):
        with pytest.raises(DataError, match=rf"^{url}: cannot be read \(.+\)$") as raised:
            list_staves([url], held_out=0)
        assert "\n" not in str(raised.value)


def test_a_storage_that_fails_once_is_asked_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "_RETRY_DELAYS_S", (0.0, 0.0))
    answers: list[Any] = [OSError("busy"), OSError("busy"), b"7"]

    def moody(*_: Any, **__: Any) -> Any:
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    monkeypatch.setattr("fsspec.implementations.memory.MemoryFileSystem.cat_file", moody)
    location = parse_location("memory://x")
    assert location.read_bytes() == b"7"
    answers[:] = [OSError("busy")] * 3 + [b"7"]
    with pytest.raises(DataError, match=r"memory://x: cannot be read \(busy\)"):
        location.read_bytes()


def test_paths_are_paths() -> None:
    assert parse_location("shards/one") == Path("shards/one")
    assert parse_location("C:\\shards") == Path("C:\\shards")
    assert parse_location("file:///a/b") == Path("/a/b")
    assert parse_location("simplecache::s3://b/c") == RemotePath(UPath("simplecache::s3://b/c"))


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "upath", None)
    assert parse_location("shards") == Path("shards")
    with pytest.raises(
        DataError, match=r"^s3://b/c: a URL needs universal-pathlib, .*: pip install .*remote"
    ):
        parse_location("s3://b/c")


def test_shards_are_not_written_to_urls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for out in (Path("s3://bucket/shards"), Path("memory://shards")):
        with pytest.raises(DataError, match=r"shards: shards are written to a local folder"):
            write_shards(out, count=1, seed=1)
        with pytest.raises(DataError, match=r"shards: shards are written to a local folder"):
            pack_samples(tmp_path, out)
    assert not list(tmp_path.iterdir())


def test_object_storage(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against a local S3; `moto[s3,server]` and s3fs, 300 MB, are no part of the development install."""
    moto = pytest.importorskip("moto.server")
    pytest.importorskip("s3fs")
    serving = moto.ThreadedMotoServer(port=0)
    serving.start()
    try:
        host, port = serving.get_host_and_port()
        names = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}
        for name, value in {**names, "AWS_ENDPOINT_URL": f"http://{host}:{port}"}.items():
            monkeypatch.setenv(name, value)
        system = fsspec.filesystem("s3")
        system.mkdir("bucket")
        system.put(f"{folder}{os.sep}", "bucket/shards/", recursive=True)
        assert _content("s3://bucket/shards") == _content(str(folder))
        assert _content("s3://bucket/shards", cache=str(tmp_path / "cache")) == _content(str(folder))
        with pytest.raises(DataError, match="s3://bucket/none: 0 shards"):
            list_staves(["s3://bucket/none"], held_out=0)
        with pytest.raises(DataError, match=r"s3://other/shards: 0 shards|cannot be read"):
            list_staves(["s3://other/shards"], held_out=0)
    finally:
        serving.stop()
