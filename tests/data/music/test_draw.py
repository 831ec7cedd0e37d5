"""Drawing staves: lengths, collections, and streams that worker processes are given."""

import pickle
from functools import partial
from pathlib import Path
from random import Random
from statistics import mean

import pytest

from focal_omr.data.music.collection import Collection, read_collection
from focal_omr.data.music.draw import ScoreSource, draw_composed, draw_excerpt, draw_length
from focal_omr.encodings.semantic import score_to_tokens
from focal_omr.errors import DataError


def _collection(path: Path, *, tunes: int = 1) -> Path:
    bars = ["note-G4_quarter", "note-A4_quarter", "barline"] * 30
    label = "\t".join(["clef-G2", "timeSignature-2/4", *bars])
    path.write_text("".join(f"{n}.krn#0.0\t{label}\n" for n in range(tunes)), encoding="utf-8")
    return path


def test_lengths_are_those_of_incipits_and_some_of_systems() -> None:
    random = Random(1)
    lengths = [draw_length(random) for _ in range(4000)]
    incipits = sorted(lengths)[: int(0.8 * len(lengths))]
    assert 11 <= min(lengths) <= max(lengths) <= 60
    assert 21 < mean(incipits) < 24
    assert 0.1 < mean(length > 39 for length in lengths) < 0.2


def test_excerpts_are_about_as_long_as_drawn(tmp_path: Path) -> None:
    path = _collection(tmp_path / "tunes.txt")
    counts = [len(score_to_tokens(draw_excerpt(path, Random(seed)))) for seed in range(300)]
    assert 11 <= min(counts) <= max(counts) <= 64
    assert 23 < mean(counts) < 30


def test_composed_staves_are_about_as_long_as_drawn() -> None:
    counts = [len(score_to_tokens(draw_composed(Random(seed)))) for seed in range(300)]
    assert 22 < mean(counts) < 32


@pytest.mark.parametrize("label", [None, "clef-G2 rest-half barline", "clef-G2" + " note-G4_eighth" * 300])
def test_a_collection_that_gives_no_staff_is_an_error(tmp_path: Path, label: str | None) -> None:
    path = tmp_path / "tunes.txt"
    path.write_text("" if label is None else "x\t" + "\t".join(label.split()) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"tunes\.txt: no staff could be cut out of its [01] tunes"):
        draw_excerpt(path, Random(0))


def test_a_label_that_is_none_is_named_when_it_is_drawn(tmp_path: Path) -> None:
    path = tmp_path / "tunes.txt"
    path.write_text("bad.krn#0.0\tclef-G2\tnote-H4_third\tbarline\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"tunes\.txt: bad\.krn#0\.0: .*note-H4_third"):
        draw_excerpt(path, Random(0))


def test_a_collection_gives_each_tune(tmp_path: Path) -> None:
    collection = Collection(_collection(tmp_path / "tunes.txt", tunes=5))
    assert [collection[n].source for n in range(len(collection))] == [f"{n}.krn#0.0" for n in range(5)]
    random = Random(1)
    assert {collection.draw(random).source for _ in range(200)} == {f"{n}.krn#0.0" for n in range(5)}
    assert [tune.source for tune in read_collection(collection.path)] == [f"{n}.krn#0.0" for n in range(5)]
    with pytest.raises(IndexError):
        collection[5]


def test_a_line_that_is_no_tune_is_named(tmp_path: Path) -> None:
    path = tmp_path / "tunes.txt"
    path.write_text("a\tclef-G2\nb\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"tunes\.txt:2: not a source, a tab and a label"):
        Collection(path)[1]


def test_what_draws_can_be_sent_to_a_process(tmp_path: Path) -> None:
    draw = ScoreSource(partial(draw_excerpt, _collection(tmp_path / "tunes.txt")))
    again = pickle.loads(pickle.dumps(draw))
    assert again.stream()(Random(3)) == draw.stream()(Random(3))
