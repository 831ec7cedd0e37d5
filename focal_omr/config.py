"""Typed, immutable training configurations read from TOML.

Unknown keys and wrong types are errors. The defaults of the fields are the only defaults.
"""

import hashlib
import json
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError, model_validator

from focal_omr.encodings.codec import Encoding
from focal_omr.errors import ConfigError
from focal_omr.runtime.atomic_files import read_limited

MAX_TOML_BYTES = 1_000_000


class Frozen(BaseModel):
    """Base of all configurations: immutable and strict, without unknown keys or non-finite numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class ModelConfig(Frozen):
    """Network architecture.

    Attributes:
        preset: `columns`, which reads columns from strips of six spaces; `default`, for one voice on strips
            of four spaces; or `paper`, the network of the 2018 paper on plain images of height 128, to which
            the other fields do not apply.
        channels: Output channels of the convolutions.
        features: Features per frame between convolutions and LSTM.
        hidden: LSTM units per direction.
        layers: LSTM layers.
        dropout: Dropout probability.
        factorised: Whether the output layer of `default` shares weights between symbols with common factors.
        row_features: Features per row and frame in `columns`.
    """

    preset: Literal["default", "paper", "columns"] = "default"
    channels: tuple[PositiveInt, ...] = Field(
        default=(32, 48, 64, 96, 128), strict=False, min_length=5, max_length=5
    )
    features: int = Field(default=256, gt=0)
    hidden: int = Field(default=192, gt=0)
    layers: int = Field(default=2, gt=0)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    factorised: bool = True
    row_features: int = Field(default=32, gt=0)


LossKind = Literal[
    "ctc",
    "focal_ctc",
    "length_focal_ctc",
    "symbol_focal_ctc",
    "column_ctc",
    "column_focal_ctc",
    "factor_focal_ctc",
    "serial_ctc",
]
_COLUMN_LOSSES = ("column_ctc", "column_focal_ctc", "factor_focal_ctc", "serial_ctc")


class LossConfig(Frozen):
    """CTC loss or one of its focal variants, see `focal_omr.loss`; all are means over the batch.

    Attributes:
        kind: Loss function; those of columns are means over the columns, not over the staves. `serial_ctc`
            reads the notes of a column one after the other, see `data.serial_columns`.
        alpha: Constant factor.
        gamma: Focusing exponent.
        balance: Beta of class-balanced weights, for `symbol_focal_ctc` and `factor_focal_ctc` only; 0 weights
            all classes equally.
        consistency: Weight of the CR-CTC consistency loss; above 0, a batch has two views of each staff. Not
            for columns.
        shared_blank: For `column_ctc`, whether all factors share one blank; else it is all of them off.
        guide_steps: Steps in which columns are drawn to where the engraver set them, see
            `loss.alignment_guide`.
        guide_radius: Frames around that place without a penalty.
        guide_penalty: Nats for each frame beyond.
    """

    kind: LossKind = "focal_ctc"
    alpha: float = Field(default=0.5, gt=0)
    gamma: float = Field(default=0.5, ge=0)
    balance: float = Field(default=0.0, ge=0, lt=1)
    consistency: float = Field(default=0.0, ge=0)
    shared_blank: bool = True
    guide_steps: int = Field(default=0, ge=0)
    guide_radius: float = Field(default=2.0, ge=0)
    guide_penalty: float = Field(default=2.0, ge=0)

    @model_validator(mode="after")
    def _balance_needs_symbols(self) -> Self:
        if self.balance and self.kind not in ("symbol_focal_ctc", "factor_focal_ctc"):
            raise ValueError(f"balance weights single symbols; use symbol_focal_ctc instead of {self.kind}")
        if self.consistency and self.kind in _COLUMN_LOSSES:
            raise ValueError(f"consistency is not for {self.kind}")
        return self

    @property
    def views(self) -> int:
        """Views of each staff in a batch."""
        return 2 if self.consistency else 1


class DataConfig(Frozen):
    """Training data, degradation and batches.

    Attributes:
        shards: Folders of shards, or URLs such as `s3://bucket/shards`.
        held_out: Shards of each folder, from the first, held out for validation unless `validation` is given.
        validation: Folders of shards to validate on.
        batch: Batch size of all processes together.
        curriculum: Steps until staves of all lengths are used.
        degrade: Strength of degradation, 0 .. 1.
        workers: Data loader processes; 0 loads batches in the training process.
        cache: Local folder for shards from URLs; not part of the digest.
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
    """AdamW with linear warm-up, a constant learning rate and linear cool-down.

    Attributes:
        rate: Peak learning rate.
        weight_decay: Weight decay.
        warmup: Steps of warm-up.
        cooldown: Steps of cool-down, at the end.
        clip: Maximum gradient norm.
    """

    rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    warmup: int = Field(default=300, ge=0)
    cooldown: int = Field(default=1500, ge=0)
    clip: float = Field(default=5.0, gt=0)


class TrainConfig(Frozen):
    """A training run.

    Attributes:
        seed: Seed of weights, batches and dropout.
        steps: Number of updates.
        report_every: Steps between rows of `metrics.csv`.
        evaluate_every: Steps between validations.
        checkpoint_every: Steps between checkpoints.
        threads: CPU threads of torch.
        encoding: Encoding of the targets, see `focal_omr.encodings`.
        symbols: Output classes: all symbols of the encoding, or only those seen in the training labels.
        precision: Precision of Lightning Fabric.
        model: Network.
        loss: Loss.
        data: Data.
        optimizer: Optimizer.
    """

    seed: int = Field(default=1, ge=0)
    steps: int = Field(default=8000, gt=0)
    report_every: int = Field(default=50, gt=0)
    evaluate_every: int = Field(default=500, gt=0)
    checkpoint_every: int = Field(default=250, gt=0)
    threads: int = Field(default=2, gt=0)
    encoding: Encoding = "printed"
    symbols: Literal["all", "seen"] = "all"
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    model: ModelConfig = ModelConfig()
    loss: LossConfig = LossConfig()
    data: DataConfig = DataConfig()
    optimizer: OptimizerConfig = OptimizerConfig()

    @model_validator(mode="after")
    def _columns_belong_together(self) -> Self:
        uses = {self.model.preset == "columns", self.encoding == "columns", self.loss.kind in _COLUMN_LOSSES}
        if len(uses) > 1:
            raise ValueError(
                f"model.preset {self.model.preset}, encoding {self.encoding} and loss.kind {self.loss.kind}: "
                "either all are for columns or none"
            )
        return self

    @property
    def digest(self) -> str:
        """First 12 hex digits of the SHA-256 of all values."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def load_config(path: Path, *, overrides: tuple[str, ...] = ()) -> TrainConfig:
    """Read a TOML configuration.

    Args:
        path: TOML file.
        overrides: As in `apply_override`.

    Raises:
        ConfigError: The file cannot be read or is not TOML, a key is unknown, or a value has a wrong type or
            range.
    """
    try:
        data = read_limited(path, MAX_TOML_BYTES)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    values = read_toml(data, source=str(path))
    for override in overrides:
        apply_override(values, override)
    return make_config(values, source=str(path), overrides=overrides)


def read_toml(data: bytes, *, source: str) -> dict[str, Any]:
    """Parse a TOML document.

    Raises:
        ConfigError: It is not valid TOML; the message names `source`.
    """
    try:
        return tomllib.loads(data.decode("utf-8").replace("\r\n", "\n"))
    except (ValueError, RecursionError) as error:  # also numbers of thousands of digits, and deep nesting
        raise ConfigError(f"{source}: not TOML: {error}") from None


def make_config(values: dict[str, Any], *, source: str, overrides: Sequence[str] = ()) -> TrainConfig:
    """Validate nested values.

    Args:
        values: Nested values, with the overrides applied.
        source: Name of their file in error messages.
        overrides: As in `apply_override`; a message about one of them names it instead of `source`.

    Raises:
        ConfigError: A key is unknown or a value is wrong; the message names `source` and the key.
    """
    try:
        return TrainConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError(
            validation_message(error, TrainConfig, source=source, overrides=overrides)
        ) from None


def validation_message(
    error: ValidationError,
    model: type[Frozen],
    *,
    source: str,
    overrides: Sequence[str] = (),
    prefix: str = "",
) -> str:
    """Describe what is wrong with the values of a model: all unknown keys, or else the first wrong value.

    Args:
        error: From the validation of the values.
        model: The model.
        source: Name of the file with the values.
        overrides: As in `apply_override`; an error about one of them names it instead of `source`.
        prefix: Put before all keys, such as "train.".
    """

    def origin(key: str) -> str:
        keys = {override: override.partition("=")[0].strip() for override in overrides}
        found = [each for each, name in keys.items() if f"{key}.".startswith(f"{name}.")]
        return f"--set {found[-1]}" if found else source

    unknown: dict[tuple[str, tuple[str, ...]], list[str]] = {}  # keys by origin and known keys
    for each in error.errors():
        key = prefix + ".".join(map(str, each["loc"]))
        if each["type"] == "extra_forbidden":
            unknown.setdefault((origin(key), _known_keys(model, each["loc"][:-1])), []).append(key)
    if unknown:
        return "; ".join(
            f"{where}: unknown key{'s' * (len(keys) > 1)} {', '.join(keys)}; known: {', '.join(known)}"
            for (where, known), keys in unknown.items()
        )
    first = error.errors()[0]
    key = prefix + ".".join(map(str, first["loc"]))
    return f"{origin(key)}: {key}: {first['msg']}" if key else f"{source}: {first['msg']}"


def _known_keys(model: type[BaseModel], tables: Iterable[str | int]) -> tuple[str, ...]:
    """The keys of a table inside a model; integers are places in arrays of tables."""
    for table in tables:
        if isinstance(table, str):
            annotation = model.model_fields[table].annotation
            types = (annotation, *get_args(annotation))
            model = next(each for each in types if isinstance(each, type) and issubclass(each, BaseModel))
    return tuple(model.model_fields)


def apply_override(values: dict[str, Any], override: str) -> None:
    """Set one value in nested values, in place.

    Args:
        values: Nested values, as read from TOML.
        override: `key=value`, with dots in nested keys: `optimizer.rate=0.0005`. The value is TOML; a bare
            word is a string.

    Raises:
        ConfigError: The override is malformed, or a part of the key is not a table.
    """
    key, equals, text = override.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set {override}: must be key=value")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        value = text
    *parents, last = key.strip().split(".")
    for parent in parents:
        values = values.setdefault(parent, {})
        if not isinstance(values, dict):
            raise ConfigError(f"--set {override}: {parent} is not a table")
    values[last] = value
