"""Checkpoints: the whole state of a run, written under a temporary name and renamed."""

import secrets
import shutil
from pathlib import Path
from typing import Any

import torch

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
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer | None,
    step: int,
) -> None:
    """Write a checkpoint; without an optimizer it is good for starting from, not for resuming.

    Raises:
        OutputError: It cannot be written; what was there of the name stays.
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
        except RuntimeError as error:  # torch's own, which speaks of positions in the file
            raise _of_the_disk(error) or error from None


def _of_the_disk(error: BaseException | None) -> OSError | None:
    """The error of writing that led to another one."""
    while error is not None and not isinstance(error, OSError):
        error = error.__context__
    return error


def keep_backup(path: Path, other: Path) -> None:
    """Give a checkpoint a second name, under which it stays when the first is written anew.

    Raises:
        OutputError: It cannot be given.
    """
    part = other.with_name(f".{secrets.token_hex(8)}.part")
    try:
        try:
            part.hardlink_to(path)
        except OSError:  # a file system without links
            shutil.copyfile(path, part)
        part.replace(other)
    except OSError as error:
        raise OutputError(f"{other} cannot be written: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """The state that `save_checkpoint` wrote, with `config` made into its type and a `codec`.

    Raises:
        ModelError: The file is missing, damaged, not a checkpoint of ours, or of another format version.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises whatever the damaged bytes lead to
        raise ModelError(f"{path}: not a readable checkpoint ({type(error).__name__})") from error
    if not isinstance(state, dict) or state.get("format") != FORMAT_VERSION:
        raise ModelError(f"{path}: not a checkpoint of this version ({FORMAT_VERSION})")
    if missing := _KEYS - state.keys():
        raise ModelError(f"{path}: a checkpoint without {', '.join(sorted(missing))}")
    if not isinstance(state["vocabulary"], str) or not isinstance(state["model"], dict):
        raise ModelError(f"{path}: a checkpoint whose vocabulary is no text, or whose weights are none")
    try:
        state["config"] = make_config(state["config"], source="its configuration")
        state["codec"] = Codec(state["config"].encoding, read_vocabulary(state.pop("vocabulary")))
    except (ConfigError, NotationError) as error:
        raise ModelError(f"{path}: {error}") from error
    return state


def load_weights(path: Path, model: torch.nn.Module, codec: Codec) -> dict[str, Any]:
    """Put the weights of a checkpoint into a network of these symbols.

    Returns:
        The whole state.

    Raises:
        ModelError: As `load_checkpoint`, or the checkpoint is one of another network or of other symbols.
    """
    state = load_checkpoint(path)
    if state["codec"] != codec:
        number = len(state["codec"].vocabulary.symbols)
        raise ModelError(f"{path}: a checkpoint of {number} other symbols")
    _fill(path, model, state)
    return state


def load_network(path: Path) -> tuple[torch.nn.Module, dict[str, Any]]:
    """The network that a checkpoint holds, and the whole state.

    Raises:
        ModelError: As `load_checkpoint`, or its weights do not fit its own configuration.
    """
    state = load_checkpoint(path)
    model = build_model(state["config"].model, state["codec"].vocabulary)
    _fill(path, model, state)
    return model, state


def _fill(path: Path, model: torch.nn.Module, state: dict[str, Any]) -> None:
    try:
        model.load_state_dict(state["model"])
    except (RuntimeError, TypeError, AttributeError) as error:  # its message names every tensor, a line each
        reason = [*str(error).splitlines()[:2], ""][1].strip() or type(error).__name__
        raise ModelError(f"{path}: a checkpoint of another network ({reason})") from error
