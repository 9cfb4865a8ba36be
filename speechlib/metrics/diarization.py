"""Diarization error rate (NIST's md-eval, RT-09 evaluation plan) and Jaccard error rate (second DIHARD challenge)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

_TICKS = 1_000_000_000  # a second: what counts as touching must not hang on the last bit of a sum of floats


@dataclass(frozen=True)
class DiarizationErrors:
    """What was scored and what was wrong, in seconds; speech of n speakers at once counts n times.

    Attributes:
        scored_time: time that is scored, speech or not.
        scored_speech: the reference's speech in it, what the rates are fractions of.
        missed: speech of the reference beyond the number of speakers that the hypothesis has at that time.
        false_alarm: the hypothesis's beyond the reference's.
        confusion: speech that both have, but of speakers who are not matched.
        jaccard: (reference speakers,) Jaccard errors, 0 to 1.
        num_reference_speakers, num_hypothesis_speakers: who speaks within the regions, collars and overlaps included.
        mapping: the hypothesis's speaker by the reference's, as matched for `confusion`; pairs that share time only.
    """

    scored_time: float
    scored_speech: float
    missed: float
    false_alarm: float
    confusion: float
    jaccard: tuple[float, ...]
    num_reference_speakers: int
    num_hypothesis_speakers: int
    mapping: Mapping[str, str]

    @property
    def der(self) -> float:
        """Diarization error rate: missed, false alarm and confusion over the reference's speech."""
        return self.rate(self.missed + self.false_alarm + self.confusion)

    @property
    def jer(self) -> float:
        """Mean Jaccard error of the reference's speakers; without any, 1 if the hypothesis has some, else 0."""
        return float(np.mean(self.jaccard)) if self.jaccard else float(self.num_hypothesis_speakers > 0)

    def rate(self, seconds: float) -> float:
        """A time as fraction of the reference's speech; where there is none, 1 for any time and 0 for none."""
        return seconds / self.scored_speech if self.scored_speech else float(seconds > 0)


def score_recording(
    reference: Iterable[tuple[float, float, str]],
    hypothesis: Iterable[tuple[float, float, str]],
    regions: Iterable[tuple[float, float]] | None = None,
    collar: float = 0.0,
    skip_overlap: bool = False,
) -> DiarizationErrors:
    """Score the turns of one recording.

    Every stretch between two boundaries counts with its numbers of speakers; speakers are matched one to one so that
    the matched ones share as much scored time as possible, as in pyannote.metrics. (md-eval and spyder match them
    before collars and overlaps are taken out, which can only find more confusion.) Overlapping turns of one speaker are
    joined first; turns that touch keep their boundary, and with it the collar.

    The Jaccard error of a speaker is one minus the time that both the speaker and its match speak over the time that
    either does, 1 without a match, in the assignment that makes their sum least (dscore's `jer`); collar and overlaps
    do not matter to it.

    Args:
        reference, hypothesis: (start, duration, speaker) in seconds, in any order.
        regions: (start, end) of what is scored, in seconds, possibly overlapping; default: from the first to the last
            turn of either side.
        collar: seconds before and after each boundary of the reference that are not scored; twice this is the collar
            of pyannote.metrics.
        skip_overlap: leave out where two or more speakers of the reference speak.

    Raises:
        ValueError: a collar, a duration or a start that is negative or no finite number, or a region without extent.
    """
    if not 0 <= collar < np.inf:
        raise ValueError(f"the collar is {collar} s: expected a number of seconds, not negative")
    ref, hyp = _Speech(reference, "reference"), _Speech(hypothesis, "hypothesis")
    if regions is None:
        boundaries = np.concatenate([ref.starts, ref.ends, hyp.starts, hyp.ends])
        region_starts, region_ends = np.sort(boundaries)[:1], np.sort(boundaries)[-1:]
    else:
        bounds = _ticks(np.array(list(regions), dtype=np.float64).reshape(-1, 2), "a region to score")
        region_starts, region_ends = bounds[:, 0], bounds[:, 1]
        if (region_ends <= region_starts).any():
            raise ValueError("a region to score ends where it starts or before: expected start < end")
    boundaries = np.append(ref.starts, ref.ends)
    width = int(round(collar * _TICKS))
    closed_starts, closed_ends = (boundaries - width, boundaries + width) if width else (boundaries[:0],) * 2

    grid = _Grid(ref.starts, ref.ends, hyp.starts, hyp.ends, region_starts, region_ends, closed_starts, closed_ends)
    within = np.where(grid.count(region_starts, region_ends) > 0, grid.lengths, 0)
    num_ref, num_hyp = grid.count(ref.starts, ref.ends), grid.count(hyp.starts, hyp.ends)
    is_scored = grid.count(closed_starts, closed_ends) == 0
    if skip_overlap:
        is_scored &= num_ref < 2
    scored = np.where(is_scored, within, 0)

    ref_cells, ref_speakers = grid.cells(ref)
    hyp_cells, hyp_speakers = grid.cells(hyp)
    pairs = _pairs(ref_cells, hyp_cells, num_hyp)
    shape = (len(ref.names), len(hyp.names))

    def shared(weights: np.ndarray) -> np.ndarray:
        cells = ref_speakers[pairs[0]] * shape[1] + hyp_speakers[pairs[1]]
        return np.bincount(cells, weights[ref_cells[pairs[0]]], shape[0] * shape[1]).reshape(shape)

    table = shared(scored)
    rows, columns = _assign(table)
    both = int((np.minimum(num_ref, num_hyp) * scored).sum())
    seconds = {
        "scored_time": scored.sum(),
        "scored_speech": (num_ref * scored).sum(),
        "missed": (np.maximum(num_ref - num_hyp, 0) * scored).sum(),
        "false_alarm": (np.maximum(num_hyp - num_ref, 0) * scored).sum(),
        "confusion": both - int(table[rows, columns].sum()),
    }
    ref_times = np.bincount(ref_speakers, within[ref_cells], len(ref.names))
    hyp_times = np.bincount(hyp_speakers, within[hyp_cells], len(hyp.names))
    return DiarizationErrors(
        **{name: int(ticks) / _TICKS for name, ticks in seconds.items()},
        jaccard=_jaccard(table if is_scored.all() else shared(within), ref_times, hyp_times),
        num_reference_speakers=int((ref_times > 0).sum()),
        num_hypothesis_speakers=int((hyp_times > 0).sum()),
        mapping={ref.names[row]: hyp.names[column] for row, column in zip(rows, columns, strict=True)
                 if table[row, column] > 0},
    )  # fmt: skip


def add_up(recordings: Sequence[DiarizationErrors]) -> DiarizationErrors:
    """The errors of several recordings together: times are added, Jaccard errors of all speakers listed."""
    names = ("scored_time", "scored_speech", "missed", "false_alarm", "confusion")
    return DiarizationErrors(
        **{name: float(sum(getattr(errors, name) for errors in recordings)) for name in names},
        jaccard=tuple(value for errors in recordings for value in errors.jaccard),
        num_reference_speakers=sum(errors.num_reference_speakers for errors in recordings),
        num_hypothesis_speakers=sum(errors.num_hypothesis_speakers for errors in recordings),
        mapping={},
    )


class _Speech:
    """Turns in ticks, those of one speaker without overlap.

    Attributes:
        starts, ends: (turns,) ticks.
        speakers: (turns,) numbers of their speakers.
        names: of the speakers.
    """

    def __init__(self, turns: Iterable[tuple[float, float, str]], side: str):
        turns = list(turns)
        times = np.array([turn[:2] for turn in turns], dtype=np.float64).reshape(-1, 2)
        if (times < 0).any():
            turn = turns[int(np.argmax((times < 0).any(axis=1)))]
            raise ValueError(f"a turn of the {side} has the start {turn[0]} and the duration {turn[1]}: negative")
        bounds = _ticks(np.cumsum(times, axis=1), f"a turn of the {side}")
        numbers: dict[str, int] = {}
        speakers = np.array([numbers.setdefault(turn[2], len(numbers)) for turn in turns], dtype=np.int64)
        self.names = list(numbers)
        kept: list[list[int]] = []
        for index in np.lexsort((bounds[:, 0], speakers)).tolist():
            start, end, speaker = int(bounds[index, 0]), int(bounds[index, 1]), int(speakers[index])
            if end <= start:
                continue
            if kept and kept[-1][2] == speaker and start < kept[-1][1]:
                kept[-1][1] = max(kept[-1][1], end)
            else:
                kept.append([start, end, speaker])
        self.starts, self.ends, self.speakers = np.array(kept, dtype=np.int64).reshape(-1, 3).T


class _Grid:
    """Time cut at every boundary; nothing changes within a cell.

    Attributes:
        lengths: (cells,) ticks.
    """

    def __init__(self, *boundaries: np.ndarray):
        self._points = np.unique(np.concatenate(boundaries))
        self.lengths = np.diff(self._points)

    def count(self, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """(cells,) how many of the stretches lie over each cell."""
        size = len(self._points)
        first, last = np.searchsorted(self._points, starts), np.searchsorted(self._points, ends)
        steps = np.bincount(first, minlength=size) - np.bincount(last, minlength=size)
        return np.cumsum(steps)[: len(self.lengths)]

    def cells(self, speech: _Speech) -> tuple[np.ndarray, np.ndarray]:
        """The cells of each turn with their speakers, by cell; a turn comes as often as it has cells."""
        first = np.searchsorted(self._points, speech.starts)
        lengths = np.searchsorted(self._points, speech.ends) - first
        cells = np.repeat(first - (np.cumsum(lengths) - lengths), lengths) + np.arange(lengths.sum())
        order = np.argsort(cells, kind="stable")
        return cells[order], np.repeat(speech.speakers, lengths)[order]


def _pairs(ref_cells: np.ndarray, hyp_cells: np.ndarray, num_hyp: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of all pairs of the two sorted lists that are of the same cell."""
    counts = num_hyp[ref_cells]
    first = np.searchsorted(hyp_cells, ref_cells)
    hyp = np.repeat(first - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
    return np.repeat(np.arange(len(ref_cells)), counts), hyp


def _assign(gains: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the one-to-one assignment with the largest sum."""
    from scipy.optimize import linear_sum_assignment

    return linear_sum_assignment(gains, maximize=True)


def _jaccard(shared: np.ndarray, ref_times: np.ndarray, hyp_times: np.ndarray) -> tuple[float, ...]:
    speaking, answering = ref_times > 0, hyp_times > 0
    shared, ref_times, hyp_times = shared[speaking][:, answering], ref_times[speaking], hyp_times[answering]
    index = shared / (ref_times[:, None] + hyp_times[None, :] - shared)
    errors = np.ones(len(ref_times))
    rows, columns = _assign(index)
    errors[rows] -= index[rows, columns]
    return tuple(errors.tolist())


def _ticks(times: np.ndarray, what: str) -> np.ndarray:
    if not (np.abs(times) < 1e9).all():  # thirty years; also NaN and infinity
        raise ValueError(f"{what} has a time that is no finite number of seconds below 1e9")
    return np.rint(times * _TICKS).astype(np.int64)
