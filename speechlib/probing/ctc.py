"""A probe with connectionist temporal classification (Graves et al., 2006): frames to labels without times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speechlib.probing.recurrent import HalvingLSTM

BLANK = 0  # the labels of callers count from 0 without it


@dataclass(frozen=True)
class CtcOptions:
    """Sizes."""

    hidden: int = 128  # units of the LSTM in each direction; 0: a linear probe
    num_layers: int = 1  # LSTMs, without halving: subword units may be as short as two frames

    def __post_init__(self) -> None:
        if self.hidden < 0 or self.num_layers < 1:
            raise ValueError("hidden must not be negative, and num_layers at least 1")


class CtcProbe(nn.Module):
    """From frames to labels and blanks.

    Args:
        input_dim: values of a frame.
        num_labels: labels, the blank not counted.
        options: sizes.
    """

    def __init__(self, input_dim: int, num_labels: int, options: CtcOptions):
        super().__init__()
        self.encoder = None
        if options.hidden:
            self.encoder = HalvingLSTM(input_dim, options.hidden, options.num_layers, halve=False)
        self.output = nn.Linear(2 * options.hidden or input_dim, num_labels + 1)

    def log_posteriors(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(batch, frames, dim) and (batch,) lengths to (batch, frames, 1 + labels), the blank first."""
        hidden = x if self.encoder is None else self.encoder(x, lengths)[0]
        return self.output(hidden).log_softmax(dim=2)

    def loss(self, x: Tensor, lengths: Tensor, labels: Sequence[Sequence[int]]) -> Tensor:
        """(batch,) negative log probabilities of the labels; inf where an utterance has too few frames for them."""
        targets = torch.tensor([label + 1 for sequence in labels for label in sequence], dtype=torch.long)
        sizes = torch.tensor([len(sequence) for sequence in labels])
        posteriors = self.log_posteriors(x, lengths).transpose(0, 1)
        return F.ctc_loss(posteriors, targets.to(x.device), lengths.cpu(), sizes, BLANK, reduction="none")

    def fits(self, num_frames: int, labels: Sequence[int]) -> bool:
        """Whether an utterance of so many frames is long enough for the labels."""
        return 0 < len(labels) and required_frames(labels) <= num_frames

    def decode(self, x: Tensor, lengths: Tensor) -> list[list[int]]:
        """The labels on the best path of each utterance."""
        best = self.log_posteriors(x, lengths).argmax(dim=2)
        return [collapse(path[:length]) for path, length in zip(best.tolist(), lengths.tolist(), strict=True)]


def required_frames(labels: Sequence[int]) -> int:
    """The fewest frames that a sequence of labels needs: one each, and a blank between equal neighbours."""
    return len(labels) + sum(a == b for a, b in pairwise(labels))


def collapse(path: Sequence[int]) -> list[int]:
    """Labels of a path: repeats count once, then blanks vanish."""
    return [label - 1 for label, _ in groupby(path) if label != BLANK]
