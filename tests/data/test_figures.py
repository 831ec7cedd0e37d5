"""Overview pages: statistics against values computed by hand, reproducible figures, every kind of input."""

import re
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from matplotlib.colors import to_hex
from tiny import labels, png, staff_images, write_shards_of_staves, write_tar
from typer.testing import CliRunner

from focal_omr.cli.data import data_app
from focal_omr.data.primus.index import index_primus, write_index
from focal_omr.data.show.cloud import cloud_figure
from focal_omr.data.show.curves import curves_figure, imbalance_figure
from focal_omr.data.show.drawing import BIN_COLOURS, render
from focal_omr.data.show.figures import bar_figure, bins_figure, box_figure, frequency_figure, waffle_figure
from focal_omr.data.show.page import show_set
from focal_omr.data.show.sources import read_source
from focal_omr.data.show.summary import apportion, dominance, summarise
from focal_omr.encodings.names import symbol_name
from focal_omr.encodings.vocabulary import full_semantic
from focal_omr.errors import DataError, OmrError, OutputError

# Ten symbols: 1 HF, 8 normal, 1 LF. Their counts are 100, 8 x 20, 2.
TEN = Counter(dict(zip(full_semantic().symbols[:10], (100, *[20] * 8, 2), strict=True)))
MANY = Counter({symbol: 3000 // place for place, symbol in enumerate(full_semantic().symbols[:1500], 1)})
OF_A_SET = ("bars", "bins", "box", "cloud", "frequency-linear", "frequency-log", "waffle")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six samples in PrIMuS layout."""
    folder = tmp_path_factory.mktemp("tree")
    for number in range(6):
        sample = folder / f"s{number}"
        sample.mkdir()
        large = cv2.resize(staff_images()[number].gray, None, fx=1.6, fy=1.6)
        (sample / f"s{number}.png").write_bytes(png(large))
        (sample / f"s{number}.semantic").write_text("\t".join(labels()[number]))
    return folder


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("split")
    for name, ids in (("train", "s0\ns1\ns2\n"), ("test", "s3\n"), ("imbalance", "s4\ns5\n")):
        (folder / f"{name}.txt").write_text(ids)
    return folder


# Statistics -------------------------------------------------------------------------------------------------


def test_summary_against_values_computed_by_hand() -> None:
    summary = summarise([["a", "a", "a", "a", "b"], ["b", "c", "d"]], min_count=2)
    assert (summary.samples, summary.symbols, summary.distinct, summary.below) == (2, 8, 4, 2)
    assert (summary.mean_length, summary.ratio) == (4.0, 4.0)
    assert summary.entropy == pytest.approx(1 / 2 * 1 + 1 / 4 * 2 + 2 * 1 / 8 * 3)  # 1.75 bits
    assert summary.evenness == pytest.approx(1.75 / 2)
    assert summary.effective == pytest.approx(2**1.75)
    assert summary.shares == {"HF": 0.5, "normal": 0.375, "LF": 0.125}


def test_summaries_of_one_symbol_and_of_none() -> None:
    one = summarise([["a", "a"]], min_count=10)
    assert (one.entropy, one.evenness, one.effective, one.ratio) == (0, 1, 1, 1)
    assert one.shares == {"HF": 1.0, "normal": 0.0, "LF": 0.0}
    assert summarise([], min_count=10).mean_length == 0


def test_the_effective_number_of_equally_frequent_symbols_is_their_number() -> None:
    even = summarise([list("abcde")] * 3, min_count=1)
    assert even.effective == pytest.approx(5)
    assert even.evenness == pytest.approx(1)


def test_dominance_and_its_tiles() -> None:
    assert dominance(TEN) == {"HF": 100.0, "normal": 20.0, "LF": 2.0}
    assert apportion([100, 20, 2], 400) == [328, 66, 6]  # 327.87, 65.57, 6.56: the largest remainders go up
    assert sum(apportion([1, 1, 1], 400)) == 400
    assert apportion([5, 0, 0], 400) == [400, 0, 0]


# Figures ----------------------------------------------------------------------------------------------------

DRAWN = {
    "linear": lambda counts: frequency_figure(counts, log=False),
    "log": lambda counts: frequency_figure(counts, log=True),
    "bins": bins_figure,
    "bars": bar_figure,
    "box": box_figure,
    "waffle": waffle_figure,
    "cloud": cloud_figure,
    "curves": lambda counts: curves_figure(counts, counts, Counter(list(counts)[:1]), min_count=10),
    "imbalance": lambda counts: imbalance_figure(counts, Counter(["tie"]), sampled=counts),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_figure_is_rendered_in_both_formats(name: str) -> None:
    png, svg = render(lambda: DRAWN[name](TEN))
    assert cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE).std() > 10
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert not re.search(rb"<dc:date>|<image|href=\"http", svg)


@pytest.mark.parametrize("name", set(DRAWN) - {"cloud"})
@pytest.mark.parametrize("counts", [Counter({"tie": 1}), Counter({"tie": 3, "barline": 3})])
def test_few_symbols_are_drawn_too(name: str, counts: Counter[str]) -> None:
    DRAWN[name](counts).canvas.draw()


def test_bars_have_the_colours_of_their_bins() -> None:
    axes = bar_figure(TEN).axes[0]
    assert [to_hex(bars.get_facecolor()[0]).upper() for bars in axes.collections] == list(
        BIN_COLOURS.values()
    )
    tops = [bars.get_paths()[0].vertices[:, 1].max() for bars in axes.collections]
    assert tops == [100, 20, 2]
    assert len({bars.get_hatch() for bars in axes.collections}) == 3
    named = [label.get_text() for label in axes.get_xticklabels()]
    assert len(named) == 10
    assert named[0] == symbol_name(max(TEN, key=TEN.__getitem__))


def test_bars_name_at_most_as_many_symbols_as_stay_legible() -> None:
    axes = bar_figure(MANY).axes[0]
    assert 50 <= len(axes.get_xticklabels()) <= 70
    assert axes.get_xlabel() == "1 in 22 of 1,500 symbols is named"


def test_the_waffle_has_400_tiles() -> None:
    collections = waffle_figure(TEN).axes[0].collections
    assert [len(tiles.get_paths()) for tiles in collections] == [328, 66, 6]


def test_the_curves_count_the_symbols_below_the_minimum() -> None:
    axes = curves_figure(TEN, TEN, Counter({"tie": 3}), min_count=21).axes[0]
    words = [text.get_text() for text in axes.get_legend().get_texts()]
    assert "tie" not in TEN
    assert words == [
        "sampled, 10 of 11 symbols below 21",
        "training, 10 of 11 symbols below 21",
        "testing, 11 of 11 symbols below 21",
    ]
    assert {21} in [set(line.get_ydata()) for line in axes.lines]


# Sources ----------------------------------------------------------------------------------------------------


def _archive(tree: Path, folder: Path) -> Path:
    files = {str(path.relative_to(tree)): path.read_bytes() for path in sorted(tree.rglob("*.*"))}
    write_tar(folder / "set.tar", files)
    return folder / "set.tar"


def _index(tree: Path, folder: Path) -> Path:
    write_index(folder / "set.csv", index_primus([tree])[0])
    return folder / "set.csv"


def _index_of_archive(tree: Path, folder: Path) -> Path:
    write_index(folder / "set.csv", index_primus([_archive(tree, folder)])[0])
    return folder / "set.csv"


def _labels(tree: Path, folder: Path) -> Path:
    for path in tree.rglob("*.semantic"):
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def _list(tree: Path, folder: Path) -> Path:
    _labels(tree, folder)
    (folder / "list.txt").write_text("\n".join(path.name for path in folder.glob("*.semantic")) + "\n\n")
    return folder / "list.txt"


@pytest.mark.parametrize("make", [_archive, _index, _index_of_archive, _labels, _list])
def test_every_kind_of_data_set_has_the_same_labels(make, tree: Path, tmp_path: Path) -> None:
    source = read_source(make(tree, tmp_path))
    assert source.labels == {f"s{number}": tuple(labels()[number]) for number in range(6)}
    assert bool(source.staves) == (make in (_archive, _index))
    assert not source.defects


def test_shards_are_read(tmp_path: Path) -> None:
    source = read_source(write_shards_of_staves(tmp_path, 2, 1))
    assert list(source.labels) == list(source.staves) == ["000", "001", "002"]
    write_shards_of_staves(tmp_path / "again", 2)
    (tmp_path / "again" / "000.tar").rename(tmp_path / "002.tar")
    with pytest.raises(DataError, match=r"002\.tar: 000 is also in 000\.tar"):
        read_source(tmp_path)


def _text(name: str, text: bytes) -> object:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(text)
        return folder / name

    return make


def _empty_label(folder: Path) -> Path:
    (folder / "a.semantic").write_text(" \n")
    return folder


BAD = [
    (lambda folder: folder / "nothing", "nothing: no such folder or archive"),
    (lambda folder: folder, "no samples; expected"),
    (_text("set.tgz", b"no archive at all"), r"set\.tgz: no samples; .*unreadable archive"),
    (_text("set.csv", b"a,b\n"), r"set\.csv: not an index"),
    (_text("list.txt", b"a.semantic\n"), r"a\.semantic: cannot be read \(No such file"),
    (_text("list.txt", b"a.png\n"), r"a\.png: not a label file"),
    (_text("list.txt", b"\xff\xfe\x80"), r"list\.txt: not text"),
    (_text("list.txt", b"\n"), r"list\.txt: no samples"),
    (_empty_label, r"a\.semantic: contains no symbols"),
]


@pytest.mark.parametrize(("make", "message"), BAD)
def test_other_inputs_are_rejected_in_one_line(make, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read_source(make(tmp_path))
    assert "\n" not in str(caught.value)


# The page ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_page_has_every_figure_and_lists_every_symbol(tree: Path, split: Path, tmp_path: Path) -> None:
    show_set(tree, tmp_path / "out", split=split, count=1)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    drawn = {*OF_A_SET, "curves", "imbalance"}
    assert names == {"index.html", "contact.png"} | {f"{n}.{s}" for n in drawn for s in ("png", "svg")}
    page = (tmp_path / "out" / "index.html").read_text()
    for token, count in Counter(token for label in labels()[:6] for token in label).items():
        assert f"<td>{symbol_name(token)}</td><td><code>{token}</code></td>" in page
        assert f'<td class="n">{count:,}</td>' in page
    assert '<tr><td>samples</td><td class="n">6</td><td class="n">3</td><td class="n">1</td>' in page
    assert all(re.search(rf'<img src="{name}.svg" alt="[^"]+">', page) for name in drawn)
    assert page.index('src="contact.png"') > page.index("Every symbol")
    assert not re.search(r"<script|https?:|@import", page)


def test_a_list_of_ids_labels_without_images_and_reproducible_bytes(
    tree: Path, split: Path, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "ids").write_text("s2\ns1\n")
    for out in ("one", "same"):
        show_set(_labels(tree, tmp_path / "in"), tmp_path / out, ids=tmp_path / "ids", split=split)
    files = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    assert len(files) == 1 + 2 * len(DRAWN)
    assert files == {path.name: path.read_bytes() for path in (tmp_path / "same").iterdir()}
    page = files["index.html"].decode()
    tokens = set(re.findall(r"<code>(.*?)</code>", page))
    assert tokens == set(labels()[1] + labels()[2])
    assert "<h1>2 samples of in</h1>" in page
    assert "contact.png" not in page


def test_missing_ids_and_files_are_reported(tree: Path, split: Path, tmp_path: Path) -> None:
    (tmp_path / "ids").write_text("s1\nt1\n")
    with pytest.raises(DataError, match="1 of 2 ids are not in the data set, such as t1"):
        show_set(tree, tmp_path / "out", ids=tmp_path / "ids")
    with pytest.raises(DataError, match=r"train\.txt: not a readable list"):
        show_set(tree, tmp_path / "out", split=tmp_path)
    (tmp_path / "train.txt").write_text("t1\n")
    with pytest.raises(DataError, match=r"train\.txt: 1 of 1 ids are not in the data set, such as t1"):
        show_set(tree, tmp_path / "out", split=tmp_path)
    with pytest.raises(DataError, match="'fax'"):
        show_set(tree, tmp_path / "out", degrade="fax")
    assert not (tmp_path / "out").exists()
    with pytest.raises(OutputError, match="ids: is a file, not a folder"):
        show_set(tree, tmp_path / "ids")


def test_the_command_reports_defects(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "set" / "s9").mkdir(parents=True)
    (tmp_path / "set" / "s9" / "s9.semantic").write_text("clef-G2\n")
    (tmp_path / "set" / "s0").symlink_to(tree / "s0")
    run = CliRunner().invoke(data_app, ["show", str(tmp_path / "set"), "--out", str(tmp_path / "out")])
    assert run.exit_code == 0, run.output
    assert run.stdout.strip() == str(tmp_path / "out" / "index.html")
    assert "set: 1 defects; these samples are left out: s9: missing picture" in run.stderr


def test_without_the_extra_the_command_prints_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("focal_omr.data.show")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "wordcloud", None)
    run = CliRunner().invoke(data_app, ["show", "set", "--out", "out"])
    assert isinstance(run.exception, OmrError)
    assert "pip install 'focal-ctc-omr[lab]'" in str(run.exception)
