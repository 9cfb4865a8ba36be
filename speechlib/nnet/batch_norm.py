"""Batch normalisation over the batches of all processes, as if they were one (torch has it for GPUs only)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def normalise_together(model: nn.Module, device: torch.device) -> nn.Module:
    """Let the batch normalisation of a model see the batches of all processes; parameters and their names stay.

    Args:
        model: changed in place, unless it is itself a batch normalisation.
        device: of the model: on a GPU, torch's SyncBatchNorm is taken.

    Returns:
        The model.
    """
    if device.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(model)
    if isinstance(model, _BatchNorm):
        return GlobalBatchNorm(model)
    for name, child in model.named_children():
        setattr(model, name, normalise_together(child, device))
    return model


class GlobalBatchNorm(_BatchNorm):
    """Batch normalisation whose statistics are those of the batches of all processes, which are equally large.

    Args:
        norm: whose options, parameters and running statistics it takes over.
    """

    def __init__(self, norm: _BatchNorm):
        super().__init__(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
        self.weight, self.bias = norm.weight, norm.bias
        for name, value in norm.named_buffers(recurse=False):
            setattr(self, name, value)
        self.train(norm.training)

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim < 2:
            raise ValueError(f"expected (batch, channels, ...), got {input.ndim} dimensions")

    def forward(self, input: Tensor) -> Tensor:
        """(batch, channels, ...) to the same; as torch's in evaluation."""
        if not self.training:
            return super().forward(input)
        self._check_input_dim(input)
        others = [0, *range(2, input.ndim)]
        shape = [1, -1] + [1] * (input.ndim - 2)
        values = input.float()  # statistics of half precision are no good
        count = values.numel() // values.shape[1] * torch.distributed.get_world_size()
        mean = _sum_of_all(values.sum(others)) / count
        centred = values - mean.view(shape)
        variance = _sum_of_all(centred.square().sum(others)) / count
        scale = (variance + self.eps).rsqrt()
        if self.track_running_stats:
            self._track(mean.detach(), variance.detach() * (count / max(count - 1, 1)))
        output = centred * (scale if self.weight is None else scale * self.weight).view(shape)
        if self.bias is not None:
            output = output + self.bias.view(shape)
        return output.to(input.dtype)

    @torch.no_grad()
    def _track(self, mean: Tensor, variance: Tensor) -> None:
        self.num_batches_tracked += 1
        momentum = 1 / int(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, momentum)
        self.running_var.lerp_(variance, momentum)


def _sum_of_all(value: Tensor) -> Tensor:
    from torch.distributed.nn.functional import all_reduce  # its gradients are summed over the processes, too

    return all_reduce(value)
