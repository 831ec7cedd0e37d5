"""Typed, frozen configurations, read from TOML; an unknown key or a wrong type is an error.

A field's default here is the default, everywhere.
"""

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError, model_validator

from focal_omr.encodings.codec import Encoding
from focal_omr.errors import ConfigError
from focal_omr.runtime.atomic_files import read_limited

MAX_TOML_BYTES = 1_000_000


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class ModelConfig(Frozen):
    """Which network, and how large.

    `default` reads staff strips and is small and quick; `paper` is the network of the 2018 paper on plain
    images of height 128.
    """

    preset: Literal["default", "paper"] = "default"
    channels: tuple[PositiveInt, ...] = Field(
        default=(32, 48, 64, 96, 128), strict=False, min_length=5, max_length=5
    )
    features: int = Field(default=256, gt=0)
    hidden: int = Field(default=192, gt=0)
    layers: int = Field(default=2, gt=0)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    factorised: bool = True


class LossConfig(Frozen):
    """CTC or one of its focal forms, see `focal_omr.loss`; all are plain batch means.

    `balance` is the beta of class-balanced weights, which the symbol-level form alone takes; 0 weighs all
    classes the same. `consistency` is the weight of CR-CTC: above 0 each staff is seen in two views.
    """

    kind: Literal["ctc", "focal_ctc", "length_focal_ctc", "symbol_focal_ctc"] = "focal_ctc"
    alpha: float = Field(default=0.5, gt=0)
    gamma: float = Field(default=0.5, ge=0)
    balance: float = Field(default=0.0, ge=0, lt=1)
    consistency: float = Field(default=0.0, ge=0)

    @model_validator(mode="after")
    def _balance_needs_symbols(self) -> Self:
        if self.balance and self.kind != "symbol_focal_ctc":
            raise ValueError(f"balance weighs single symbols; {self.kind} has none, symbol_focal_ctc does")
        return self

    @property
    def views(self) -> int:
        """In how many views a batch shows each staff."""
        return 2 if self.consistency else 1


class DataConfig(Frozen):
    """Where plates lie, and how they are degraded and put into batches.

    `shards` and `validation` are folders, or URLs such as `s3://bucket/shards`; `cache` is a folder of this
    machine to keep the shards of URLs in, which is no part of what a run is, and so not of the digest.
    `batch` is that of all processes together.
    `validation` names folders of shards to validate on, all of them; without any the first `held_out` shards
    of each folder of `shards` are kept for it.
    `curriculum` is the steps until staves of all lengths, `workers` the processes that make batches ahead
    (0: the training process makes each when it needs it).
    """

    shards: tuple[str, ...] = Field(default=(), strict=False)
    held_out: int = Field(default=1, ge=0)
    validation: tuple[str, ...] = Field(default=(), strict=False)
    batch: int = Field(default=16, gt=0)
    curriculum: int = Field(default=600, ge=0)
    degrade: float = Field(default=1.0, ge=0, le=1)
    workers: int = Field(default=0, ge=0)
    cache: str = Field(default="", exclude=True)


class OptimizerConfig(Frozen):
    """AdamW with a warm-up, a constant rate and a linear cool-down over the last `cooldown` steps."""

    rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    warmup: int = Field(default=300, ge=0)
    cooldown: int = Field(default=1500, ge=0)
    clip: float = Field(default=5.0, gt=0)


class TrainConfig(Frozen):
    """One training run."""

    seed: int = Field(default=1, ge=0)
    steps: int = Field(default=8000, gt=0)
    report_every: int = Field(default=50, gt=0)
    evaluate_every: int = Field(default=500, gt=0)
    checkpoint_every: int = Field(default=250, gt=0)
    threads: int = Field(default=2, gt=0)
    # What the network is taught to write: `notation.printed`, or semantic tokens as they are.
    encoding: Encoding = "printed"
    # Classes for all symbols that there are, or for those of the labels to train on alone.
    symbols: Literal["all", "seen"] = "all"
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    model: ModelConfig = ModelConfig()
    loss: LossConfig = LossConfig()
    data: DataConfig = DataConfig()
    optimizer: OptimizerConfig = OptimizerConfig()

    @property
    def digest(self) -> str:
        """First 12 hexadecimal digits of the SHA-256 of the resolved configuration."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def load_config(path: Path, *, overrides: tuple[str, ...] = ()) -> TrainConfig:
    """Read a TOML configuration.

    Args:
        path: The file.
        overrides: `key=value` with dots for nested keys (`optimizer.rate=0.0005`); the value is TOML.

    Raises:
        ConfigError: The file is missing or no TOML, a key is unknown, a value has a wrong type or range.
    """
    try:
        data = read_limited(path, MAX_TOML_BYTES)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    values = read_toml(data, source=str(path))
    for override in overrides:
        apply_override(values, override)
    return make_config(values, source=str(path))


def read_toml(data: bytes, *, source: str) -> dict[str, Any]:
    """The values of a TOML document. Raises ConfigError that names `source` where it is none."""
    try:
        return tomllib.loads(data.decode("utf-8").replace("\r\n", "\n"))
    except (ValueError, RecursionError) as error:  # of numbers with thousands of digits; nested too deeply
        raise ConfigError(f"{source}: not TOML: {error}") from None


def make_config(values: dict[str, Any], *, source: str) -> TrainConfig:
    """A configuration from nested values. Raises ConfigError that names `source` and the key."""
    try:
        return TrainConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{source}: {key}: {first['msg']}") from None


def apply_override(values: dict[str, Any], override: str) -> None:
    """Put one `key=value` into nested values. Raises ConfigError where it is none, or names no table."""
    key, equals, text = override.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set {override}: needed is key=value")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        value = text  # a bare word is a string
    *parents, last = key.strip().split(".")
    for parent in parents:
        values = values.setdefault(parent, {})
        if not isinstance(values, dict):
            raise ConfigError(f"--set {override}: {parent} is a value; it has no keys of its own")
    values[last] = value
