"""What a network reads from plates while it is trained, and how wrong that is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from focal_omr.data.degrade.augment import degraded_strip, plain_strip
from focal_omr.data.engraving.render import tight_crop
from focal_omr.data.engraving.shards import AnyPlate
from focal_omr.data.loader import collate
from focal_omr.decode import greedy_decode
from focal_omr.encodings.codec import Codec
from focal_omr.metrics import error_rates
from focal_omr.staff.strip import plain_picture

_VALIDATION_STRENGTH = 0.5  # of scans and photos, between mild and as bad as is legible
_BATCH = 16


@dataclass(frozen=True)
class InputReading:
    """The semantic tokens that a network read from one picture, and the confidence of each, 0 .. 1."""

    tokens: tuple[str, ...]
    confidences: tuple[float, ...]


def network_input(plate: AnyPlate, *, plain: bool = False) -> NDArray[np.float32]:
    """A plate as a network sees it that was not degraded: a strip, or (`plain`) a picture of height 128."""
    return plain_picture(tight_crop(plate.gray())) if plain else plain_strip(plate.gray())


def validate(
    model: torch.nn.Module,
    plates: Sequence[AnyPlate],
    codec: Codec,
    *,
    seed: int,
    plain: bool = False,
    worn: bool = True,
) -> dict[str, float]:
    """Error on plates: clean, and (`worn`) as scans and as photos. Leaves the model training.

    The keys are `clean_ser` and so on, in percent.
    """
    rng = np.random.default_rng(seed)
    model.eval()
    figures: dict[str, float] = {}
    pictures = {"clean": [network_input(plate, plain=plain) for plate in plates]}
    for kind in ("scan", "camera") if worn else ():
        pictures[kind] = [
            degraded_strip(p.gray(), rng, kind=kind, strength=_VALIDATION_STRENGTH) for p in plates
        ]
    for kind, inputs in pictures.items():
        read = read_inputs(model, inputs, codec)
        rates = error_rates([each.tokens for each in read], [plate.semantic for plate in plates])
        figures[f"{kind}_ser"] = rates.ser
        figures[f"{kind}_sequence_error_rate"] = rates.sequence_error_rate
    model.train()
    return figures


def read_inputs(
    model: torch.nn.Module, inputs: Sequence[NDArray[np.float32]], codec: Codec
) -> list[InputReading]:
    """What a network that is evaluating reads, greedily, from inputs of its height."""
    read: dict[int, InputReading] = {}
    device = next(model.parameters()).device
    by_width = sorted(range(len(inputs)), key=lambda index: inputs[index].shape[1])
    for start in range(0, len(by_width), _BATCH):
        members = by_width[start : start + _BATCH]
        batch = collate([inputs[index] for index in members], [[] for _ in members])
        with torch.no_grad():
            log_probs, lengths = model(batch.images.to(device), batch.widths.to(device))
        for column, index in enumerate(members):
            symbols = greedy_decode(log_probs[: lengths[column], column].float().cpu().numpy())
            tokens = codec.decode([symbol.number for symbol in symbols])
            pairs = [(t, s.confidence) for s, each in zip(symbols, tokens, strict=True) for t in each]
            read[index] = InputReading(tuple(t for t, _ in pairs), tuple(c for _, c in pairs))
    return [read[index] for index in range(len(inputs))]
