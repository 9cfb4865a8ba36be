"""Which sentences train and which test: a speaker's sentences in string order of their names (Lukic et al., 2016).

The first 8 of 10 train and the last 2 test (`train8`, `test2`); the filter study keeps 2 more for validation (`train6`,
`val2`, `test2`). String order, so SX407 comes before SX47. A speaker with fewer than 10 sentences gives up training
sentences first; one with fewer than 5 is left out, since validation or training would be empty.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from speechlib.io.atomic import write_text
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.maps import read_lists

_TEST, _VAL = 2, 2
LEAST = _TEST + _VAL + 1


def make_lists(spk2utt: Mapping[str, Sequence[str]]) -> tuple[dict[str, list[str]], list[str]]:
    """Split every speaker's utterances.

    Args:
        spk2utt: utterance ids by speaker; those of one speaker differ only in the sentence's name at the end.

    Returns:
        sorted utterance ids by name of the list, and the speakers that were left out.
    """
    lists: dict[str, list[str]] = {"train8": [], "test2": [], "train6": [], "val2": []}
    left_out = []
    for speaker in sorted(spk2utt):
        utterances = sorted(spk2utt[speaker])
        if len(utterances) < LEAST:
            left_out.append(speaker)
            continue
        lists["train8"] += utterances[:-_TEST]
        lists["test2"] += utterances[-_TEST:]
        lists["train6"] += utterances[: -_TEST - _VAL]
        lists["val2"] += utterances[-_TEST - _VAL : -_TEST]
    return {name: sorted(utterances) for name, utterances in lists.items()}, left_out


def main(argv: list[str] | None = None) -> int:
    parser = KaldiArgumentParser(prog="utterance_lists.py", description=__doc__)
    parser.add_argument("spk2utt", type=Path, help="of the whole corpus")
    parser.add_argument("lists", type=Path, help="folder for train8, test2, train6 and val2")
    args = parser.parse_args(argv)
    lists, left_out = make_lists(read_lists(args.spk2utt))
    args.lists.mkdir(parents=True, exist_ok=True)
    for name, utterances in lists.items():
        write_text(args.lists / name, "".join(f"{utterance}\n" for utterance in utterances))
    if not lists["test2"]:
        print(f"utterance_lists: no speaker has {LEAST} sentences, nothing can be trained and tested", file=sys.stderr)
    elif left_out:
        print(f"utterance_lists: fewer than {LEAST} sentences, left out: {' '.join(left_out)}", file=sys.stderr)
    print("utterance_lists: " + ", ".join(f"{name} {len(utterances)}" for name, utterances in lists.items()))
    return 0


if __name__ == "__main__":
    run(main)
