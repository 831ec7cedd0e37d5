"""What focal CTC costs beside plain CTC: forward and backward from logits, at the size of a training step.

``python -m benchmarks.loss`` prints the numbers as JSON; the ratio is to stay at 1.05 or below. Its noise is
page faults: each step allocates tensors of 29 MB, and which of the two gets fresh pages is chance (0.80 to
1.05 seen on a busy machine of two cores). With glibc told to keep its memory it was 0.95 to 1.03:

    MALLOC_MMAP_THRESHOLD_=1000000000 MALLOC_TRIM_THRESHOLD_=2000000000 python -m benchmarks.loss
"""

import json
import statistics
import time
from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

from focal_omr.loss import focal_ctc_loss

FRAMES, BATCH, CLASSES, LABELS = 256, 16, 1782, 25  # 1781 symbols of PrIMuS and the blank
Step: TypeAlias = Callable[[], Tensor]


def measure(*, repeats: int = 40) -> dict[str, float]:
    """Time both losses on one thread, and compare.

    The two alternate, each first in every other round, so that a change of the machine's speed meets both.
    What is measured is time on the processor, for the clock on the wall also counts a busy neighbour.

    Args:
        repeats: Timed rounds, at least 1; three more warm up.

    Returns:
        ``focal_ms`` and ``ctc_ms``, medians of processor time in milliseconds, and ``ratio``, the first over
        the second.

    Raises:
        ValueError: repeats is below 1.
    """
    if repeats < 1:
        raise ValueError(f"repeats is {repeats}; it must be 1 or more")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        focal_ms, ctc_ms = map(statistics.median, _alternate(_steps(), repeats))
    finally:
        torch.set_num_threads(threads)
    return {"focal_ms": focal_ms, "ctc_ms": ctc_ms, "ratio": focal_ms / ctc_ms}


def _alternate(steps: tuple[Step, Step], repeats: int) -> tuple[list[float], list[float]]:
    """Return the milliseconds of both steps in each round, after three rounds to warm up."""
    for step in steps * 3:
        step()
    spent_ms: tuple[list[float], list[float]] = ([], [])
    for turn in range(repeats):
        for which in (0, 1) if turn % 2 == 0 else (1, 0):
            spent_ms[which].append(_spent_ms(steps[which]))
    return spent_ms


def _steps() -> tuple[Step, Step]:
    """Return the two losses as functions of nothing, on the same seeded batch."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(FRAMES, BATCH, CLASSES, generator=generator, requires_grad=True)
    targets = torch.randint(1, CLASSES, (BATCH, LABELS), generator=generator)
    input_lengths, target_lengths = torch.full((BATCH,), FRAMES), torch.full((BATCH,), LABELS)

    def focal() -> Tensor:
        loss = focal_ctc_loss(logits.log_softmax(-1), targets, input_lengths, target_lengths)
        return torch.autograd.grad(loss, logits)[0]

    def ctc() -> Tensor:
        loss = functional.ctc_loss(logits.log_softmax(-1), targets, input_lengths, target_lengths)
        return torch.autograd.grad(loss, logits)[0]

    return focal, ctc


def _spent_ms(step: Step) -> float:
    start = time.process_time()
    step()
    return (time.process_time() - start) * 1e3


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
