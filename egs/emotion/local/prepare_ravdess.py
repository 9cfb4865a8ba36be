"""RAVDESS (Livingstone & Russo, 2018): North American actors, eight emotions, speech alone -> a data directory."""

from corpus_names import known, named_files
from emotion_corpus import Entry, corpus_parser, tell, write_corpus

from speechlib.io.cli import run

_PROGRAM = "prepare_ravdess"
_EMOTIONS = {
    "01": "neutral",
    "02": "calm",
    "03": "happiness",
    "04": "sadness",
    "05": "anger",
    "06": "fear",
    "07": "disgust",
    "08": "surprise",
}
_INTENSITIES = {"01": "normal", "02": "strong"}
_STATEMENTS = {"01": "Kids are talking by the door.", "02": "Dogs are sitting by the door."}
_SPEECH = "01"  # vocal channel; 02 is song


def main(argv: list[str] | None = None) -> int:
    args = corpus_parser(_PROGRAM + ".py", __doc__).parse_args(argv)
    entries, songs = [], 0
    for path, parts in named_files(_PROGRAM, args.corpus, "ravdess"):
        if parts["channel"] != _SPEECH:
            songs += 1
            continue
        actor = parts["actor"]
        labels = {
            "emotion": known(path, _EMOTIONS, "emotion", parts["emotion"]),
            "intensity": known(path, _INTENSITIES, "intensity", parts["intensity"]),
            "sentence": parts["statement"],
        }
        text = known(path, _STATEMENTS, "statement", parts["statement"])
        entries.append(Entry(f"ravdess_{actor}", path.stem[:-3], path, labels, "fm"[int(actor) % 2], text))
    if songs:
        tell(_PROGRAM, f"{songs} songs are left out")
    write_corpus(_PROGRAM, entries, args.out, args.max_bad, args.drop_duplicates)
    return 0


if __name__ == "__main__":
    run(main)
