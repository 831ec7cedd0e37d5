"""Training: one run folder, one visible loop.

The folder gets `config.toml`-like `config.json`, `environment.json`, `metrics.csv`, and `last.pt`. Batch k
depends on the seed and k alone, so a run that is killed and resumed goes on bit for bit on a CPU.
"""

import csv
import json
import logging
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor

from focal_omr.checkpoint import load_network, load_weights, save_checkpoint
from focal_omr.config import LossConfig, OptimizerConfig, TrainConfig
from focal_omr.data.degrade.augment import degraded_strip, plain_strip
from focal_omr.data.engraving.render import tight_crop
from focal_omr.data.engraving.shards import AnyPlate
from focal_omr.data.loader import PlateBatches, collate, list_plates, load_batches
from focal_omr.decode import greedy_decode
from focal_omr.errors import ConfigError, ModelError
from focal_omr.files import write_atomic
from focal_omr.image import plain_picture
from focal_omr.loss import focal_ctc_loss
from focal_omr.metrics import ErrorRates, error_rates
from focal_omr.model import build_model, take_over
from focal_omr.notation.codec import Codec, full_codec
from focal_omr.notation.vocabulary import BLANK

logger = logging.getLogger(__name__)

_VALIDATION_STRENGTH = 0.5  # of scans and photos, between mild and as bad as is legible


def train(
    config: TrainConfig, folder: Path, *, resume: bool = False, start_from: Path | None = None
) -> dict[str, float]:
    """Train a network.

    Args:
        config: What to do; all of it is stored in the folder.
        folder: The run's folder.
        resume: Go on from the folder's `last.pt`. The configuration may name more steps and more shards.
        start_from: A checkpoint to take the weights from at step 0.

    Returns:
        The last validation figures; none where no shard is held out.

    Raises:
        ConfigError: The folder holds a run and `resume` is off, or there is nothing to resume.
        DataError: No shards, or fewer plates than a batch.
        ModelError: A checkpoint that cannot be used.
    """
    checkpoint = folder / "last.pt"
    if checkpoint.exists() != resume:
        state_of_it = "nothing to resume" if resume else "already a run; resume it or choose another folder"
        raise ConfigError(f"{folder}: {state_of_it}")
    torch.set_flush_denormal(True)  # states and moments that decay to denormals slow a CPU down
    torch.set_num_threads(config.threads)
    fabric = Fabric(accelerator="auto", devices=1, precision=config.precision)
    torch.manual_seed(config.seed)
    codec = full_codec(config.encoding)
    plates, validation = list_plates(config.data.shards, held_out=config.data.held_out)
    plain = config.model.preset == "paper"
    batches = PlateBatches(plates, codec, config.data, config.seed, plain=plain)
    model = build_model(config.model, codec.vocabulary)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=config.optimizer.rate, weight_decay=config.optimizer.weight_decay, fused=True
    )
    first_step = 0
    if resume:
        state = load_weights(checkpoint, model, codec)
        if state["optimizer"] is None:
            raise ModelError(f"{checkpoint}: good to start from, not to resume; it has no optimizer")
        optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["torch_rng"])
        first_step = state["step"]
        for name in ("metrics.csv", "validation.csv"):
            _forget(folder / name, after_step=first_step)
    elif start_from:
        take_over(model, load_network(start_from)[0])
    model, optimizer = fabric.setup(model, optimizer)
    score = make_loss(config.loss)
    folder.mkdir(parents=True, exist_ok=True)
    _describe(config, folder, plates=len(plates))
    figures: dict[str, float] = {}
    since, losses = time.perf_counter(), []

    steps = range(first_step, config.steps)
    for step, batch in zip(steps, load_batches(batches, steps, workers=config.data.workers), strict=True):
        rate = learning_rate(step, config.steps, config.optimizer)
        for group in optimizer.param_groups:
            group["lr"] = rate
        log_probs, lengths = model(fabric.to_device(batch.images), fabric.to_device(batch.widths))
        loss = score(log_probs, batch.targets, lengths, batch.target_lengths)
        optimizer.zero_grad(set_to_none=True)
        fabric.backward(loss)
        fabric.clip_gradients(model, optimizer, max_norm=config.optimizer.clip)
        optimizer.step()
        losses.append(float(loss.detach()))

        done = step + 1
        if done % config.report_every == 0 or done == config.steps:
            elapsed_s = time.perf_counter() - since
            row = {"step": done, "loss": sum(losses) / len(losses), "rate": rate, "staves_per_s": 0.0}
            row["staves_per_s"] = len(losses) * config.data.batch / elapsed_s
            _append(folder / "metrics.csv", row)
            logger.info("step %(step)d  loss %(loss).3f  rate %(rate).2g  %(staves_per_s).1f staves/s", row)
            since, losses = time.perf_counter(), []
        if validation and (done % config.evaluate_every == 0 or done == config.steps):
            figures = validate(model, validation, codec, seed=config.seed, plain=plain)
            _append(folder / "validation.csv", {"step": done, **figures})
            logger.info("step %d  %s", done, "  ".join(f"{k} {v:.2f}" for k, v in figures.items()))
            since = time.perf_counter()
        if done % config.checkpoint_every == 0 or done == config.steps:
            save_checkpoint(
                checkpoint, config=config, codec=codec, model=model, optimizer=optimizer, step=done
            )
    return figures


def learning_rate(step: int, steps: int, config: OptimizerConfig) -> float:
    """Rate at a step: linear warm-up, constant, linear cool-down to nearly zero at the end."""
    up = min(1.0, (step + 1) / max(1, config.warmup))
    down = min(1.0, (steps - step) / max(1, config.cooldown))
    return config.rate * min(up, down)


Loss = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def make_loss(config: LossConfig) -> Loss:
    """(log_probs, targets, lengths, target_lengths) -> scalar, the plain batch mean."""
    alpha, gamma = (1.0, 0.0) if config.kind == "ctc" else (config.alpha, config.gamma)

    def loss(log_probs: Tensor, targets: Tensor, lengths: Tensor, target_lengths: Tensor) -> Tensor:
        return focal_ctc_loss(
            log_probs,
            targets,
            lengths,
            target_lengths,
            alpha=alpha,
            gamma=gamma,
            blank=BLANK,
            zero_infinity=True,
        )

    return loss


def validate(
    model: torch.nn.Module,
    plates: Sequence[AnyPlate],
    codec: Codec,
    *,
    seed: int,
    plain: bool = False,
    most: int = 200,
) -> dict[str, float]:
    """Error on held-out plates: clean, scans, photos (`plain`: clean ones). Leaves the model training.

    At most `most` plates are read, spread evenly over them. The keys are `clean_ser` and so on, in percent.
    """
    rng = np.random.default_rng(seed)
    chosen = plates[:: max(1, len(plates) // most)][:most]
    model.eval()
    figures: dict[str, float] = {}
    pictures = {
        "clean": [plain_picture(tight_crop(p.gray())) if plain else plain_strip(p.gray()) for p in chosen]
    }
    for kind in () if plain else ("scan", "camera"):
        pictures[kind] = [
            degraded_strip(p.gray(), rng, kind=kind, strength=_VALIDATION_STRENGTH) for p in chosen
        ]
    for kind, inputs in pictures.items():
        rates = _errors(model, inputs, [p.semantic for p in chosen], codec)
        figures[f"{kind}_ser"] = rates.ser
        figures[f"{kind}_sequence_error_rate"] = rates.sequence_error_rate
    model.train()
    return figures


def _errors(model: torch.nn.Module, strips: list[Any], labels: list[Any], codec: Codec) -> ErrorRates:
    read: dict[int, list[str]] = {}
    device = next(model.parameters()).device
    by_width = sorted(range(len(strips)), key=lambda index: strips[index].shape[1])
    for start in range(0, len(by_width), 16):
        members = by_width[start : start + 16]
        batch = collate([strips[index] for index in members], [[] for _ in members])
        with torch.no_grad():
            log_probs, lengths = model(batch.images.to(device), batch.widths.to(device))
        for column, index in enumerate(members):
            frames = log_probs[: lengths[column], column].float().cpu().numpy()
            tokens = codec.decode([symbol.number for symbol in greedy_decode(frames)])
            read[index] = [token for each in tokens for token in each]
    return error_rates([read[index] for index in range(len(strips))], [list(label) for label in labels])


def _describe(config: TrainConfig, folder: Path, *, plates: int) -> None:
    (folder / "config.json").write_text(config.model_dump_json(indent=2), encoding="utf-8")
    environment = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "machine": platform.machine(),
        "threads": torch.get_num_threads(),
        "plates": plates,
        "config_digest": config.digest,
    }
    (folder / "environment.json").write_text(json.dumps(environment, indent=2), encoding="utf-8")


def _append(path: Path, row: dict[str, Any]) -> None:
    """Add a row to a CSV file, with a header where the file is new."""
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(row))
        if new:
            writer.writeheader()
        writer.writerow(row)


def _forget(path: Path, *, after_step: int) -> None:
    """Drop the rows of the steps that a resumed run does again; a row begins with its step."""
    if path.exists():
        header, *rows = path.read_bytes().splitlines(keepends=True)
        kept = [row for row in rows if int(row.partition(b",")[0]) <= after_step]
        write_atomic(path, header + b"".join(kept))
