"""Greedy recognition with a torch network, and the error rates reported during training."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from focal_omr.data.degrade.augment import degraded_strip, plain_strip
from focal_omr.data.engraving.shards import AnyStaff
from focal_omr.data.loader import collate
from focal_omr.data.staff_image import tight_crop
from focal_omr.decode import greedy_decode
from focal_omr.encodings.codec import Codec
from focal_omr.metrics import error_rates
from focal_omr.staff.strip import plain_image

_DEGRADATION_STRENGTH = 0.5  # of scans and photos: 0 mild, 1 barely legible
_BATCH_SIZE = 16


@dataclass(frozen=True)
class InputReading:
    """Semantic tokens recognized in one input image, and the confidence of each, 0 .. 1."""

    tokens: tuple[str, ...]
    confidences: tuple[float, ...]


def network_input(staff: AnyStaff, *, plain: bool = False) -> NDArray[np.float32]:
    """Convert a staff image to network input without degradation.

    Args:
        staff: Staff image.
        plain: Return a plain image for the `paper` preset instead of a staff strip.

    Returns:
        Ink 0 .. 1, (96, W), or (128, W) if `plain`.
    """
    return plain_image(tight_crop(staff.gray())) if plain else plain_strip(staff.gray())


def validate(
    model: torch.nn.Module,
    staves: Sequence[AnyStaff],
    codec: Codec,
    *,
    seed: int,
    plain: bool = False,
    degraded: bool = True,
) -> dict[str, float]:
    """Measure greedy error rates on staff images and put the model back into training mode.

    Args:
        model: Network built by `build_model`.
        staves: Staff images with labels.
        codec: Vocabulary and encoding of the network's classes.
        seed: Seed of the degradation.
        plain: Use plain images for the `paper` preset.
        degraded: Also measure on degraded copies: scans and photos.

    Returns:
        `clean_ser` and `clean_sequence_error_rate` in percent; if `degraded`, also those of `scan` and
        `camera`.
    """
    rng = np.random.default_rng(seed)
    inputs = {"clean": [network_input(staff, plain=plain) for staff in staves]}
    for kind in ("scan", "camera") if degraded else ():
        inputs[kind] = [
            degraded_strip(staff.gray(), rng, kind=kind, strength=_DEGRADATION_STRENGTH) for staff in staves
        ]
    metrics: dict[str, float] = {}
    model.eval()
    for kind, images in inputs.items():
        readings = read_inputs(model, images, codec)
        rates = error_rates([each.tokens for each in readings], [staff.semantic for staff in staves])
        metrics[f"{kind}_ser"] = rates.ser
        metrics[f"{kind}_sequence_error_rate"] = rates.sequence_error_rate
    model.train()
    return metrics


def read_inputs(
    model: torch.nn.Module, inputs: Sequence[NDArray[np.float32]], codec: Codec
) -> list[InputReading]:
    """Decode inputs greedily, in batches of similar width.

    Args:
        model: Network in evaluation mode.
        inputs: Images (H, W_i) of the network's height.
        codec: Vocabulary and encoding of the network's classes.

    Returns:
        One reading per input, in the order of `inputs`.
    """
    readings: dict[int, InputReading] = {}
    device = next(model.parameters()).device
    by_width = sorted(range(len(inputs)), key=lambda index: inputs[index].shape[1])
    for start in range(0, len(by_width), _BATCH_SIZE):
        members = by_width[start : start + _BATCH_SIZE]
        batch = collate([inputs[index] for index in members], [[] for _ in members])
        with torch.no_grad():
            log_probs, lengths = model(batch.images.to(device), batch.widths.to(device))
        for column, index in enumerate(members):
            symbols = greedy_decode(log_probs[: lengths[column], column].float().cpu().numpy())
            spelled = codec.decode([symbol.class_id for symbol in symbols])
            pairs = [(t, s.confidence) for s, tokens in zip(symbols, spelled, strict=True) for t in tokens]
            readings[index] = InputReading(tuple(t for t, _ in pairs), tuple(c for _, c in pairs))
    return [readings[index] for index in range(len(inputs))]
