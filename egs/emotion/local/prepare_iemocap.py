"""IEMOCAP (Busso et al., 2008): dialogues of ten actors in five sessions -> a data directory.

utt2emotion has the usual four classes (anger, happiness with excitement, neutral, sadness: 5531 utterances of the whole
corpus) and leaves out the others; utt2emotion_all has the corpus' own labels of all utterances.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from emotion_corpus import Entry, corpus_parser, write_corpus

from speechlib.io.cli import kaldi_bool, run

_PROGRAM = "prepare_iemocap"
_CLASSES = {"ang": "anger", "hap": "happiness", "neu": "neutral", "sad": "sadness"}
_LABELS = "ang dis exc fea fru hap neu oth sad sur xxx".split()
_DIMENSIONS = ("valence", "activation", "dominance")
_EVALUATIONS = "Session[1-5]/dialog/EmoEvaluation/Ses*.txt"
# [6.2901 - 8.2357]  Ses01F_impro01_F000  neu  [2.5000, 2.5000, 2.5000]
_TURN = re.compile(r"\[[\d.]+ - [\d.]+\]\s+(Ses\d\d[FM]_\w+_([FM])\w+)\s+(\w+)\s+\[([^\]]*)\]\s*")
_LINE = re.compile(r"(\S+) \[[\d.]+ *- *[\d.]+\]: ?(.*)")


def read_turns(path: Path) -> Iterator[tuple[str, str, str, dict[str, str]]]:
    """(turn, F or M, label, value by dimension) of a dialogue's evaluation.

    Raises:
        ValueError: a line about a turn that cannot be read, or an unknown label; with file:line.
    """
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.startswith("["):
            continue  # the heading, and single votes
        match = _TURN.fullmatch(line)
        values = match[4].split(",") if match else []
        if len(values) != len(_DIMENSIONS) or not all(re.fullmatch(r"\s*\d+(\.\d+)?\s*", value) for value in values):
            raise ValueError(
                f"{path}:{number}: expected `[<start> - <end>] <turn> <emotion> [<valence>, <activation>, <dominance>]`"
            )
        if match[3] not in _LABELS:
            raise ValueError(f"{path}:{number}: emotion {match[3]} is none of {', '.join(_LABELS)}")
        dimensions = {name: f"{float(value):g}" for name, value in zip(_DIMENSIONS, values, strict=True)}
        yield match[1], match[2], match[3], dimensions


def read_texts(path: Path) -> dict[str, str]:
    """What is said by turn, of a dialogue's transcription; none without the file."""
    if not path.is_file():
        return {}
    matches = map(_LINE.fullmatch, path.read_text(encoding="utf-8").splitlines())
    return {match[1]: match[2] for match in matches if match}


def main(argv: list[str] | None = None) -> int:
    parser = corpus_parser(_PROGRAM + ".py", __doc__)
    parser.add_argument("--merge-excited", type=kaldi_bool, default=True, help="excitement counts as happiness")
    args = parser.parse_args(argv)
    classes = {**_CLASSES, "exc": "happiness"} if args.merge_excited else _CLASSES
    evaluations = [path for path in sorted(args.corpus.glob(_EVALUATIONS)) if not path.name.startswith("._")]
    if not evaluations:
        raise FileNotFoundError(f"{args.corpus}: no {_EVALUATIONS} below it: name the folder that holds Session1")
    entries = []
    for evaluation in evaluations:
        session = evaluation.parents[2]
        texts = read_texts(session / "dialog" / "transcriptions" / evaluation.name)
        for turn, gender, label, dimensions in read_turns(evaluation):
            path = session / "sentences" / "wav" / evaluation.stem / f"{turn}.wav"
            labels = {
                "emotion": classes.get(label, ""),
                "emotion_all": label,
                "session": turn[:5],
                **dimensions,
            }
            speaker = f"iemocap_{turn[:5]}{gender}"
            entries.append(Entry(speaker, turn, path, labels, gender.lower(), texts.get(turn, "")))
    write_corpus(_PROGRAM, entries, args.out, args.max_bad, args.drop_duplicates)
    return 0


if __name__ == "__main__":
    run(main)
