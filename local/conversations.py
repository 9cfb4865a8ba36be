"""Conversations drawn from single utterances: who takes part, who speaks after whom, and where speech begins and ends.

Like CALLHOME's, half of the conversations have the smallest number of speakers.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from local.demo_corpus.turns import turn_order

_FRAME_S, _MARGIN_FRAMES = 0.01, 10
_LEAST_RANGE_DB = 12.0  # between the quiet and the loud parts: less is speech (or noise) all the way
_SPEECH_LEVEL = 0.3  # of the way from the quiet to the loud parts, in dB
_SHORTEST_S = 0.3


def draw_sizes(number: int, least: int, most: int, rng: np.random.Generator) -> np.ndarray:
    """Numbers of speakers of `number` conversations, half of them `least`, the others all sizes above it in turn."""
    sizes = np.full(number, least)
    if most > least:
        half = -(-number // 2)
        sizes[half:] = least + 1 + np.arange(number - half) % (most - least)
    return rng.permutation(sizes)


def draw_conversations(
    spk2utt: Mapping[str, Sequence[str]],
    number: int,
    speakers: tuple[int, int],
    turns: tuple[int, int],
    rng: np.random.Generator,
) -> list[list[tuple[str, str]]]:
    """Draw who says what in which order.

    Speakers take part about equally often; an utterance comes once in a conversation at most; nobody speaks twice in a
    row where there is someone else left to speak.

    Args:
        spk2utt: utterances by speaker; speakers with fewer than two take no part.
        number: of conversations.
        speakers: least and most of a conversation, see `draw_sizes`.
        turns: least and most utterances of a speaker in a conversation, as far as he has them.
        rng: the same state gives the same conversations.

    Returns:
        (speaker, utterance) pairs by conversation, in order of speaking.

    Raises:
        ValueError: the most speakers of a conversation are more than there are.
    """
    names = sorted(speaker for speaker, utterances in spk2utt.items() if len(utterances) >= 2)
    if speakers[1] > len(names):
        raise ValueError(
            f"conversations of {speakers[1]} speakers need as many who have two utterances, there are {len(names)}: "
            "ask for fewer speakers"
        )
    parts = np.zeros(len(names), int)
    conversations = []
    for size in draw_sizes(number, *speakers, rng):
        chosen = np.lexsort((rng.random(len(names)), parts))[:size]
        parts[chosen] += 1
        said: dict[str, list[str]] = {}
        for index in chosen:
            own = sorted(spk2utt[names[index]])
            count = min(len(own), int(rng.integers(turns[0], turns[1] + 1)))
            said[names[index]] = [own[i] for i in rng.permutation(len(own))[:count]]
        order = turn_order({speaker: len(utterances) for speaker, utterances in said.items()}, rng)
        conversations.append([(speaker, said[speaker].pop()) for speaker in order])
    return conversations


def speech_bounds(samples: np.ndarray, rate: int) -> tuple[int, int, float]:
    """Where speech begins and ends in a recording of one utterance, by its energy.

    Args:
        samples: (n,) in any range.
        rate: Hz.

    Returns:
        First sample and one past the last, with a tenth of a second to spare on either side, on whole hundredths of a
        second; and the RMS of the quiet parts. The whole recording where it is equally loud or quiet everywhere.
    """
    size = round(_FRAME_S * rate)
    count = len(samples) // size
    if count < 2:
        return 0, len(samples), 0.0
    frames = np.asarray(samples[: count * size], np.float64).reshape(count, size)
    power = np.mean((frames - frames.mean()) ** 2, axis=1)
    level = 10 * np.log10(np.maximum(power, 1e-10 * max(float(power.max()), 1e-30)))
    low, high = np.percentile(level, (5, 95))
    quiet = float(np.sqrt(power[level <= low].mean()))
    if high - low < _LEAST_RANGE_DB:
        return 0, count * size, quiet
    # the median of five frames: a click is no speech
    padded = np.pad(level, 2, mode="edge")
    smooth = np.median(np.lib.stride_tricks.sliding_window_view(padded, 5), axis=1)
    loud = np.flatnonzero(smooth > low + _SPEECH_LEVEL * (high - low))
    if not loud.size:
        return 0, count * size, quiet
    begin, end = max(0, loud[0] - _MARGIN_FRAMES), min(count, loud[-1] + 1 + _MARGIN_FRAMES)
    if (end - begin) * _FRAME_S < _SHORTEST_S:
        return 0, count * size, quiet
    return int(begin) * size, int(end) * size, quiet
