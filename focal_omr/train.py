"""Training: one run folder, one visible loop.

The folder gets `config.toml`-like `config.json`, `environment.json`, `metrics.csv`, `last.pt`, and
`previous.pt`, the checkpoint before it. Batch k depends on the seed and k alone, so a run that is killed and
resumed goes on bit for bit on a CPU. Started by `torchrun`, each process takes its share of every batch and
the first one writes; see `distributed`.
"""

import json
import logging
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor

from focal_omr.config import DataConfig, LossConfig, OptimizerConfig, TrainConfig
from focal_omr.data.engraving.shards import AnyPlate
from focal_omr.data.loader import PlateBatches, all_plates, list_plates, load_batches
from focal_omr.encodings.codec import Codec, full_codec, seen_codec
from focal_omr.encodings.vocabulary import BLANK
from focal_omr.errors import ConfigError, ModelError
from focal_omr.loss import (
    class_balanced_weights,
    consistency_loss,
    focal_ctc_loss,
    length_focal_ctc_loss,
    symbol_focal_ctc_loss,
)
from focal_omr.model import build_model, copy_matching_weights
from focal_omr.runtime.atomic_files import make_writable, remove_parts, write_atomic
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
from focal_omr.training.validation import validate

logger = logging.getLogger(__name__)

_MOST_HELD_OUT = 200  # plates
_DENORMAL = 1e-39  # in float32
PREVIOUS = "previous.pt"  # the checkpoint before the last one, should that be damaged


@contextmanager
def _denormals_flushed() -> Iterator[None]:
    """States and moments that decay to denormals slow a CPU down; here they are 0, later what they were."""
    before = float(torch.tensor(_DENORMAL) * 1) == 0
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


@_denormals_flushed()
def train(
    config: TrainConfig, folder: Path, *, resume: bool = False, start_from: Path | None = None
) -> dict[str, float]:
    """Train a network.

    Under `torchrun` all its processes call this with the same arguments, and find the folder in one place.

    Args:
        config: What to do; all of it is stored in the folder.
        folder: The run's folder.
        resume: Go on from the folder's `last.pt`. The configuration may name more steps and more shards.
        start_from: A checkpoint to take the weights from at step 0.

    Returns:
        The last validation figures; none where no shard is held out, and in processes but the first.

    Raises:
        ConfigError: The folder holds a run and `resume` is off, there is nothing to resume, or the processes
            cannot share the batch or this machine.
        DataError: No shards, or fewer plates than a batch.
        ModelError: A checkpoint that cannot be used.
        OutputError: The folder cannot be written, or another training is at work in it.
        OmrError: Another process of the training is gone.
    """
    checkpoint = folder / "last.pt"
    if checkpoint.exists() != resume:
        state_of_it = "nothing to resume" if resume else "already a run; resume it or choose another folder"
        raise ConfigError(f"{folder}: {state_of_it}")
    torch.set_num_threads(config.threads)
    fabric = setup_fabric(config.precision)
    with (
        _alone(folder) if fabric.is_global_zero else nullcontext(),
        report_lost_ranks(fabric, after=f"go on with --resume from the last checkpoint in {folder}"),
    ):
        return _train(config, folder, fabric, checkpoint if resume else None, start_from)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """The run's folder, made where it is missing, for this run alone, without what a killed one left."""
    make_writable(folder)
    with lock_folder(folder):
        remove_parts(folder)
        yield


def _train(
    config: TrainConfig, folder: Path, fabric: Fabric, resumed: Path | None, start_from: Path | None
) -> dict[str, float]:
    torch.manual_seed(config.seed)
    plates, validation = _plates(config.data)
    codec = full_codec(config.encoding)
    if config.symbols == "seen":
        codec = seen_codec(config.encoding, (plate.semantic for plate in plates))
    plain = config.model.preset == "paper"
    batches = PlateBatches(
        plates,
        codec,
        config.data,
        config.seed,
        plain=plain,
        views=config.loss.views,
        rank=fabric.global_rank,
        world_size=fabric.world_size,
    )
    found = len(plates)
    del plates  # with their labels; `batches` has what it needs of them
    network = sync_batch_norm(build_model(config.model, codec.vocabulary), fabric)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=config.optimizer.rate, weight_decay=config.optimizer.weight_decay, fused=True
    )
    first_step = 0
    if resumed:
        state = _resumed_state(resumed, network, codec)
        if state["optimizer"] is None:
            raise ModelError(f"{resumed}: good to start from, not to resume; it has no optimizer")
        optimizer.load_state_dict(state["optimizer"])
        first_step = state["step"]
    elif start_from:
        copy_matching_weights(network, load_network(start_from)[0])
    model, optimizer = fabric.setup(network, optimizer)
    counts = batches.class_counts(codec.vocabulary.classes)
    score, plain_ctc = make_loss(config.loss, counts), make_loss(LossConfig(kind="ctc"))
    if writes := fabric.is_global_zero:
        _prepare(config, folder, plates=found, after_step=first_step)
    figures: dict[str, float] = {}
    since, losses = time.perf_counter(), []

    steps = range(first_step, config.steps)
    for step, batch in zip(steps, load_batches(batches, steps, workers=config.data.workers), strict=True):
        torch.manual_seed(_step_seed(config.seed, step, fabric.global_rank))  # of dropout
        rate = learning_rate(step, config.steps, config.optimizer)
        for group in optimizer.param_groups:
            group["lr"] = rate
        images = pad_to_global_width(batch.images, fabric)
        log_probs, lengths = model(fabric.to_device(images), fabric.to_device(batch.widths))
        loss = score(log_probs, batch.targets, lengths, batch.target_lengths)
        with torch.no_grad():  # what can be compared, whatever is trained with
            ctc = plain_ctc(log_probs, batch.targets, lengths, batch.target_lengths)
        optimizer.zero_grad(set_to_none=True)
        fabric.backward(loss)
        fabric.clip_gradients(model, optimizer, max_norm=config.optimizer.clip)
        optimizer.step()
        losses.append((float(loss.detach()), float(ctc)))

        done = step + 1
        if done % config.report_every == 0 or done == config.steps:
            elapsed_s = time.perf_counter() - since
            means = dict(zip(("loss", "ctc"), mean_over_ranks(np.mean(losses, axis=0), fabric), strict=True))
            speed = len(losses) * config.data.batch / elapsed_s
            row = {"step": done, **means, "rate": rate, "staves_per_s": speed}
            if writes:
                append_row(folder / "metrics.csv", row)
                logger.info(
                    "step %(step)d  loss %(loss).3f  rate %(rate).2g  %(staves_per_s).1f staves/s", row
                )
            since, losses = time.perf_counter(), []
        if writes and validation and (done % config.evaluate_every == 0 or done == config.steps):
            worn = not plain and config.data.degrade > 0
            with fabric.autocast():  # of the network alone: the other processes do not take part
                figures = validate(network, validation, codec, seed=config.seed, plain=plain, worn=worn)
            append_row(folder / "validation.csv", {"step": done, **figures})
            logger.info("step %d  %s", done, "  ".join(f"{k} {v:.2f}" for k, v in figures.items()))
            since = time.perf_counter()
        if writes and (done % config.checkpoint_every == 0 or done == config.steps):
            if (folder / "last.pt").exists():
                keep_backup(folder / "last.pt", folder / PREVIOUS)
            save_checkpoint(
                folder / "last.pt", config=config, codec=codec, model=network, optimizer=optimizer, step=done
            )
    fabric.barrier()  # the others wait until the first one has written the end
    return figures


def _resumed_state(checkpoint: Path, network: torch.nn.Module, codec: Codec) -> dict[str, Any]:
    """The state to go on from, its weights in the network. Where it is damaged, the one before is named."""
    try:
        return load_weights(checkpoint, network, codec)
    except ModelError as error:
        before = checkpoint.with_name(PREVIOUS)
        if _is_whole(checkpoint) or not _is_whole(before):  # the first: of another network
            raise
        step = load_checkpoint(before)["step"]
        raise ModelError(
            f"{error}; the one before, of step {step}, is whole: name {before} {checkpoint.name} and resume"
        ) from None


def _is_whole(checkpoint: Path) -> bool:
    try:
        load_checkpoint(checkpoint)
    except ModelError:
        return False
    return True


def _step_seed(seed: int, step: int, part: int) -> int:
    """Of the random numbers of a step, so that a resumed run needs no state of a generator."""
    return int(np.random.default_rng((seed, step, part, 4)).integers(2**63))


def learning_rate(step: int, steps: int, config: OptimizerConfig) -> float:
    """Rate at a step: linear warm-up, constant, linear cool-down to nearly zero at the end."""
    up = min(1.0, (step + 1) / max(1, config.warmup))
    down = min(1.0, (steps - step) / max(1, config.cooldown))
    return config.rate * min(up, down)


Loss = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def make_loss(config: LossConfig, counts: Sequence[int] = ()) -> Loss:
    """(log_probs, targets, lengths, target_lengths) -> scalar, the plain batch mean.

    Args:
        config: Which loss. With `consistency` the second half of a batch is other views of the first.
        counts: Occurrences of each class in the training's targets, which `balance` needs.
    """
    options: dict[str, Any] = {"alpha": config.alpha, "gamma": config.gamma}
    if config.kind == "ctc":
        options = {"alpha": 1.0, "gamma": 0.0}
    if config.balance:
        options["class_weights"] = class_balanced_weights(counts, beta=config.balance)
    function = _LOSSES[config.kind]

    def loss(log_probs: Tensor, targets: Tensor, lengths: Tensor, target_lengths: Tensor) -> Tensor:
        mean = function(
            log_probs, targets, lengths, target_lengths, blank=BLANK, zero_infinity=True, **options
        )
        if not config.consistency:
            return mean
        one, two = log_probs.chunk(2, dim=1)
        return mean + config.consistency * consistency_loss(one, two, lengths.chunk(2)[0])

    return loss


_LOSSES: dict[str, Callable[..., Tensor]] = {
    "ctc": focal_ctc_loss,
    "focal_ctc": focal_ctc_loss,
    "length_focal_ctc": length_focal_ctc_loss,
    "symbol_focal_ctc": symbol_focal_ctc_loss,
}


def _plates(config: DataConfig) -> tuple[Sequence[AnyPlate], Sequence[AnyPlate]]:
    """The plates to train on, and those to validate on: of shards that are held out some, evenly spread."""
    if config.validation:
        plates = all_plates(config.shards, cache=config.cache)
        return plates, all_plates(config.validation, cache=config.cache)
    plates, held_out = list_plates(config.shards, held_out=config.held_out, cache=config.cache)
    return plates, held_out[:: max(1, len(held_out) // _MOST_HELD_OUT)][:_MOST_HELD_OUT]


def _prepare(config: TrainConfig, folder: Path, *, plates: int, after_step: int) -> None:
    """Say in the folder what is done; what a killed run reported after that step is forgotten."""
    for name in ("metrics.csv", "validation.csv"):
        _forget(folder / name, after_step=after_step)
    write_atomic(folder / "config.json", config.model_dump_json(indent=2).encode())
    environment = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "machine": platform.machine(),
        "threads": torch.get_num_threads(),
        "plates": plates,
        "config_digest": config.digest,
    }
    write_atomic(folder / "environment.json", json.dumps(environment, indent=2).encode())


def _forget(path: Path, *, after_step: int) -> None:
    """Drop the rows of the steps that a resumed run does again, and one that is cut off.

    A row begins with its step and ends with its line; of "120,3.5" a kill may have left "12".
    """
    if path.exists():
        lines = [line for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
        kept = [row for row in lines[1:] if int(row.partition(b",")[0]) <= after_step]
        write_atomic(path, b"".join((*lines[:1], *kept)))
