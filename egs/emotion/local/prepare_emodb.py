"""EmoDB (Burkhardt et al., Interspeech 2005): German actors, seven emotions, ten texts -> a data directory."""

from corpus_names import known, named_files
from emotion_corpus import Entry, corpus_parser, write_corpus

from speechlib.io.cli import run

_PROGRAM = "prepare_emodb"
_EMOTIONS = {
    "W": "anger",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "happiness",
    "T": "sadness",
    "N": "neutral",
}
# Gender and age, as the database's documentation gives them.
_SPEAKERS = {
    "03": "m31", "08": "f34", "09": "f21", "10": "m32", "11": "m26",
    "12": "m30", "13": "f32", "14": "f35", "15": "m25", "16": "f31",
}  # fmt: skip
_TEXTS = {
    "a01": "Der Lappen liegt auf dem Eisschrank.",
    "a02": "Das will sie am Mittwoch abgeben.",
    "a04": "Heute abend könnte ich es ihm sagen.",
    "a05": "Das schwarze Stück Papier befindet sich da oben neben dem Holzstück.",
    "a07": "In sieben Stunden wird es soweit sein.",
    "b01": "Was sind denn das für Tüten, die da unter dem Tisch stehen?",
    "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter.",
    "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht.",
    "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen.",
    "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen.",
}


def main(argv: list[str] | None = None) -> int:
    args = corpus_parser(_PROGRAM + ".py", __doc__).parse_args(argv)
    entries = []
    for path, parts in named_files(_PROGRAM, args.corpus, "emodb"):
        about = known(path, _SPEAKERS, "speaker", parts["speaker"])
        labels = {
            "emotion": known(path, _EMOTIONS, "emotion", parts["emotion"]),
            "sentence": parts["text"],
            "age": about[1:],
        }
        text = known(path, _TEXTS, "text", parts["text"])
        entries.append(Entry(f"emodb_{parts['speaker']}", path.stem[2:], path, labels, about[0], text))
    write_corpus(_PROGRAM, entries, args.out, args.max_bad, args.drop_duplicates)
    return 0


if __name__ == "__main__":
    run(main)
