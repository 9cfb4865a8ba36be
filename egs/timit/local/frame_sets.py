"""Which utterances the probes of the frame-level analysis learn from, and which they are tested on.

Test are the utterances of TIMIT's core test speakers, where all 24 are there, else those of all test speakers; training
are those of the training speakers. SA1 and SA2, which everybody reads, are in neither, and a training utterance whose
text a test utterance has is left out.
"""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from speechlib.io.atomic import write_text
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.datadir import DataDir
from speechlib.io.texts import normalise_text

CORE_TEST = frozenset(
    "MDAB0 MWBT0 FELC0 MTAS1 MWEW0 FPAS0 MJMP0 MLNT0 FPKT0 MLLL0 MTLS0 FJLM0 MBPM0 MKLT0 FNLP0 MCMJ0 MJDH0 FMGD0 MGRT0 "
    "MNJM0 FDHC0 MJLN0 MPAM0 FMLD0".split()
)
_SHARED = ("_SA1", "_SA2")
_PAIR = ("FAEM0", "MRPC1")  # of Figure 8


def choose_sets(
    utt2spk: Mapping[str, str], train: Iterable[str], test: Iterable[str], text: Mapping[str, str]
) -> dict[str, list[str]]:
    """Lists of utterances.

    Args:
        utt2spk: speaker by utterance.
        train, test: speakers.
        text: transcripts, of all or some utterances.

    Returns:
        probe_train, probe_test; shared: the SA sentences; dropped: training utterances whose text is in the test;
        speaker_train, speaker_test: all utterances of these speakers; pair: two utterances of the same text by two
        speakers, if there are such.
    """
    train, test = set(train), set(test)
    text = {name: normalise_text(words) for name, words in text.items()}
    core = CORE_TEST if CORE_TEST <= test else test
    shared = [name for name in utt2spk if name.endswith(_SHARED)]
    probe_test = [name for name, speaker in utt2spk.items() if speaker in core and not name.endswith(_SHARED)]
    tested = {text[name] for name in probe_test if name in text}
    speaker_train = [name for name, speaker in utt2spk.items() if speaker in train]
    candidates = [name for name in speaker_train if not name.endswith(_SHARED)]
    dropped = [name for name in candidates if name in text and text[name] in tested]
    gone = set(dropped)
    return {
        "probe_train": [name for name in candidates if name not in gone], "probe_test": probe_test,
        "shared": shared, "dropped": dropped, "speaker_train": speaker_train,
        "speaker_test": [name for name, speaker in utt2spk.items() if speaker in test],
        "pair": _same_sentence(utt2spk, text, test),
    }  # fmt: skip


def _same_sentence(utt2spk: Mapping[str, str], text: Mapping[str, str], test: set[str]) -> list[str]:
    """Figure 8: the paper's speakers if they are there, else test speakers; a woman and a man if ids say so."""
    by_text: dict[str, list[str]] = {}
    for name in sorted(text, key=lambda name: (not name.endswith(_SHARED), name)):
        if text[name] and name in utt2spk:
            by_text.setdefault(text[name], []).append(name)

    def rank(name: str, sex: str, paper: str) -> tuple:
        speaker = utt2spk[name]
        return speaker != paper, speaker not in test, not speaker.startswith(sex), name

    for names in by_text.values():
        if len({utt2spk[name] for name in names}) > 1:
            first = min(names, key=lambda name: rank(name, "F", _PAIR[0]))
            others = [name for name in names if utt2spk[name] != utt2spk[first]]
            return [first, min(others, key=lambda name: rank(name, "M", _PAIR[1]))]
    return []


def main(argv: list[str] | None = None) -> int:
    parser = KaldiArgumentParser(prog="frame_sets.py", description=__doc__)
    parser.add_argument("data", type=Path, help="with all/ and lists/{train,test}_speakers; the lists go to lists/")
    args = parser.parse_args(argv)
    lists = args.data / "lists"
    data = DataDir(args.data / "all")
    speakers = [(lists / f"{part}_speakers").read_text(encoding="utf-8").split() for part in ("train", "test")]
    both = sorted(set(speakers[0]) & set(speakers[1]))
    if both:
        raise ValueError(f"{lists}: {len(both)} speakers are in training and in test, such as {both[0]}")
    chosen = choose_sets(data.utt2spk, *speakers, data.text or {})
    for name in ("probe_train", "probe_test"):
        if not chosen[name]:
            raise ValueError(
                f"{data.path}: no utterance is left for {name}: training and test need speakers of their "
                "own, and sentences that are not all the same"
            )
    for name, utterances in chosen.items():
        write_text(lists / name, "".join(f"{utterance}\n" for utterance in utterances))
    if chosen["dropped"]:
        print(f"frame_sets: {len(chosen['dropped'])} training utterances have the text of a test utterance: left out",
              file=sys.stderr)  # fmt: skip
    print("frame_sets: " + ", ".join(f"{name} {len(utterances)}" for name, utterances in chosen.items()))
    return 0


if __name__ == "__main__":
    run(main)
