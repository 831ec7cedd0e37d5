"""Time and memory of the losses relative to plain CTC: forward and backward from logits, at training size.

``python -m benchmarks.loss`` prints the results as JSON. Ratios of sequence losses should stay at or below
1.05, of the symbol-level loss at or below 2.0, of the column losses at or below 1.0, by factor 1.1. Page
faults add noise: each step allocates tensors of 29 MB, some of them on fresh pages (0.80 to 1.05 observed
on a busy machine with two cores). If glibc keeps freed memory, the range was 0.95 to 1.05:

    MALLOC_MMAP_THRESHOLD_=1000000000 MALLOC_TRIM_THRESHOLD_=2000000000 python -m benchmarks.loss
"""

import json
import multiprocessing
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

from focal_omr.encodings.column_factors import FACTORS, OFFSETS, POSITIONS
from focal_omr.loss import (
    column_ctc_loss,
    column_focal_ctc_loss,
    factor_focal_ctc_loss,
    focal_ctc_loss,
    length_focal_ctc_loss,
    symbol_focal_ctc_loss,
)
from focal_omr.model.factor_softmax import log_softmax_by_factor

FRAMES, BATCH, CLASSES, LABELS = 256, 16, 1782, 25  # 1781 symbols of PrIMuS and the blank
FEW_CLASSES = 61  # 60 symbols, as in the study of losses
LOSSES: dict[str, Callable[..., Tensor]] = {
    "ctc": functional.ctc_loss,
    "focal": focal_ctc_loss,
    "length_focal": length_focal_ctc_loss,
    "symbol_focal": symbol_focal_ctc_loss,
}
COLUMN_LOSSES: dict[str, Callable[..., Tensor]] = {
    "column": column_ctc_loss,
    "column_focal": partial(column_focal_ctc_loss, gamma=1.0),
    "factor_focal": partial(factor_focal_ctc_loss, gamma=1.0),
}
_STATUS = Path("/proc/self/status")
Step: TypeAlias = Callable[[], Tensor]


def measure(*, repeats: int = 40) -> dict[str, float]:
    """Time the losses on one thread.

    The order of the losses rotates, so that changes of the machine's speed affect all. CPU time is measured,
    because wall time includes other processes.

    Args:
        repeats: Timed rounds, at least 1, after three rounds of warm-up.

    Returns:
        For every loss ``NAME_ms``, the median CPU time in milliseconds, ``NAME_ratio``, relative to plain
        CTC, and ``NAME_few_ratio``, the same with 60 symbols.

    Raises:
        ValueError: ``repeats`` is below 1.
    """
    if repeats < 1:
        raise ValueError(f"repeats is {repeats}; it must be 1 or more")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        many, few = _medians(CLASSES, repeats), _medians(FEW_CLASSES, repeats)
    finally:
        torch.set_num_threads(threads)
    figures = {f"{name}_ms": ms for name, ms in many.items()}
    for name in LOSSES.keys() - {"ctc"}:
        figures[f"{name}_ratio"] = many[name] / many["ctc"]
        figures[f"{name}_few_ratio"] = few[name] / few["ctc"]
    figures |= {f"{name}_ratio": many[name] / many["ctc"] for name in COLUMN_LOSSES}
    return dict(sorted(figures.items()))


def measure_memory() -> dict[str, float]:
    """Measure the peak memory of a few steps with each loss in MB, and ratios to plain CTC.

    Returns:
        ``NAME_mb`` and ``NAME_memory_ratio``; empty on systems without /proc.
    """
    if not _STATUS.exists():
        return {}
    context = multiprocessing.get_context("spawn")
    with context.Pool(1, maxtasksperchild=1) as pool:
        mb = {name: pool.apply(_memory_mb, (name,)) for name in LOSSES}
    figures = {f"{name}_mb": value for name, value in mb.items()}
    return figures | {f"{name}_memory_ratio": mb[name] / mb["ctc"] for name in mb if name != "ctc"}


def measure_gpu(*, repeats: int = 40) -> dict[str, float]:
    """Measure time and allocated memory on a GPU; empty without one.

    Each step is synchronised, so that argument checks that synchronise are included.
    """
    if not torch.cuda.is_available():
        return {}
    figures: dict[str, float] = {}
    for classes, suffix in ((CLASSES, ""), (FEW_CLASSES, "_few")):
        ms = _medians(classes, repeats, device="cuda")
        figures |= {f"gpu_{name}{suffix}_ms": value for name, value in ms.items()}
        mb = {name: _gpu_memory_mb(step) for name, step in _steps(classes, device="cuda").items()}
        for name in LOSSES.keys() - {"ctc"}:
            figures[f"gpu_{name}{suffix}_ratio"] = ms[name] / ms["ctc"]
            figures[f"gpu_{name}{suffix}_memory_ratio"] = mb[name] / mb["ctc"]
    return dict(sorted(figures.items()))


def _gpu_memory_mb(step: Step) -> float:
    """Peak of allocated memory during a step, in MB above its start."""
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    step()
    torch.cuda.synchronize()
    return (torch.cuda.max_memory_allocated() - before) / 2**20


def _memory_mb(name: str) -> float:
    """Peak memory of steps with one loss; called in a process of its own."""
    step = _steps(CLASSES)[name]
    before = _peak_mb()
    for _ in range(3):
        step()
    return _peak_mb() - before


def _peak_mb() -> float:
    """Peak memory of this process. Not `ru_maxrss`, which starts at that of the parent."""
    (line,) = (line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def _medians(classes: int, repeats: int, *, device: str = "cpu") -> dict[str, float]:
    """Median milliseconds of each loss, after three rounds of warm-up."""
    steps = _steps(classes, device=device)
    if classes == CLASSES:
        steps |= _column_steps(device)
    timed = _cpu_ms if device == "cpu" else _gpu_ms
    for step in list(steps.values()) * 3:
        step()
    elapsed_ms: dict[str, list[float]] = {name: [] for name in steps}
    names = list(steps)
    for turn in range(repeats):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            elapsed_ms[name].append(timed(steps[name]))
    return {name: statistics.median(times) for name, times in elapsed_ms.items()}


def _steps(classes: int, *, device: str = "cpu") -> dict[str, Step]:
    """A step function per loss on one seeded batch; targets and lengths stay on the CPU."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(FRAMES, BATCH, classes, generator=generator).to(device).requires_grad_()
    targets = torch.randint(1, classes, (BATCH, LABELS), generator=generator)
    lengths = torch.full((BATCH,), FRAMES), torch.full((BATCH,), LABELS)

    def step(function: Callable[..., Tensor]) -> Tensor:
        # Torch's CTC needs targets on the device of the log-probabilities; the other losses move them.
        labels = targets.to(device) if function is functional.ctc_loss else targets
        return torch.autograd.grad(function(logits.log_softmax(-1), labels, *lengths), logits)[0]

    return {name: lambda function=function: step(function) for name, function in LOSSES.items()}


def _column_steps(device: str) -> dict[str, Step]:
    """A step function per column loss: half of the factors of as many columns as there are labels.

    The logits are those of the two branches of the network: of frames, and of 33 rows.
    """
    generator = torch.Generator().manual_seed(0)
    sizes = torch.tensor([len(factor.values) for factor in FACTORS])
    of_frame, of_row = sizes[: -4 * len(POSITIONS)].tolist(), sizes[-4:].tolist()
    logits = [
        torch.randn(FRAMES, BATCH, *shape, generator=generator).to(device).requires_grad_()
        for shape in ((sum(of_frame),), (len(POSITIONS), sum(of_row)))
    ]
    targets = (torch.rand(BATCH, LABELS, len(FACTORS), generator=generator) * sizes).long()
    targets[torch.rand(targets.shape, generator=generator) < 0.5] = -1
    targets[..., 0] = FACTORS[0].index["notes"]
    lengths = torch.full((BATCH,), FRAMES), torch.full((BATCH,), LABELS)

    def step(function: Callable[..., Tensor]) -> Tensor:
        rows = log_softmax_by_factor(logits[1], of_row).flatten(2)
        log_probs = torch.cat((log_softmax_by_factor(logits[0], of_frame), rows), 2)
        return torch.autograd.grad(function(log_probs, targets, *lengths, offsets=OFFSETS), logits)[0]

    return {name: lambda function=function: step(function) for name, function in COLUMN_LOSSES.items()}


def _cpu_ms(step: Step) -> float:
    start = time.process_time()
    step()
    return (time.process_time() - start) * 1e3


def _gpu_ms(step: Step) -> float:
    torch.cuda.synchronize()
    start = time.perf_counter()
    step()
    torch.cuda.synchronize()
    return (time.perf_counter() - start) * 1e3


if __name__ == "__main__":
    print(json.dumps(measure() | measure_memory() | measure_gpu(), indent=2))
