"""Grid of a study: losses, data sets and seeds to train, read from TOML."""

import hashlib
import json
from collections.abc import Sequence
from copy import deepcopy
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Any

from pydantic import Field, PositiveInt, ValidationError, model_validator

from focal_omr.config import (
    MAX_TOML_BYTES,
    Frozen,
    LossConfig,
    LossKind,
    TrainConfig,
    apply_override,
    read_toml,
    validation_message,
)
from focal_omr.errors import ConfigError
from focal_omr.runtime.atomic_files import read_limited

_GRIDS = files("focal_omr.experiment") / "grids"


class SetConfig(Frozen):
    """A data set: a subset closed under a small vocabulary, split by source."""

    name: str = "subset"
    samples: PositiveInt = 1250
    symbols: int = Field(default=60, ge=3)  # at least one per frequency bin
    min_count: PositiveInt = 10
    ratio: float | None = Field(default=None, ge=1)
    train: PositiveInt = 1000
    test: PositiveInt = 250
    imbalance: PositiveInt = 250
    seed: int = 1

    @model_validator(mode="after")
    def _parts_fit(self) -> "SetConfig":
        if self.train + self.test > self.samples:
            raise ValueError(f"train {self.train} + test {self.test} exceed {self.samples} samples")
        return self


class SystemsConfig(Frozen):
    """Staves of composed systems, for a study of columns.

    Attributes:
        train, test, imbalance: Staves of each part, at least.
        seed: Seed of music and engraving.
        rare: Share of the systems of `train` and `test` with the values seen least; in `imbalance` all are.
    """

    name: str = "systems"
    train: PositiveInt = 1500
    test: PositiveInt = 300
    imbalance: PositiveInt = 300
    seed: int = 41
    rare: float = Field(default=0.2, ge=0, le=1)


class RenderConfig(Frozen):
    """The staves that are composed and engraved when no data are given."""

    count: PositiveInt = 10_000
    seed: int = 31


class LossChoice(Frozen):
    """One loss of the grid, or the product of several alphas, gammas and learning rates; see `LossConfig`.

    Attributes:
        rate: Learning rates, tuned for this loss; none: that of the grid's `train`.
    """

    name: str
    kind: LossKind = "ctc"
    alpha: float | list[float] = 0.5
    gamma: float | list[float] = 0.5
    balance: float = 0.0
    consistency: float = 0.0
    shared_blank: bool = True
    rate: float | list[float] | None = None

    def variants(self) -> dict[str, tuple[LossConfig, float | None]]:
        """Name -> loss and learning rate; alpha, gamma and rate are part of the name if there are several."""
        alphas = self.alpha if isinstance(self.alpha, list) else [self.alpha]
        gammas = self.gamma if isinstance(self.gamma, list) else [self.gamma]
        rates = self.rate if isinstance(self.rate, list) else [self.rate]
        several = len(alphas) * len(gammas) > 1
        return {
            self.name
            + (f" {alpha:g}/{gamma:g}" if several else "")
            + (f" at {rate:g}" if len(rates) > 1 else ""): (
                LossConfig(
                    kind=self.kind,
                    alpha=alpha,
                    gamma=gamma,
                    balance=self.balance,
                    consistency=self.consistency,
                    shared_blank=self.shared_blank,
                ),
                rate,
            )
            for alpha, gamma, rate in product(alphas, gammas, rates)
        }


class Grid(Frozen):
    """A study.

    Attributes:
        title: Its question, the title of the report.
        about: A paragraph for the report.
        seeds: Training seeds; a seed fixes the initial weights and the order of the data.
        baseline: Name of the loss that the others are compared with.
        render: The staves to engrave when no data are given.
        sets: The data sets.
        systems: Instead of these the staves of systems, for a study of columns.
        losses: The losses.
        train: All other training settings, as in `config.TrainConfig`.
    """

    title: str
    about: str = ""
    seeds: tuple[int, ...] = Field(strict=False, min_length=1)
    baseline: str
    render: RenderConfig = RenderConfig()
    systems: SystemsConfig | None = None
    sets: tuple[SetConfig, ...] = Field(default=(SetConfig(),), strict=False, min_length=1)
    losses: tuple[LossChoice, ...] = Field(strict=False, min_length=1)
    train: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_are_unique(self) -> "Grid":
        for what, names in (
            ("sets", [each.name for each in self.sets]),
            ("losses", [name for each in self.losses for name in each.variants()]),
        ):
            if len(set(names)) < len(names):
                raise ValueError(f"two {what} have the same name")
        if self.baseline not in self.all_losses:
            raise ValueError(f"the baseline {self.baseline!r} is not one of the losses")
        return self

    @property
    def all_losses(self) -> dict[str, LossConfig]:
        """Name -> loss, in grid order."""
        return {name: loss for each in self.losses for name, (loss, _) in each.variants().items()}

    @property
    def rates(self) -> dict[str, float | None]:
        """Name of each loss -> its own learning rate."""
        return {name: rate for each in self.losses for name, (_, rate) in each.variants().items()}

    @property
    def steps(self) -> int:
        """Total training steps of all runs."""
        sets = 1 if self.systems is not None else len(self.sets)
        runs = len(self.seeds) * sets * len(self.all_losses)
        return runs * int(self.train.get("steps", TrainConfig().steps))

    @property
    def digest(self) -> str:
        """First 12 hexadecimal digits of the SHA-256 of all settings except title and description."""
        values = self.model_dump(mode="json", exclude={"title", "about"})
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]

    def training(
        self, loss: LossConfig, *, seed: int, shards: Path, validation: Path, rate: float | None = None
    ) -> TrainConfig:
        """Build the configuration of one run.

        Args:
            loss: The loss.
            seed: The training seed.
            shards: Folder of the training shards.
            validation: Folder of the validation shards.
            rate: Learning rate of the loss; None: that of `train`.

        Raises:
            ConfigError: The grid's `train.data` is not a table.
            ValidationError: Its `train` has an unknown key, or a value of a wrong type or range.
        """
        values = deepcopy(self.train)  # not through JSON, which has no TOML dates
        values["seed"] = seed
        values["loss"] = loss.model_dump()
        if not isinstance(values.setdefault("data", {}), dict):
            raise ConfigError("train.data: expected a table, got a value")
        values["data"].update(shards=[str(shards)], validation=[str(validation)])
        if rate is not None:
            values["optimizer"] = {**values.get("optimizer", {}), "rate": rate}
        return TrainConfig.model_validate(values)


def grid_names() -> list[str]:
    """Names of the packaged grids."""
    return sorted(each.name.removesuffix(".toml") for each in _GRIDS.iterdir() if each.name.endswith(".toml"))


def load_grid(name: str, *, overrides: Sequence[str] = ()) -> Grid:
    """Load a packaged grid by its name, or one from a TOML file.

    Args:
        name: A name of `grid_names`, or a path.
        overrides: `key=value` pairs as for `config.load_config`, such as `train.steps=100`.

    Raises:
        ConfigError: The grid does not exist or is invalid; the message names the key.
    """
    known = name in grid_names()
    try:
        data = (_GRIDS / f"{name}.toml").read_bytes() if known else read_limited(Path(name), MAX_TOML_BYTES)
    except (OSError, ValueError) as error:  # ValueError: a name with a null byte
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(
            f"{name}: neither a file nor a packaged grid ({', '.join(grid_names())}): {reason}"
        ) from None
    values = read_toml(data, source=name)
    for override in overrides:
        apply_override(values, override)
    try:
        grid = Grid.model_validate(values)
    except ValidationError as error:
        raise ConfigError(validation_message(error, Grid, source=name, overrides=overrides)) from None
    try:
        for loss in grid.all_losses.values():  # reject a wrong `train` before anything is engraved
            grid.training(loss, seed=grid.seeds[0], shards=Path(), validation=Path())
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from None
    except ValidationError as error:
        message = validation_message(error, TrainConfig, source=name, overrides=overrides, prefix="train.")
        raise ConfigError(message) from None
    return grid
