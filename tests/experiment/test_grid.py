"""Grids: packaged grids load, names and digests are stable, errors name the key."""

from pathlib import Path

import pytest

from focal_omr.errors import ConfigError
from focal_omr.experiment.grid import grid_names, load_grid

SMALL = """
title = "A title"
seeds = [1, 2]
baseline = "CTC"
[[losses]]
name = "CTC"
[[losses]]
name = "focal"
kind = "focal_ctc"
alpha = [0.25, 0.5]
gamma = [0.5, 2.0]
[train]
steps = 10
"""


def _write(tmp_path: Path, text: str = SMALL) -> str:
    (tmp_path / "grid.toml").write_text(text)
    return str(tmp_path / "grid.toml")


@pytest.mark.parametrize("name", grid_names())
def test_every_packaged_grid_loads_and_gives_training_configurations(name: str) -> None:
    grid = load_grid(name)
    for loss in grid.all_losses.values():
        config = grid.training(loss, seed=3, shards=Path("a"), validation=Path("b"))
        assert config.seed == 3
        assert config.loss == loss
        assert config.data.shards == ("a",)
        assert config.data.validation == ("b",)


def test_the_packaged_grids_are_those_of_the_help() -> None:
    assert set(grid_names()) == {*("smoke", "seed-study", "losses", "imbalance", "columns", "column-rates")}


def test_the_losses_of_the_packaged_grids() -> None:
    study, losses = load_grid("seed-study"), load_grid("losses")
    pairs = [(each.kind, each.alpha, each.gamma) for each in study.all_losses.values()]
    assert pairs[1:] == [("focal_ctc", 0.5, 0.5), ("focal_ctc", 0.5, 2.0)]
    assert study.all_losses["CTC"].kind == "ctc"
    assert (study.sets[0].samples, study.sets[0].symbols, study.train["data"]["batch"]) == (1250, 60, 4)
    assert study.train["steps"] == 6000
    assert len(losses.seeds) >= 5
    assert {each.kind for each in losses.all_losses.values()} == {
        "ctc", "focal_ctc", "length_focal_ctc", "symbol_focal_ctc",
    }  # fmt: skip
    assert [each.ratio for each in load_grid("imbalance").sets] == [10, 68, 300]


def test_lists_of_alpha_and_gamma_are_expanded(tmp_path: Path) -> None:
    grid = load_grid(_write(tmp_path))
    assert list(grid.all_losses) == ["CTC", "focal 0.25/0.5", "focal 0.25/2", "focal 0.5/0.5", "focal 0.5/2"]
    assert grid.steps == 2 * 5 * 10
    assert load_grid(_write(tmp_path), overrides=["train.steps=7"]).steps == 2 * 5 * 7


def test_the_digest_ignores_the_title_alone(tmp_path: Path) -> None:
    digest = load_grid(_write(tmp_path)).digest
    assert load_grid(_write(tmp_path, SMALL.replace("A title", "B"))).digest == digest
    assert load_grid(_write(tmp_path, SMALL.replace("[1, 2]", "[1]"))).digest != digest


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("seeds = [1, 2]", "seeds = []"), "seeds"),
        (("steps = 10", "stepz = 10"), r"train\.stepz"),
        (('baseline = "CTC"', 'baseline = "CTX"'), "baseline 'CTX' is not one of the losses"),
        (('name = "focal"\nkind', 'name = "CTC"\nalphas = 1\nkind'), "alphas"),
        (("[[losses]]", "[[loss"), "not TOML"),
    ],
)
def test_errors_name_the_key(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    path = _write(tmp_path, SMALL.replace(*change))

    def use() -> None:
        grid = load_grid(path)
        grid.training(grid.all_losses["CTC"], seed=1, shards=Path("a"), validation=Path("b"))

    with pytest.raises(ConfigError, match=message):
        use()


def test_a_loss_may_have_its_own_learning_rates(tmp_path: Path) -> None:
    text = SMALL.replace("gamma = [0.5, 2.0]", "gamma = 1.0\nrate = [0.1, 0.01]").replace(
        "[0.25, 0.5]", "0.5"
    )
    grid = load_grid(_write(tmp_path, text))
    assert grid.rates == {"CTC": None, "focal at 0.1": 0.1, "focal at 0.01": 0.01}
    paths = {"shards": Path("a"), "validation": Path("b")}
    assert grid.training(grid.all_losses["focal at 0.1"], seed=1, **paths, rate=0.1).optimizer.rate == 0.1
    assert grid.training(grid.all_losses["CTC"], seed=1, **paths).optimizer.rate == 1e-3


def test_the_study_of_columns_tunes_every_loss_on_other_staves() -> None:
    study, rates = load_grid("columns"), load_grid("column-rates")
    assert {each.kind for each in study.losses} == {
        "serial_ctc", "column_ctc", "column_focal_ctc", "factor_focal_ctc",
    }  # fmt: skip
    assert [each.name for each in rates.losses] == [each.name for each in study.losses]
    assert study.systems is not None
    assert rates.systems is not None
    assert study.systems.seed != rates.systems.seed
    assert len(study.seeds) >= 5


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(
        ConfigError,
        match="nonsense: neither a file nor a packaged grid \\(column-rates, columns, imbalance, losses",
    ):
        load_grid("nonsense")
