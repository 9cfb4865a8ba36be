"""Pooling over time: mean, or mean and standard deviation (Snyder et al., 2018), of batches, masks and chunks."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

VARIANCE_FLOOR = 1e-10  # Kaldi's StatisticsPoolingComponent


def mask_frames(values: Tensor, lengths: Tensor | None) -> Tensor:
    """Zeros in place of the frames that fill a batch up.

    Args:
        values: (batch, ..., frames).
        lengths: (batch,) frames that each has of its own; None: all of them.

    Returns:
        As `values`.
    """
    if lengths is None:
        return values
    beyond = torch.arange(values.shape[-1], device=values.device) >= lengths.to(values.device)[:, None]
    return values.masked_fill(beyond.view(len(values), *[1] * (values.dim() - 2), -1), 0.0)


def moments(values: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Mean and variance over time.

    Args:
        values: (batch, units, frames), at least one frame of each.
        lengths: (batch,) frames that count; None: all.

    Returns:
        (batch, units) means and (batch, units) variances (divided by the frames), in single precision or better.
    """
    if lengths is None:
        return _Moments.apply(values)
    values = values if values.dtype == torch.float64 else values.float()
    count = lengths.to(values)[:, None]
    mean = mask_frames(values, lengths).sum(dim=-1) / count
    variance = mask_frames(values - mean[..., None], lengths).square().sum(dim=-1) / count
    return mean, variance


class _Moments(torch.autograd.Function):
    """Mean and variance over the last dimension; torch.var_mean takes four times as long, forward and backward."""

    @staticmethod
    def forward(ctx, values: Tensor) -> tuple[Tensor, Tensor]:
        """(..., frames) to twice (...)."""
        precise = torch.float64 if values.dtype == torch.float64 else torch.float32
        mean = values.mean(dim=-1, dtype=precise)
        centred = values - mean[..., None]
        ctx.save_for_backward(centred)
        ctx.dtype = values.dtype
        return mean, torch.linalg.vector_norm(centred, dim=-1).square() / values.shape[-1]

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_mean: Tensor, grad_variance: Tensor) -> Tensor:
        """The gradient, in one pass over the frames."""
        (centred,) = ctx.saved_tensors
        count = centred.shape[-1]
        scale = (grad_variance * (2 / count))[..., None]
        return torch.addcmul((grad_mean / count)[..., None], centred, scale).to(ctx.dtype)


class RunningMoments:
    """Mean and variance over time of frames that come in chunks; the parts are joined as Chan et al. (1979) do."""

    def __init__(self) -> None:
        self.count = 0
        self.mean: Tensor | None = None
        self.variance: Tensor | None = None

    def add(self, values: Tensor) -> None:
        """Take (batch, units, frames) more frames in; kept in double precision."""
        if not values.shape[-1]:
            return
        mean, variance = (part.double() for part in moments(values))
        count = values.shape[-1]
        if self.mean is None:
            self.count, self.mean, self.variance = count, mean, variance
            return
        total = self.count + count
        shift, share = mean - self.mean, count / total
        self.mean = self.mean + shift * share
        self.variance = self.variance * (1 - share) + variance * share + shift.square() * (share * (1 - share))
        self.count = total


class AveragePooling(nn.Module):
    """(batch, units, frames) to (batch, units): the mean over time."""

    outputs_per_unit = 1

    def forward(self, values: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Pool frames, those that fill the batch up left out."""
        if lengths is None:
            return (values if values.dtype == torch.float64 else values.float()).mean(dim=-1)
        values = values if values.dtype == torch.float64 else values.float()
        return mask_frames(values, lengths).sum(dim=-1) / lengths.to(values)[:, None]

    def of_moments(self, mean: Tensor, variance: Tensor) -> Tensor:
        """The same from (batch, units) mean and variance."""
        return mean


class StatisticsPooling(nn.Module):
    """(batch, units, frames) to (batch, 2 * units): mean and standard deviation sqrt(variance + floor) over time."""

    outputs_per_unit = 2

    def forward(self, values: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Pool frames, those that fill the batch up left out."""
        return self.of_moments(*moments(values, lengths))

    def of_moments(self, mean: Tensor, variance: Tensor) -> Tensor:
        """The same from (batch, units) mean and variance."""
        return torch.cat([mean, (variance + VARIANCE_FLOOR).sqrt()], dim=1)


POOLINGS = {"average": AveragePooling, "stats": StatisticsPooling}
