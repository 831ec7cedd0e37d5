"""Which files of two folders belong together."""

from dataclasses import replace

import pytest
from one_voice import save_one_voice

from focal_omr.encodings.semantic import read_semantic
from focal_omr.errors import DataError
from focal_omr.evaluation.score_diff.pair_files import Pair, pair_folders, part_in_name
from focal_omr.score.records import Score


@pytest.fixture
def folders(tmp_path):
    results, truths = tmp_path / "results", tmp_path / "truths"
    results.mkdir()
    truths.mkdir()
    return results, truths


def save(path, *names):
    path.parent.mkdir(exist_ok=True)
    parts = [read_semantic("note-C4_quarter").parts[0] for _ in names]
    save_one_voice(Score(tuple(replace(p, name=n) for p, n in zip(parts, names, strict=True))), path)
    return path


def test_by_stem_and_folder_with_one_file_of_each_stem(folders):
    results, truths = folders
    ours = [save(results / name, "") for name in ("a.musicxml", "a.mei", "more/b.mei", "c.xml")]
    (results / "a.mid").write_bytes(b"")
    theirs = [save(truths / name, "") for name in ("a.musicxml", "more/b.musicxml", "d.mei")]
    assert pair_folders(results, truths) == (
        [
            Pair("a", theirs[0], ours[0]),
            Pair("d", theirs[2], None),
            Pair("more/b", theirs[1], ours[2]),
        ],
        [ours[3]],
    )


def test_parts_of_one_truth_by_their_names(folders):
    results, truths = folders
    truth = save(truths / "q.musicxml", "Violin 1", "Viola", "Cello")
    save(truths / "z.musicxml", "")
    ours = [save(results / f"q-Part-{name}.musicxml", "") for name in ("Viola", "Violin_1")]
    odd = save(results / "q-Part-Oboe.musicxml", "")
    pairs, without_truth = pair_folders(results, truths)
    assert pairs[:-1] == [
        Pair("q-Part-Oboe", truth, odd, "Oboe"),
        Pair("q-Part-Viola", truth, ours[0], "Viola"),
        Pair("q-Part-Violin_1", truth, ours[1], "Violin 1"),
        Pair("q-Part-Cello", truth, None, "3"),
    ]
    assert (pairs[-1].name, pairs[-1].result, without_truth) == ("z", None, [])


def test_a_truth_of_the_same_stem_comes_first(folders):
    results, truths = folders
    whole = save(truths / "q.musicxml", "Viola")
    exact = save(truths / "q-Part-Viola.musicxml", "")
    ours = save(results / "q-Part-Viola.musicxml", "")
    pairs, _ = pair_folders(results, truths)
    assert {pair.truth: pair.result for pair in pairs} == {exact: ours, whole: None}


def test_the_part_in_a_name(tmp_path):
    assert part_in_name(tmp_path / "a-Part-Violin_1.musicxml") == "Violin 1"
    assert part_in_name(tmp_path / "a.musicxml") is None


def test_folders_that_cannot_be_used(folders, tmp_path):
    with pytest.raises(DataError, match=r"holds no score; known are \.musicxml"):
        pair_folders(*folders)
    with pytest.raises(DataError, match="nowhere: no folder"):
        pair_folders(tmp_path / "nowhere", folders[1])
