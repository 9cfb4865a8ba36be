"""Folds of a data directory: which utterances train and which test, one fold a speaker or the notebook's five sessions.

loso leaves one speaker out at a time. notebook shuffles the utterances and cuts them into five sessions of as many
utterances, the last with what is left over (604 utterances: 120, 120, 120, 120, 124); speakers are then on both sides
of a fold, and folds.json says so. A fold's folder gets the lists `train` and `test`; `folds` names the folds.
"""

import hashlib
import random
from collections.abc import Mapping
from pathlib import Path

from speechlib.io.atomic import write_json, write_text
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.datadir import DataDir

SESSIONS = 5


def notebook_sessions(utterances: list[str], seed: int) -> dict[str, list[str]]:
    """Test utterances by session; the notebook's rule is (count // 120) % 6 + 1 with the sixth counted to the fifth.

    Raises:
        ValueError: fewer utterances than sessions.
    """
    size = len(utterances) // SESSIONS
    if not size:
        raise ValueError(f"{len(utterances)} utterances are too few for {SESSIONS} sessions")
    shuffled = sorted(utterances)
    random.Random(seed).shuffle(shuffled)
    sessions: dict[str, list[str]] = {f"session{number}": [] for number in range(1, SESSIONS + 1)}
    for count, utterance in enumerate(shuffled):
        sessions[f"session{min(count // size, SESSIONS - 1) + 1}"].append(utterance)
    return sessions


def speaker_folds(utt2spk: Mapping[str, str]) -> dict[str, list[str]]:
    """Test utterances by speaker.

    Raises:
        ValueError: fewer than two speakers.
    """
    folds: dict[str, list[str]] = {speaker: [] for speaker in sorted(set(utt2spk.values()))}
    if len(folds) < 2:
        raise ValueError(f"leaving one speaker out needs two speakers, found {len(folds)}: {', '.join(folds)}")
    for utterance, speaker in utt2spk.items():
        folds[speaker].append(utterance)
    return folds


def main(argv: list[str] | None = None) -> int:
    parser = KaldiArgumentParser(
        prog="make_folds.py", description=__doc__, epilog="e.g.: local/make_folds.py data/emodb data/emodb/loso"
    )
    parser.add_argument("--protocol", choices=("loso", "notebook"), default="loso", help="how to cut")
    parser.add_argument("--seed", type=int, default=1, help="of the notebook's shuffling")
    parser.add_argument("data_dir", metavar="<data-dir>", help="with utt2spk")
    parser.add_argument("out_dir", metavar="<out-dir>", type=Path, help="folder for the folds")
    args = parser.parse_args(argv)

    utt2spk = DataDir(args.data_dir).utt2spk
    try:
        if args.protocol == "loso":
            tests = speaker_folds(utt2spk)
        else:
            tests = notebook_sessions(list(utt2spk), args.seed)
    except ValueError as error:
        raise ValueError(f"{args.data_dir}: {error}") from None
    digest, folds, shared = hashlib.sha256(), [], False
    for name, members in tests.items():
        lists = {"train": sorted(set(utt2spk) - set(members)), "test": sorted(members)}
        (args.out_dir / name).mkdir(parents=True, exist_ok=True)
        for kind, utterances in lists.items():
            text = "".join(f"{utterance}\n" for utterance in utterances)
            write_text(args.out_dir / name / kind, text)
            digest.update(f"{name} {kind}\n{text}".encode())
        speakers = {kind: {utt2spk[utterance] for utterance in utterances} for kind, utterances in lists.items()}
        shared |= bool(speakers["train"] & speakers["test"])
        folds.append({"name": name, **{kind: len(utterances) for kind, utterances in lists.items()}})
    write_text(args.out_dir / "folds", "".join(f"{name}\n" for name in tests))
    write_json(args.out_dir / "folds.json", {
        "protocol": args.protocol, "seed": args.seed if args.protocol == "notebook" else None,
        "speakers_shared": shared, "sha256": digest.hexdigest(), "folds": folds,
    })  # fmt: skip
    note = "SPEAKERS ARE SHARED between training and test" if shared else "no speaker on both sides"
    print(f"make_folds: {args.protocol}, {len(tests)} folds of {len(utt2spk)} utterances, {note}")
    return 0


if __name__ == "__main__":
    run(main)
