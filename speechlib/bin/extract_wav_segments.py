"""Cut the segments of a data directory out into WAV files (Kaldi's extract_wav_segments_data_dir.sh)."""

import sys
from pathlib import Path

from speechlib.io import datadir_files as files
from speechlib.io.audio import UtteranceAudio, write_bad_list, write_wav
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.datadir_ops import subset_data_dir
from speechlib.io.maps import write_map


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns 1 if too much audio is bad."""
    parser = KaldiArgumentParser(
        prog="extract_wav_segments_data_dir.sh",
        description=__doc__,
        epilog="<destdir> is a data directory without segments, each of whose utterances is a file "
        "<destdir>/wav/<utterance>.wav. Example: utils/data/extract_wav_segments_data_dir.sh data/train data/train_cut",
    )
    parser.add_argument("--channel", type=int, default=None, help="of recordings with several, counted from 0")
    parser.add_argument("--max-bad", type=int, default=0, help="how many utterances may be bad; these are left out")
    parser.add_argument("source", metavar="<srcdir>")
    parser.add_argument("target", metavar="<destdir>")
    args = parser.parse_args(argv)
    source, target = Path(args.source), Path(args.target)
    if "segments" not in files.file_names(source):
        raise ValueError(f"{source} has no segments, its recordings are utterances already; nothing to cut")
    audio = UtteranceAudio(source, channel=args.channel)
    unfit = next((utterance for utterance in audio.keys if "/" in utterance), None)
    if unfit is not None:
        raise ValueError(f"{source}/segments: utterance '{unfit}' has a slash and cannot name a file; rename it")
    (target / "wav").mkdir(parents=True, exist_ok=True)
    paths = {}
    for utterance, samples, rate in audio:
        paths[utterance] = f"{target}/wav/{utterance}.wav"
        write_wav(paths[utterance], samples, rate)
    write_bad_list(target / "log" / "bad.1.tsv", audio.bad)
    if len(audio.bad) > args.max_bad:
        print(
            f"extract_wav_segments: error: {len(audio.bad)} utterances are bad, more than --max-bad {args.max_bad}",
            file=sys.stderr,
        )
        return 1
    subset_data_dir(source, {utterance.encode() for utterance in paths}, target)
    _drop_recordings(target, {utterance.encode() for utterance in paths})
    write_map(target / "wav.scp", paths)
    print(f"extract_wav_segments: cut {len(paths)} of {len(audio)} segments into {target}/wav")
    return 0


def _drop_recordings(target: Path, utterances: set[bytes]) -> None:
    """Remove what is indexed by recording: an alignment's times there count from the recording's beginning."""
    for name in files.file_names(target):
        kind = files.index_of(name)
        if kind == files.RECORDING or name == "segments":
            (target / name).unlink()
        elif kind == files.ALIGNMENT:
            files.write_lines(target / name, files.select(files.read_lines(target / name), utterances, target / name))


if __name__ == "__main__":
    run(main)
