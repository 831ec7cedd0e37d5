"""Loading and saving of scores by suffix."""

import io
import zipfile

import pytest
from one_voice import save_one_voice, write_musicxml

from focal_omr.encodings.semantic import read_semantic, write_semantic
from focal_omr.errors import EngraveError, NotationError, OutputError
from focal_omr.formats.one_voice_files import load_one_voice
from focal_omr.formats.suffixes import SUFFIXES
from focal_omr.score.records import Note, Score

LABEL = (
    "clef-G2 keySignature-GM timeSignature-3/4 note-G4_quarter tie note-G4_quarter note-F#4_quarter "
    "barline note-D5_half._fermata barline"
)
CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="score.xml"/></rootfiles></container>'
)


def zipped(**files: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return data.getvalue()


@pytest.mark.parametrize("suffix", [".musicxml", ".xml", ".mei", ".semantic", ".pae", ".MusicXML"])
def test_score_round_trips(tmp_path, suffix):
    path = tmp_path / f"tune{suffix}"
    save_one_voice(read_semantic(LABEL), path)
    assert " ".join(write_semantic(load_one_voice(path)).split()) == LABEL


def test_agnostic_files(tmp_path):
    save_one_voice(read_semantic("clef-G2 note-G4_quarter barline"), tmp_path / "tune.agnostic")
    assert (tmp_path / "tune.agnostic").read_text().split() == ["clef.G-L2", "note.quarter-L2", "barline-L1"]
    assert load_one_voice(tmp_path / "tune.agnostic") == read_semantic("clef-G2 note-G4_quarter barline")


@pytest.mark.parametrize(
    ("name", "begin"),
    [
        ("midi", b"MThd"),
        ("svg", b"<svg"),
        ("mei", b"<?xml"),
        ("musicxml", b"<?xml"),
        ("semantic", b"clef-G2\t"),
    ],
)
def test_format_can_be_named(tmp_path, name, begin):
    path = tmp_path / "result"
    save_one_voice(read_semantic(LABEL), path, format=name)
    assert path.read_bytes().startswith(begin)
    save_one_voice(read_semantic(LABEL), path.with_suffix(SUFFIXES[name]))
    assert path.with_suffix(SUFFIXES[name]).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (".krn", "**kern\n*clefG2\n4c\n4d#\n=\n*-\n"),
        (".kern", "**kern\n*clefG2\n4c\n4d#\n=\n*-\n"),
        (".abc", "X:1\nL:1/4\nK:C\nC^D|\n"),
        (".pae", "@clef:G-2\n@data:'4CxD/"),
    ],
)
def test_formats_for_reading_only(tmp_path, suffix, text):
    path = tmp_path / f"tune{suffix}"
    path.write_text(text)
    notes = [event for event in load_one_voice(path).parts[0].measures[0].events if isinstance(event, Note)]
    assert [(n.pitch.step, n.pitch.alter) for n in notes] == [("C", 0), ("D", 1)]


def test_encodings(tmp_path):
    path = tmp_path / "tune.xml"
    text = write_musicxml(Score(read_semantic(LABEL).parts, "Für Elise"))
    for encoding in ("UTF-8", "UTF-16", "ISO-8859-1"):
        path.write_bytes(text.replace('encoding="UTF-8"', f'encoding="{encoding}"').encode(encoding))
        assert load_one_voice(path).title == "Für Elise"
    abc = tmp_path / "tune.abc"
    abc.write_bytes("X:1\nT:Für Elise\nK:C\nCDE|\n".encode("latin-1"))
    assert len(load_one_voice(abc).parts) == 1


def test_zipped_musicxml(tmp_path):
    path = tmp_path / "tune.mxl"
    files = {"META-INF/container.xml": CONTAINER, "score.xml": write_musicxml(read_semantic(LABEL))}
    path.write_bytes(zipped(**files))
    assert " ".join(write_semantic(load_one_voice(path)).split()) == LABEL


@pytest.mark.parametrize(
    "data",
    [b"no zip", zipped(a=""), zipped(**{"META-INF/container.xml": "<container/>"}), b"PK\x03\x04 and so on"],
)
def test_zip_archives_without_music(tmp_path, data):
    path = tmp_path / "tune.mxl"
    path.write_bytes(data)
    with pytest.raises(NotationError, match=r"tune\.mxl: not a zipped MusicXML file: ."):
        load_one_voice(path)


@pytest.mark.parametrize(
    ("name", "data", "error", "reason"),
    [
        ("a.txt", b"", NotationError, r"a\.txt: unknown suffix '\.txt'; known are \.mei, \.musicxml"),
        ("b.semantic", b"note-H4", NotationError, r"b\.semantic: token 1 of 1: unknown token 'note-H4'"),
        ("c.krn", b"Hello", EngraveError, r"c\.krn: kern: no column of notes"),
        ("d.xml", b"<html/>", EngraveError, r"d\.xml: '<html/>'\.\.\. looks like none"),
        (
            "e.mei",
            b'<?xml version="1.0" encoding="klingon"?><mei/>',
            NotationError,
            r"e\.mei: .*encoding klingon",
        ),
        ("f.mei", b"\xff", NotationError, r"f\.mei: not XML in its encoding utf-8"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, name, data, error, reason):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(error, match=reason):
        load_one_voice(tmp_path / name)


def test_missing_file(tmp_path):
    with pytest.raises(NotationError, match=r"tune\.mei cannot be read: No such file"):
        load_one_voice(tmp_path / "tune.mei")


def test_unknown_formats_are_errors(tmp_path):
    score = read_semantic(LABEL)
    with pytest.raises(OutputError, match=r"unknown suffix '\.pdf'; known are \.musicxml, "):
        save_one_voice(score, tmp_path / "tune.pdf")
    with pytest.raises(OutputError, match="unknown format 'pdf'; known are musicxml, midi, mei"):
        save_one_voice(score, tmp_path / "tune.mei", format="pdf")


def test_failed_save_leaves_no_file(tmp_path):
    two = Score(read_semantic(LABEL).parts * 2)
    with pytest.raises(NotationError, match="2 parts"):
        save_one_voice(two, tmp_path / "tune.semantic")
    assert list(tmp_path.iterdir()) == []
