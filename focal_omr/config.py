"""Typed, frozen configurations, read from TOML; an unknown key or a wrong type is an error.

A field's default here is the default, everywhere.
"""

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from focal_omr.errors import ConfigError
from focal_omr.notation.codec import Encoding


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class ModelConfig(_Frozen):
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


class LossConfig(_Frozen):
    """Focal CTC, or plain CTC where `kind` says so; both are plain batch means."""

    kind: Literal["focal_ctc", "ctc"] = "focal_ctc"
    alpha: float = Field(default=0.5, gt=0)
    gamma: float = Field(default=0.5, ge=0)


class DataConfig(_Frozen):
    """Where plates lie, and how they are degraded and put into batches.

    `curriculum` is the steps until staves of all lengths, `workers` the processes that make batches ahead
    (0: the training process makes each when it needs it).
    """

    shards: tuple[str, ...] = Field(default=(), strict=False)
    held_out: int = Field(default=1, ge=0)
    batch: int = Field(default=16, gt=0)
    curriculum: int = Field(default=600, ge=0)
    degrade: float = Field(default=1.0, ge=0, le=1)
    workers: int = Field(default=0, ge=0)


class OptimizerConfig(_Frozen):
    """AdamW with a warm-up, a constant rate and a linear cool-down over the last `cooldown` steps."""

    rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    warmup: int = Field(default=300, ge=0)
    cooldown: int = Field(default=1500, ge=0)
    clip: float = Field(default=5.0, gt=0)


class TrainConfig(_Frozen):
    """One training run."""

    seed: int = Field(default=1, ge=0)
    steps: int = Field(default=8000, gt=0)
    report_every: int = Field(default=50, gt=0)
    evaluate_every: int = Field(default=500, gt=0)
    checkpoint_every: int = Field(default=250, gt=0)
    threads: int = Field(default=2, gt=0)
    # What the network is taught to write: `notation.printed`, or semantic tokens as they are.
    encoding: Encoding = "printed"
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
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    for override in overrides:
        _override(values, override)
    return make_config(values, source=str(path))


def make_config(values: dict[str, Any], *, source: str) -> TrainConfig:
    """A configuration from nested values. Raises ConfigError that names `source` and the key."""
    try:
        return TrainConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{source}: {key}: {first['msg']}") from None


def _override(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set {override}: needed is key=value")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text  # a bare word is a string
    *parents, last = key.strip().split(".")
    for parent in parents:
        values = values.setdefault(parent, {})
        if not isinstance(values, dict):
            raise ConfigError(f"--set {override}: {parent} is a value; it has no keys of its own")
    values[last] = value
