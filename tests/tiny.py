"""A tiny network, a few engraved staff images and shards of them, shared by several test files.

Shards are written here without the package's writer, so that its reader is tested on files of another writer.
"""

import io
import tarfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from random import Random

import cv2
import numpy as np
import torch
from torch import nn

from focal_omr.config import ModelConfig
from focal_omr.data.engraving.render import StaffImage, engrave_staff
from focal_omr.data.music.compose import compose
from focal_omr.encodings.codec import Codec
from focal_omr.encodings.semantic import score_to_tokens
from focal_omr.encodings.vocabulary import Vocabulary, full_semantic
from focal_omr.formats.verovio import Engraver

torch.set_num_threads(1)

TINY = ModelConfig(channels=(4, 4, 8, 8, 8), features=16, hidden=8, layers=2)
PAPER = ModelConfig(preset="paper")
COLUMNS = ModelConfig(
    preset="columns", channels=(4, 8, 8, 8, 8), features=16, hidden=8, layers=2, row_features=8
)
FEW_SYMBOLS = Vocabulary(
    ("clef-G2", "note-C4_quarter", "note-C4_half", "note-D4_quarter", "note-D4_half", "barline", "tie")
)
FEW = Codec("semantic", FEW_SYMBOLS)


@cache
def staff_images() -> tuple[StaffImage, ...]:
    """Engrave eight short composed incipits without distractors; their symbols are in the vocabulary."""
    random, engraver, images = Random(5), Engraver(), []
    while len(images) < 8:
        score = compose(random, symbols=4)
        tokens = score_to_tokens(score)
        # The bar of a multi-measure rest covers the middle line of so short a staff.
        plain = not any(token.startswith("multirest") for token in tokens)
        if plain and len(tokens) <= 8 and all(token in full_semantic() for token in tokens):
            images.append(engrave_staff(engraver, random, score, distractors=0.0))
    return tuple(images)


def labels() -> list[list[str]]:
    """Return the tokens of `staff_images`."""
    return [score_to_tokens(image.score) for image in staff_images()]


def png(gray: np.ndarray) -> bytes:
    return bytes(cv2.imencode(".png", gray)[1])


def write_tar(path: Path, members: dict[str, bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


def write_shards_of_staves(folder: Path, *sizes: int) -> Path:
    """Write shards with the given numbers of images, cycling through `staff_images`."""
    number = 0
    for shard, size in enumerate(sizes):
        members = {}
        for _ in range(size):
            image, tokens = staff_images()[number % 8], labels()[number % 8]
            members[f"{number:03d}.png"] = png(image.gray)
            members[f"{number:03d}.semantic"] = "\t".join(tokens).encode()
            number += 1
        write_tar(folder / f"{shard:03d}.tar", members)
    return folder


def random_strips(*widths: int, height: int = 96, seed: int = 0) -> list[np.ndarray]:
    """Draw noise strips (height, width), ink 0 .. 1."""
    rng = np.random.default_rng(seed)
    return [rng.random((height, width), np.float32) for width in widths]


def randomise(model: nn.Module, seed: int = 0) -> nn.Module:
    """Add noise to parameters and statistics that start at 0 or 1, so that a missing bias or mask shows."""
    generator = torch.Generator().manual_seed(seed)

    def noise(tensor: torch.Tensor, scale: float) -> torch.Tensor:
        return scale * torch.randn(tensor.shape, generator=generator)

    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean += noise(module.running_mean, 0.3)
                module.running_var *= 0.5 + torch.rand(module.running_var.shape, generator=generator)
        for parameter in model.parameters():
            if parameter.dim() == 1 or not parameter.any():
                parameter += noise(parameter, 0.2)
    return model


def as_batch(strips: Sequence[np.ndarray], *, padded: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (images, widths) for a network, padded with zeros to the widest or to `padded`."""
    width = max(padded, *(strip.shape[1] for strip in strips))
    images = torch.zeros(len(strips), 1, strips[0].shape[0], width)
    for row, strip in enumerate(strips):
        images[row, 0, :, : strip.shape[1]] = torch.from_numpy(strip)
    return images, torch.tensor([strip.shape[1] for strip in strips])
