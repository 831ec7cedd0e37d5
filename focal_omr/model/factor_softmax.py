"""Log-softmax within each of many small groups of values, side by side in one tensor."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["log_softmax_by_factor"]

_LARGEST = 60.0  # logit; exp of it and of its negative are far from the limits of float32


def log_softmax_by_factor(logits: Tensor, sizes: Sequence[int]) -> Tensor:
    """Log-softmax within each factor, in float32.

    In training two products with the matrix of which value is whose factor replace a softmax of each factor,
    which takes four times as long. Logits beyond 60 nats count as 60.

    Args:
        logits: (..., F), F the sum of the sizes, such as (T, B, F).
        sizes: Number of values of each factor, in order.
    """
    if logits.requires_grad and not torch.onnx.is_in_onnx_export():
        return _FactorSoftmax.apply(logits.float(), tuple(sizes))  # type: ignore[no-any-return,no-untyped-call]
    return torch.cat([part.log_softmax(-1) for part in torch.split(logits.float(), list(sizes), -1)], -1)


class _FactorSoftmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, sizes: tuple[int, ...]) -> Tensor:
        with torch.autocast(logits.device.type, enabled=False):
            ctx.member = member = _membership(sizes).to(logits.device)  # (F, K)
            out = logits.clamp(-_LARGEST, _LARGEST)
            totals = (out.exp() @ member).log_()
            out.sub_(totals @ member.T)
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor, None]:
        (out,) = ctx.saved_tensors
        totals = (grad_output @ ctx.member) @ ctx.member.T
        return grad_output - out.exp().mul_(totals), None


@lru_cache(maxsize=8)
def _membership(sizes: tuple[int, ...]) -> Tensor:
    """1 where a value belongs to a factor, (F, K)."""
    factor = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    return nn.functional.one_hot(factor).float()
