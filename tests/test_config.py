"""Configurations: values, errors that name the key, overrides and digests."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from focal_omr.config import TrainConfig, load_config, make_config
from focal_omr.errors import ConfigError

SHIPPED = sorted((Path(__file__).parent.parent / "configs").glob("*.toml"))


def _file(folder: Path, text: str) -> Path:
    path = folder / "run.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_an_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    assert load_config(_file(tmp_path, "")) == TrainConfig()


def test_values_are_read(tmp_path: Path) -> None:
    text = (
        'seed = 7\n[data]\nshards = ["a", "b"]\n[model]\nchannels = [1, 2, 3, 4, 5]\n[optimizer]\nclip = 2\n'
    )
    config = load_config(_file(tmp_path, text))
    assert config.seed == 7
    assert config.data.shards == ("a", "b")
    assert config.model.channels == (1, 2, 3, 4, 5)
    assert config.optimizer.clip == 2.0


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("stepps = 5", "stepps"),
        ("[loss]\ngama = 0.5", "loss.gama"),
        ("[losses]\ngamma = 0.5", "losses"),
        ('steps = "many"', "steps"),
        ("steps = 2.5", "steps"),
        ("steps = true", "steps"),
        ('[data]\nshards = "one"', "data.shards"),
        ("[data]\nshards = [1]", "data.shards.0"),
        ("[model]\nfactorised = 1", "model.factorised"),
        ("loss = 3", "loss"),
        ("steps = 0", "steps"),
        ("report_every = 0", "report_every"),
        ("evaluate_every = 0", "evaluate_every"),
        ("checkpoint_every = -1", "checkpoint_every"),
        ("threads = 0", "threads"),
        ("seed = -1", "seed"),
        ('precision = "64-true"', "precision"),
        ('[model]\npreset = "big"', "model.preset"),
        ("[model]\nchannels = [8, 8]", "model.channels"),
        ("[model]\nlayers = 0", "model.layers"),
        ("[model]\nhidden = 0", "model.hidden"),
        ("[model]\ndropout = 1.0", "model.dropout"),
        ('encoding = "agnostic"', "encoding"),
        ('[loss]\nkind = "focal"', "loss.kind"),
        ("[loss]\nalpha = 0.0", "loss.alpha"),
        ("[loss]\ngamma = -0.5", "loss.gamma"),
        ("[loss]\ngamma = nan", "loss.gamma"),
        ("[loss]\ngamma = inf", "loss.gamma"),
        ("[data]\nbatch = 0", "data.batch"),
        ("[data]\nheld_out = -1", "data.held_out"),
        ("[data]\ndegrade = 1.5", "data.degrade"),
        ("[optimizer]\nrate = -1e-3", "optimizer.rate"),
        ("[optimizer]\nclip = 0.0", "optimizer.clip"),
    ],
)
def test_errors_name_the_key(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(
        ConfigError, match=rf"run\.toml: (unknown key )?{key.replace('.', '[.]')}(: |; known: )."
    ) as raised:
        load_config(_file(tmp_path, text))
    assert "\n" not in str(raised.value)


def test_all_unknown_keys_are_named_with_the_known_ones_and_where_they_come_from(tmp_path: Path) -> None:
    path = _file(tmp_path, "[optimizer]\nfoo = 1\nbar = 2")
    known = "known: rate, weight_decay, warmup, cooldown, clip"
    with pytest.raises(ConfigError) as raised:
        load_config(path, overrides=("steps=3", "optimizer.rat=3"))
    assert str(raised.value) == (
        f"{path}: unknown keys optimizer.foo, optimizer.bar; {known}; "
        f"--set optimizer.rat=3: unknown key optimizer.rat; {known}"
    )
    with pytest.raises(ConfigError, match=r"^--set steps=x: steps: Input should be a valid integer$"):
        load_config(_file(tmp_path, ""), overrides=("seed=2", "steps=x"))


@pytest.mark.parametrize("data", [b"steps =", b"steps = 5 5", b"\xff\xfe", b"[data\n"])
def test_a_file_that_is_not_toml_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "run.toml"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match=r"run\.toml: not TOML"):
        load_config(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read"):
        load_config(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path)


def test_overrides_win_over_the_file(tmp_path: Path) -> None:
    path = _file(tmp_path, "steps = 5\n[loss]\ngamma = 1.0\nalpha = 0.25\n")
    overrides = ("steps=9", "loss.gamma=2.0", "loss.kind=ctc", 'data.shards=["x"]', "optimizer.rate=1e-4")
    config = load_config(path, overrides=overrides)
    assert (config.steps, config.loss.gamma, config.loss.alpha) == (9, 2.0, 0.25)
    assert (config.loss.kind, config.data.shards, config.optimizer.rate) == ("ctc", ("x",), 1e-4)


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("steps", "steps"),
        ("stepps=4", "stepps"),
        ("loss.gama=1.0", r"loss\.gama"),
        ("steps=few", "steps"),
        ("steps=-4", "steps"),
        ("steps.more=4", "steps"),  # not a table
        ("=4", "=4"),
        ("loss.=4", "loss"),
    ],
)
def test_a_bad_override_is_named(tmp_path: Path, override: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        load_config(_file(tmp_path, "steps = 5"), overrides=(override,))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_configuration_loads(path: Path) -> None:
    config = load_config(path)
    for key, value in tomllib.loads(path.read_text(encoding="utf-8")).items():
        if not isinstance(value, dict):
            assert getattr(config, key) == value


# Another valid value for every field; a new field fails the test until it is listed.
_OTHER: dict[str, Any] = {
    "seed": 2,
    "steps": 7,
    "report_every": 3,
    "evaluate_every": 3,
    "checkpoint_every": 3,
    "threads": 1,
    "precision": "bf16-mixed",
    "encoding": "semantic",
    "symbols": "seen",
    "model.preset": "paper",
    "model.channels": (1, 2, 3, 4, 5),
    "model.features": 3,
    "model.hidden": 3,
    "model.layers": 3,
    "model.dropout": 0.3,
    "model.factorised": False,
    "model.row_features": 3,
    "loss.kind": "ctc",
    "loss.alpha": 0.3,
    "loss.gamma": 0.3,
    "loss.balance": 0.3,
    "loss.consistency": 0.3,
    "loss.shared_blank": False,
    "loss.guide_steps": 3,
    "loss.guide_radius": 0.3,
    "loss.guide_penalty": 0.3,
    "data.shards": ("x",),
    "data.held_out": 3,
    "data.validation": ("x",),
    "data.batch": 3,
    "data.curriculum": 3,
    "data.degrade": 0.3,
    "data.workers": 3,
    "optimizer.rate": 0.3,
    "optimizer.weight_decay": 0.3,
    "optimizer.warmup": 3,
    "optimizer.cooldown": 3,
    "optimizer.clip": 0.3,
}


def _fields() -> list[str]:
    names = []
    for name, value in TrainConfig().model_dump().items():
        names += [f"{name}.{inner}" for inner in value] if isinstance(value, dict) else [name]
    return names


def _with(key: str) -> TrainConfig:
    section, _, name = key.rpartition(".")
    values = {name: _OTHER[key]}
    if key == "loss.balance":  # valid only with this kind of loss
        values["kind"] = "symbol_focal_ctc"
    return make_config({section: values} if section else values, source="test")


@pytest.mark.parametrize("key", _fields())
def test_the_digest_changes_with_any_field(key: str) -> None:
    assert _with(key).digest != TrainConfig().digest


def test_digests_are_stable_and_differ() -> None:
    digests = {_with(key).digest for key in _fields()}
    assert len(digests) == len(_fields())
    assert all(len(digest) == 12 and int(digest, 16) >= 0 for digest in digests)
    assert _with("seed").digest == make_config({"seed": 2}, source="other").digest


def test_a_configuration_is_immutable() -> None:
    with pytest.raises(ValueError, match="frozen"):
        TrainConfig().steps = 3  # type: ignore[misc]


def test_class_balance_needs_the_symbol_level_loss() -> None:
    with pytest.raises(
        ConfigError,
        match=r"x\.toml: loss: .*balance weights single symbols; use symbol_focal_ctc instead of ctc",
    ):
        make_config({"loss": {"kind": "ctc", "balance": 0.9}}, source="x.toml")
