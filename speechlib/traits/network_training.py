"""Training of trait networks by mini-batches with Adam; the epoch is the last one, or the best on a dev part."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

LOSSES = ("cross", "mse", "mae", "1-ccc")


@dataclass(frozen=True)
class NetworkOptions:
    """How a network is trained.

    Args:
        epochs: passes over the training part, at most.
        learning_rate: of Adam.
        batch_size: rows of an update.
        loss: cross (with class weights, where given), mse, mae or 1-ccc.
        patience: stop after so many epochs without a better dev score; None: never.
        seed: of weights, order and dropout.
        device: of torch.
        num_threads: on the CPU. Small networks gain nothing from more than one, and other numbers of threads give other
            last digits.
    """

    epochs: int = 1
    learning_rate: float = 1e-4
    batch_size: int = 8
    loss: str = "cross"
    patience: int | None = None
    seed: int = 0
    device: str = "cpu"
    num_threads: int = 1

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise ValueError(f"unknown loss {self.loss!r}: choose one of {', '.join(LOSSES)}")
        if self.epochs < 1 or self.batch_size < 1 or not self.learning_rate > 0:
            raise ValueError(
                f"epochs and batch_size must be at least 1 and the learning rate positive, got {self.epochs}, "
                f"{self.batch_size} and {self.learning_rate}"
            )


@dataclass(frozen=True)
class Epoch:
    """One line of a learning curve; scores are NaN where they were not taken."""

    number: int
    loss: float
    train_score: float
    dev_score: float


def train_network(
    make: Callable[[], nn.Module],
    inputs: Sequence[np.ndarray] | np.ndarray,
    targets: np.ndarray,
    options: NetworkOptions,
    score: Callable[[np.ndarray, np.ndarray], float],
    dev: tuple[Sequence[np.ndarray] | np.ndarray, np.ndarray] | None = None,
    class_weights: np.ndarray | None = None,
) -> tuple[nn.Module, list[Epoch], int]:
    """Train a network.

    Args:
        make: builds it; weights are drawn from torch's generator after it is seeded.
        inputs: (rows, columns), or a list of (frames, dim) or (samples,) arrays.
        targets: (rows,) class numbers or numbers.
        options: see NetworkOptions.
        score: from (rows,) truth and (rows, outputs) raw outputs to a number, better when higher.
        dev: inputs and targets that choose the epoch; None: the last epoch it is.
        class_weights: (classes,) of cross entropy.

    Returns:
        The network in evaluation mode, the learning curve, and the number of the epoch that was taken.

    Raises:
        ValueError: the loss is not finite.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(options.num_threads)
    try:
        return _train(make, inputs, targets, options, score, dev, class_weights)
    finally:
        torch.set_num_threads(threads)


def _train(make, inputs, targets, options: NetworkOptions, score, dev, class_weights):
    torch.manual_seed(options.seed)
    generator = np.random.default_rng(options.seed)
    device = torch.device(options.device)
    model = make().to(device)
    loss_of = _loss(options, class_weights, device)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], options.learning_rate)
    curve: list[Epoch] = []
    best: tuple[float, int, dict] | None = None
    for number in range(1, options.epochs + 1):
        model.train()
        total, outputs = 0.0, []
        order = generator.permutation(len(targets))
        for rows in _batches(order, options):
            x, lengths = to_batch([inputs[row] for row in rows], device)
            y = torch.from_numpy(targets[rows]).to(device)
            out = model(x, lengths)
            loss = loss_of(out, y)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            total += float(loss.detach()) * len(rows)
            outputs.append(out.detach().float().cpu().numpy())
        if not math.isfinite(total):
            raise ValueError(f"the loss is not finite in epoch {number}: lower learning_rate ({options.learning_rate})")
        train_score = score(targets[order[: sum(map(len, outputs))]], np.concatenate(outputs))
        dev_score = math.nan
        if dev is not None:
            dev_score = score(dev[1], network_outputs(model, dev[0], options.batch_size))
            if best is None or dev_score > best[0]:
                best = (dev_score, number, copy.deepcopy(model.state_dict()))
        curve.append(Epoch(number, total / len(targets), train_score, dev_score))
        if best is not None and options.patience is not None and number - best[1] >= options.patience:
            break
    if best is not None:
        model.load_state_dict(best[2])
    return model.eval(), curve, best[1] if best else curve[-1].number


def network_outputs(model: nn.Module, inputs: Sequence[np.ndarray] | np.ndarray, batch_size: int) -> np.ndarray:
    """(rows, outputs) of a network in evaluation mode; rows of like length share a batch."""
    model.eval()
    device = next(model.parameters()).device
    order = sorted(range(len(inputs)), key=lambda row: len(inputs[row]))
    results: list[np.ndarray | None] = [None] * len(inputs)
    with torch.inference_mode():
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            x, lengths = to_batch([inputs[row] for row in rows], device)
            for row, out in zip(rows, model(x, lengths).float().cpu().numpy(), strict=True):
                results[row] = out
    return np.stack(results)


def to_batch(items: Sequence[np.ndarray], device: torch.device) -> tuple[Tensor, Tensor]:
    """Rows of different lengths as one tensor filled up with zeros, and their lengths."""
    lengths = torch.tensor([len(item) for item in items])
    shape = (len(items), int(lengths.max()), *items[0].shape[1:])
    batch = np.zeros(shape, np.float32)
    for place, item in enumerate(items):
        batch[place, : len(item)] = item
    return torch.from_numpy(batch).to(device), lengths.to(device)


def _batches(order: np.ndarray, options: NetworkOptions) -> list[np.ndarray]:
    batches = [order[start : start + options.batch_size] for start in range(0, len(order), options.batch_size)]
    # Neither batch normalisation nor a correlation can do anything with one row.
    if len(batches) > 1 and len(batches[-1]) == 1:
        batches[-2:] = [np.concatenate(batches[-2:])]
    return batches


def _loss(options: NetworkOptions, class_weights, device) -> Callable[[Tensor, Tensor], Tensor]:
    if options.loss == "cross":
        weight = None if class_weights is None else torch.tensor(class_weights, dtype=torch.float32, device=device)
        return nn.CrossEntropyLoss(weight=weight)
    if options.loss == "1-ccc":
        return lambda out, y: 1.0 - concordance(out[:, 0], y.float())
    distance = nn.functional.mse_loss if options.loss == "mse" else nn.functional.l1_loss
    return lambda out, y: distance(out[:, 0], y.float())


def concordance(predicted: Tensor, truth: Tensor) -> Tensor:
    """Concordance correlation (Lin, 1989) with moments of the population; differentiable."""
    a, b = predicted - predicted.mean(), truth - truth.mean()
    spread = a.square().mean() + b.square().mean() + (predicted.mean() - truth.mean()).square()
    return 2.0 * (a * b).mean() / spread.clamp_min(1e-12)
