"""One training in several processes, each with its share of every batch, as if it were one process.

`torchrun` starts the processes; Fabric joins them and averages their gradients. What else one process would
know of the whole batch, they tell each other: the statistics of batch normalisation, the widest staff.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from lightning_fabric import Fabric
from lightning_fabric.utilities.exceptions import MisconfigurationException
from numpy.typing import NDArray
from torch import Tensor, nn

from focal_omr.errors import ConfigError, OmrError

_OF_GLOO = ("gloo", "Connection closed by peer", "Connection reset by peer")


def setup_fabric(precision: str) -> Fabric:
    """Fabric over the processes that `torchrun` started, else over this one alone.

    Args:
        precision: As `config.TrainConfig.precision`.

    Raises:
        ConfigError: More processes on this machine than it has GPUs.
    """
    processes = int(os.environ["WORLD_SIZE"]) if "TORCHELASTIC_RUN_ID" in os.environ else 1
    if processes == 1:
        return Fabric(accelerator="auto", devices=1, precision=precision)
    here = int(os.environ["LOCAL_WORLD_SIZE"])
    try:
        fabric = Fabric(
            strategy="ddp", devices=here, num_nodes=processes // here, accelerator="auto", precision=precision
        )
    except MisconfigurationException as error:
        reason = str(error).strip().splitlines()[0]
        raise ConfigError(f"torchrun --nproc-per-node {here}: not on this machine ({reason})") from error
    fabric.launch()
    return fabric


def sync_batch_norm(network: nn.Module, fabric: Fabric) -> nn.Module:
    """The network, its batch normalisation over the shares of all processes; names and weights stay."""
    if fabric.world_size == 1:
        return network
    if fabric.device.type == "cuda":
        synced: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
        return synced
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if type(child) is nn.BatchNorm2d:
                shared = SharedBatchNorm(child.num_features, child.eps, child.momentum)
                shared.load_state_dict(child.state_dict())
                setattr(parent, name, shared)
    return network


class SharedBatchNorm(nn.BatchNorm2d):
    """Batch normalisation over the shares of all processes, which torch has for GPUs alone.

    Shares are of one size, so that the mean of their means is the mean of all.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        if not self.training:
            return super().forward(x)
        mean = _mean_over_processes(x.mean((0, 2, 3)))
        centred = x - mean[:, None, None]
        variance = _mean_over_processes(centred.square().mean((0, 2, 3)))
        samples = dist.get_world_size() * x.numel() // x.shape[1]
        self._remember(mean.detach(), variance.detach(), samples=samples)
        scale = self.weight * (variance + self.eps).rsqrt()
        return centred * scale[:, None, None] + self.bias[:, None, None]

    def _remember(self, mean: Tensor, variance: Tensor, *, samples: int) -> None:
        assert self.running_mean is not None  # it keeps statistics, as all of ours
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance * samples / (samples - 1), self.momentum)
        self.num_batches_tracked += 1


def _mean_over_processes(values: Tensor) -> Tensor:
    """The same in all processes; gradients flow to the values of all."""
    total: Tensor = _SumOverProcesses.apply(values)  # type: ignore[no-untyped-call]
    return total / dist.get_world_size()


class _SumOverProcesses(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        return _summed(values)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return _summed(grads[0])  # what each process's loss wants of the sum


def _summed(values: Tensor) -> Tensor:
    total = values.clone()
    dist.all_reduce(total)
    return total


def pad_to_global_width(images: Tensor, fabric: Fabric) -> Tensor:
    """(B, 1, H, W) -> (B, 1, H, W of the process whose images are the widest), padded with zeros.

    The statistics of batch normalisation count what is padded; so a share is what it is in the whole batch.
    """
    if fabric.world_size == 1:
        return images
    widest = int(fabric.all_reduce(torch.tensor(images.shape[3]), reduce_op="max"))
    return nn.functional.pad(images, (0, widest - images.shape[3]))


def mean_over_ranks(values: Sequence[float] | NDArray[np.float64], fabric: Fabric) -> list[float]:
    """The means of each process's values over all processes; the values where there is one process."""
    if fabric.world_size == 1:
        return [float(value) for value in values]
    means: Tensor = fabric.all_reduce(torch.tensor(values), reduce_op="mean")
    return [float(value) for value in means]


@contextmanager
def report_lost_ranks(fabric: Fabric, *, after: str) -> Iterator[None]:
    """What torch raises when another process is gone becomes one line.

    Args:
        fabric: The processes.
        after: What to do then, for the message.
    """
    try:
        yield
    except RuntimeError as error:  # torch's DistError is one; gloo's errors are of no type of their own
        lost = isinstance(error, dist.DistError) or any(word in str(error) for word in _OF_GLOO)
        if fabric.world_size == 1 or not lost:
            raise
        raise OmrError(
            f"process {fabric.global_rank} of {fabric.world_size}: another one ended or cannot be reached; "
            f"{after}"
        ) from error
