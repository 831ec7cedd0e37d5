"""A grid: which losses are trained on which sets with which seeds, read from TOML."""

import hashlib
import json
from collections.abc import Sequence
from copy import deepcopy
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError, model_validator

from focal_omr.config import MAX_TOML_BYTES, LossConfig, TrainConfig, apply_override, read_toml
from focal_omr.errors import ConfigError
from focal_omr.runtime.atomic_files import read_limited

_GRIDS = files("focal_omr.experiment") / "grids"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class SetConfig(_Frozen):
    """A subset closed under few symbols, split by source. See `data sample` and `data split`."""

    name: str = "subset"
    samples: PositiveInt = 1250
    symbols: int = Field(default=60, ge=3)  # one for each bin
    min_count: PositiveInt = 10
    ratio: float | None = Field(default=None, ge=1)
    train: PositiveInt = 1000
    test: PositiveInt = 250
    imbalance: PositiveInt = 250
    seed: int = 1

    @model_validator(mode="after")
    def _parts_fit(self) -> "SetConfig":
        if self.train + self.test > self.samples:
            raise ValueError(f"{self.train} + {self.test} of {self.samples} samples")
        return self


class RenderConfig(_Frozen):
    """The staves that are composed and engraved where no data are given."""

    count: PositiveInt = 10_000
    seed: int = 31


class LossChoice(_Frozen):
    """One loss of the grid, or several: every alpha with every gamma."""

    name: str
    kind: Literal["ctc", "focal_ctc", "length_focal_ctc", "symbol_focal_ctc"] = "ctc"
    alpha: float | list[float] = 0.5
    gamma: float | list[float] = 0.5
    balance: float = 0.0
    consistency: float = 0.0

    def losses(self) -> dict[str, LossConfig]:
        """Name -> loss; alpha and gamma are named where there are several."""
        pairs = list(product(_several(self.alpha), _several(self.gamma)))
        return {
            self.name if len(pairs) == 1 else f"{self.name} {alpha:g}/{gamma:g}": LossConfig(
                kind=self.kind,
                alpha=alpha,
                gamma=gamma,
                balance=self.balance,
                consistency=self.consistency,
            )
            for alpha, gamma in pairs
        }


class Grid(_Frozen):
    """A study.

    Attributes:
        title: What it asks, for the report.
        about: A paragraph on it.
        seeds: Of the trainings; a seed fixes the weights at the start and the order of the data.
        baseline: The loss that the others are compared with.
        render: What is engraved where no data are given.
        sets: The data sets.
        losses: The losses.
        train: All else of a training; see `config.TrainConfig`.
    """

    title: str
    about: str = ""
    seeds: tuple[int, ...] = Field(strict=False, min_length=1)
    baseline: str
    render: RenderConfig = RenderConfig()
    sets: tuple[SetConfig, ...] = Field(default=(SetConfig(),), strict=False, min_length=1)
    losses: tuple[LossChoice, ...] = Field(strict=False, min_length=1)
    train: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_are_unique(self) -> "Grid":
        for what, names in (
            ("sets", [each.name for each in self.sets]),
            ("losses", [name for each in self.losses for name in each.losses()]),
        ):
            if len(set(names)) < len(names):
                raise ValueError(f"two {what} have one name")
        if self.baseline not in self.all_losses:
            raise ValueError(f"the baseline {self.baseline!r} is none of the losses")
        return self

    @property
    def all_losses(self) -> dict[str, LossConfig]:
        """Name -> loss, in the order of the grid."""
        return {name: loss for each in self.losses for name, loss in each.losses().items()}

    @property
    def steps(self) -> int:
        """Steps of training of all runs together."""
        runs = len(self.seeds) * len(self.sets) * len(self.all_losses)
        return runs * int(self.train.get("steps", TrainConfig().steps))

    @property
    def digest(self) -> str:
        """First 12 hexadecimal digits of the SHA-256 of what decides the figures; words do not."""
        values = self.model_dump(mode="json", exclude={"title", "about"})
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]

    def training(self, loss: LossConfig, *, seed: int, shards: Path, validation: Path) -> TrainConfig:
        """The configuration of one run.

        Raises:
            ConfigError: The grid's `train` has an unknown key, or a value of a wrong type or range.
        """
        values = deepcopy(self.train)  # a TOML date is a value, too, and no JSON
        values["seed"] = seed
        values["loss"] = loss.model_dump()
        if not isinstance(values.setdefault("data", {}), dict):
            raise ConfigError("train.data: a value; it has keys of its own")
        values["data"].update(shards=[str(shards)], validation=[str(validation)])
        try:
            return TrainConfig.model_validate(values)
        except ValidationError as error:
            raise ConfigError(f"train.{_first(error)}") from None


def grid_names() -> list[str]:
    """The grids that come with the package."""
    return sorted(each.name.removesuffix(".toml") for each in _GRIDS.iterdir() if each.name.endswith(".toml"))


def load_grid(name: str, *, overrides: Sequence[str] = ()) -> Grid:
    """A grid that comes with the package, by its name, or one of a TOML file.

    Args:
        name: A name of `grid_names`, or the path of a file.
        overrides: `key=value` as `config.load_config` takes them, such as `train.steps=100`.

    Raises:
        ConfigError: There is no such grid, or it is none; the message names the key.
    """
    known = name in grid_names()
    try:
        data = (_GRIDS / f"{name}.toml").read_bytes() if known else read_limited(Path(name), MAX_TOML_BYTES)
    except (OSError, ValueError) as error:  # the second: a name that no file can have
        reason = error.strerror if isinstance(error, OSError) else str(error)
        known_ones = ", ".join(grid_names())
        raise ConfigError(f"{name}: no file, and no grid; there are {known_ones} ({reason})") from None
    values = read_toml(data, source=name)
    for override in overrides:
        apply_override(values, override)
    try:
        grid = Grid.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"{name}: {_first(error)}") from None
    try:
        for (
            loss
        ) in grid.all_losses.values():  # a mistake in `train` is to be known before anything is engraved
            grid.training(loss, seed=grid.seeds[0], shards=Path(), validation=Path())
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from None
    return grid


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    return f"{key}: {first['msg']}" if key else str(first["msg"])


def _several(value: float | list[float]) -> list[float]:
    return value if isinstance(value, list) else [value]
