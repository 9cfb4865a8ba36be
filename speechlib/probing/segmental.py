"""Segmental models: sums over all ways to cut frames into labelled segments, and the best (Shon et al., 2018, sect. 3).

The score of a segmentation is the sum of the scores of its segments, which lie side by side and cover all frames.
`scores[t, d, k]` is that of the segment with the label k that has d + 1 frames and whose last one is t. Segments that
would begin before the first frame are never looked at, whatever is written there; -inf rules a segment out. Dynamic
programmes over time, all durations and labels of a batch at once, in the logarithmic semiring: gradients are the
posteriors of the segments.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

_IMPOSSIBLE = -1e30  # finite, because the gradient of a sum of nothing but -inf is NaN


def log_partition(scores: Tensor, lengths: Tensor | None = None) -> Tensor:
    """Log of the sum, over all segmentations and labels, of exp(score).

    Args:
        scores: (frames, durations, labels), or (utterances, frames, durations, labels).
        lengths: (utterances,) frames of each where they differ; only with a batch.

    Returns:
        () or (utterances,); -inf where no segmentation is possible, with a gradient of zero.

    Raises:
        ValueError: wrong shapes, or lengths out of range.
    """
    scores, lengths, single = _batch(scores, lengths)
    summed = scores.logsumexp(dim=3)
    window = _first_frame(summed[:, 0])  # of the sums up to 0, 1, .. frames before
    sums = []
    for frame in range(scores.shape[1]):
        sums.append((window + summed[:, frame]).logsumexp(dim=1))
        window = torch.cat([sums[-1][:, None], window[:, :-1]], dim=1)
    found = _possible(torch.stack(sums, dim=1).gather(1, lengths[:, None] - 1)[:, 0])
    return found[0] if single else found


def log_partition_of_labels(
    scores: Tensor, labels: Sequence[int] | Sequence[Sequence[int]] | Tensor, lengths: Tensor | None = None
) -> Tensor:
    """Log of the sum, over the segmentations with a given sequence of labels, of exp(score).

    Args:
        scores: (frames, durations, labels), or (utterances, frames, durations, labels).
        labels: of the segments, or such a sequence for each utterance.
        lengths: (utterances,) frames of each where they differ; only with a batch.

    Returns:
        () or (utterances,); -inf where there are fewer frames than labels, or more than these can last.

    Raises:
        ValueError: wrong shapes, lengths out of range, or a label that does not exist.
    """
    scores, lengths, single = _batch(scores, lengths)
    sequences = [torch.as_tensor(sequence, dtype=torch.long) for sequence in ([labels] if single else labels)]
    if len(sequences) != len(scores):
        raise ValueError(f"{len(sequences)} sequences of labels for {len(scores)} utterances")
    for sequence in sequences:
        if sequence.dim() != 1 or not len(sequence) or sequence.min() < 0 or sequence.max() >= scores.shape[3]:
            raise ValueError(f"labels {sequence.tolist()}: expected at least one, from 0 to {scores.shape[3] - 1}")
    padded = torch.nn.utils.rnn.pad_sequence(sequences, batch_first=True).to(scores.device)
    # (utterances, frames, durations, places in the sequence)
    chosen = scores.gather(3, padded[:, None, None].expand(-1, *scores.shape[1:3], -1))
    num, num_labels = padded.shape
    nothing = scores.new_full((num, 1), _IMPOSSIBLE)
    # Sums that end with each place, by how many frames ago; before the first frame there is the empty sequence alone.
    window = _first_frame(chosen[:, 0, :, :1])
    window = torch.cat([window, scores.new_full((num, scores.shape[2], num_labels), _IMPOSSIBLE)], dim=2)
    sums = []
    for frame in range(scores.shape[1]):
        sums.append(torch.cat([nothing, (window[:, :, :-1] + chosen[:, frame]).logsumexp(dim=1)], dim=1))
        window = torch.cat([sums[-1][:, None], window[:, :-1]], dim=1)
    last = torch.stack(sums, dim=1)[torch.arange(num), lengths - 1]
    ends = torch.tensor([len(sequence) for sequence in sequences], device=scores.device)
    found = _possible(last.gather(1, ends[:, None])[:, 0])
    return found[0] if single else found


def best_segmentation(scores: Tensor) -> list[tuple[int, int, int]]:
    """The segmentation of the highest score (Viterbi).

    Args:
        scores: (frames, durations, labels).

    Returns:
        Segments (first frame, frame after the last, label) in order; of equally good ones that with the shorter last
        segments.

    Raises:
        ValueError: wrong shapes, or no segmentation has a score above -inf.
    """
    scores, _, single = _batch(scores, None)
    if not single:
        raise ValueError(f"scores {tuple(scores.shape)}: expected those of one utterance, (frames, durations, labels)")
    with torch.no_grad():
        best, labels = scores[0].max(dim=2)
        totals = [torch.zeros((), dtype=scores.dtype, device=scores.device)]
        durations = []
        for frame in range(len(best)):
            possible = min(frame + 1, best.shape[1])
            before = torch.stack(totals[frame - possible + 1 : frame + 1][::-1])
            total, duration = (before + best[frame, :possible]).max(dim=0)
            totals.append(total)
            durations.append(int(duration))
        if not totals[-1] > _IMPOSSIBLE / 2:
            raise ValueError("no segmentation has a finite score")
        segments, end = [], len(best)
        while end:
            duration = durations[end - 1]
            segments.append((end - duration - 1, end, int(labels[end - 1, duration])))
            end -= duration + 1
    return segments[::-1]


def _batch(scores: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor, bool]:
    """Scores with four axes, lengths of all utterances, and whether there was one utterance without a batch's axis."""
    scores = torch.as_tensor(scores)
    single = scores.dim() == 3
    if single:
        scores = scores[None]
    if scores.dim() != 4 or 0 in scores.shape or (single and lengths is not None):
        raise ValueError(f"scores {tuple(scores.shape)}: expected (frames, durations, labels), none of them 0, or a "
                         "batch of these, with or without lengths")
    if lengths is None:
        lengths = torch.full((len(scores),), scores.shape[1], dtype=torch.long)
    lengths = torch.as_tensor(lengths, dtype=torch.long, device=scores.device)
    if lengths.shape != (len(scores),) or lengths.min() < 1 or lengths.max() > scores.shape[1]:
        raise ValueError(f"lengths {lengths.tolist()} for {len(scores)} utterances: expected 1 to {scores.shape[1]}")
    return scores.clamp_min(_IMPOSSIBLE), lengths, single


def _first_frame(like: Tensor) -> Tensor:
    """The window before any frame: the empty segmentation ends here, and nothing ended before."""
    window = torch.full_like(like, _IMPOSSIBLE)
    window[:, 0] = 0.0
    return window


def _possible(sums: Tensor) -> Tensor:
    return torch.where(sums > _IMPOSSIBLE / 2, sums, -torch.inf)
