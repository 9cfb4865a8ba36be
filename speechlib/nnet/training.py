"""Training of a speaker classifier by gradient descent, with exact resume, on one process or on several."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from speechlib.nnet.distributed import Group
from speechlib.nnet.losses import Loss, LossOptions, make_loss
from speechlib.nnet.optimizers import TrainOptions, make_optimizer
from speechlib.nnet.prefetch import Prefetcher
from speechlib.nnet.runtime import autocast
from speechlib.nnet.stopping import Stopped, StopVote

SOFTMAX = make_loss(LossOptions())


class Batches(Protocol):
    """Where the samples come from."""

    @property
    def batches_per_epoch(self) -> int:
        """Batches that are counted as an epoch."""

    def batch(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """(batch, ...) float32 inputs and (batch,) int64 labels; a function of the number alone."""


@dataclass(frozen=True)
class Progress:
    """What happened since the line before it."""

    update: int  # updates so far
    epoch: float
    loss: float  # mean loss, natural logarithm
    accuracy: float  # share of samples that were told right, with dropout
    learning_rate: float
    samples_per_second: float
    waiting: float  # share of the time that was spent waiting for data
    held_out_loss: float = math.nan  # of the held-out part, as the trained network sees it; NaN where there is none
    held_out_accuracy: float = math.nan

    def __str__(self) -> str:
        return "\t".join(
            (f"{self.update}", f"{self.epoch:.2f}", f"{self.loss:.4f}", f"{self.accuracy:.4f}",
             f"{self.learning_rate:.3g}", f"{self.samples_per_second:.0f}", f"{100 * self.waiting:.1f}",
             f"{self.held_out_loss:.4f}", f"{self.held_out_accuracy:.4f}")
        )  # fmt: skip

    HEADER = ("update\tepoch\tloss\taccuracy\tlearning_rate\tsamples_per_second\twaiting_percent\t"
              "held_out_loss\theld_out_accuracy")  # fmt: skip


def train(
    model: nn.Module,
    batches: Batches,
    options: TrainOptions,
    device: torch.device,
    *,
    loss: Loss = SOFTMAX,
    held_out: Batches | None = None,
    group: Group | None = None,
    resume: dict[str, Any] | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    on_checkpoint: Callable[[dict[str, Any]], None] | None = None,
    on_update: Callable[[int, int], None] = lambda update, total: None,
    should_stop: Callable[[], int] = lambda: 0,
) -> dict[str, float]:
    """Train a model in place.

    The result is a function of the model's weights, torch's random state, the batches, and the numbers of threads and
    processes; a training that was resumed from any checkpoint ends with the same weights, bit for bit, as one that
    never stopped.

    Args:
        model: from (batch, ...) inputs to (batch, speakers) logits, on `device`.
        batches: where the samples come from: of each process its own.
        options: how to train.
        device: of the model.
        loss: of logits and labels.
        held_out: batches that are looked at with every line of progress, and never trained on.
        group: the processes that train together; None: this one alone.
        resume: what `on_checkpoint` once got, in any process.
        on_progress: called every `log_every` updates and at the end, in process 0.
        on_checkpoint: called with the whole state every `checkpoint_seconds` and before an early stop, in process 0;
            the tensors in it change later.
        on_update: called after each update with its number and the total.
        should_stop: asked before each update, in each process; 0: go on.

    Returns:
        What it took, the parts before a resume included: updates, samples, seconds (without looks at the held-out
        part), waiting_seconds and cpu_seconds of this process.

    Raises:
        ValueError: the loss is not finite any more, or the device lacks the precision.
        Stopped: `should_stop` of a process gave another number than 0, which is its code.
    """
    group = group or Group()
    optimizer = make_optimizer(model, options)
    scaler = torch.amp.GradScaler(device.type, enabled=options.precision == "fp16")
    per_epoch = batches.batches_per_epoch
    total = options.total_updates(per_epoch)
    first, spent = 0, None
    if resume is not None:
        first, spent = resume["update"], resume["spent"]
        model.load_state_dict(resume["model"])
        optimizer.load_state_dict(resume["optimizer"])
        scaler.load_state_dict(resume["scaler"])
        _set_random_state(resume["random"], device, group)
    trained = group.wrap(model, device)
    gradients = [parameter for parameter in model.parameters() if parameter.requires_grad]

    model.train()
    sums = _Sums(device)
    saved = time.perf_counter()
    meter = _Meter(spent)

    def save(update: int) -> None:
        if on_checkpoint:
            random = _random_state(device, group)
            if group.rank == 0:
                on_checkpoint({
                    "update": update, "model": model.state_dict(), "optimizer": optimizer.state_dict(),
                    "scaler": scaler.state_dict(), "random": random, "spent": meter.total(),
                })  # fmt: skip

    def load(number: int) -> tuple[Tensor, Tensor]:
        inputs, labels = (torch.from_numpy(array) for array in batches.batch(number))
        return (inputs.pin_memory(), labels.pin_memory()) if device.type == "cuda" else (inputs, labels)

    torch.get_num_threads()  # settles them: set_num_threads of a loader would otherwise hold for this thread, too
    threads = options.loader_threads
    with Prefetcher(load, first, total, 2 + 2 * threads, threads, lambda: torch.set_num_threads(1)) as ready:
        vote = StopVote(group, should_stop)
        for update, (inputs, labels) in enumerate(ready, first + 1):
            status = vote()
            if status:
                save(update - 1)
                group.wait()  # where one process has ended, the others may be ended
                raise Stopped(status)
            inputs, labels = inputs.to(device, non_blocking=True), labels.to(device, non_blocking=True)
            for parameters in optimizer.param_groups:
                parameters["lr"] = options.rate(update - 1, total)
            with autocast(device, options.precision):
                logits = trained(inputs)
            value = loss(logits.float(), labels)
            optimizer.zero_grad()
            scaler.scale(value).backward()
            if options.max_grad_norm:
                scaler.unscale_(optimizer)
                nn.utils.clip_grad_norm_(gradients, options.max_grad_norm)
            scaler.step(optimizer)
            scaler.update()
            on_update(update, total)
            sums.add(value, logits, labels)
            meter.count(len(labels) * group.size, ready.waited)
            is_line = update % options.log_every == 0 or update == total
            if is_line:
                mean_loss, accuracy = sums.means(group)
                if not math.isfinite(mean_loss):
                    raise ValueError(f"the loss is {mean_loss} at update {update}: lower the learning rate "
                                     f"({options.learning_rate:g})")
                samples, seconds, waiting = meter.since_last_time()
                look = (math.nan, math.nan)
                if held_out is not None and group.rank == 0:
                    look = evaluate(model, held_out, options.precision, device, loss)
                    meter.pause(ready.waited)
                if group.rank == 0:
                    on_progress(Progress(
                        update, update / per_epoch, mean_loss, accuracy, options.rate(update - 1, total),
                        samples / seconds, waiting / seconds, *look,
                    ))  # fmt: skip
            # Processes must agree on when to save: they ask each other only where they wait for each other anyway.
            if on_checkpoint and update < total and (is_line or group.size == 1):
                if group.agree(time.perf_counter() - saved >= options.checkpoint_seconds, device):
                    save(update)
                    saved = time.perf_counter()
        vote.close()
    model.eval()
    return meter.total()


def evaluate(
    model: nn.Module, batches: Batches, precision: str, device: torch.device, loss: Loss = SOFTMAX
) -> tuple[float, float]:
    """Mean loss and accuracy over one epoch of batches, without dropout; the model is left as it was."""
    was_training = model.training
    model.eval()
    sums = _Sums(device)
    with torch.inference_mode():
        for number in range(batches.batches_per_epoch):
            inputs, labels = (torch.from_numpy(array).to(device) for array in batches.batch(number))
            with autocast(device, precision):
                logits = model(inputs)
            sums.add(loss(logits.float(), labels), logits, labels)
    model.train(was_training)
    return sums.means(Group())


class _Sums:
    """Loss and right answers, summed on the device: asking for the numbers would make a GPU wait."""

    def __init__(self, device: torch.device):
        self.loss, self.right = torch.zeros((), device=device), torch.zeros((), device=device)
        self.samples = 0

    def add(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        with torch.no_grad():
            self.loss += loss * len(labels)
            self.right += (logits.argmax(dim=1) == labels).sum()
        self.samples += len(labels)

    def means(self, group: Group) -> tuple[float, float]:
        """Mean loss and accuracy of all processes since the last call."""
        group.add_up(self.loss, self.right)
        samples = self.samples * group.size
        means = float(self.loss) / samples, float(self.right) / samples
        self.loss, self.right, self.samples = torch.zeros_like(self.loss), torch.zeros_like(self.right), 0
        return means


class _Meter:
    """What training takes.

    Args:
        before: `total` of the part before a resume.
    """

    def __init__(self, before: dict[str, float] | None):
        self.updates, self.samples, self.seconds, self.waiting = 0, 0, 0.0, 0.0
        self._before = before or {}
        self._cpu = time.process_time()
        self._now, self._waited = time.perf_counter(), 0.0
        self._told = (0, 0.0, 0.0)

    def count(self, samples: int, waited: float) -> None:
        """Called after each update, with its samples and the seconds waited so far."""
        now = time.perf_counter()
        self.updates, self.samples = self.updates + 1, self.samples + samples
        self.seconds += now - self._now
        self.waiting += waited - self._waited
        self._now, self._waited = now, waited

    def pause(self, waited: float) -> None:
        """Leave out the time since the last update."""
        self._now, self._waited = time.perf_counter(), waited

    def since_last_time(self) -> tuple[int, float, float]:
        """Samples, seconds and seconds waited."""
        now = (self.samples, self.seconds, self.waiting)
        samples, seconds, waiting = (value - told for value, told in zip(now, self._told, strict=True))
        self._told = now
        return samples, seconds, waiting

    def total(self) -> dict[str, float]:
        """The part before a resume included."""
        values = {"updates": self.updates, "samples": self.samples, "seconds": self.seconds,
                  "waiting_seconds": self.waiting, "cpu_seconds": time.process_time() - self._cpu}  # fmt: skip
        return {name: value + self._before.get(name, 0) for name, value in values.items()}


def _random_state(device: torch.device, group: Group) -> dict[str, list[Tensor]]:
    """States of the generators that dropout draws from, by process."""
    state = {"cpu": group.collect(torch.get_rng_state(), device)}
    if device.type == "cuda":
        state["cuda"] = group.collect(torch.cuda.get_rng_state(device), device)
    return state


def _set_random_state(state: dict[str, list[Tensor]], device: torch.device, group: Group) -> None:
    torch.set_rng_state(state["cpu"][group.rank])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"][group.rank], device)
