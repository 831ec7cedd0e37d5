"""Training checkpoints: saved atomically, loaded without running code from the file."""

import secrets
import shutil
from pathlib import Path
from typing import Any

import torch
from torch import nn

from focal_omr.config import TrainConfig, make_config
from focal_omr.encodings.codec import Codec
from focal_omr.encodings.vocabulary import read_vocabulary, write_vocabulary
from focal_omr.errors import ConfigError, ModelError, NotationError, OutputError
from focal_omr.model import build_model
from focal_omr.runtime.atomic_files import atomic_file

FORMAT_VERSION = 1
_KEYS = {"config", "vocabulary", "model", "optimizer", "step"}


def save_checkpoint(
    path: Path,
    *,
    config: TrainConfig,
    codec: Codec,
    model: nn.Module,
    optimizer: torch.optim.Optimizer | None,
    step: int,
) -> None:
    """Write a checkpoint.

    Args:
        path: Target; an existing file is replaced once the new one is complete.
        config: Configuration of the run.
        codec: Vocabulary and encoding of the output classes.
        model: Network built by `build_model`.
        optimizer: None saves the weights only, to start another training from.
        step: Number of updates made.

    Raises:
        OutputError: The file cannot be written.
    """
    state = {
        "format": FORMAT_VERSION,
        "config": config.model_dump(mode="json"),
        "vocabulary": write_vocabulary(codec.vocabulary),
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict() if optimizer else None,
        "step": step,
    }
    with atomic_file(path) as file:
        try:
            torch.save(state, file)
        except RuntimeError as error:
            # Torch reports a failed write as a RuntimeError about file positions; the OSError behind it says
            # what happened ("No space left on device").
            cause: BaseException | None = error
            while cause is not None and not isinstance(cause, OSError):
                cause = cause.__context__
            raise cause or error from None


def keep_backup(path: Path, backup: Path) -> None:
    """Keep the current file as `backup`, so that `path` can be rewritten.

    Raises:
        OutputError: The backup cannot be written.
    """
    part = backup.with_name(f".{secrets.token_hex(8)}.part")
    try:
        try:
            part.hardlink_to(path)
        except OSError:  # file system without hard links
            shutil.copyfile(path, part)
        part.replace(backup)
    except OSError as error:
        raise OutputError(f"{backup} cannot be written: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Load what `save_checkpoint` wrote.

    Returns:
        `config` (TrainConfig), `codec` (Codec), `model` and `optimizer` (state dicts; the latter may be None)
        and `step`.

    Raises:
        ModelError: The file is missing, damaged, not a checkpoint, or of another format version.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file; a checkpoint is RUN/last.pt") from None
    except IsADirectoryError:
        raise ModelError(f"{path}: is a folder; a checkpoint is RUN/last.pt") from None
    except Exception as error:  # torch raises errors of many types on damaged bytes
        raise ModelError(f"{path}: not a readable checkpoint ({type(error).__name__})") from error
    if not isinstance(state, dict) or state.get("format") != FORMAT_VERSION:
        raise ModelError(f"{path}: not a checkpoint of format version {FORMAT_VERSION}")
    if missing := _KEYS - state.keys():
        raise ModelError(f"{path}: checkpoint lacks {', '.join(sorted(missing))}")
    if not isinstance(state["vocabulary"], str) or not isinstance(state["model"], dict):
        raise ModelError(f"{path}: vocabulary or weights of the checkpoint have the wrong type")
    try:
        state["config"] = make_config(state["config"], source="its configuration")
        state["codec"] = Codec(state["config"].encoding, read_vocabulary(state.pop("vocabulary")))
    except (ConfigError, NotationError) as error:
        raise ModelError(f"{path}: {error}") from error
    return state


def load_weights(path: Path, model: nn.Module, codec: Codec) -> dict[str, Any]:
    """Load a checkpoint's weights into a network and return the whole state.

    Args:
        path: Checkpoint.
        model: Network built from the same `config.model`.
        codec: Vocabulary and encoding of the network's classes.

    Raises:
        ModelError: As `load_checkpoint`, or the checkpoint is of another network or vocabulary.
    """
    state = load_checkpoint(path)
    if state["codec"] != codec:
        size = len(state["codec"].vocabulary.symbols)
        raise ModelError(f"{path}: trained with a different vocabulary ({size} symbols)")
    _load_state_dict(path, model, state)
    return state


def load_network(path: Path) -> tuple[nn.Module, dict[str, Any]]:
    """Build the network of a checkpoint with its weights; return it and the whole state.

    Raises:
        ModelError: As `load_checkpoint`, or the weights do not match the checkpoint's own configuration.
    """
    state = load_checkpoint(path)
    model = build_model(state["config"].model, state["codec"].vocabulary)
    _load_state_dict(path, model, state)
    return model, state


def _load_state_dict(path: Path, model: nn.Module, state: dict[str, Any]) -> None:
    try:
        model.load_state_dict(state["model"])
    except (RuntimeError, TypeError, AttributeError) as error:
        # Torch's message has a header and a line per tensor; the first of these says enough.
        reason = [*str(error).splitlines()[:2], ""][1].strip() or type(error).__name__
        raise ModelError(f"{path}: weights do not match the network ({reason})") from error
