"""LDC's CALLHOME (two-channel calls with transcripts) -> data directories train, dev and eval, and whole recordings."""

import sys
from pathlib import Path

import numpy as np
from audio_files import AudioFiles
from callhome_corpus import Call, find_calls, read_transcript

from local.conversation_dirs import Utterance, clean_utterances, write_conversation_dir, write_raw_dir
from speechlib.io.cli import KaldiArgumentParser, run

_PROGRAM = "prepare_callhome"
_SHARES = {"dev": 0.2, "eval": 0.4}  # of the calls, where the corpus does not say what is training


def _parts(calls: list[Call], seed: int) -> dict[str, str]:
    """The set of each call: the corpus's own, or drawn with the seed where it has none."""
    unknown = [call.name for call in calls if call.part is None]
    if not unknown:
        return {call.name: call.part for call in calls}
    if len(unknown) < len(calls):
        raise ValueError(
            f"{len(unknown)} of {len(calls)} transcripts are in no folder train, devtest or evltest, "
            f"e.g. {unknown[0]}: sort them into these, or none"
        )
    order = np.random.default_rng(seed).permutation(len(calls))
    numbers = {part: max(1, round(share * len(calls))) for part, share in _SHARES.items()}
    parts = ["dev"] * numbers["dev"] + ["eval"] * numbers["eval"]
    parts += ["train"] * (len(calls) - len(parts))
    print(f"{_PROGRAM}: the corpus has no sets: drawn with seed {seed}")
    return {calls[index].name: part for index, part in zip(order, parts, strict=False)}


def _utterances(call: Call, channels: int) -> list[Utterance]:
    if channels > 2:
        raise ValueError(f"{call.audio}: {channels} channels, a call has one or two")
    return [
        Utterance(
            call.name,
            f"{call.name}-{line.speaker}",
            line.start,
            line.end,
            line.channel if channels == 2 else None,
            line.text,
        )
        for line in read_transcript(call.transcript)
    ]


def _uem(utterances: list[Utterance]) -> list[str]:
    """The transcribed part of each call, which is some minutes of it: outside nobody knows who speaks."""
    spans: dict[str, tuple[float, float]] = {}
    for utterance in utterances:
        start, end = spans.get(utterance.recording, (utterance.start, utterance.end))
        spans[utterance.recording] = min(start, utterance.start), max(end, utterance.end)
    return [f"{name} 1 {start:.3f} {end:.3f}" for name, (start, end) in spans.items()]


def main(argv: list[str] | None = None) -> int:
    parser = KaldiArgumentParser(prog="prepare_callhome.py", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of the sets, where the corpus has none")
    parser.add_argument("--max-bad", type=int, default=0, help="so many bad recordings and utterances are left out")
    parser.add_argument("corpus", type=Path, help="the folder with LDC's speech and transcripts")
    parser.add_argument("out", type=Path, help="train/, dev/, eval/, dev_raw/ and eval_raw/ are written there")
    args = parser.parse_args(argv)

    calls = find_calls(args.corpus)
    part_of = _parts(calls, args.seed)
    files = AudioFiles()
    for call in calls:
        files.add(call.name, call.audio)
    recordings = files.recordings()
    utterances: list[Utterance] = []
    for call in calls:
        if call.name in recordings:
            utterances += _utterances(call, files.info[call.name].channels)
    utterances = clean_utterances(_PROGRAM, recordings, utterances, files.bad)
    files.finish(_PROGRAM, args.max_bad, args.out)
    for part in ("train", "dev", "eval"):
        names = {name for name in recordings if part_of[name] == part}
        chosen = [utterance for utterance in utterances if utterance.recording in names]
        if not chosen:
            print(f"{_PROGRAM}: warning: the corpus has no {part} set", file=sys.stderr)
            continue
        print(f"{_PROGRAM}: {part}: {write_conversation_dir(_PROGRAM, args.out / part, recordings, chosen)}")
        if part != "train":
            raw = args.out / f"{part}_raw"
            spoken = sorted({utterance.recording for utterance in chosen})
            write_raw_dir(raw, files.mixed(spoken, raw / "wav"), chosen, _uem(chosen))
    return 0


if __name__ == "__main__":
    run(main)
