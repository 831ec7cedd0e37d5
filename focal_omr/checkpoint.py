"""Checkpoints: the whole state of a run, written under a temporary name and renamed."""

from pathlib import Path
from typing import Any

import torch

from focal_omr.config import TrainConfig, make_config
from focal_omr.errors import ModelError
from focal_omr.notation.codec import Codec
from focal_omr.notation.vocabulary import read_vocabulary, write_vocabulary

FORMAT_VERSION = 1


def save_checkpoint(
    path: Path,
    *,
    config: TrainConfig,
    codec: Codec,
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer | None,
    step: int,
) -> None:
    """Write a checkpoint; without an optimizer it is good for starting from, not for resuming."""
    state = {
        "format": FORMAT_VERSION,
        "config": config.model_dump(mode="json"),
        "vocabulary": write_vocabulary(codec.vocabulary),
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict() if optimizer else None,
        "step": step,
        "torch_rng": torch.get_rng_state(),
    }
    temporary = path.with_suffix(".partial")
    torch.save(state, temporary)
    temporary.replace(path)


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
    state["config"] = make_config(state["config"], source=str(path))
    state["codec"] = Codec(state["config"].encoding, read_vocabulary(state.pop("vocabulary")))
    return state
