"""Emotions in Polish speech (Miesikowska & Swisulski, 2020): five men, six words, three emotions -> a data directory.

The split is Nkululeko's: m1 is the test set, m4 the development set, and all others are for training. Its published
experiment trains on m4, too.
"""

from corpus_names import known, named_files
from emotion_corpus import Entry, corpus_parser, write_corpus

from speechlib.io.cli import run

_PROGRAM = "prepare_polish"
_EMOTIONS = {"a": "anger", "s": "fear", "n": "neutral"}
_SPLITS = {"m1": "test", "m4": "dev"}


def main(argv: list[str] | None = None) -> int:
    args = corpus_parser(_PROGRAM + ".py", __doc__).parse_args(argv)
    entries = []
    for path, parts in named_files(_PROGRAM, args.corpus, "polish"):
        speaker, word = parts["speaker"], parts["word"]
        labels = {
            "emotion": known(path, _EMOTIONS, "emotion", parts["emotion"]),
            "sentence": word,
            "split": _SPLITS.get(speaker, "train"),
        }
        name = f"{parts['emotion']}_{word}_{parts['repetition']}"
        entries.append(Entry(f"polish_{speaker}", name, path, labels, parts["gender"], word))
    write_corpus(_PROGRAM, entries, args.out, args.max_bad, args.drop_duplicates)
    return 0


if __name__ == "__main__":
    run(main)
