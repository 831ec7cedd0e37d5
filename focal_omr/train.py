"""Training loop: one run folder, reproducible batches, checkpoints, DDP.

A run folder holds `config.json`, `environment.json`, `metrics.csv`, `validation.csv`, `last.pt` and
`previous.pt`, the checkpoint before the last. Batch k and the dropout masks of step k depend only on the seed
and k, so a killed and resumed run matches an uninterrupted one bit for bit on a CPU. Under `torchrun` each
rank trains on its share of every batch, and rank 0 validates and writes; see `training.distributed`.
"""

import json
import logging
import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import nn

from focal_omr.config import OptimizerConfig, TrainConfig
from focal_omr.encodings.codec import Codec
from focal_omr.errors import ConfigError, ModelError
from focal_omr.model import build_model, copy_matching_weights
from focal_omr.runtime.atomic_files import make_writable, remove_parts, removed_if_empty, write_atomic
from focal_omr.runtime.folder_lock import lock_folder
from focal_omr.runtime.provenance import append_row
from focal_omr.training.checkpoint import (
    keep_backup,
    load_checkpoint,
    load_network,
    load_weights,
    save_checkpoint,
)
from focal_omr.training.distributed import (
    mean_over_ranks,
    pad_to_global_width,
    report_lost_ranks,
    setup_fabric,
    sync_batch_norm,
)
from focal_omr.training.tasks import Task, make_task

logger = logging.getLogger(__name__)

LAST, PREVIOUS = "last.pt", "previous.pt"  # the second is used if the first is damaged
_DENORMAL = 1e-39  # in float32


@contextmanager
def _flush_denormals() -> Iterator[None]:
    """Treat denormals as zero: LSTM states and Adam moments that decay to them slow a CPU down."""
    before = float(torch.tensor(_DENORMAL) * 1) == 0
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


@_flush_denormals()
def train(
    config: TrainConfig, folder: Path, *, resume: bool = False, start_from: Path | None = None
) -> dict[str, float]:
    """Train a network into a run folder.

    Under `torchrun` every process calls this with the same arguments and sees the same folder.

    Args:
        config: Stored in the folder.
        folder: Run folder, created if missing.
        resume: Continue from the folder's `last.pt`. The configuration may have more steps and more shards.
        start_from: Checkpoint to initialise the weights from at step 0.

    Returns:
        The last validation metrics. Empty without validation data, and on ranks other than 0.

    Raises:
        ConfigError: The folder already holds a run and `resume` is off, there is nothing to resume, or the
            batch or this machine cannot be split among the processes.
        DataError: There are no shards, or fewer samples than a batch.
        ModelError: A checkpoint cannot be used.
        OutputError: The folder cannot be written, or another training uses it.
        OmrError: Another rank ended.
    """
    checkpoint = folder / LAST
    if checkpoint.exists() != resume:
        reason = "nothing to resume" if resume else "already holds a run; resume it or choose another folder"
        raise ConfigError(f"{folder}: {reason}")
    torch.set_num_threads(config.threads)
    fabric = setup_fabric(config.precision)
    with ExitStack() as stack:
        if fabric.is_global_zero:
            stack.enter_context(removed_if_empty(folder))
            make_writable(folder)
            stack.enter_context(lock_folder(folder))
            remove_parts(folder)
        hint = f"continue with --resume from the last checkpoint in {folder}"
        stack.enter_context(report_lost_ranks(fabric, hint=hint))
        state = _set_up(config, folder, fabric, checkpoint if resume else None, start_from)
        metrics = _train_steps(state)
        fabric.barrier()  # other ranks wait until rank 0 has written the last checkpoint
        return metrics


@dataclass(frozen=True)
class _TrainState:
    """A training run between set-up and its last step.

    Attributes:
        network: The bare module, which is validated and saved.
        model: `network` wrapped by Fabric for mixed precision and DDP.
        first_step: Number of updates already made.
    """

    config: TrainConfig
    folder: Path
    fabric: Fabric
    task: Task
    network: nn.Module
    model: nn.Module
    optimizer: torch.optim.Optimizer
    first_step: int


def _set_up(
    config: TrainConfig, folder: Path, fabric: Fabric, resume_from: Path | None, start_from: Path | None
) -> _TrainState:
    """Load data, network and optimizer, and start the folder's logs."""
    # First: listing the data takes long. It draws from torch's generator, which is seeded after it.
    initial = load_network(start_from)[0] if start_from and not resume_from else None
    torch.manual_seed(config.seed)
    task = make_task(config, rank=fabric.global_rank, world_size=fabric.world_size)
    network = sync_batch_norm(build_model(config.model, task.codec.vocabulary), fabric)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=config.optimizer.rate, weight_decay=config.optimizer.weight_decay, fused=True
    )
    first_step = 0
    if resume_from:
        state = _load_for_resume(resume_from, network, task.codec)
        optimizer.load_state_dict(state["optimizer"])
        first_step = state["step"]
    elif initial is not None:
        copy_matching_weights(network, initial)
    else:
        task.prepare(network)
    model, optimizer = fabric.setup(network, optimizer)
    if fabric.is_global_zero:
        _prepare_run_folder(config, folder, samples=task.training_size, first_step=first_step)
    return _TrainState(config, folder, fabric, task, network, model, optimizer, first_step)


def _train_steps(state: _TrainState) -> dict[str, float]:
    """Make all updates; report, validate and save at the configured intervals."""
    config, writes = state.config, state.fabric.is_global_zero
    steps = range(state.first_step, config.steps)
    metrics: dict[str, float] = {}
    losses: list[tuple[float, float]] = []  # since the last report
    started = time.perf_counter()
    for step, batch in zip(steps, state.task.batches(steps), strict=True):
        losses.append(_update(state, step, batch))
        done = step + 1
        is_last = done == config.steps
        if is_last or done % config.report_every == 0:
            _report(state, done, losses, time.perf_counter() - started)
            losses, started = [], time.perf_counter()
        if writes and state.task.can_validate and (is_last or done % config.evaluate_every == 0):
            # `network`, not `model`: the other ranks take no part in this forward pass.
            with state.fabric.autocast():
                metrics = state.task.validate(state.network)
            append_row(state.folder / "validation.csv", {"step": done, **metrics})
            logger.info("step %d  %s", done, "  ".join(f"{k} {v:.2f}" for k, v in metrics.items()))
            started = time.perf_counter()
        if writes and (is_last or done % config.checkpoint_every == 0):
            _save(state, done)
    return metrics


def _update(state: _TrainState, step: int, batch: Any) -> tuple[float, float]:
    """Make one update; return its loss and its plain CTC loss on this rank's share of the batch."""
    config, fabric, optimizer = state.config, state.fabric, state.optimizer
    # A seed per step and rank for dropout, so that resuming needs no generator state.
    rng = np.random.default_rng((config.seed, step, fabric.global_rank, 4))
    torch.manual_seed(int(rng.integers(2**63)))
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(step, config.steps, config.optimizer)
    images = pad_to_global_width(batch.images, fabric)
    log_probs, lengths = state.model(fabric.to_device(images), fabric.to_device(batch.widths))
    value, ctc = state.task.losses(step, log_probs, lengths, batch)
    optimizer.zero_grad(set_to_none=True)
    fabric.backward(value)
    fabric.clip_gradients(state.model, optimizer, max_norm=config.optimizer.clip)
    optimizer.step()
    return float(value.detach()), float(ctc)


def _report(state: _TrainState, step: int, losses: Sequence[tuple[float, float]], elapsed_s: float) -> None:
    """Log the mean losses over all ranks since the last report; `step` is the number of updates made."""
    loss, ctc = mean_over_ranks(np.mean(losses, axis=0), state.fabric)
    row = {
        "step": step,
        "loss": loss,
        "ctc": ctc,
        "rate": learning_rate(step - 1, state.config.steps, state.config.optimizer),
        "staves_per_s": len(losses) * state.config.data.batch / elapsed_s,
    }
    if state.fabric.is_global_zero:
        append_row(state.folder / "metrics.csv", row)
        logger.info("step %(step)d  loss %(loss).3f  rate %(rate).2g  %(staves_per_s).1f staves/s", row)


def _save(state: _TrainState, step: int) -> None:
    """Write `last.pt` and keep the one before as `previous.pt`."""
    last = state.folder / LAST
    if last.exists():
        keep_backup(last, state.folder / PREVIOUS)
    save_checkpoint(
        last,
        config=state.config,
        codec=state.task.codec,
        model=state.network,
        optimizer=state.optimizer,
        step=step,
    )


def learning_rate(step: int, steps: int, config: OptimizerConfig) -> float:
    """Compute a learning rate with linear warm-up, a constant part and linear cool-down to nearly zero.

    Args:
        step: Update about to be made, 0 .. steps - 1.
        steps: Updates of the whole run.
        config: Peak rate and lengths of warm-up and cool-down in steps.
    """
    up = min(1.0, (step + 1) / max(1, config.warmup))
    down = min(1.0, (steps - step) / max(1, config.cooldown))
    return config.rate * min(up, down)


def _load_for_resume(checkpoint: Path, network: nn.Module, codec: Codec) -> dict[str, Any]:
    """Load weights into the network and return the state; an error names `previous.pt` if it is intact."""
    try:
        state = load_weights(checkpoint, network, codec)
    except ModelError as error:
        previous = checkpoint.with_name(PREVIOUS)
        if _is_intact(checkpoint) or not _is_intact(previous):  # an intact one does not fit the network
            raise
        step = load_checkpoint(previous)["step"]
        raise ModelError(
            f"{error}; {previous}, from step {step}, is intact: rename it to {checkpoint.name} and resume"
        ) from None
    if state["optimizer"] is None:
        raise ModelError(f"{checkpoint}: has no optimizer state to resume; use it with --start-from")
    return state


def _is_intact(checkpoint: Path) -> bool:
    try:
        load_checkpoint(checkpoint)
    except ModelError:
        return False
    return True


def _prepare_run_folder(config: TrainConfig, folder: Path, *, samples: int, first_step: int) -> None:
    """Write configuration and environment, and truncate the logs to the rows up to `first_step`.

    A killed run may have logged steps that will be repeated, and a last line cut short: of "120,3.5" only
    "12" may be left. A row starts with its step and ends with a line break.
    """
    for path in (folder / "metrics.csv", folder / "validation.csv"):
        if path.exists():
            lines = [line for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
            rows = [row for row in lines[1:] if int(row.partition(b",")[0]) <= first_step]
            write_atomic(path, b"".join((*lines[:1], *rows)))
    write_atomic(folder / "config.json", config.model_dump_json(indent=2).encode())
    environment = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "machine": platform.machine(),
        "threads": torch.get_num_threads(),
        "plates": samples,  # the key of the file format; the values are training samples
        "config_digest": config.digest,
    }
    write_atomic(folder / "environment.json", json.dumps(environment, indent=2).encode())
