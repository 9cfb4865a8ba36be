"""End-to-end discriminative segmental model of phones (Tang et al., 2017; Shon et al., 2018, section 3.1).

Two bidirectional LSTMs, the frames halved behind each; the score of a segment from the outputs inside it and around it,
and from its duration (features FCB of the authors' code); marginal log loss over all segmentations; Viterbi.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from speechlib.probing.recurrent import HalvingLSTM
from speechlib.probing.segmental import best_segmentation, log_partition, log_partition_of_labels

SAMPLES = (1 / 6, 1 / 2, 5 / 6)  # where in a segment single frames are looked at
BOUNDARY = 3  # frames that are looked at on either side of it


@dataclass(frozen=True)
class SegmentalOptions:
    """Sizes; the defaults are the paper's where it gives them, else (the width) a choice."""

    hidden: int = 256  # units of an LSTM in each direction
    num_layers: int = 2
    max_duration: int = 30  # of a segment in reduced frames: 120 frames before two halvings

    def __post_init__(self) -> None:
        for name in ("hidden", "num_layers", "max_duration"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")


class SegmentScorer(nn.Module):
    """Scores of all segments of all labels from frame-level outputs (FCB: frame average, content, boundary).

    w(l, s, e) = mean of W0 h_t inside + W1..W3 h_t at 1/6, 1/2 and 5/6 of the segment + W4..W6 h_t of the three frames
    before it + W7..W9 h_t of the three behind it + length[e - s, l] + bias[l] + bias. Frames beyond an utterance are
    its first or last one.

    Args:
        dim: of the outputs.
        num_labels: labels.
        max_duration: the longest segment, in frames.
    """

    def __init__(self, dim: int, num_labels: int, max_duration: int):
        super().__init__()
        self.num_labels, self.max_duration = num_labels, max_duration
        self.weights = nn.Linear(dim, (1 + len(SAMPLES) + 2 * BOUNDARY) * num_labels, bias=False)
        self.length = nn.Parameter(torch.zeros(max_duration, num_labels))
        self.label_bias = nn.Parameter(torch.zeros(num_labels))
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, hidden: Tensor, lengths: Tensor) -> Tensor:
        """Score segments.

        Args:
            hidden: (batch, frames, dim).
            lengths: (batch,) frames of each utterance.

        Returns:
            (batch, frames, durations, labels): of the segment that ends with a frame and has duration + 1 frames, as
            `speechlib.probing.segmental` takes it; durations: max_duration, or the frames if these are fewer.
        """
        batch, frames, _ = hidden.shape
        durations = min(self.max_duration, frames)
        parts = self.weights(hidden).unflatten(2, (-1, self.num_labels)).unbind(2)
        ends = torch.arange(frames, device=hidden.device)
        spans = torch.arange(1, durations + 1, device=hidden.device)
        starts = (ends[:, None] - spans + 1).clamp_min(0)

        # What depends on the first frame alone is summed there and looked up once, likewise at the last frame.
        before = [part[:, (ends - place).clamp_min(0)] for place, part in enumerate(parts[4:7], 1)]
        last = (lengths.to(hidden.device) - 1)[:, None]
        rows = torch.arange(batch, device=hidden.device)[:, None]
        after = [part[rows, torch.minimum(ends + place, last)] for place, part in enumerate(parts[7:10], 1)]
        sums = torch.nn.functional.pad(parts[0].cumsum(dim=1), (0, 0, 1, 0))
        inside = _look_up(sums, starts)
        scores = (sums[:, 1:, None] - inside) / spans[:, None]
        scores = scores + _look_up(torch.stack(before).sum(dim=0), starts)
        for share, part in zip(SAMPLES, parts[1:4], strict=True):
            scores = scores + _look_up(part, (starts + (spans * share).long()).clamp_max(frames - 1))
        at_end = torch.stack(after).sum(dim=0) + self.label_bias + self.bias
        return scores + at_end[:, :, None] + self.length[:durations]


class SegmentalModel(nn.Module):
    """The whole model from frames to phones.

    Args:
        input_dim: values of a frame.
        num_labels: labels.
        options: sizes.
    """

    def __init__(self, input_dim: int, num_labels: int, options: SegmentalOptions):
        super().__init__()
        self.encoder = HalvingLSTM(input_dim, options.hidden, options.num_layers)
        self.scorer = SegmentScorer(2 * options.hidden, num_labels, options.max_duration)

    def scores(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Scores of segments, and the reduced lengths.

        Args:
            x: (batch, frames, dim).
            lengths: (batch,) frames of each utterance.

        Returns:
            (batch, frames', durations, labels) and (batch,).
        """
        hidden, lengths = self.encoder(x, lengths)
        return self.scorer(hidden, lengths), lengths

    def loss(self, x: Tensor, lengths: Tensor, labels: Sequence[Sequence[int]]) -> Tensor:
        """Marginal log loss of each utterance: log sum over everything less log sum over its labels.

        Args:
            x, lengths: as for `scores`.
            labels: of the segments of each utterance.

        Returns:
            (batch,), inf where no segmentation has these labels.
        """
        scores, lengths = self.scores(x, lengths)
        return log_partition(scores, lengths) - log_partition_of_labels(scores, labels, lengths)

    def fits(self, num_frames: int, labels: Sequence[int]) -> bool:
        """Whether some segmentation of an utterance of so many frames has these labels."""
        reduced = self.encoder.num_outputs(num_frames)
        return 0 < len(labels) <= reduced <= self.scorer.max_duration * len(labels)

    def decode(self, x: Tensor, lengths: Tensor) -> list[list[int]]:
        """Labels of the best segmentation of each utterance; arguments as for `scores`."""
        scores, lengths = self.scores(x, lengths)
        return [
            [label for _, _, label in best_segmentation(utterance[:length])]
            for utterance, length in zip(scores, lengths.tolist(), strict=True)
        ]


def _look_up(values: Tensor, places: Tensor) -> Tensor:
    """(batch, frames, labels) at (ends, durations) frames: (batch, ends, durations, labels)."""
    return values.index_select(1, places.flatten()).unflatten(1, places.shape)
