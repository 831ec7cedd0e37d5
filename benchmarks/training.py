"""Training steps of the default and of the paper preset, on the same staves.

Each gets 16 plates as its own training loop would: strips for the default, plain pictures of height 128 for
the network of the 2018 paper. As there, a batch holds plates of about one width: the middle one of three.
A step is forward, focal CTC, backward, clipping and AdamW; making the pictures
is not in it. The two alternate, so that a change of the machine's speed meets both, and each takes one batch
over and over: oneDNN prepares its kernels for a shape when it first meets it, for which the steps before the
measured ones pay.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from torch import nn

from benchmarks.plates import SEED, plates, records
from focal_omr.config import DataConfig, ModelConfig, TrainConfig
from focal_omr.data.engraving.shards import PlateRecord
from focal_omr.data.loader import Batch, PlateBatches
from focal_omr.encodings.codec import full_codec
from focal_omr.model import FactorisedLinear, build_model
from focal_omr.train import make_loss

_BATCH = 16
_DRAWN = 56  # three batches, and a few whose symbols only one of the encodings can spell


def measure(*, threads: int, repeats: int = 7, warm_up: int = 2) -> dict[str, float]:
    """Median staves per second of both presets, and how many times faster the default is."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)  # as `train` does
    try:
        made = records(plates(_DRAWN))
        steps = (_step("default", made), _step("paper", made))
        for step in steps * warm_up:
            step()
        spent_s: tuple[list[float], list[float]] = ([], [])
        for _ in range(repeats):
            for which, step in enumerate(steps):
                start = time.perf_counter()
                step()
                spent_s[which].append(time.perf_counter() - start)
    finally:
        torch.set_num_threads(before)
    default, paper = (_BATCH / statistics.median(each) for each in spent_s)
    return {"default_staves_per_s": default, "paper_staves_per_s": paper, "ratio": default / paper}


def _step(preset: Literal["default", "paper"], made: Sequence[PlateRecord]) -> Callable[[], None]:
    """One update of a fresh network on all plates."""
    config, model, batch = _made(preset, made)
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.optimizer.rate, fused=True)
    score = make_loss(config.loss)

    def step() -> None:
        log_probs, lengths = model(batch.images, batch.widths)
        loss = score(log_probs, batch.targets, lengths, batch.target_lengths)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.optimizer.clip)
        optimizer.step()

    return step


def _made(
    preset: Literal["default", "paper"], made: Sequence[PlateRecord]
) -> tuple[TrainConfig, nn.Module, Batch]:
    """A fresh network and the batch that it is trained on."""
    torch.manual_seed(SEED)
    config = TrainConfig(model=ModelConfig(preset=preset), data=DataConfig(batch=_BATCH, curriculum=0))
    codec = full_codec(config.encoding)
    batches = PlateBatches(made, codec, config.data, SEED, plain=preset == "paper")
    batch = sorted((batches[step] for step in range(3)), key=lambda each: each.images.shape[3])[1]
    return config, build_model(config.model, codec.vocabulary).train(), batch


def forward_multiply_adds() -> int:
    """Multiply-adds of the default network's layers, forward, on the batch that is measured."""
    _, model, batch = _made("default", records(plates(_DRAWN)))
    counts: list[int] = []

    def count(layer: nn.Module, given: tuple[Any, ...], out: Any) -> None:
        if isinstance(layer, nn.Conv2d):
            counts.append(out.numel() * layer.weight[0].numel())
        elif isinstance(layer, nn.LSTM):
            counts.append(out[0].numel() * 4 * (layer.input_size + layer.hidden_size))
        else:
            counts.append(out.numel() * given[0].shape[2])

    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.LSTM | nn.Linear | FactorisedLinear):
            layer.register_forward_hook(count)
    with torch.no_grad():
        model(batch.images, batch.widths)
    return sum(counts)
