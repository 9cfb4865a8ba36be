"""Training of classifiers on hidden states of whole utterances: cross-entropy, Adam, every utterance once an epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from speechlib.nnet.stopping import Stopped


@dataclass(frozen=True)
class SequenceTrainingOptions:
    """How to train; the defaults are the notebook's."""

    epochs: int = 50
    batch_size: int = 16
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 1 or not self.learning_rate > 0:
            raise ValueError("epochs and batch_size must be at least 1, and learning_rate positive")


class Epoch(NamedTuple):
    """What an epoch was like; means over its batches as they came, and after it over the dev utterances."""

    number: int
    loss: float
    accuracy: float
    dev_loss: float  # NaN without dev utterances
    dev_uar: float  # unweighted average recall of the classes that there are


class Utterances(NamedTuple):
    """What to learn from, or to choose by."""

    read: Callable[[int], np.ndarray]  # from the number of an utterance to (layers, frames, dim) float32
    labels: Sequence[int]  # class of each


def train_sequences(
    model: nn.Module,
    train: Utterances,
    dev: Utterances | None,
    options: SequenceTrainingOptions,
    seed: int,
    device: torch.device,
    on_epoch: Callable[[Epoch, dict[str, Any]], None] = lambda epoch, state: None,
    resume: dict[str, Any] | None = None,
    on_stop: Callable[[dict[str, Any]], None] = lambda state: None,
    should_stop: Callable[[], int] = lambda: 0,
) -> tuple[int, dict[str, Tensor]]:
    """Train a classifier in place; a training that goes on from the state that it left ends with the same weights.

    Args:
        model: from (batch, layers, frames, dim) and (batch,) lengths to (batch, outputs) logits; on `device`.
        train: utterances to train on.
        dev: utterances that choose the epoch, by UAR, then by loss; None: the last epoch is taken.
        options: how to train.
        seed: of the order of the utterances.
        device: of the model.
        on_epoch: called after each epoch with what it was like and with a state to go on from.
        resume: such a state.
        on_stop: called before an early stop with a state to go on from.
        should_stop: asked after each batch; 0: go on.

    Returns:
        The epoch that was taken, and its weights.

    Raises:
        ValueError: the loss is not finite any more.
        Stopped: `should_stop` gave another number than 0, which is its code.
    """
    optimizer = torch.optim.Adam(model.parameters(), options.learning_rate)
    none_done = {"done": 0, "loss_sum": 0.0, "hits": 0}  # of the epoch in work: utterances, and what they gave
    state: dict[str, Any] = {"epoch": 0, "best": 0, "best_rank": None, "best_model": None, **none_done}
    if resume is not None:
        state |= resume
        model.load_state_dict(resume["model"])
        optimizer.load_state_dict(resume["optimizer"])
    count = len(train.labels)
    for number in range(state["epoch"] + 1, options.epochs + 1):
        model.train()
        done, loss_sum, hits = (state[name] for name in none_done)
        order = np.random.default_rng((seed, number)).permutation(count).tolist()
        for start in range(done, count, options.batch_size):
            batch = order[start : start + options.batch_size]
            states, lengths = pad_states([train.read(item) for item in batch], device)
            labels = torch.tensor([train.labels[item] for item in batch], device=device)
            logits = model(states, lengths)
            loss = functional.cross_entropy(logits, labels)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            loss_sum += float(loss.detach()) * len(batch)
            hits += int((logits.detach().argmax(dim=1) == labels).sum())
            status = should_stop()
            if status:
                part = {"done": min(start + options.batch_size, count), "loss_sum": loss_sum, "hits": hits}
                on_stop({**state, **part, "model": model.state_dict(), "optimizer": optimizer.state_dict()})
                raise Stopped(status)
        if not math.isfinite(loss_sum):
            raise ValueError(
                f"the loss of epoch {number} is not finite: lower the learning rate, {options.learning_rate:g}, or "
                f"look for hidden states that are not finite"
            )
        dev_loss, dev_uar = math.nan, math.nan
        if dev is not None:
            dev_loss, dev_uar = evaluate(model, dev, options.batch_size, device)
            rank = [-dev_uar, dev_loss]
            if state["best_rank"] is None or rank < state["best_rank"]:
                kept = {name: value.clone() for name, value in model.state_dict().items()}
                state |= {"best": number, "best_rank": rank, "best_model": kept}
        state |= {"epoch": number, **none_done, "model": model.state_dict(), "optimizer": optimizer.state_dict()}
        on_epoch(Epoch(number, loss_sum / count, hits / count, dev_loss, dev_uar), state)
    if dev is None:
        return state["epoch"], model.state_dict()
    model.load_state_dict(state["best_model"])
    return state["best"], state["best_model"]


def predict(
    model: nn.Module, read: Callable[[int], np.ndarray], count: int, num_classes: int, batch_size: int,
    device: torch.device,
) -> np.ndarray:  # fmt: skip
    """Probabilities of the classes, in batches of neighbours (which matter to the notebook's treatment of padding).

    Args:
        model: as trained, on `device`.
        read: from the number of an utterance to (layers, frames, dim).
        count: utterances.
        num_classes: outputs beyond them belong to no class and do not count.
        batch_size: utterances at a time.
        device: of the model.

    Returns:
        (utterances, classes) float64, rows that sum to 1.
    """
    found = list(_logits(model, read, count, batch_size, device))
    return torch.cat(found)[:, :num_classes].double().softmax(dim=1).numpy()


def evaluate(model: nn.Module, utterances: Utterances, batch_size: int, device: torch.device) -> tuple[float, float]:
    """Mean cross-entropy, and mean recall of the classes that the utterances have (UAR)."""
    labels = torch.as_tensor(utterances.labels)
    logits = torch.cat(list(_logits(model, utterances.read, len(labels), batch_size, device)))
    hits = logits.argmax(dim=1) == labels
    recalls = [float(hits[labels == label].double().mean()) for label in labels.unique()]
    return float(functional.cross_entropy(logits, labels)), sum(recalls) / len(recalls)


def pad_states(states: Sequence[np.ndarray], device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
    """(batch, layers, frames, dim) of (layers, frames, dim) arrays, filled up with zeros, and (batch,) lengths."""
    lengths = [utterance.shape[1] for utterance in states]
    layers, _, dim = states[0].shape
    batch = np.zeros((len(states), layers, max(lengths), dim), np.float32)
    for row, utterance in zip(batch, states, strict=True):
        row[:, : utterance.shape[1]] = utterance
    return torch.from_numpy(batch).to(device), torch.tensor(lengths)


def _logits(model: nn.Module, read, count: int, batch_size: int, device: torch.device) -> Iterator[Tensor]:
    model.eval()
    for start in range(0, count, batch_size):
        states, lengths = pad_states([read(item) for item in range(start, min(start + batch_size, count))], device)
        with torch.inference_mode():
            yield model(states, lengths).cpu()
