"""Recordings whose speakers' turns are known (RTTM, .segments; NIST SRE 2000's disk 8) -> eval, and dev by request."""

import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
from audio_files import AudioFiles

from local.conversation_dirs import Utterance, clean_utterances, write_conversation_dir, write_raw_dir
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.rttm import read_rttm, read_seconds, words_of_lines
from speechlib.io.uem import read_uem

_PROGRAM = "prepare_recordings"
_AUDIO = (".wav", ".flac", ".sph", ".ogg", ".opus", ".mp3")


def _files(corpus: Path, *suffixes: str) -> list[Path]:
    return [
        path
        for path in sorted(corpus.rglob("*"))
        if path.suffix.lower() in suffixes and not path.name.startswith("._") and path.is_file()
    ]


def _audio(corpus: Path, wanted: set[str]) -> dict[str, Path]:
    """Audio files by name. Of several of one name that is taken which lies among most of the others.

    Raises:
        ValueError: several of one name in folders of which none has more.
    """
    candidates: dict[str, list[Path]] = {}
    for path in _files(corpus, *_AUDIO):
        if path.stem in wanted:
            candidates.setdefault(path.stem, []).append(path)
    company = Counter(path.parent for paths in candidates.values() for path in paths)
    chosen = {}
    for name, paths in candidates.items():
        paths.sort(key=lambda path: -company[path.parent])
        if len(paths) > 1:
            if company[paths[0].parent] == company[paths[1].parent]:
                raise ValueError(f"{paths[0]}: {paths[1]} has the same name: keep one of them")
            print(f"{_PROGRAM}: warning: {name}: {paths[0]} is taken, not {paths[1]}", file=sys.stderr)
        chosen[name] = paths[0].absolute()
    return chosen


def read_segments(path: Path) -> list[Utterance]:
    """pyAudioAnalysis's `<start> <end> <speaker>` lines about the recording of the same name.

    Its speakers are those of this recording alone.

    Raises:
        ValueError: another number of columns, or times that are no numbers; with file:line.
    """
    turns = []
    for place, words in words_of_lines(path):
        if len(words) != 3:
            raise ValueError(f"{place}: {len(words)} columns; expected `<start> <end> <speaker>`")
        start, end = read_seconds(words[0], place, "start"), read_seconds(words[1], place, "end")
        turns.append(Utterance(path.stem, f"{path.stem}-{words[2]}", start, end))
    return turns


def _turns(rttm: list[Path], segments: list[Path], local_speakers: bool) -> list[Utterance]:
    turns = [turn for path in segments for turn in read_segments(path)]
    seen: dict[str, Path] = {}
    for path in rttm:
        for name, spoken in read_rttm(path).items():
            other = seen.setdefault(name, path)
            if other != path:
                raise ValueError(f"{path}: recording {name} is in {other}, too: keep one of them, or --rttm FILE")
            for turn in spoken:
                speaker = f"{name}-{turn.speaker}" if local_speakers else turn.speaker
                turns.append(Utterance(name, speaker, turn.start, round(turn.start + turn.duration, 6)))
    return turns


def _dev_names(speakers: dict[str, set[str]], number: int, seed: int) -> set[str]:
    """Recordings for dev, drawn from those of `speakers`: what shares a speaker, even by way of others, stays together.

    Raises:
        ValueError: none would be left for eval, or none can be dev.
    """
    if not 0 <= number < len(speakers):
        raise ValueError(f"--num-dev {number}: of {len(speakers)} recordings at least one must remain for eval")
    groups: list[tuple[list[str], set[str]]] = []
    for name, own in speakers.items():
        others = [group for group in groups if group[1] & own]
        groups = [group for group in groups if group not in others]
        groups.append((sorted(sum((group[0] for group in others), [name])), own.union(*(group[1] for group in others))))
    groups.sort()
    chosen: list[str] = []
    for index in np.random.default_rng(seed).permutation(len(groups)):
        if len(chosen) + len(groups[index][0]) <= number:
            chosen += groups[index][0]
    if len(chosen) < number:
        message = f"--num-dev {number}: recordings that share speakers stay together: {len(chosen)} are dev"
        if not chosen:
            raise ValueError(f"{message}; ask for as many as the smallest such group has, {min(map(_size, groups))}")
        print(f"{_PROGRAM}: warning: {message}", file=sys.stderr)
    return set(chosen)


def _size(group: tuple[list[str], set[str]]) -> int:
    return len(group[0])


def main(argv: list[str] | None = None) -> int:
    parser = KaldiArgumentParser(prog="prepare_recordings.py", description=__doc__)
    parser.add_argument("--layout", choices=("recordings", "disk8"), default="recordings")
    parser.add_argument(
        "--rttm", type=Path, help="the reference (default: every .rttm, .segments; disk8: fullref.rttm)"
    )
    parser.add_argument("--num-dev", default="", help="recordings drawn for dev (default: none; disk8: half of them)")
    parser.add_argument("--seed", type=int, default=0, help="of that draw")
    parser.add_argument("--max-bad", type=int, default=0, help="so many bad recordings and utterances are left out")
    parser.add_argument("corpus", type=Path, help="the folder with recordings and their reference")
    parser.add_argument("out", type=Path, help="eval/, eval_raw/ (and dev/, dev_raw/) are written there")
    args = parser.parse_args(argv)

    if args.num_dev and not args.num_dev.isdecimal():
        parser.error(f"--num-dev {args.num_dev}: expected a whole number")

    is_disk8 = args.layout == "disk8"
    rttm, segments = _files(args.corpus, ".rttm"), _files(args.corpus, ".segments")
    if args.rttm:
        rttm, segments = [args.rttm], []
    elif is_disk8:
        rttm, segments = [path for path in rttm if path.name == "fullref.rttm"], []
    if not rttm and not segments:
        kind = "fullref.rttm (it comes in sre2000-key, not on the disk)" if is_disk8 else ".rttm or .segments"
        raise FileNotFoundError(f"{args.corpus}: no {kind} below it: who speaks when is not known")
    turns = _turns(rttm, segments, local_speakers=is_disk8)
    uem = {name: spans for path in _files(args.corpus, ".uem") for name, spans in read_uem(path).items()}

    if not turns:
        raise ValueError(f"{(rttm + segments)[0]}: no turn of any speaker in it, nor in others like it: fetch it again")

    wanted = {turn.recording for turn in turns} | set(uem)
    audio = _audio(args.corpus, wanted)
    files = AudioFiles()
    for name in sorted(wanted):
        if name in audio:
            files.add(name, audio[name])
        else:
            files.bad.append((name, "missing", f"{args.corpus}: no audio file {name}.* below it; fetch it"))
    recordings = files.recordings()
    if uem:  # whatever no UEM names would not be scored
        uem = {name: uem.get(name, [(0.0, recording.seconds)]) for name, recording in recordings.items()}
    turns = [turn for turn in turns if turn.recording in recordings]
    turns = clean_utterances(_PROGRAM, recordings, turns, files.bad)
    files.finish(_PROGRAM, args.max_bad, args.out)

    names = sorted(recordings)
    number = int(args.num_dev) if args.num_dev else len(names) // 2 if is_disk8 else 0
    speakers: dict[str, set[str]] = {name: set() for name in names}
    for turn in turns:
        speakers[turn.recording].add(turn.speaker)
    dev = _dev_names(speakers, number, args.seed)
    for part, chosen in (("dev", sorted(dev)), ("eval", [name for name in names if name not in dev])):
        if not chosen:
            continue
        raw = args.out / f"{part}_raw"
        mixed = files.mixed(chosen, raw / "wav")
        # the turns are those of all channels: utterances are cut from the mixture, too
        own = {name: replace(recording, entry=recording.mono) for name, recording in mixed.items()}
        spoken = [turn for turn in turns if turn.recording in own]
        print(f"{_PROGRAM}: {part}: {write_conversation_dir(_PROGRAM, args.out / part, own, spoken)}")
        lines = [f"{name} 1 {start:.3f} {end:.3f}" for name in chosen for start, end in uem.get(name, ())]
        write_raw_dir(raw, own, spoken, lines)
    return 0


if __name__ == "__main__":
    run(main)
