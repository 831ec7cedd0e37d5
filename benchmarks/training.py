"""Speed of training steps of the `default` and `paper` presets on the same staves.

Each preset gets a batch of 16 staff images as in training: strips for `default`, plain images of height 128
for `paper`, all of similar width. A step is forward, focal CTC, backward, clipping and AdamW, without data
loading. The presets alternate, so that changes of the machine's speed affect both. Each repeats one batch:
oneDNN compiles kernels for every new shape, which happens in the warm-up steps.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from torch import nn

from benchmarks.staff_images import SEED, composed_staves, records
from focal_omr.config import DataConfig, ModelConfig, TrainConfig
from focal_omr.data.engraving.shards import StaffRecord
from focal_omr.data.loader import Batch, StaffBatches
from focal_omr.encodings.codec import full_codec
from focal_omr.model import FactorisedLinear, build_model
from focal_omr.training.tasks import make_loss

_BATCH_SIZE = 16
_COUNT = 56  # three batches, and a few staves whose symbols only one of the encodings has


def measure(*, threads: int, repeats: int = 7, warm_up: int = 2) -> dict[str, float]:
    """Measure both presets.

    Args:
        threads: CPU threads of torch.
        repeats: Timed steps of each preset.
        warm_up: Untimed steps of each preset.

    Returns:
        Median staves per second of both presets, and their ratio.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)  # as `train` does
    try:
        samples = records(composed_staves(_COUNT))
        steps = (_step("default", samples), _step("paper", samples))
        for step in steps * warm_up:
            step()
        elapsed_s: tuple[list[float], list[float]] = ([], [])
        for _ in range(repeats):
            for index, step in enumerate(steps):
                start = time.perf_counter()
                step()
                elapsed_s[index].append(time.perf_counter() - start)
    finally:
        torch.set_num_threads(before)
    default, paper = (_BATCH_SIZE / statistics.median(each) for each in elapsed_s)
    return {"default_staves_per_s": default, "paper_staves_per_s": paper, "ratio": default / paper}


def _step(preset: Literal["default", "paper"], samples: Sequence[StaffRecord]) -> Callable[[], None]:
    """A function that makes one update of an untrained network."""
    config, model, batch = _set_up(preset, samples)
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


def _set_up(
    preset: Literal["default", "paper"], samples: Sequence[StaffRecord]
) -> tuple[TrainConfig, nn.Module, Batch]:
    """An untrained network and a batch for it: of three, the one of median width."""
    torch.manual_seed(SEED)
    config = TrainConfig(model=ModelConfig(preset=preset), data=DataConfig(batch=_BATCH_SIZE, curriculum=0))
    codec = full_codec(config.encoding)
    batches = StaffBatches(samples, codec, config.data, SEED, plain=preset == "paper")
    batch = sorted((batches[step] for step in range(3)), key=lambda each: each.images.shape[3])[1]
    return config, build_model(config.model, codec.vocabulary).train(), batch


def forward_multiply_adds() -> int:
    """Multiply-adds of a forward pass of the default network on the measured batch."""
    _, model, batch = _set_up("default", records(composed_staves(_COUNT)))
    counts: list[int] = []

    def count(layer: nn.Module, inputs: tuple[Any, ...], out: Any) -> None:
        if isinstance(layer, nn.Conv2d):
            counts.append(out.numel() * layer.weight[0].numel())
        elif isinstance(layer, nn.LSTM):
            counts.append(out[0].numel() * 4 * (layer.input_size + layer.hidden_size))
        else:
            counts.append(out.numel() * inputs[0].shape[2])

    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.LSTM | nn.Linear | FactorisedLinear):
            layer.register_forward_hook(count)
    with torch.no_grad():
        model(batch.images, batch.widths)
    return sum(counts)
