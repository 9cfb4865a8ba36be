"""Word times from phone times: the words' own pronunciations aligned with the phones of the whole utterance.

espeak-ng runs common pairs together ("of the", "at once") and then gives one word event for both, so its word events
cannot be used; the phones can.
"""

from collections.abc import Sequence

_GAP = 1.0
_SIMILAR = 0.4  # vowel for vowel (reduction), consonant for consonant (flapping, voicing)
_DIFFERENT = 1.6
_VOWEL_LETTERS = "@03aeiouAEIOUV"


def _cost(first: str, second: str) -> float:
    if first == second:
        return 0.0
    return _SIMILAR if (first[0] in _VOWEL_LETTERS) == (second[0] in _VOWEL_LETTERS) else _DIFFERENT


def align_words(pronunciations: Sequence[Sequence[str]], spoken: Sequence[str]) -> list[tuple[int, int]]:
    """Share an utterance's phones out to its words by minimum edit distance.

    Args:
        pronunciations: for each word, its phones when spoken alone.
        spoken: the phones of the utterance.

    Returns:
        for each word [first, last) in `spoken`; the ranges are in order and cover `spoken`.

    Raises:
        ValueError: a word would get no phone.
    """
    owner = [word for word, phones in enumerate(pronunciations) for _ in phones]
    isolated = [phone for phones in pronunciations for phone in phones]
    rows, columns = len(isolated), len(spoken)
    best = [[_GAP * j for j in range(columns + 1)]]
    for i in range(1, rows + 1):
        row = [_GAP * i]
        for j in range(1, columns + 1):
            match = best[i - 1][j - 1] + _cost(isolated[i - 1], spoken[j - 1])
            row.append(min(match, best[i - 1][j] + _GAP, row[j - 1] + _GAP))
        best.append(row)

    words = [0] * columns  # the word of every spoken phone
    i, j = rows, columns
    while j > 0:
        if i > 0 and best[i][j] == best[i - 1][j - 1] + _cost(isolated[i - 1], spoken[j - 1]):
            i, j = i - 1, j - 1
            words[j] = owner[i]
        elif i > 0 and best[i][j] == best[i - 1][j] + _GAP:
            i -= 1
        else:
            j -= 1
            words[j] = owner[max(i - 1, 0)]
    ranges = []
    for word in range(len(pronunciations)):
        mine = [k for k, w in enumerate(words) if w == word]
        if not mine:
            raise ValueError(f"word {word + 1} of {len(pronunciations)} got no phone of {' '.join(spoken)!r}")
        ranges.append((mine[0], mine[-1] + 1))
    return ranges
