"""The speakers of each experiment of Lukic et al. (2016) by rule, from TIMIT's TRAIN and TEST speakers in path order.

On the full corpus: clustered are the first 20 and the first 40 TEST speakers; the large training set are all others
(590), the small one the first 50 women and the first 50 men of TRAIN. The dev speakers, on whom a cut is tuned, are the
last 20 TEST speakers: the paper leaves nobody over, so they are among the 590, which lists.json admits.

A part of the corpus scales this down: clustered are at most 40 TEST speakers, and half of them; about 15 % of TRAIN are
dev speakers, taken from the end, outside both training sets; the small training set keeps the share of 100 in 590, but
at least 4 speakers. The filter study takes the first 5 women and the first 5 men of TRAIN.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from speechlib.io.atomic import write_json, write_text
from speechlib.io.cli import KaldiArgumentParser, run

_CLUSTERED = 40
_FULL_OTHERS = 590
_SMALL_SHARE = 100 / 590
_FULL_DEV = 20
_DEV_SHARE, _MIN_DEV = 0.15, 2
_MIN_SMALL = 4
_FILTER_STUDY = 10
_LEAST = 2  # speakers in a list that is clustered or trained on
TOO_FEW = "too_few_to_cluster"  # the file that says so, for the stages that cluster


@dataclass(frozen=True)
class SpeakerLists:
    """Speakers in path order by name of the list; see the module's text for the rule."""

    lists: dict[str, list[str]]
    full_corpus: bool
    dev_in_large: bool


def balanced(speakers: Sequence[str], count: int, last: bool = False) -> list[str]:
    """The first (or last) `count` speakers, half women, half men (a woman more if odd), in the order given.

    Where one sex has too few, the result is shorter: a training set is not filled up with the other sex.
    """
    chosen: set[str] = set()
    for sex, number in (("F", count - count // 2), ("M", count // 2)):
        same = [speaker for speaker in speakers if speaker.startswith(sex)]
        chosen.update(same[max(0, len(same) - number) :] if last else same[:number])
    return [speaker for speaker in speakers if speaker in chosen]


def _even(value: float) -> int:
    return 2 * round(value / 2)


def make_lists(train: Sequence[str], test: Sequence[str]) -> SpeakerLists:
    """Apply the rule.

    Args:
        train, test: TRAIN and TEST speakers in lexicographic path order; an id begins with F or M.

    Raises:
        ValueError: there are no TRAIN speakers, a speaker comes twice, or an id does not begin with the sex.
    """
    everyone = [*train, *test]
    if not train:
        raise ValueError("no TRAIN speaker: nothing can be trained")
    if len(set(everyone)) != len(everyone):
        twice = next(speaker for speaker in everyone if everyone.count(speaker) > 1)
        raise ValueError(f"speaker {twice} is listed twice in TRAIN and TEST")
    unsexed = [speaker for speaker in everyone if speaker[:1] not in ("F", "M")]
    if unsexed:
        raise ValueError(f"speaker {unsexed[0]!r}: the id must begin with F or M")

    cluster_large = list(test[:_CLUSTERED])
    cluster_small = cluster_large[: max(len(cluster_large) // 2, min(2, len(cluster_large)))]
    others = [speaker for speaker in everyone if speaker not in set(cluster_large)]
    full = len(cluster_large) == _CLUSTERED and len(others) >= _FULL_OTHERS
    if full:
        dev = list(test[-_FULL_DEV:])
        held_out: set[str] = set()
    else:
        dev = balanced(train, min(max(_MIN_DEV, round(_DEV_SHARE * len(train))), len(train) // 2), last=True)
        held_out = set(dev)
    train_large = [speaker for speaker in others if speaker not in held_out]
    candidates = [speaker for speaker in train if speaker not in held_out]
    train_small = balanced(candidates, max(_MIN_SMALL, _even(_SMALL_SHARE * len(train_large))))
    lists = {
        "cluster_small": cluster_small,
        "cluster_large": cluster_large,
        "train_small": train_small,
        "train_large": train_large,
        "dev": dev,
        "ten": balanced(train, _FILTER_STUDY),
    }
    return SpeakerLists(lists, full, dev_in_large=bool(set(dev) & set(train_large)))


def describe(result: SpeakerLists) -> dict[str, object]:
    """What lists.json holds: the rule in words, whether dev speakers were trained on, and the sizes."""

    def sexes(speakers: list[str]) -> dict[str, int]:
        women = sum(speaker.startswith("F") for speaker in speakers)
        return {"speakers": len(speakers), "female": women, "male": len(speakers) - women}

    if result.full_corpus:
        rule = "full corpus: the paper's speakers; dev = the last 20 TEST speakers"
    else:
        rule = "part of the corpus, the paper's rule scaled down; dev = the last women and men of TRAIN, held out"
    return {
        "rule": rule,
        "full_corpus": result.full_corpus,
        "dev_in_large": result.dev_in_large,
        "sizes": {name: sexes(speakers) for name, speakers in result.lists.items()},
    }


def _warnings(result: SpeakerLists) -> list[str]:
    sizes = {name: len(result.lists[name]) for name in ("cluster_large", "train_small", "dev")}
    return [f"{name} has {size} speakers, {_LEAST} are needed" for name, size in sizes.items() if size < _LEAST]


def _read(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split()


def main(argv: list[str] | None = None) -> int:
    parser = KaldiArgumentParser(prog="speaker_lists.py", description=__doc__)
    parser.add_argument("lists", type=Path, help="folder with train_speakers and test_speakers; the lists go there")
    args = parser.parse_args(argv)
    result = make_lists(_read(args.lists / "train_speakers"), _read(args.lists / "test_speakers"))
    for name, speakers in result.lists.items():
        write_text(args.lists / name, "".join(f"{speaker}\n" for speaker in speakers))
    write_json(args.lists / "lists.json", describe(result))
    too_few = args.lists / TOO_FEW
    too_few.unlink(missing_ok=True)
    if warnings := _warnings(result):
        write_text(too_few, "".join(f"{warning}\n" for warning in warnings))
        print("speaker_lists: the corpus is too small for clustering, whose stages will do nothing: "
              + "; ".join(warnings), file=sys.stderr)  # fmt: skip
    print("speaker_lists: " + ", ".join(f"{name} {len(speakers)}" for name, speakers in result.lists.items()))
    return 0


if __name__ == "__main__":
    run(main)
