"""Greedy reading of columns with a torch network, and the error rates reported during training."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from focal_omr.data.degrade.augment import degraded_strip, plain_strip
from focal_omr.data.engraving.column_shards import StoredStaff
from focal_omr.data.loader import pad_strips
from focal_omr.data.serial_columns import ADVANCE, read_serial
from focal_omr.decode.columns import decode_columns
from focal_omr.encodings.columns import Column, flat_symbols
from focal_omr.metrics import error_rates

__all__ = ["read_columns", "validate_columns"]

_DEGRADATION_STRENGTH = 0.5  # of scans and photos: 0 mild, 1 barely legible
_BATCH_SIZE = 16


def validate_columns(
    model: torch.nn.Module, staves: Sequence[StoredStaff], *, seed: int, degraded: bool = True
) -> dict[str, float]:
    """Measure greedy error rates on staves and put the model back into training mode.

    Args:
        model: Network of the `columns` preset.
        staves: Staves with labels.
        seed: Seed of the degradation.
        degraded: Also measure on degraded copies: scans and photos.

    Returns:
        Of `clean`, and if `degraded` of `scan` and `camera`, in percent: `_ser` over `flat_symbols`,
        `_column_error` over whole columns, and `_sequence_error_rate`.
    """
    rng = np.random.default_rng(seed)
    references = [staff.label().columns for staff in staves]
    inputs = {"clean": [plain_strip(staff.gray()) for staff in staves]}
    for kind in ("scan", "camera") if degraded else ():
        inputs[kind] = [
            degraded_strip(staff.gray(), rng, kind=kind, strength=_DEGRADATION_STRENGTH) for staff in staves
        ]
    metrics: dict[str, float] = {}
    model.eval()
    for kind, strips in inputs.items():
        hypotheses = read_columns(model, strips)
        flat = [
            [[s for column in columns for s in flat_symbols(column)] for columns in side]
            for side in (hypotheses, references)
        ]
        whole = [
            [[tuple(flat_symbols(column)) for column in columns] for columns in side]
            for side in (hypotheses, references)
        ]
        metrics[f"{kind}_ser"] = error_rates(*flat).ser
        rates = error_rates(*whole)
        metrics[f"{kind}_column_error"] = rates.ser
        metrics[f"{kind}_sequence_error_rate"] = rates.sequence_error_rate
    model.train()
    return metrics


def read_columns(model: torch.nn.Module, strips: Sequence[NDArray[np.float32]]) -> list[tuple[Column, ...]]:
    """Read strips greedily, in batches of similar width.

    Args:
        model: Network of the `columns` preset in evaluation mode.
        strips: Strips (128, W_i).

    Returns:
        The columns of each strip, in the order of `strips`.
    """
    readings: dict[int, tuple[Column, ...]] = {}
    device = next(model.parameters()).device
    serial = ADVANCE in getattr(model, "frame_names", ())
    by_width = sorted(range(len(strips)), key=lambda index: strips[index].shape[1])
    for start in range(0, len(by_width), _BATCH_SIZE):
        members = by_width[start : start + _BATCH_SIZE]
        images, widths = pad_strips([strips[index] for index in members])
        with torch.no_grad():
            log_probs, lengths = model(images.to(device), widths.to(device))
        for row, index in enumerate(members):
            output = log_probs[: lengths[row], row].float().cpu().numpy()
            if serial:
                readings[index] = read_serial(output)
            else:
                decoded = (each.column for each in decode_columns(output))
                readings[index] = tuple(column for column in decoded if column is not None)
    return [readings[index] for index in range(len(strips))]
