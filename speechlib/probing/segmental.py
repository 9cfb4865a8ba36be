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
from torch.autograd.function import once_differentiable

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
    ends = torch.zeros_like(lengths)
    found = _possible(_LogSum.apply(scores.logsumexp(dim=3, keepdim=True), lengths, ends, 0))
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
    ends = torch.tensor([len(sequence) for sequence in sequences], device=scores.device)
    found = _possible(_LogSum.apply(chosen, lengths, ends, 1))
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


class _LogSum(torch.autograd.Function):
    """Log sums over paths through (frame, place): a segment goes ahead in time and by `step` places.

    Written out forward and backward (Baum's recursions): autograd would keep a dozen small tensors for each frame.
    """

    @staticmethod
    def forward(ctx, scores: Tensor, lengths: Tensor, ends: Tensor, step: int) -> Tensor:
        """(batch,) log sums of the paths from place 0 before the first frame to place `ends` behind frame `lengths`.

        Args:
            scores: (batch, frames, durations, places), of the segment that ends with a frame and begins at a place.
            lengths, ends: (batch,).
            step: 0: all segments stay at their place; 1: they lead to the next.
        """
        batch, frames, durations, places = scores.shape
        # sums[:, durations - 1 + t]: of the paths that end behind t frames; in front of these nothing ends
        sums = scores.new_full((batch, durations + frames, places + step), _IMPOSSIBLE)
        sums[:, durations - 1, 0] = 0.0
        backwards = scores.flip(2)  # the longest segment first, as its beginning comes first in `sums`
        for frame in range(frames):
            before = sums[:, frame : frame + durations, :places]
            torch.logsumexp(before + backwards[:, frame], dim=1, out=sums[:, durations + frame, step:])
        rows = torch.arange(batch, device=scores.device)
        total = sums[rows, durations - 1 + lengths, ends]
        ctx.save_for_backward(scores, sums, lengths, ends, total)
        ctx.step = step
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple:
        """The posterior of each segment."""
        scores, sums, lengths, ends, total = ctx.saved_tensors
        step = ctx.step
        batch, frames, durations, places = scores.shape
        rows = torch.arange(batch, device=scores.device)
        rest = scores.new_full((batch, frames + durations + 1, places + step), _IMPOSSIBLE)  # of paths from t frames on
        rest[rows, lengths, ends] = 0.0
        # ahead[:, t, d]: of the segment that begins behind t frames and has d + 1: a diagonal of the scores
        padded = torch.nn.functional.pad(scores, (0, 0, 0, 0, 0, durations), value=_IMPOSSIBLE).contiguous()
        strides = padded.stride()
        ahead = padded.as_strided(scores.shape, (strides[0], strides[1], strides[1] + strides[2], strides[3]))
        for frame in reversed(range(frames)):
            behind = rest[:, frame + 1 : frame + 1 + durations, step:]
            value = (ahead[:, frame] + behind).logsumexp(dim=1)
            rest[:, frame, :places] = torch.maximum(rest[:, frame, :places], value)
        before = sums.unfold(1, durations, 1)[:, :frames, :places].flip(3).transpose(2, 3)
        behind = rest[:, 1 : frames + 1, step:].unsqueeze(2)
        posterior = (before + scores + behind - total[:, None, None, None]).exp()
        possible = (total > _IMPOSSIBLE / 2)[:, None, None, None]
        return torch.where(possible, posterior, 0.0) * gradient[:, None, None, None], None, None, None


def _possible(sums: Tensor) -> Tensor:
    return torch.where(sums > _IMPOSSIBLE / 2, sums, -torch.inf)
