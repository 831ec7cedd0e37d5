"""The command line: files written, output printed, and one-line errors for every bad input."""

import inspect
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from pdfs import picture_pdf
from scripted import CARD, TUNE, draw_staff, save_png, write_scripted

from focal_omr import __version__
from focal_omr.batch.run import read_documents
from focal_omr.batch.worker import DocumentReader, ReadOptions, ReadTask
from focal_omr.cli import app as cli
from focal_omr.cli import read as cli_read
from focal_omr.cli.options import LIMIT_S, MEMORY_MB
from focal_omr.decode import BEAM_WIDTH
from focal_omr.document.confidence import DOUBTFUL_BELOW
from focal_omr.evaluation.score_diff.records import MARKS
from focal_omr.formats.midi import Playback
from focal_omr.runtime.worker_processes import ProcessLimits

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    return write_scripted(tmp_path_factory.mktemp("model") / "tune.onnx")


@pytest.fixture
def run(monkeypatch, capfd, tmp_path):
    """`focal-omr ARGUMENTS` in an empty folder: (status, lines of stdout, lines of stderr)."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["focal-omr", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capfd.readouterr()
        return ended.value.code or 0, printed.out.splitlines(), printed.err.splitlines()

    return run


def fresh(*arguments, **options):
    """The command in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "focal_omr", *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # A shell lets what it runs in the background ignore interrupts, and that is inherited.
    return subprocess.Popen(command, env=environment, preexec_fn=_interruptible, **pipes, **options)


def _interruptible():
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# What is written and printed -----------------------------------------------------------------------------


def test_read_writes_musicxml_and_midi_named_after_the_picture(run, model, tmp_path):
    picture = save_png(tmp_path / "in" / "a tune.png", draw_staff())
    status, out, err = run("read", picture, "-o", tmp_path / "deep" / "out", "--model", model)
    assert (status, err) == (0, [])
    assert names(tmp_path / "deep" / "out") == ["a tune.mid", "a tune.musicxml"]
    assert out == [
        f"{picture}: 12 symbols, mean confidence 0.90 -> "
        f"{tmp_path}/deep/out/a tune.musicxml, {tmp_path}/deep/out/a tune.mid"
    ]


def test_read_writes_into_the_current_folder_by_default(run, model, tmp_path):
    picture = save_png(tmp_path / "in" / "tune.png", draw_staff())
    assert run("read", picture, "--model", model)[0] == 0
    assert names(Path()) == ["tune.mid", "tune.musicxml"]


def test_read_writes_every_format(run, model, tmp_path):
    picture = save_png(tmp_path / "in" / "tune.png", draw_staff())
    formats = "musicxml,midi, mei,semantic,agnostic,svg,pae,kern,abc,json,overlay,overlay-html,midi"
    assert run("read", picture, "-o", tmp_path / "out", "--to", formats, "--model", model)[::2] == (0, [])
    suffixes = "abc agnostic json krn mei mid musicxml overlay.html overlay.png pae semantic svg"
    assert names(tmp_path / "out") == [f"tune.{suffix}" for suffix in suffixes.split()]
    assert (tmp_path / "out" / "tune.semantic").read_text().split() == list(TUNE)
    stored = json.loads((tmp_path / "out" / "tune.json").read_text())
    assert [s["token"] for s in stored["pages"][0]["staves"][0]["symbols"]] == list(TUNE)


def test_read_takes_folders_at_any_depth_and_leaves_overlays_out(run, model, tmp_path):
    folder = tmp_path / "in"
    for name in ("b.PNG", "deep/er/a.png", "a.overlay.png", "a.overlay.pdf", "x.png/c.jpg"):
        save_png(folder / name, draw_staff())
    (folder / "notes.txt").write_text("no picture")
    status, out, err = run("read", folder, folder / "b.PNG", "-o", tmp_path / "out", "--model", model)
    assert (status, err) == (0, [])
    assert len(out) == 3  # the one that was named twice was read once
    results = [f"{stem}.{s}" for stem in "abc" for s in ("mid", "musicxml")]
    assert names(tmp_path / "out") == [*results, "manifest.jsonl"]


def test_json_prints_one_object_per_line_with_every_symbol(run, model, tmp_path):
    pictures = [save_png(tmp_path / f"{name}.png", draw_staff()) for name in "ab"]
    status, out, err = run("read", *pictures, "--json", "--model", model, "-o", tmp_path / "out")
    assert (status, err, len(out)) == (0, [], 2)
    (document,) = (json.loads(line) for line in out if "b.png" in line)  # they come as they are done
    assert document.keys() == {"format", "source", "title", "warnings", "pieces", "pages", "outputs"}
    assert (document["format"], document["source"], document["warnings"]) == (2, str(pictures[1]), [])
    assert document["outputs"] == [f"{tmp_path}/out/b.musicxml", f"{tmp_path}/out/b.mid"]
    (page,) = document["pages"]
    assert page.keys() == {
        *("number", "width", "height", "quarter_turns", "systems", "indents", "staves", "unread")
    }
    (staff,) = page["staves"]
    assert staff.keys() == {
        *("piece", "part", "lines", "symbols", "first_bar", "bars", "expected_error", "unread")
    }
    assert staff["expected_error"] == pytest.approx(10)
    assert staff["bars"] == [None, True, True]  # a pickup first
    assert len(staff["lines"]) == 5
    assert [symbol["token"] for symbol in staff["symbols"]] == list(TUNE)
    for symbol in staff["symbols"]:
        assert symbol.keys() - {"pitch", "onset", "duration"} == {
            *("token", "box", "polygon", "confidence", "used", "bar", "adds_up", "staff", "event", "voice")
        }
        left, top, right, bottom = symbol["box"]
        assert 0 <= left < right <= page["width"] == 700
        assert 0 <= top < bottom <= page["height"] == 200
        assert symbol["confidence"] == pytest.approx(0.9, abs=1e-4)
        assert symbol["used"] is True


def test_read_takes_the_standard_input_and_some_pages(run, model, tmp_path, monkeypatch):
    from types import SimpleNamespace

    document = picture_pdf([draw_staff(), np.full((200, 700), 255, np.uint8), draw_staff()])
    stdin = SimpleNamespace(buffer=io.BytesIO(document), isatty=lambda: False)
    monkeypatch.setattr(sys, "stdin", stdin)
    arguments = ("-o", tmp_path / "out", "--to", "json,overlay,midi", "--model", model)
    status, out, err = run("read", "-", "--pages", "1,3-", *arguments)
    assert (status, err) == (0, [])
    assert out[0].startswith("stdin: 24 symbols, ")
    assert {name.split(".")[0] for name in names(tmp_path / "out")} == {"stdin"}
    stored = json.loads((tmp_path / "out" / "stdin.json").read_text())
    assert (stored["source"], [page["number"] for page in stored["pages"]]) == ("stdin", [1, 3])
    (tmp_path / "book.pdf").write_bytes(document)
    for pages, reason in (("4", "book.pdf: there is no page 4"), ("3-1", "the range 3-1 ends before")):
        status, _, err = run("read", tmp_path / "book.pdf", "--pages", pages, *arguments)
        assert (status, len(err)) == (2, 1)
        assert reason in err[0]
    stdin.buffer.read()
    assert run("read", "-", *arguments)[2] == ["focal-omr: stdin: the file is empty"]
    stdin.isatty = lambda: True
    assert "this is a terminal" in run("read", "-", *arguments)[2][0]


def test_midi_options(run, model, tmp_path):
    picture = save_png(tmp_path / "tune.png", draw_staff())
    options = ("--to", "midi", "--tempo", 60, "--instrument", "violin", "--model", model, "-o", tmp_path)
    assert run("read", picture, *options)[0] == 0
    midi = (tmp_path / "tune.mid").read_bytes()
    assert b"\xff\x51\x03\x0f\x42\x40" in midi  # a million microseconds a quarter
    assert b"\xc0\x28" in midi  # program 40
    for option, value in (("--instrument", "kazoo"), ("--tempo", 0), ("--split", "bars")):
        status, _, err = run("read", picture, option, value, "--model", model)
        assert (status, len(err)) == (2, 1)


def test_split_writes_a_file_for_each_piece(run, model, tmp_path):
    picture = save_png(tmp_path / "in" / "tune.png", draw_staff())
    formats = ("--split", "pieces", "--to", "musicxml,semantic,json", "--mark-doubtful")
    assert run("read", picture, *formats, "--model", model, "-o", tmp_path / "out")[0] == 0
    assert names(tmp_path / "out") == ["tune-1.musicxml", "tune-1.semantic", "tune.json"]


def test_bars_that_do_not_add_up_are_warned_about(run, tmp_path):
    bars = ["note-C5_half.", "barline", "note-C5_half", "barline", "note-C5_whole", "barline"]
    tokens = ["clef-G2", "timeSignature-3/4", *bars]
    model = write_scripted(tmp_path / "odd.onnx", tokens, confidence=0.99)
    picture = save_png(tmp_path / "tune.png", draw_staff())
    status, out, err = run("read", picture, "--json", "--model", model)
    assert (status, err) == (0, [])
    document = json.loads(out[0])
    assert document["pages"][0]["staves"][0]["bars"] == [True, False, False]
    assert document["warnings"] == ["bars that do not add up to the meter: 2, 3"]


def test_same_input_same_bytes(run, model, tmp_path):
    picture = save_png(tmp_path / "tune.png", draw_staff())
    formats = "musicxml,midi,mei,svg,json,overlay"
    for out in ("one", "two"):
        assert run("read", picture, "-o", tmp_path / out, "--to", formats, "--model", model)[0] == 0
    assert len(names(tmp_path / "one")) == 6
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def test_ungrammatical_symbols_are_dropped_with_a_warning(run, tmp_path):
    tokens = ("tie", "clef-G2", "tuplet-3", "note-C5_quarter", "barline")
    odd = write_scripted(tmp_path / "odd.onnx", tokens, confidence=0.99)  # no rule overrules that
    picture = save_png(tmp_path / "tune.png", draw_staff())
    status, out, err = run("read", picture, "--json", "--model", odd)
    assert (status, err) == (0, [])
    symbols = json.loads(out[0])["pages"][0]["staves"][0]["symbols"]
    assert [symbol["token"] for symbol in symbols if not symbol["used"]] == ["tie", "tuplet-3"]
    assert json.loads(out[0])["warnings"] == [
        "left out of the score because they break its grammar: tie, tuplet-3"
    ]
    _, _, err = run("read", picture, "--model", odd)
    assert err == [
        f"focal-omr: {picture}: left out of the score because they break its grammar: tie, tuplet-3"
    ]


def test_a_staff_on_which_nothing_is_recognized_is_an_empty_score(run, tmp_path):
    nothing = write_scripted(tmp_path / "nothing.onnx", ())
    picture = save_png(tmp_path / "tune.png", draw_staff())
    status, _, err = run("read", picture, "--model", nothing, "--to", "musicxml,midi,svg,overlay")
    assert (status, err) == (0, [f"focal-omr: {picture}: no symbols were recognized on the staff"])
    assert len(names(Path())) == 4


# Bad input: one line that names the file and the reason, status 2, nothing written -------------------------


def _texture(kind):
    y, x = np.mgrid[0:400, 0:600]
    rng = np.random.default_rng(0)
    bricks = 255 - 200 * ((y % 40 < 3) | ((x + (y // 40 % 2) * 40) % 80 < 3))
    clouds = cv2.GaussianBlur(rng.integers(0, 256, (400, 600)).astype(np.float32), (0, 0), 9) * 8 % 256
    pictures = {"noise": rng.integers(0, 256, (400, 600)), "bricks": bricks, "clouds": clouds}
    pictures |= {
        "stripes": 255 * (np.sin(y / 6) > 0),
        "waves": 127 + 100 * np.sin(x / 15 + np.sin(y / 40) * 5),
    }
    return np.asarray(pictures[kind], np.uint8)


def _png(gray):
    return bytes(cv2.imencode(".png", gray)[1])


BAD = {
    "empty.png": (lambda: b"", "the file is empty"),
    "text.png": (lambda: b"I am no picture.\n" * 9, "not an image that can be decoded"),
    "truncated.png": (lambda: _png(draw_staff())[:600], "the file is cut off after 600 bytes"),
    "truncated.jpg": (
        lambda: bytes(cv2.imencode(".jpg", draw_staff())[1])[:900],
        "the file is cut off after 900 bytes",
    ),
    "damaged.tif": (
        lambda: bytes(cv2.imencode(".tif", draw_staff())[1])[:900],
        "damaged or cut off",
    ),
    "blank.png": (lambda: _png(np.full((300, 900), 255, np.uint8)), "no staff of five lines"),
    "one.png": (lambda: _png(np.full((1, 1), 255, np.uint8)), "1 x 1 pixels, a staff needs at least 16 x 16"),
    "wide-blank.png": (lambda: _png(np.full((200, 30000), 255, np.uint8)), "no staff of five lines"),
    "wide-staff.png": (lambda: _png(draw_staff(30000)), "2495 staff spaces long"),
    **{
        f"{kind}.png": (lambda kind=kind: _png(_texture(kind)), "no staff of five lines")
        for kind in ("noise", "bricks", "clouds", "stripes", "waves")
    },
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_image_gives_a_one_line_error(run, model, tmp_path, name):
    content, reason = BAD[name]
    picture = tmp_path / name
    picture.write_bytes(content())
    status, out, err = run("read", picture, "-o", tmp_path / "out", "--model", model)
    assert (status, out, len(err)) == (2, [], 1)
    assert err[0].startswith(f"focal-omr: {picture}: ")
    assert reason in err[0]
    assert not (tmp_path / "out").exists()


def test_a_long_staff_of_a_wide_picture_is_read(run, model, tmp_path):
    picture = save_png(tmp_path / "wide.png", draw_staff(30000, 500, space_px=40, top=150))
    assert run("read", picture, "-o", tmp_path / "out", "--model", model)[::2] == (0, [])
    assert names(tmp_path / "out") == ["wide.mid", "wide.musicxml"]


def test_warnings_of_native_libraries_are_silenced(run, model, tmp_path):
    data = _png(draw_staff())
    at = data.find(b"IDAT") - 4
    profile = bytes.fromhex("0000000569434350") + b"x\0\0ab" + bytes(4)  # a colour profile that is none
    (tmp_path / "profile.png").write_bytes(data[:at] + profile + data[at:])
    assert run("read", tmp_path / "profile.png", "--model", model)[::2] == (0, [])
    os.write(2, b"heard\n")  # and the standard error is there again
    assert run("--version")[2] == ["heard"]


def _missing(tmp_path):
    return [tmp_path / "nothing.png"], f"{tmp_path}/nothing.png: no such file"


def _empty_folder(tmp_path):
    (tmp_path / "folder").mkdir()
    return [tmp_path / "folder"], f"{tmp_path}/folder: a folder without images (*.png, *.jpg"


def _same_stem(tmp_path):
    pictures = [save_png(tmp_path / name, draw_staff()) for name in ("a/tune.png", "b/tune.png")]
    return pictures, f"{pictures[0]} and {pictures[1]} would both be written to out/tune.*"


def _unknown_format(tmp_path):
    picture = save_png(tmp_path / "tune.png", draw_staff())
    return [picture, "--to", "musicxml,mp3"], "unknown format 'mp3'; choose from musicxml, midi, mei"


def _no_format(tmp_path):
    picture = save_png(tmp_path / "tune.png", draw_staff())
    return [picture, "--to", " ,"], "no output format given"


def _page_list_of_words(tmp_path):
    return ["tune.png", "--pages", "foo"], "--pages: 'foo' is not a page list"


def _url(tmp_path):
    return ["https://example.com/a.png"], "example.com/a.png: URLs are not read; download the file first"


def _junk_named_pdf(tmp_path):
    (tmp_path / "bad.pdf").write_text("junk")
    return [tmp_path / "bad.pdf"], "bad.pdf: not a PDF file"


def _out_is_a_file(tmp_path):
    (tmp_path / "file").write_text("keep me")
    picture = save_png(tmp_path / "tune.png", draw_staff())
    return [picture, "-o", tmp_path / "file"], f"{tmp_path}/file: is a file, not a folder"


def _out_below_a_file(tmp_path):
    (tmp_path / "file").write_text("keep me")
    picture = save_png(tmp_path / "tune.png", draw_staff())
    return [
        picture,
        "-o",
        tmp_path / "file" / "out",
    ], f"cannot create the folder: {tmp_path}/file is a file, not a folder"


def _out_in_proc(tmp_path):
    picture = save_png(tmp_path / "tune.png", draw_staff())
    return [picture, "-o", "/proc/no/such"], "/proc"


def _result_is_a_folder(tmp_path):
    picture = save_png(tmp_path / "tune.png", draw_staff())
    Path("out/tune.mid").mkdir(parents=True)
    return [picture, "-o", "out"], "out/tune.mid cannot be written: Is a directory"


def _missing_model(tmp_path):
    picture = save_png(tmp_path / "tune.png", draw_staff())
    return [
        picture,
        "--model",
        tmp_path / "no.onnx",
    ], f"{tmp_path}/no.onnx: no such file; give an ONNX file of"


def _model_is_text(tmp_path):
    (tmp_path / "text.onnx").write_text("weights")
    picture = save_png(tmp_path / "tune.png", draw_staff())
    return [picture, "--model", tmp_path / "text.onnx"], f"{tmp_path}/text.onnx: not an ONNX file that can be"


def _foreign_model(tmp_path):
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    other = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "other", [value], [other])
    file = tmp_path / "other.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), str(file))
    return [
        save_png(tmp_path / "tune.png", draw_staff()),
        "--model",
        file,
    ], f"{file}: not written by `focal-omr export` (no metadata)"


def _model_of_another_strip(tmp_path):
    from dataclasses import replace

    file = write_scripted(tmp_path / "other.onnx", card=replace(CARD, middle_line_px=40))
    return [
        save_png(tmp_path / "tune.png", draw_staff()),
        "--model",
        file,
    ], f"{file}: made for preset 'default'"


@pytest.mark.parametrize(
    "case",
    [
        *(_missing, _empty_folder, _same_stem, _unknown_format, _no_format),
        *(_page_list_of_words, _url, _junk_named_pdf),
        *(_out_is_a_file, _out_below_a_file, _out_in_proc, _result_is_a_folder),
        *(_missing_model, _model_is_text, _foreign_model, _model_of_another_strip),
    ],
)
def test_invalid_arguments_give_a_one_line_error(run, model, tmp_path, case):
    arguments, message = case(tmp_path)
    if "-o" not in arguments:
        arguments += ["-o", "out"]
    if "--model" not in arguments:
        arguments += ["--model", model]
    before = names(tmp_path), names(Path())
    status, out, err = run("read", *arguments)
    assert (status, out, len(err)) == (2, [], 1)
    assert err[0].startswith("focal-omr: ")
    assert message in err[0]
    assert (names(tmp_path), names(Path())) == before
    assert not [path for path in Path().rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["read"], "Missing argument"),
        (["read", "a.png", "--colour"], "No such option: --colour"),
        (
            ["read", "a.png", "--threads", "many"],
            "Invalid value for '--threads': 'many' is not a whole number",
        ),
        (["read", "a.png", "--beam", "-1"], "Invalid value for '--beam': '-1' is less than 0"),
        (["read", "a.png", "--engine", "dask"], "Invalid value for '--engine': 'dask' is not one of"),
        (["listen"], "No such command 'listen'"),
    ],
)
def test_bad_usage_exits_2_without_a_traceback(run, arguments, message):
    status, out, err = run(*arguments)
    assert (status, out) == (2, [])
    assert message in " ".join(err)
    assert "Traceback" not in " ".join(err)


def test_a_batch_continues_after_a_bad_image_and_exits_1(run, model, tmp_path):
    good = [save_png(tmp_path / f"{name}.png", draw_staff()) for name in "ac"]
    bad = tmp_path / "b.png"
    bad.write_bytes(b"")
    status, out, err = run("read", good[0], bad, good[1], "-o", tmp_path / "out", "--json", "--model", model)
    summary = f"focal-omr: 1 of 3 failed, see {tmp_path}/out/manifest.jsonl"
    assert (status, err) == (1, [f"focal-omr: {bad}: the file is empty", summary])
    assert names(tmp_path / "out") == ["a.mid", "a.musicxml", "c.mid", "c.musicxml", "manifest.jsonl"]
    said = {line["source"]: line for line in map(json.loads, out)}
    assert said[str(bad)] == {"format": 2, "source": str(bad), "error": f"{bad}: the file is empty"}
    assert len(said) == 3
    assert "pages" in said[str(good[1])]
    assert run("read", bad, tmp_path / "no.png", "--model", model)[0] == 2  # of several none was read


def test_an_output_format_that_cannot_hold_a_score_fails_that_document_only(run, tmp_path):
    sharp = write_scripted(tmp_path / "sharp.onnx", ("clef-G2", "note-F##4_quarter"))
    pictures = [save_png(tmp_path / f"{name}.png", draw_staff()) for name in "ab"]
    status, _, err = run("read", *pictures, "--to", "mei,agnostic", "--model", sharp, "-o", tmp_path / "out")
    assert (status, len(err)) == (2, 3)
    for picture, line in zip(pictures, sorted(err[:2]), strict=True):
        assert line.startswith(f"focal-omr: {picture}: cannot be written as agnostic: ")
    assert names(tmp_path / "out") == ["manifest.jsonl"]


def test_a_bug_gives_a_one_line_error(model, tmp_path, monkeypatch):
    def broken(self, source, **options):
        raise IndexError("of nothing")

    monkeypatch.setattr("focal_omr.recognize.Recognizer.read", broken)
    picture = save_png(tmp_path / "tune.png", draw_staff())
    error = DocumentReader(ReadOptions(model=str(model)))(ReadTask(picture, "tune")).error
    assert re.search(r"a bug in focal-omr.*IndexError\('of nothing'\) in test_app.py:\d+$", error)


def test_missing_packaged_weights_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr("focal_omr.onnx_model.files", lambda package: tmp_path)
    picture = save_png(tmp_path / "tune.png", draw_staff())
    assert "the packaged weights" in DocumentReader(ReadOptions())(ReadTask(picture, "tune")).error


# The process as a whole -------------------------------------------------------------------------------------


def test_version_and_help(run):
    assert run("--version") == (0, [f"focal-omr {__version__}"], [])
    for arguments in (["--help"], ["read", "--help"], ["compare", "--help"]):
        status, out, err = run(*arguments)
        assert (status, err) == (0, [])
        assert out[0].startswith("Usage: focal-omr")
    assert "musicdiff" in " ".join(out)


def test_help_fits_a_terminal_and_shows_the_default_beam_width(run):
    for group in ((), ("data",)):
        assert not any(line.startswith("  ") and line.endswith("...") for line in run(*group, "--help")[1])
    said = " ".join(" ".join(run("read", "--help")[1]).split())
    assert f"0 = greedy decoding. [default: ({BEAM_WIDTH})" in said


def test_option_defaults_match_the_library():
    """They are said twice, as the library takes long to load."""
    options = {name: each.default for name, each in inspect.signature(cli_read.read).parameters.items()}
    assert (
        options["memory"]
        == MEMORY_MB
        == ProcessLimits().memory_mb
        == inspect.signature(read_documents).parameters["memory_mb"].default
    )
    assert ProcessLimits().seconds == LIMIT_S
    assert options["doubtful_below"] == DOUBTFUL_BELOW
    assert (options["tempo"], options["unfold_repeats"]) == (Playback().tempo, Playback().unfold)
    assert options["to"].split(",") == list(ReadOptions().outputs)


def test_help_imports_no_heavy_modules():
    code = (
        "import sys\nsys.argv = ['focal-omr', '--help']\nfrom focal_omr.cli import app as cli\n"
        "try: cli.main()\nexcept SystemExit: print(*sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    loaded = set(ran.stdout.splitlines()[-1].split())
    assert "typer" in loaded
    assert not loaded & {"numpy", "cv2", "onnxruntime", "verovio", "torch", "rich", "pydantic"}


def test_read_prints_nothing_on_stderr_and_imports_no_torch(model, tmp_path):
    picture = save_png(tmp_path / "tune.png", draw_staff())
    code = (
        "import sys\nfrom focal_omr.cli import app as cli\n"
        "try: cli.main()\nexcept SystemExit as end: print(end.code, *sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, "read", picture, "--model", model, "-o", tmp_path / "out"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert ran.stderr == ""
    status, *loaded = ran.stdout.splitlines()[-1].split()
    assert status == "0"
    # What reads is loaded in a process of its own (tests/training/test_export_onnx.py looks at what that is).
    heavy = {"torch", "lightning_fabric", "music21", "onnx", "resvg_py", "numpy", "cv2", "onnxruntime"}
    assert not heavy & set(loaded)


def test_an_interrupt_leaves_only_complete_documents(model, tmp_path):
    first = save_png(tmp_path / "in" / "0000.png", draw_staff())
    for number in range(1, 2000):
        os.link(first, first.with_name(f"{number:04d}.png"))
    out = tmp_path / "out"
    process = fresh("read", tmp_path / "in", "-o", out, "--model", model, "--threads", "1")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and len(list(out.glob("[0-9]*"))) <= 4:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")
    written = names(out)
    assert "manifest.jsonl" in written
    assert not [name for name in written if name.startswith(".")]
    scores, tunes = ({path.stem for path in out.glob(f"*.{suffix}")} for suffix in ("musicxml", "mid"))
    assert scores == tunes
    assert 2 <= len(scores) < 2000
    assert all(path.read_bytes().endswith(b"</score-partwise>\n") for path in out.glob("*.musicxml"))
    assert all(path.read_bytes().endswith(b"\xff\x2f\x00") for path in out.glob("*.mid"))


def test_compare(run, tmp_path):
    (tmp_path / "truth.semantic").write_text(" ".join(TUNE))
    read = " ".join(TUNE).replace("note-A4_eighth", "note-A4_quarter").replace("note-G4_eighth ", "")
    (tmp_path / "read.semantic").write_text(read)
    files = tmp_path / "read.semantic", tmp_path / "truth.semantic"
    status, out, err = run("compare", *files, "--json", "--no-ned")
    assert (status, err, len(out)) == (0, [], 1)
    figures = json.loads(out[0])
    assert figures.pop("differences")[0]["missed"] == 1
    bars = figures.pop("bars")
    tallies = figures.pop("tallies")
    assert tallies["duration"] == {"matched": 3, "result": 4, "truth": 5}
    nothing = dict.fromkeys((f"{kind}_f1" for kind in MARKS if kind != "ties"), None)
    assert figures == {
        **{"name": "read", "part": None, "part_was_closest": False, "error": None, "note_error": 40.0},
        **{"truth_notes": 5, "result_notes": 4, "matched": 3, "edits": 2, "edits_without_bars": 2},
        **{"pitch_errors": 0, "duration_errors": 1, "both_wrong": 0, "missed": 1, "added": 0},
        **{"result_bars": bars, "chord_bars_left_out": 0, "bars_wrong": [1]},
        **{"precision": 0.75, "recall": 0.6, "f1": 0.6667, "symbols": 12, "symbol_edits": 2, "ser": 16.667},
        **{"pitch_f1": 0.8889, "onset_f1": 0.6667, "duration_f1": 0.6667, "voices": 1.0},
        **{
            "ties_f1": 1.0,
            "bars_right": bars - 1,
            "bars_right_share": round((bars - 1) / bars, 4),
            **nothing,
        },
        **{"lyrics_error": None, "lyrics_by_verse": {}, "omr_ned": None},
    }
    status, out, _ = run("compare", *files, "--no-ned")
    assert status == 0
    assert out[0].startswith("note error 40.00 % of 5 notes: 0 pitch, 1 duration, 0 both, 1 missed, 0 added")
    assert out[1:7] == [
        f"{bars - 1} of {bars} bars exactly right",
        "F1 of notes: pitch 0.889, onset 0.667, duration 0.667; 1.000 in the right voice",
        "F1 of marks: ties 1.000",
        "precision 0.750, recall 0.600, F1 0.667 of notes by onset from the beginning",
        "symbol error 16.67 % of 12 symbols",
        "OMR-NED not measured",
    ]
    assert out[7].startswith("bar 1: ")
    assert out[8].startswith("  read 1: ")
    status, out, _ = run("compare", *files, "--no-ned", "--show", "0")
    assert out[-1] == "1 more differences are not shown"


def test_a_folder_is_named_as_one_and_a_missing_folder_as_missing(run, tmp_path):
    (tmp_path / "a.semantic").write_text(" ".join(TUNE))
    (tmp_path / "b").mkdir()
    status, _, err = run("compare", tmp_path / "a.semantic", tmp_path / "b")
    assert (status, err) == (
        2,
        [f"focal-omr: {tmp_path}/b: is a folder; a score or a label file is needed"],
    )
    status, _, err = run("convert", tmp_path / "a.semantic", tmp_path / "no" / "a.mid")
    folder = tmp_path / "no"
    assert (status, err) == (
        2,
        [f"focal-omr: {folder}/a.mid cannot be written: the folder {folder} does not exist"],
    )


def test_compare_names_unreadable_files(run, tmp_path):
    (tmp_path / "truth.semantic").write_text(" ".join(TUNE))
    status, _, err = run("compare", tmp_path / "truth.semantic", tmp_path / "no.musicxml")
    assert (status, len(err)) == (2, 1)
    assert f"{tmp_path}/no.musicxml cannot be read: No such file or directory" in err[0]
    status, out, err = run("compare", tmp_path / "no.musicxml", tmp_path / "truth.semantic", "--json")
    assert (status, len(err)) == (2, 1)
    assert json.loads(out[0])["note_error"] == 100.0
    assert "no.musicxml cannot be read" in json.loads(out[0])["error"]


def test_compare_folders(run, tmp_path):
    for folder in ("truths", "results"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.semantic").write_text(" ".join(TUNE))
    (tmp_path / "truths" / "b.semantic").write_text(" ".join(TUNE))
    (tmp_path / "results" / "c.semantic").write_text(" ".join(TUNE))
    folders = tmp_path / "results", tmp_path / "truths"
    status, out, err = run("compare", *folders, "--no-ned")
    assert status == 1
    assert out == [
        "a: note error 0.00 % of 5 notes",
        "b: note error 100.00 % of 5 notes",
        "all 2: note error 50.00 % of 10 notes (0 pitch, 0 duration, 0 both, 5 missed, 0 added), mean "
        "50.00 %, 1 failed",
        "3 of 6 bars exactly right",
        "F1 of notes: pitch 0.667, onset 0.667, duration 0.667; 1.000 in the right voice",
        "F1 of marks: ties 0.667",
    ]
    assert [line.rpartition("/")[2] for line in err] == [
        "c.semantic: no truth for this result",
        "b.semantic",
    ]
    status, out, _ = run("compare", *folders, "--no-ned", "--json")
    assert (status, json.loads(out[0])["total"]["failed"]) == (1, 1)
    status, _, err = run("compare", tmp_path / "nowhere", tmp_path / "truths")
    assert (status, err) == (
        2,
        [f"focal-omr: {tmp_path}/nowhere: no folder; a folder of scores is needed, as the other one is"],
    )


def test_pack_names_the_samples_it_leaves_out(run, tmp_path):
    from focal_omr.data.rendered import render_tree

    render_tree(tmp_path / "tree", count=3, seed=2, primus=True)
    first = names(tmp_path / "tree")[0]
    (tmp_path / "tree" / first / f"{first}.png").write_bytes(b"no picture")
    status, out, err = run("data", "pack", tmp_path / "tree", "--out", tmp_path / "shards")
    assert (status, out) == (0, [f"{tmp_path / 'shards'}: 2 staves"])
    assert len(err) == 1
    assert "1 samples are left out" in err[0]
    assert f"{first}.png" in err[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["nonsense"],
            "nonsense: neither a file nor a packaged grid "
            "(column-rates, columns, imbalance, losses, seed-study, smoke)",
        ),
        (
            ["smoke", "--set", "train.stepz=3"],
            "--set train.stepz=3: unknown key train.stepz; known: seed, steps,",
        ),
        (["smoke", "--set", "seeds=[]"], "--set seeds=[]: seeds: Tuple should have at least 1 item"),
        (["smoke", "--data", "nowhere"], "nowhere"),
    ],
)
def test_an_invalid_study_gives_a_one_line_error_and_leaves_no_files(run, tmp_path, arguments, message):
    status, out, err = run("experiment", *arguments, "--out", tmp_path / "study")
    err = [line for line in err if not line.startswith("INFO")]
    assert (status, out) == (2, [])
    assert len(err) == 1
    assert message in err[0]
    assert not (tmp_path / "study" / "report.md").exists()


def test_training_waits_passively_at_barriers_before_torch_is_loaded():
    code = """
import os, sys
from focal_omr.cli import app
def seen(*_):
    print(os.environ["OMP_WAIT_POLICY"], "torch" in sys.modules)
    raise SystemExit
app.require_extra = seen
sys.argv = ["focal-omr", "train", "run.toml"]
app.main()
"""
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    assert done.stdout.split() == ["passive", "False"]
