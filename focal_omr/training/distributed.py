"""Distributed data-parallel (DDP) training with Lightning Fabric.

`torchrun` starts one process per rank. Each rank trains on its share of every batch and DDP averages the
gradients. On GPUs, batch normalisation uses the statistics of all ranks (`torch.nn.SyncBatchNorm`). Torch
2.13 has no CPU version of it; there each rank normalises by its own share.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
import torch.distributed as dist
from lightning_fabric import Fabric
from lightning_fabric.utilities.exceptions import MisconfigurationException
from numpy.typing import NDArray
from torch import Tensor, nn

from focal_omr.errors import ConfigError, OmrError

logger = logging.getLogger(__name__)

# Gloo raises plain RuntimeErrors when a peer is lost; these words identify them.
_GLOO_ERRORS = ("gloo", "Connection closed by peer", "Connection reset by peer")


def setup_fabric(precision: str) -> Fabric:
    """Create a Fabric for the processes that `torchrun` started, or for this process alone.

    Args:
        precision: As in `config.TrainConfig.precision`.

    Raises:
        ConfigError: This machine has fewer GPUs than processes.
    """
    world_size = int(os.environ["WORLD_SIZE"]) if "TORCHELASTIC_RUN_ID" in os.environ else 1
    if world_size == 1:
        return Fabric(accelerator="auto", devices=1, precision=precision)
    devices = int(os.environ["LOCAL_WORLD_SIZE"])
    try:
        fabric = Fabric(
            strategy="ddp",
            devices=devices,
            num_nodes=world_size // devices,
            accelerator="auto",
            precision=precision,
        )
    except MisconfigurationException as error:
        reason = str(error).strip().splitlines()[0]
        raise ConfigError(f"torchrun --nproc-per-node {devices}: not on this machine ({reason})") from error
    fabric.launch()
    return fabric


def sync_batch_norm(network: nn.Module, fabric: Fabric) -> nn.Module:
    """Make batch normalisation use the statistics of all ranks; parameter names and values stay.

    On a CPU the network is returned as it is, with a warning: `SyncBatchNorm` needs a GPU.

    Args:
        network: Before `fabric.setup`.
        fabric: From `setup_fabric`.
    """
    if fabric.world_size == 1:
        return network
    if fabric.device.type != "cuda":
        if fabric.is_global_zero:
            logger.warning(
                "DDP on a CPU: batch normalisation uses each rank's share of a batch, not the whole batch"
            )
        return network
    synced: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
    return synced


def pad_to_global_width(images: Tensor, fabric: Fabric) -> Tensor:
    """Pad images with zeros to the widest image of all ranks.

    Batch statistics count padding, so every rank needs the padding of the whole batch.

    Args:
        images: (B, 1, H, W) of this rank.
        fabric: From `setup_fabric`.

    Returns:
        (B, 1, H, largest W of all ranks).
    """
    if fabric.world_size == 1:
        return images
    widest = int(fabric.all_reduce(torch.tensor(images.shape[3]), reduce_op="max"))
    return nn.functional.pad(images, (0, widest - images.shape[3]))


def mean_over_ranks(values: Sequence[float] | NDArray[np.float64], fabric: Fabric) -> list[float]:
    """Average each of N values, (N,), over all ranks."""
    if fabric.world_size == 1:
        return [float(value) for value in values]
    means: Tensor = fabric.all_reduce(torch.tensor(values), reduce_op="mean")
    return [float(value) for value in means]


@contextmanager
def report_lost_ranks(fabric: Fabric, *, hint: str) -> Iterator[None]:
    """Turn torch's errors about an unreachable rank into a one-line OmrError.

    Args:
        fabric: From `setup_fabric`.
        hint: What to do next, for the message.

    Raises:
        OmrError: Another rank ended or cannot be reached.
    """
    try:
        yield
    except RuntimeError as error:  # includes torch's DistError
        lost = isinstance(error, dist.DistError) or any(word in str(error) for word in _GLOO_ERRORS)
        if fabric.world_size == 1 or not lost:
            raise
        rank = f"rank {fabric.global_rank} of {fabric.world_size}"
        raise OmrError(f"{rank}: another rank ended or cannot be reached; {hint}") from error
