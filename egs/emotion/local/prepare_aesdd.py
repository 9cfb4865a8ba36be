"""AESDD (Vryzas et al., 2018): Greek actors, five emotions -> a data directory.

Files are `<emotion>/<letter><sentence> (<speaker>).wav`; second takes have a letter behind. The distribution's file
`s05 (3).wav` cannot be read and is always left out. That odd speakers are men and even ones women is from Nkululeko's
list; the corpus itself does not say it.
"""

from corpus_names import known, named_files
from emotion_corpus import Entry, corpus_parser, tell, write_corpus

from speechlib.io.cli import run

_PROGRAM = "prepare_aesdd"
_EMOTIONS = {"a": "anger", "d": "disgust", "f": "fear", "h": "happiness", "s": "sadness"}
_BROKEN = "s05 (3)"


def main(argv: list[str] | None = None) -> int:
    args = corpus_parser(_PROGRAM + ".py", __doc__).parse_args(argv)
    entries = []
    for path, parts in named_files(_PROGRAM, args.corpus, "aesdd"):
        if path.stem == _BROKEN:
            tell(_PROGRAM, f"{path}: left out, it is known to be broken")
            continue
        emotion = known(path, _EMOTIONS, "emotion", parts["emotion"])
        folder = path.parent.name.lower()
        if folder in _EMOTIONS.values() and folder != emotion:
            raise ValueError(f"{path}: the folder says {folder}, the name {emotion}: move or rename the file")
        number = int(parts["speaker"])
        name = f"{parts['emotion']}{parts['sentence']}{parts['take']}"
        labels = {"emotion": emotion, "sentence": parts["sentence"]}
        entries.append(Entry(f"aesdd_{number:02d}", name, path, labels, "fm"[number % 2]))
    write_corpus(_PROGRAM, entries, args.out, args.max_bad, args.drop_duplicates)
    return 0


if __name__ == "__main__":
    run(main)
