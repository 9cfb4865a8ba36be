"""How a network is trained: optimiser, learning rate by update, precision, and how often to report."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn


@dataclass(frozen=True)
class TrainOptions:
    """How to train; the defaults are those of Lukic et al. and their code."""

    batch_size: int = 128  # of each process, where several train together
    num_epochs: int = 1000  # an epoch: ceil(utterances / batch_size) batches
    num_updates: int = 0  # more than 0: this many updates, whatever num_epochs says
    optimizer: Literal["nesterov", "sgd", "adam", "adamw"] = "nesterov"
    learning_rate: float = 0.001
    momentum: float = 0.9  # of nesterov and sgd; 0 with sgd: plain gradient descent
    weight_decay: float = 0.0  # of weights, not of biases and the scales of batch normalisation
    max_grad_norm: float = 0.0  # longer gradients are shortened to this norm; 0: none are
    lr_schedule: Literal["constant", "linear", "cosine", "staircase"] = "constant"  # linear, cosine: to 0 at the end
    lr_decay: float = 0.98  # of staircase: the rate is multiplied by it
    lr_decay_updates: int = 50_000  # after each so many updates (Shon et al., 2018)
    warmup_updates: int = 0  # over which the rate rises from 0
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"  # of convolutions and dense layers; weights stay float32
    log_every: int = 100  # updates
    checkpoint_seconds: float = 300.0  # 0: after every update
    loader_threads: int = 1  # that make batches while the network computes
    tensorboard: bool = True  # if it is installed

    def __post_init__(self) -> None:
        for name in ("batch_size", "log_every", "lr_decay_updates", "loader_threads"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("num_epochs", "num_updates", "learning_rate", "weight_decay", "max_grad_norm", "lr_decay",
                     "warmup_updates", "checkpoint_seconds"):  # fmt: skip
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        if self.optimizer == "nesterov" and not 0 < self.momentum < 1:
            raise ValueError(f"momentum must lie between 0 and 1, as Nesterov's update needs it, got {self.momentum}")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum must be at least 0 and less than 1, got {self.momentum}")

    def total_updates(self, batches_per_epoch: int) -> int:
        """Number of updates in all."""
        return self.num_updates or self.num_epochs * batches_per_epoch

    def rate(self, update: int, total: int) -> float:
        """Learning rate of an update, counted from 0."""
        factor = 1.0
        if self.lr_schedule == "linear":
            factor = 1.0 - update / total
        elif self.lr_schedule == "cosine":
            factor = 0.5 * (1.0 + math.cos(math.pi * update / total))
        elif self.lr_schedule == "staircase":
            factor = self.lr_decay ** (update // self.lr_decay_updates)
        if update < self.warmup_updates:
            factor *= (update + 1) / self.warmup_updates
        return self.learning_rate * factor

    def decisive(self) -> dict:
        """The options that decide the weights: all but those of reporting and loading."""
        others = ("log_every", "checkpoint_seconds", "loader_threads", "tensorboard")
        return {name: value for name, value in vars(self).items() if name not in others}


def make_optimizer(model: nn.Module, options: TrainOptions) -> torch.optim.Optimizer:
    """The optimiser of a model's parameters.

    `nesterov` is Nesterov's accelerated gradient as Lasagne's nesterov_momentum: equal where the learning rate is
    constant. Weight decay spares vectors: biases, and the scales of batch normalisation. All are fused: one pass over
    the parameters, a quarter of the time for Adam.
    """
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [{"params": trained}]
    if options.weight_decay:
        groups = [
            {"params": [parameter for parameter in trained if parameter.ndim > 1]},
            {"params": [parameter for parameter in trained if parameter.ndim <= 1], "weight_decay": 0.0},
        ]
    rate, decay = options.learning_rate, options.weight_decay
    if options.optimizer in ("adam", "adamw"):
        kind = torch.optim.Adam if options.optimizer == "adam" else torch.optim.AdamW
        return kind(groups, rate, weight_decay=decay, fused=True)
    nesterov = options.optimizer == "nesterov"
    return torch.optim.SGD(
        groups, rate, momentum=options.momentum, weight_decay=decay, nesterov=nesterov, fused=True
    )
