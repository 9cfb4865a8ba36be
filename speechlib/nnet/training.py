"""Training of a snippet classifier: Nesterov's gradient descent on cross-entropy, with exact resume."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import nn

from speechlib.nnet.prefetch import Prefetcher
from speechlib.nnet.runtime import autocast
from speechlib.nnet.snippets import SnippetBatches


@dataclass(frozen=True)
class TrainOptions:
    """How to train; the defaults are those of Lukic et al. and their code."""

    batch_size: int = 128
    num_epochs: int = 1000  # an epoch: ceil(sentences / batch_size) batches
    num_updates: int = 0  # more than 0: this many updates, whatever num_epochs says
    learning_rate: float = 0.001
    momentum: float = 0.9
    lr_schedule: Literal["constant", "linear"] = "constant"  # linear: down to 0 at the end; not in the paper
    precision: Literal["fp32", "bf16"] = "fp32"  # bf16: of convolutions and dense layers; weights stay float32
    log_every: int = 100  # updates
    checkpoint_seconds: float = 300.0  # 0: after every update
    tensorboard: bool = True  # if it is installed

    def __post_init__(self) -> None:
        for name in ("batch_size", "log_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("num_epochs", "num_updates", "learning_rate", "checkpoint_seconds"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        if not 0 < self.momentum < 1:
            raise ValueError(f"momentum must lie between 0 and 1, as Nesterov's update needs it, got {self.momentum}")

    def total_updates(self, batches_per_epoch: int) -> int:
        """Number of updates in all."""
        return self.num_updates or self.num_epochs * batches_per_epoch

    def rate(self, update: int, total: int) -> float:
        """Learning rate of an update, counted from 0."""
        return self.learning_rate * (1.0 - update / total if self.lr_schedule == "linear" else 1.0)


@dataclass(frozen=True)
class Progress:
    """What happened since the line before it."""

    update: int  # updates so far
    epoch: float
    loss: float  # mean cross-entropy, natural logarithm
    accuracy: float  # share of snippets that were told right, with dropout
    learning_rate: float
    samples_per_second: float
    waiting: float  # share of the time that was spent waiting for data

    def __str__(self) -> str:
        return "\t".join(
            (f"{self.update}", f"{self.epoch:.2f}", f"{self.loss:.4f}", f"{self.accuracy:.4f}",
             f"{self.learning_rate:.3g}", f"{self.samples_per_second:.0f}", f"{100 * self.waiting:.1f}")
        )  # fmt: skip

    HEADER = "update\tepoch\tloss\taccuracy\tlearning_rate\tsamples_per_second\twaiting_percent"


def make_optimizer(model: nn.Module, options: TrainOptions) -> torch.optim.SGD:
    """Nesterov's accelerated gradient as Lasagne's nesterov_momentum: equal where the learning rate is constant."""
    return torch.optim.SGD(model.parameters(), options.learning_rate, momentum=options.momentum, nesterov=True)


def train(
    model: nn.Module,
    batches: SnippetBatches,
    options: TrainOptions,
    device: torch.device,
    *,
    resume: dict[str, Any] | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    on_checkpoint: Callable[[dict[str, Any]], None] | None = None,
    on_update: Callable[[int, int], None] = lambda update, total: None,
) -> None:
    """Train a model in place.

    The result is a function of the model's weights, torch's random state, the batches and the number of threads; a
    training that was resumed from any checkpoint ends with the same weights, bit for bit, as one that never stopped.

    Args:
        model: from (batch, bins, frames) snippets to (batch, speakers) logits, on `device`.
        batches: where the snippets come from.
        options: how to train.
        device: of the model.
        resume: what `on_checkpoint` once got.
        on_progress: called every `log_every` updates and at the end.
        on_checkpoint: called with the whole state every `checkpoint_seconds`; the tensors in it change later.
        on_update: called after each update with its number and the total.

    Raises:
        ValueError: the loss is not finite any more.
    """
    optimizer = make_optimizer(model, options)
    per_epoch = batches.sampler.batches_per_epoch
    total = options.total_updates(per_epoch)
    first = 0
    if resume is not None:
        first = resume["update"]
        model.load_state_dict(resume["model"])
        optimizer.load_state_dict(resume["optimizer"])
        _set_random_state(resume["random"], device)

    model.train()
    loss_sum, num_right, num_samples = torch.zeros((), device=device), torch.zeros((), device=device), 0
    logged = saved = time.perf_counter()
    with Prefetcher(batches.batch, first, total) as ready:
        for update, (snippets, labels) in enumerate(ready, first + 1):
            x, y = torch.from_numpy(snippets).to(device), torch.from_numpy(labels).to(device)
            for group in optimizer.param_groups:
                group["lr"] = options.rate(update - 1, total)
            with autocast(device, options.precision):
                logits = model(x)
            loss = F.cross_entropy(logits.float(), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            on_update(update, total)

            with torch.no_grad():  # summed on the device: asking for the numbers would make a GPU wait
                loss_sum += loss * len(y)
                num_right += (logits.argmax(dim=1) == y).sum()
            num_samples += len(y)
            if update % options.log_every == 0 or update == total:
                mean_loss, now = float(loss_sum) / num_samples, time.perf_counter()
                if mean_loss != mean_loss or mean_loss == float("inf"):
                    raise ValueError(f"the loss is {mean_loss} at update {update}: lower the learning rate "
                                     f"({options.learning_rate:g})")
                on_progress(Progress(
                    update, update / per_epoch, mean_loss, float(num_right) / num_samples,
                    options.rate(update - 1, total), num_samples / (now - logged), ready.waited / (now - logged),
                ))  # fmt: skip
                loss_sum, num_right, num_samples = torch.zeros_like(loss_sum), torch.zeros_like(num_right), 0
                ready.waited, logged = 0.0, now
            if on_checkpoint and update < total and time.perf_counter() - saved >= options.checkpoint_seconds:
                on_checkpoint({
                    "update": update, "model": model.state_dict(), "optimizer": optimizer.state_dict(),
                    "random": _random_state(device),
                })  # fmt: skip
                saved = time.perf_counter()
    model.eval()


def _random_state(device: torch.device) -> dict[str, torch.Tensor]:
    """State of the generators that dropout draws from."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def _set_random_state(state: dict[str, torch.Tensor], device: torch.device) -> None:
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
