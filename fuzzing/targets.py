"""Fuzz targets: a reader with its file suffix, mutator and seed inputs."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from focal_omr.encodings.vocabulary import primus_agnostic, primus_semantic
from focal_omr.errors import OmrError
from fuzzing import mutators, seeds
from fuzzing.mutators import Mutator

__all__ = ["TARGETS", "Target"]


@dataclass(frozen=True)
class Target:
    """A reader.

    Attributes:
        suffix: Suffix of the file name.
        read: Reads a file and processes the result; raises OmrError for invalid files.
        seeds: Returns valid files.
        mutate: Mutates a file.
        max_bytes: Maximum size of a file.
        names_file: Whether error messages name the file.
        verovio: Whether the reader calls Verovio, which then runs in a worker process.
    """

    suffix: str
    read: Callable[[Path], object]
    seeds: Callable[[], list[bytes]]
    mutate: Mutator
    max_bytes: int = 8_000
    names_file: bool = True
    verovio: bool = False


# Readers ----------------------------------------------------------------------------------------------------


def _header(path: Path) -> None:
    from focal_omr.images.header import is_tiff, read_header, read_tiff_pages

    data = path.read_bytes()
    if is_tiff(data):
        read_tiff_pages(data, name=str(path))
    read_header(data, name=str(path))


def _pages(path: Path) -> None:
    from focal_omr.page.load import load_pages

    for _, page in zip(range(3), load_pages(path), strict=False):
        assert page.gray.ndim == 2
        assert page.dpi is None or 0 < page.dpi < 1e5


def _score(path: Path) -> None:
    """Read a score and write it in the formats that need no Verovio; writing may fail with an OmrError."""
    from focal_omr.encodings.from_columns import score_from_columns
    from focal_omr.encodings.to_columns import score_to_columns
    from focal_omr.formats.midi import Playback
    from focal_omr.formats.midi_score import write_midi_score
    from focal_omr.formats.one_voice_files import load_one_voice, write_one_voice
    from focal_omr.formats.registry import load_score, write_score
    from focal_omr.score.validate import validate

    score = load_score(path)
    for name in ("musicxml", "mxl", "mei", "midi", "semantic", "agnostic", "kern", "abc"):
        with suppress(OmrError):
            write_score(score, name)
    if not validate(score):
        columns = score_to_columns(score)
        score_from_columns(columns.systems, columns.staves)
    for unfold in (False, True):
        with suppress(OmrError):
            write_midi_score(score, Playback(unfold=unfold))
    with suppress(OmrError):
        one_voice = load_one_voice(path)
        for name in ("semantic", "agnostic", "kern", "abc"):
            with suppress(OmrError):
                write_one_voice(one_voice, name)


def _judged(path: Path) -> None:
    """Read a score as the `compare` command does."""
    from focal_omr.evaluation.compare_scores import compare_files

    compare_files(path, path, with_omr_ned=False)


def _card(path: Path) -> None:
    from focal_omr.onnx_model import ModelCard

    ModelCard.from_text(path.read_text(encoding="utf-8", errors="replace"), source=str(path))


def _network(path: Path) -> None:
    import numpy as np

    from focal_omr.onnx_model import OnnxModel

    model = OnnxModel(path, threads=1)
    model.log_probs([np.zeros((96, 40), np.float32), np.ones((96, 24), np.float32)])


def _config(path: Path) -> None:
    from focal_omr.config import load_config

    _ = load_config(path).digest


def _grid(path: Path) -> None:
    from focal_omr.experiment.grid import load_grid

    grid = load_grid(str(path))
    _ = grid.digest, grid.steps


def _checkpoint(path: Path) -> None:
    import torch

    from focal_omr.training.checkpoint import load_checkpoint, load_weights

    state = load_checkpoint(path)
    load_weights(path, torch.nn.Linear(2, 2), state["codec"])


def _shard(path: Path) -> None:
    from focal_omr.data.engraving.shards import read_shard

    for record in read_shard(path):
        _ = record.width, record.gray().shape


def _shard_index(path: Path) -> None:
    """Read the file as the index of a valid shard."""
    from focal_omr.config import DataConfig
    from focal_omr.data.engraving.shards import shard_index
    from focal_omr.data.loader import StaffBatches
    from focal_omr.encodings.codec import Codec
    from focal_omr.encodings.vocabulary import Vocabulary
    from focal_omr.errors import DataError

    tar = path.with_suffix(".tar")
    if not tar.exists():
        tar.write_bytes(seeds.shards()[0])
    staves = shard_index(tar)
    for staff in staves:
        staff.gray()
    if len(staves) < 2:
        return
    codec = Codec("semantic", Vocabulary(("clef-G2", "note-C4_quarter", "barline")))
    with suppress(DataError):  # too few staff images with known symbols, which is not the fault of one file
        batches = StaffBatches(staves, codec, DataConfig(batch=2, curriculum=0), 1)
        batches[0]


def _manifest(path: Path) -> None:
    from focal_omr.batch.manifest import _read_records

    for record in _read_records(path).values():
        record.is_current(path, path.parent, "cd")
        record.to_json()


def _primus(path: Path) -> None:
    from focal_omr.data.primus.index import describe, description_lines, index_primus

    entries, defects = index_primus([path])
    list(description_lines(describe(entries, defects)))


def _index(path: Path) -> None:
    from focal_omr.data.primus.index import describe, read_index

    describe(read_index(path), [])


def _ids(path: Path) -> None:
    from focal_omr.data.primus.split import read_ids

    read_ids(path)


def _tunes(path: Path) -> None:
    from focal_omr.data.music.sources import score_texts, single_scores, tune_files

    for file in tune_files(path).read():
        single_scores(file)
        with suppress(OmrError):  # the report adds the file's name
            score_texts(file)


def _collection(path: Path) -> None:
    from focal_omr.data.music.collection import read_collection

    read_collection(path)


# Mutations --------------------------------------------------------------------------------------------------

_SEMANTIC = (*primus_semantic().symbols[::7], "tie", "accidental", "tuplet-3", "tuplet-end", "barline-double")
_SEMANTIC += (
    "barline-repeat_start",
    "barline-repeat_end",
    "multirest-1000000000",
    "timeSignature-999/7",
    "x",
)
_AGNOSTIC = (
    *primus_agnostic().symbols[::3],
    "digit.999999999-L4",
    "digit.9-S5",
    "multirest-L3",
    "note.half-L-999",
)


def _text_lines(texts: Iterable[bytes], *more: str) -> tuple[str, ...]:
    return (*(line for text in texts for line in text.decode().split("\n")), *more)


_KERN = (
    "*^",
    "*v\t*v",
    "*-",
    "*+",
    "*x",
    "*",
    ".",
    "!",
    "!!c",
    "=",
    "==:|",
    "*>A",
    "*clefX",
    "*M0/0",
    "*k[]",
)
_KERN += ("4c 4e", "q", "8%3c", "000c", "4C--", "[4c]", "*tremolo", "*staff1", "**text", "**dynam", "**kern")
_ABC = (
    "V:1",
    "V:2 clef=bass",
    "K:C",
    "K:none",
    "L:1/0",
    "M:none",
    "P:A",
    "[1",
    "|]",
    "(3:2:4",
    "A9/0",
    "%%x",
    "U:T=!",
)
_PAE = (
    "@end",
    "@key:",
    "%C-3",
    "$xFCG",
    "@c",
    "!A!f",
    "i/",
    "=999/",
    "(((",
    "7.",
    "^",
    "qq r",
    "+'''''''''",
    "@timesig:0/0",
)

_toml = mutators.lines(
    (
        *("[data]", "[model]", "[[losses]]", "[train.data]", "seed = 1", "steps = -1", 'kind = "ctc"', "x"),
        *(
            "channels = [1,2,3,4,5]",
            "a.b.c = 1",
            "alpha = [0.1, nan]",
            'name = ""',
            "seeds = []",
            "gamma = inf",
        ),
        *(
            "samples = 99999999999999999999",
            "date = 1979-05-27",
            "[" * 200,
            "a = " + "[" * 3000,
            "batch = 1e9",
        ),
    ),
    " ",
)
_xml = mutators.xml


TARGETS: dict[str, Target] = {
    "header": Target(".tif", _header, seeds.pictures, mutators.picture),
    "picture": Target(".png", _pages, seeds.pictures, mutators.picture),
    "pdf": Target(".pdf", _pages, seeds.pdfs, mutators.pdf),
    "semantic": Target(".semantic", _score, seeds.semantic, mutators.tokens(_SEMANTIC)),
    "agnostic": Target(".agnostic", _score, seeds.agnostic, mutators.tokens(_AGNOSTIC)),
    "mei": Target(".mei", _score, seeds.mei, _xml, max_bytes=32_000),
    "musicxml": Target(".musicxml", _score, seeds.musicxml, _xml, max_bytes=32_000, verovio=True),
    "mxl": Target(".mxl", _score, seeds.mxl, mutators.zipped(_xml, ("a.musicxml", "x")), verovio=True),
    "judge": Target(".xml", _judged, seeds.musicxml, _xml, verovio=True),
    "judge-mei": Target(".mei", _judged, seeds.mei, _xml, verovio=True),
    "kern": Target(
        ".krn", _score, seeds.kern, mutators.lines(_text_lines(seeds.kern(), *_KERN), "\t"), verovio=True
    ),
    "abc": Target(
        ".abc", _score, seeds.abc, mutators.lines(_text_lines(seeds.abc(), *_ABC), " "), verovio=True
    ),
    "pae": Target(
        ".pae", _score, seeds.pae, mutators.lines(_text_lines(seeds.pae(), *_PAE), "/"), verovio=True
    ),
    "card": Target(".json", _card, seeds.cards, mutators.json_values),
    "onnx": Target(".onnx", _network, seeds.networks, mutators.binary),
    "config": Target(".toml", _config, partial(seeds.texts, "configs/*.toml"), _toml),
    "grid": Target(".toml", _grid, partial(seeds.texts, "focal_omr/experiment/grids/*.toml"), _toml),
    "checkpoint": Target(".pt", _checkpoint, seeds.checkpoints, mutators.zipped(mutators.binary)),
    "shards": Target(".tar", _shard, seeds.shards, mutators.tarred(mutators.picture)),
    "shard-index": Target(".json", _shard_index, seeds.shard_indices, mutators.json_values),
    "manifest": Target(
        ".jsonl",
        _manifest,
        seeds.manifests,
        mutators.one_of(mutators.lines(_text_lines(seeds.manifests(), "{}", "[]"), ","), mutators.json_lines),
    ),
    "primus": Target(".tar", _primus, seeds.primus, mutators.tarred(mutators.picture)),
    "index": Target(
        ".csv", _index, seeds.indices, mutators.lines(_text_lines(seeds.indices(), '"', ""), ",")
    ),
    "ids": Target(".txt", _ids, lambda: [b"000051650-1_1_1\na/b/c.png\n"], mutators.binary),
    "tunes": Target(".zip", _tunes, seeds.tunes, mutators.zipped(mutators.zipped(_xml))),
    "collection": Target(
        ".txt",
        _collection,
        lambda: [b"a.krn#0.0\t" + LABEL + b"\n" for LABEL in seeds.semantic()],
        mutators.lines(("a\tb", "", "\t", *_SEMANTIC), "\t"),
    ),
}
