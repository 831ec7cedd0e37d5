"""Stores of scores: prepared from files without excluded music, drawn from by texture."""

from fractions import Fraction
from pathlib import Path
from random import Random

import pytest

from focal_omr.data.music.cut import cut
from focal_omr.data.music.score_files import Exclusion, collect_scores
from focal_omr.data.music.score_store import ScoreStore, open_writer
from focal_omr.data.music.score_stream import draw_composed
from focal_omr.data.music.sources import tune_files
from focal_omr.data.music.system_excerpt import MAX_COLUMNS, system_excerpt
from focal_omr.encodings.to_columns import score_to_columns
from focal_omr.errors import DataError
from focal_omr.formats.registry import save_score
from focal_omr.score.score import Part, Score
from focal_omr.score.validate import validate
from tests.rich_scores import WHOLE, chord, measure, rich_score


def _composed(seed: int) -> Score:
    return draw_composed(Random(seed)).score


def _store(path: Path, *scores: Score) -> ScoreStore:
    with open_writer(path) as writer:
        for number, score in enumerate(scores):
            writer.add(f"{number}.mxl", score)
    return ScoreStore(path)


def test_parts_come_back_as_they_were(tmp_path: Path) -> None:
    score = rich_score()
    store = _store(tmp_path / "a.store", score)
    assert len(store) == 1
    assert "song" in store.textures
    source, drawn = store.draw(Random(1), "song")
    assert source == "0.mxl"
    assert drawn.parts == cut(score, range(3), (0, 1)).parts


def test_long_scores_are_fragments_that_overlap(tmp_path: Path) -> None:
    measures = tuple(measure(f"Pm{n}", (chord(f"n{n}", Fraction(0), "C4", WHOLE),)) for n in range(40))
    store = _store(tmp_path / "a.store", Score(parts=(Part(id="P", measures=measures),)), rich_score())
    assert len(store) == 4  # 16 measures from 0, 12 and 24 on, and the other score
    drawn = [store.draw(Random(n), "one")[1].parts[0] for n in range(60)]
    first = {part.measures[0].id for part in drawn if part.id == "P"}
    assert first == {"Pm0", "Pm12", "Pm24"}


@pytest.mark.parametrize("seed", range(5))
def test_excerpts_are_valid_and_as_wide_as_a_system(tmp_path: Path, seed: int) -> None:
    store = _store(tmp_path / "a.store", *(_composed(n) for n in range(8)))
    random = Random(seed)
    found = 0
    for texture in store.textures:
        for _ in range(10):
            fitted = system_excerpt(store.draw(random, texture)[1], random, texture)
            if fitted is not None:
                found += 1
                score = fitted.score
                assert validate(score) == []
                widths = [len(staff) for system in score_to_columns(score).systems for staff in system]
                assert 8 <= max(widths) <= MAX_COLUMNS
    assert found


def test_files_that_are_no_store(tmp_path: Path) -> None:
    for name, data in (("a", b""), ("b", b"focal-omr scores 0\n" + bytes(40)), ("c", bytes(9))):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(DataError, match=f"^{tmp_path / name}: "):
            ScoreStore(tmp_path / name)
    with pytest.raises(DataError, match="cannot be read"):
        ScoreStore(tmp_path / "none")
    store = _store(tmp_path / "d", rich_score())
    data = bytearray((tmp_path / "d").read_bytes())
    data[30:60] = bytes(30)
    (tmp_path / "d").write_bytes(bytes(data))
    with pytest.raises(DataError, match="fragment 0 is damaged"):
        ScoreStore(tmp_path / "d").draw(Random(1), "song")
    with pytest.raises(DataError, match="of texture 'choir'"):
        store.draw(Random(1), "choir")


def test_excluded_music_is_not_collected(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "scores"
    folder.mkdir()
    for name in ("lc12", "lc123", "Chopin_Mazurka_op_7"):
        save_score(rich_score(), folder / f"{name}.musicxml")
    (folder / "bad.musicxml").write_text("<score-partwise>")
    exclude = tmp_path / "exclude.txt"
    exclude.write_text("# music of a test set\nlc12\nmazurka chopin\n\n")
    caplog.set_level("INFO")
    count = collect_scores(tune_files(folder), tmp_path / "a.store", exclude=[exclude], workers=1)
    assert count == 1
    assert ScoreStore(tmp_path / "a.store").pieces == ["lc123.musicxml"]
    assert "lc12.musicxml: excluded by 'lc12'" in caplog.text
    assert "bad.musicxml: " in caplog.text


@pytest.mark.parametrize(
    ("name", "title", "composer", "excluded"),
    [
        ("LC12.mxl", "", "", True),
        ("songs/lc12/lc5.mxl", "", "", False),
        ("a.mxl", "Mazurka in F", "Frédéric Chopin", True),
        ("a.mxl", "Mazurka", "", False),
        ("chopin/mazurka-1.krn", "", "", True),
    ],
)
def test_music_is_excluded_by_stem_or_by_words(
    tmp_path: Path, name: str, title: str, composer: str, excluded: bool
) -> None:
    (tmp_path / "e.txt").write_text("lc12\nCHOPIN: mazurka\n")
    score = Score(parts=(), title=title, composer=composer)
    assert bool(Exclusion(tmp_path / "e.txt").reason(name, score)) == excluded
    with pytest.raises(DataError, match="cannot be read"):
        Exclusion(tmp_path / "none.txt")
