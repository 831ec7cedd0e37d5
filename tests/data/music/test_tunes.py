"""Real tunes: small ones in every format, from folders and archives; what is left out, and said."""

import os
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

from focal_omr.data.music import tunes
from focal_omr.data.music.collection import read_collection
from focal_omr.data.music.sources import TuneFile, score_texts, tune_files
from focal_omr.data.music.tunes import FileReport, collect_tunes, music21_folder, read_report
from focal_omr.encodings.semantic import tokens_to_score
from focal_omr.errors import DataError, OutputError
from focal_omr.formats.mei_writer import write_mei

KERN = """**kern
*clefG2
*k[f#]
*M3/4
=1
4g
4f#
8b
8cc
=2
2dd
4r
=3
2.g;
==
*-
"""
# Two staves: the left one has a chord, the right one is a melody.
KERN_DUET = """**kern\t**kern
*clefF4\t*clefG2
*M2/4\t*M2/4
=1\t=1
4C 4E\t4g
4D\t4a
==\t==
*-\t*-
"""
ABC = "X:1\nT:One\nM:2/4\nL:1/8\nK:G\nG2A2|Bcd2|\n\nX:2\nT:Two\nM:3/4\nL:1/4\nK:F\nFGB|\n"
PAE = "@clef:G-2\n@keysig:bB\n@timesig:c\n@data:4'FGAB/2''C4-'A/\n"
MUSICXML = """<?xml version="1.0"?><score-partwise version="4.0"><part-list><score-part id="P1">
<part-name>Bass</part-name></score-part></part-list><part id="P1"><measure number="1"><attributes>
<divisions>1</divisions><key><fifths>-1</fifths></key><time><beats>2</beats><beat-type>4</beat-type></time>
<clef><sign>F</sign><line>4</line></clef></attributes><note><pitch><step>F</step><octave>3</octave></pitch>
<duration>1</duration><type>quarter</type></note><note><rest/><duration>1</duration><type>quarter</type>
</note></measure></part></score-partwise>"""
MEI_TOKENS = ["clef-C1", "timeSignature-C", "note-D4_half", "note-E4_half", "barline"]
CONTAINER = '<container><rootfiles><rootfile full-path="in/score.xml"/></rootfiles></container>'


def _write(folder: Path) -> None:
    for name, text in {
        "a.krn": KERN,
        "b.abc": ABC,
        "c.pae": PAE,
        "d.musicxml": MUSICXML,
        "e/f.mei": write_mei(tokens_to_score(MEI_TOKENS)),
        "g.krn": KERN_DUET,
        "notes.txt": "no tune",
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    with zipfile.ZipFile(folder / "h.mxl", "w") as archive:
        archive.writestr("META-INF/container.xml", CONTAINER)
        archive.writestr("in/score.xml", MUSICXML)


EXPECTED = {
    "a.krn#0.0": "clef-G2 keySignature-GM timeSignature-3/4 note-G4_quarter note-F#4_quarter note-B4_eighth "
    "note-C5_eighth barline note-D5_half rest-quarter barline note-G4_half._fermata barline-final",
    "b.abc#0.0": "clef-G2 keySignature-GM timeSignature-2/4 note-G4_quarter note-A4_quarter barline "
    "note-B4_eighth note-C5_eighth note-D5_quarter barline",
    "b.abc#1.0": "clef-G2 keySignature-FM timeSignature-3/4 note-F4_quarter note-G4_quarter "
    "note-Bb4_quarter barline",
    "c.pae#0.0": "clef-G2 keySignature-FM timeSignature-C note-F4_quarter note-G4_quarter note-A4_quarter "
    "note-Bb4_quarter barline note-C5_half rest-quarter note-A4_quarter barline",
    "d.musicxml#0.0": "clef-F4 keySignature-FM timeSignature-2/4 note-F3_quarter rest-quarter barline",
    "e/f.mei#0.0": " ".join(MEI_TOKENS),
    "g.krn#0.0": "clef-G2 timeSignature-2/4 note-G4_quarter note-A4_quarter barline-final",
    "h.mxl#0.0": "clef-F4 keySignature-FM timeSignature-2/4 note-F3_quarter rest-quarter barline",
}


def test_every_format_gives_its_melodies_and_no_chords(tmp_path: Path) -> None:
    _write(tmp_path)
    files = tune_files(tmp_path)
    names = ("a.krn", "b.abc", "c.pae", "d.musicxml", "e/f.mei", "g.krn", "h.mxl")
    assert files.names == ((tmp_path, names),)
    assert len(files) == 7
    collection = tmp_path / "tunes.out"
    count = collect_tunes(files, collection, root=tmp_path)
    found = {tune.source: " ".join(tune.label.split()) for tune in read_collection(collection)}
    assert found == EXPECTED
    assert count == len(EXPECTED)
    assert not collection.with_suffix(".partial").exists()


GARBAGE = {
    "empty.krn": b"",
    "noise.krn": bytes(range(256)) * 4,
    "torn.krn": b"**kern\t**kern\n4c\n*-\n",
    "chords.krn": b"**kern\n*M2/4\n4c 4e\n4d 4f\n*-\n",
    "keyless.abc": b"X:1\nCDEF|\n",
    "prose.abc": b"Once upon a time\n",
    "torn.musicxml": b"<score-partwise><part>",
    "page.xml": b"<html><body>no score</body></html>",
    "torn.mei": b"<mei><music>",
    "words.pae": b"@data:\n",
    "noise.mxl": b"PK\x03\x04 but no archive",
}


def test_what_cannot_be_read_is_reported_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "tunes"
    folder.mkdir()
    for name, data in GARBAGE.items():
        (folder / name).write_bytes(data)
    with zipfile.ZipFile(folder / "hollow.mxl", "w") as archive:
        archive.writestr("readme.txt", "no score")
    with zipfile.ZipFile(folder / "rootless.mxl", "w") as archive:
        archive.writestr("META-INF/container.xml", "<container/>")
    (folder / "last.krn").write_text(KERN, encoding="utf-8")
    collection = tmp_path / "tunes.txt"
    with caplog.at_level("INFO"):
        assert collect_tunes(tune_files(folder), collection, root=folder, workers=1) == 1
    assert [tune.source for tune in read_collection(collection)] == ["last.krn#0.0"]
    reports = {report.name: report for report in read_report(collection)}
    assert reports["last.krn"] == FileReport("last.krn", 1, 3, 0, 0, 3)
    # A text without a line X: holds no tune, which is no fault.
    assert {name for name, report in reports.items() if not report.trouble} == {"last.krn", "prose.abc"}
    for name in reports.keys() - {"last.krn", "prose.abc"}:
        assert f"{name}: " in caplog.text


def _reader(file: TuneFile) -> tuple[list[str], FileReport]:
    """Stands for a reader that some input ends the process of."""
    if b"fatal" in next(iter(score_texts(file).values()), "").encode() and (file.only or 0) == 0:
        os._exit(11)
    if b"endless" in file.data:
        time.sleep(60)
    return [f"{file.name}\tbarline\n"], FileReport(file.name, parts=1)


@pytest.mark.slow
def test_files_that_end_their_process_or_never_end_are_found_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tunes, "_read_file", _reader)
    folder = tmp_path / "tunes"
    folder.mkdir()
    texts = {"a": "", "b": "fatal", "c": "endless", "z": ""}
    for name, text in texts.items():
        (folder / f"{name}.krn").write_text(text, encoding="utf-8")
    (folder / "two.abc").write_text("X:1\nfatal\nX:2\n", encoding="utf-8")
    collection = tmp_path / "tunes.txt"
    assert collect_tunes(tune_files(folder), collection, root=folder, workers=2, limit_s=5) == 3
    assert [tune.source for tune in read_collection(collection)] == ["a.krn", "z.krn", "two.abc"]
    assert [r.getMessage().removeprefix(f"{folder}/") for r in caplog.records] == [
        "b.krn: crashed the worker process; skipped",
        "c.krn: takes longer than 5 s; skipped",
        "two.abc#0: crashed the worker process; skipped",
    ]


ARCHIVES = ("zip", "tar", "tar.gz", "tgz", "tar.xz")


@pytest.mark.parametrize("suffix", ARCHIVES)
def test_an_archive_is_read_as_its_folder_is(tmp_path: Path, suffix: str) -> None:
    folder = tmp_path / "tunes"
    folder.mkdir()
    _write(folder)
    archive = tmp_path / f"tunes.{suffix}"
    if suffix == "zip":
        with zipfile.ZipFile(archive, "w") as file:
            for path in sorted(folder.rglob("*")):
                file.write(path, path.relative_to(folder))
    else:
        mode = {"tar": "w", "tar.xz": "w:xz"}.get(suffix, "w:gz")
        with tarfile.open(archive, mode) as tar:  # type: ignore[call-overload]  # a mode of its own each
            tar.add(folder, arcname=".")
    from_folder = {file.name: file.data for file in tune_files(folder).read()}
    from_archive = {file.name: file.data for file in tune_files(archive).read()}
    assert from_archive == from_folder
    assert len(from_archive) == 7


def test_an_archive_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "torn.tar.xz").write_bytes(b"\xfd7zXZ" + b"0" * 100)
    with pytest.raises(DataError, match=r"torn\.tar\.xz: not a readable archive"):
        tune_files(tmp_path / "torn.tar.xz")
    (tmp_path / "tunes.rar").write_bytes(b"")
    with pytest.raises(DataError, match=r"tunes\.rar: no folder, no archive \(\.zip"):
        tune_files(tmp_path / "tunes.rar")


# A bar of a melody, one with a chord, five bars of two voices.
POLYPHONIC = (
    "**kern\n*clefG2\n*k[b-]\n*M2/4\n=1\n4g\n4a\n=2\n8b- 8dd\n4.cc\n=3\n*^\n"
    + "=\t=\n".join(5 * ["8gg\t4d\n8aa\t.\n4ff\t8e\n.\t8f\n"])
    + "*v\t*v\n==\n*-\n"
)


def test_what_is_monophonic_of_a_staff_is_kept_voice_by_voice(tmp_path: Path) -> None:
    (tmp_path / "p.krn").write_text(POLYPHONIC, encoding="utf-8")
    collection = tmp_path / "tunes.txt"
    assert collect_tunes(tune_files(tmp_path), collection, root=tmp_path, workers=1) == 2
    first, second = read_collection(collection)
    assert [first.source, second.source] == ["p.krn#0.0.0@3", "p.krn#0.0.1@3"]
    lead = ["clef-G2", "keySignature-FM", "timeSignature-2/4"]
    bars = first.label.split("\t")
    assert bars[:7] == [*lead, "note-G5_eighth", "note-A5_eighth", "note-F5_quarter", "barline"]
    bars = second.label.split("\t")
    assert bars[:7] == [*lead, "note-D4_quarter", "note-E4_eighth", "note-F4_eighth", "barline"]
    assert read_report(collection) == [FileReport("p.krn", 0, 0, 2, 10, 7)]


def test_a_folder_without_tunes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "essenFolksong").mkdir()
    (tmp_path / "essenFolksong" / "x.abc").write_text(ABC, encoding="utf-8")  # not free for every use
    (tmp_path / "x.txt").write_text("", encoding="utf-8")
    with pytest.raises(DataError, match=r"no tunes; looked for files \*\.krn"):
        tune_files(tmp_path)


def test_the_files_of_a_listing(tmp_path: Path) -> None:
    _write(tmp_path)
    listing = tmp_path / "list.txt"
    listing.write_text("e/f.mei\n\na.krn\n", encoding="utf-8")
    assert tune_files(tmp_path).only(listing).names == ((tmp_path, ("a.krn", "e/f.mei")),)
    listing.write_text("a.krn\nx.krn\ny.krn\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"list\.txt: 2 of its files are not in .*x\.krn"):
        tune_files(tmp_path).only(listing)
    with pytest.raises(DataError, match=r"none\.txt: cannot be read"):
        tune_files(tmp_path).only(tmp_path / "none.txt")


def test_music21_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tunes, "find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"needs music21, .*: pip install 'focal-ctc-omr\[render\]'"):
        music21_folder()


def test_a_damaged_collection_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "tunes.txt"
    path.write_text("a\tclef-G2\tbarline\nb\tclef-G2\tnote-H4_third\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"tunes\.txt:2: .*note-H4_third"):
        read_collection(path)
    with pytest.raises(DataError, match=r"none\.txt: cannot be read"):
        read_collection(tmp_path / "none.txt")


def test_the_folder_of_a_collection_is_made_or_said_to_be_impossible(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.krn").write_text(KERN, encoding="utf-8")
    files = tune_files(tmp_path / "in")
    assert collect_tunes(files, tmp_path / "new" / "tunes.txt", root=tmp_path, workers=1) == 1
    with pytest.raises(OutputError, match=r"a\.krn: is a file, not a folder"):
        collect_tunes(files, tmp_path / "in" / "a.krn" / "tunes.txt", root=tmp_path)
