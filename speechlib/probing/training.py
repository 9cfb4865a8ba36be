"""Training of probes: small models from the frames of a layer to the labels of an utterance, by gradient descent."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

_POOL = 16  # batches whose utterances are sorted by length together, so that little is filled up


class Probe(Protocol):
    """What is trained: a torch module with these methods."""

    def loss(self, x: Tensor, lengths: Tensor, labels: Sequence[Sequence[int]]) -> Tensor:
        """(batch,) losses of (batch, frames, dim) utterances of (batch,) lengths."""

    def decode(self, x: Tensor, lengths: Tensor) -> list[list[int]]:
        """Labels of each utterance."""


@dataclass(frozen=True)
class ProbeTrainingOptions:
    """How to train; the defaults are the paper's."""

    epochs: int = 20
    batch_size: int = 1
    optimizer: Literal["sgd", "adam"] = "sgd"
    learning_rate: float = 0.1
    lr_schedule: Literal["constant", "linear"] = "constant"  # linear: falls to 0
    max_norm: float = 5.0  # longer gradients are shortened to it; 0: never

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 1:
            raise ValueError("epochs and batch_size must be at least 1")
        if not self.learning_rate > 0 or self.max_norm < 0:
            raise ValueError("learning_rate must be positive, and max_norm not negative")


class Epoch(NamedTuple):
    """What an epoch was like."""

    number: int
    loss: float  # mean over utterances
    gradient: float  # mean length of the gradients before they were shortened


def train_probe(
    model: Probe,
    read: Callable[[int], np.ndarray],
    num_frames: Sequence[int],
    labels: Sequence[Sequence[int]],
    options: ProbeTrainingOptions,
    seed: int,
    device: torch.device,
    on_epoch: Callable[[Epoch, dict[str, Any]], None] = lambda epoch, state: None,
    resume: dict[str, Any] | None = None,
) -> None:
    """Train a probe in place; a training that goes on from the state of an epoch ends with the same weights.

    Args:
        model: on `device`.
        read: from the number of an utterance to (frames, dim) float32 inputs.
        num_frames: (utterances,) about how long they are; decides which are together in a batch.
        labels: of each utterance.
        options: how to train.
        seed: of the order of the utterances.
        device: of the model.
        on_epoch: called after each epoch with what it was like and with a state to go on from.
        resume: such a state.

    Raises:
        ValueError: the loss is not finite any more.
    """
    optimizer = _make_optimizer(model, options)
    first = 0
    if resume is not None:
        first = resume["epoch"]
        model.load_state_dict(resume["model"])
        optimizer.load_state_dict(resume["optimizer"])
    model.train()
    per_epoch = -(-len(labels) // options.batch_size)
    total = options.epochs * per_epoch
    for number in range(first + 1, options.epochs + 1):
        losses, norms = 0.0, 0.0
        for index, batch in enumerate(epoch_batches(num_frames, options.batch_size, (seed, number))):
            if options.lr_schedule == "linear":
                left = 1 - ((number - 1) * per_epoch + index) / total
                for group in optimizer.param_groups:
                    group["lr"] = options.learning_rate * left
            x, lengths = pad([read(item) for item in batch], device)
            loss = model.loss(x, lengths, [labels[item] for item in batch])
            optimizer.zero_grad(set_to_none=True)
            loss.mean().backward()
            norm = torch.nn.utils.clip_grad_norm_(model.parameters(), options.max_norm or math.inf)
            optimizer.step()
            losses += float(loss.detach().sum())
            norms += float(norm)
        if not math.isfinite(losses):
            raise ValueError(
                f"the loss of epoch {number} is not finite: lower the learning rate, "
                f"{options.learning_rate:g}, or look for inputs that are not finite"
            )
        epoch = Epoch(number, losses / len(labels), norms / per_epoch)
        on_epoch(epoch, {"epoch": number, "model": model.state_dict(), "optimizer": optimizer.state_dict()})


def decode_all(
    model: Probe, inputs: Iterator[tuple[str, np.ndarray]], device: torch.device, batch_size: int = 8
) -> Iterator[tuple[str, list[int]]]:
    """Name and labels of each utterance, in their order; the labels do not depend on the batches.

    Args:
        model: on `device`, as trained.
        inputs: name and (frames, dim) float32.
        device: of the model.
        batch_size: utterances at a time.
    """
    model.eval()
    waiting: list[tuple[str, np.ndarray]] = []

    def flush() -> Iterator[tuple[str, list[int]]]:
        if waiting:
            with torch.inference_mode():
                found = model.decode(*pad([x for _, x in waiting], device))
            yield from zip((name for name, _ in waiting), found, strict=True)
            waiting.clear()

    for item in inputs:
        waiting.append(item)
        if len(waiting) == batch_size:
            yield from flush()
    yield from flush()


def epoch_batches(num_frames: Sequence[int], batch_size: int, seed: tuple[int, int]) -> Iterator[list[int]]:
    """Every utterance once, in an order drawn anew for each seed, with others of about its length."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(num_frames))
    batches = []
    for start in range(0, len(order), _POOL * batch_size):
        pool = sorted(order[start : start + _POOL * batch_size].tolist(), key=lambda item: num_frames[item])
        batches += [pool[first : first + batch_size] for first in range(0, len(pool), batch_size)]
    for index in rng.permutation(len(batches)):
        yield batches[index]


def pad(matrices: Sequence[np.ndarray], device: torch.device) -> tuple[Tensor, Tensor]:
    """(batch, frames, dim) of (frames, dim) matrices, filled up with zeros, and (batch,) lengths."""
    lengths = [len(matrix) for matrix in matrices]
    batch = np.zeros((len(matrices), max(lengths), matrices[0].shape[1]), np.float32)
    for row, matrix in zip(batch, matrices, strict=True):
        row[: len(matrix)] = matrix
    return torch.from_numpy(batch).to(device), torch.tensor(lengths)


def _make_optimizer(model: Any, options: ProbeTrainingOptions) -> torch.optim.Optimizer:
    kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[options.optimizer]
    return kind(model.parameters(), options.learning_rate)
