"""Compute MFCC, filterbank or spectrogram features of a data directory (Kaldi's compute-{mfcc,fbank}-feats)."""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import logging
import math
import os
import sys
import time
import typing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from speechlib.features.build import OPTIONS, build_extractor, frame_shift
from speechlib.io.atomic import write_text
from speechlib.io.audio import BadAudio, UtteranceAudio, write_bad_list
from speechlib.io.block_table import BlockTableWriter
from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.kaldi_conf import build_options, read_options
from speechlib.io.maps import read_map
from speechlib.io.specifiers import split_offset
from speechlib.io.stamps import Stamp

_log = logging.getLogger("compute_feats")

PIECE_SAMPLES = 1 << 22  # recordings up to this length are processed in one piece
REPORT_SECONDS = 60.0


@dataclass(frozen=True)
class CommandOptions:
    """What Kaldi's programs take beside the options of the features; a config file may hold them, too."""

    vtln_warp: float = 1.0
    subtract_mean: bool = False
    channel: int = -1
    min_duration: float = 0.0
    seed: int = 0


_HELP = {
    "vtln_warp": "constant VTLN warp factor",
    "subtract_mean": "subtract the mean of each utterance",
    "channel": "channel of recordings with several, from 0; -1: they are bad",
    "min_duration": "seconds; shorter utterances are skipped",
    "seed": "of the dither noise",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 1 if nothing could be computed, or if there were bad utterances and no list for them."""
    parser = _make_parser()
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s (%(name)s) %(message)s", stream=sys.stderr)
    options, command = _read_options(args)
    if args.write_options:
        import yaml

        text = yaml.safe_dump({"type": args.type, **dataclasses.asdict(options)}, sort_keys=False)
        write_text(args.write_options, text)
    if args.print_frame_shift:
        print(f"{frame_shift(options):g}")
        return 0
    if args.data_dir is None or args.wspecifier is None:
        parser.error("expected <data-dir> <wspecifier>")
    stamp = _stamp_of(args, options, command) if args.stamp else None
    if stamp and stamp.is_complete():
        _log.info("complete already: %s", args.wspecifier)
        return 0
    if stamp:
        stamp.begin()
    job = _Job(args, options, command)
    status = job.run()
    # A command that failed may work the next time; all other causes show in the inputs.
    if stamp and status == 0 and not any(reason == "command-failed" for _, reason, _ in job.bad):
        stamp.finish()
    return status


def _make_parser() -> KaldiArgumentParser:
    parser = KaldiArgumentParser(
        prog="compute_feats",
        description=__doc__ + "\n\nThe options of the features are Kaldi's, in --config or on the command line.",
    )
    parser.add_argument("--type", choices=sorted(OPTIONS), required=True, help="kind of features")
    parser.add_argument("--config", metavar="FILE", help="options as `--name=value` lines or YAML")
    parser.add_argument("--compress", type=kaldi_bool, default=False, metavar="true|false", help="Kaldi's lossy format")
    parser.add_argument("--device", default="cpu", help="cpu, or cuda for a GPU")
    parser.add_argument("--write-num-frames", metavar="FILE", help="write utt2num_frames")
    parser.add_argument("--write-utt2dur", metavar="FILE", help="write durations in seconds")
    parser.add_argument("--bad", metavar="FILE", help="list bad utterances there instead of failing for them")
    parser.add_argument("--stamp", metavar="FILE", help="do nothing if this says that all is done already")
    parser.add_argument("--write-options", metavar="FILE", help="write the kind and all its options, as YAML")
    parser.add_argument("--print-frame-shift", action="store_true", help="check the options, print it, and stop")
    parser.add_argument("data_dir", nargs="?", metavar="data-dir", help="with wav.scp and perhaps segments")
    parser.add_argument("wspecifier", nargs="?", help="where the features go, such as ark,scp:feats.ark,feats.scp")
    group = parser.add_argument_group("options of the features and of Kaldi's commands")
    kinds: dict[str, list[str]] = {}
    for kind, dataclass_type in [*OPTIONS.items(), ("all", CommandOptions)]:
        for item in dataclasses.fields(dataclass_type):
            kinds.setdefault(item.name, []).append(kind)
    for name, used in kinds.items():
        boolean = typing.get_type_hints(CommandOptions if used == ["all"] else OPTIONS[used[0]])[name] is bool
        group.add_argument(
            "--" + name.replace("_", "-"),
            dest="option_" + name,
            type=kaldi_bool if boolean else str,
            default=argparse.SUPPRESS,
            metavar="true|false" if boolean else "X",
            help=_HELP.get(name, f"({', '.join(used)})"),
        )
    return parser


def _read_options(args: argparse.Namespace) -> tuple[typing.Any, CommandOptions]:
    """The options of the features and of the command: defaults, then the config file, then the command line."""
    dataclass_type = OPTIONS[args.type]
    config = dict(read_options(args.config)) if args.config else {}
    typed = {name[len("option_") :]: value for name, value in vars(args).items() if name.startswith("option_")}
    if config.get("log_base") == "e":
        config["log_base"] = math.e
    if typed.get("log_base") == "e":
        typed["log_base"] = math.e
    ours = {item.name for item in dataclasses.fields(CommandOptions)}
    # The file is checked by itself first, so that an error names where it is.
    build_options(dataclass_type, {name: config[name] for name in config if name not in ours}, args.config)
    build_options(CommandOptions, {name: config[name] for name in config if name in ours}, args.config)
    both = config | typed
    return (
        build_options(dataclass_type, {name: both[name] for name in both if name not in ours}, "command line"),
        build_options(CommandOptions, {name: both[name] for name in both if name in ours}, "command line"),
    )


def _stamp_of(args: argparse.Namespace, options: typing.Any, command: CommandOptions) -> Stamp:
    inputs = [path for name in ("wav.scp", "segments") if (path := Path(args.data_dir) / name).is_file()]
    recordings = sorted({split_offset(entry)[0] for entry in read_map(Path(args.data_dir) / "wav.scp").values()})
    decisive = {"type": args.type, "compress": args.compress, "device": args.device, "wspecifier": args.wspecifier}
    outputs = [path for path in args.wspecifier.partition(":")[2].split(",") if path]
    outputs += [path for path in (args.write_num_frames, args.write_utt2dur, args.bad) if path]
    # A recording that was mended or written anew is known by its size and date.
    decisive["recordings"] = str([_file_state(path) for path in recordings])
    decisive |= dataclasses.asdict(options) | dataclasses.asdict(command)
    return Stamp(args.stamp, inputs, decisive, outputs)


def _file_state(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except (OSError, ValueError):  # not there, or a command
        return None
    return status.st_size, status.st_mtime_ns


@dataclass
class _Source:
    """An utterance's audio: its pieces one after the other; `whole` if there is but one."""

    key: str
    rate: int
    pieces: Iterator[np.ndarray]
    whole: bool


@dataclass
class _Job:
    """One run over a data directory."""

    args: argparse.Namespace
    options: typing.Any
    command: CommandOptions
    bad: list[tuple[str, str, str]] = field(default_factory=list)

    def run(self) -> int:
        args = self.args
        _check_device(args.device)
        self.extractor = build_extractor(
            self.options, vtln_warp=self.command.vtln_warp, seed=self.command.seed, device=args.device
        )
        self.resamplers: dict[int, typing.Any] = {}
        self.num_frames: dict[str, int] = {}
        self.durations: dict[str, float] = {}
        self.skipped = 0
        wall, cpu = time.monotonic(), time.process_time()
        reported = wall
        with BlockTableWriter(args.wspecifier, True if args.compress else None) as writer:
            for done, source in enumerate(self._sources()):
                try:
                    self._compute(source, writer)
                except BadAudio as error:
                    self._note_bad(source.key, error)
                if time.monotonic() - reported >= REPORT_SECONDS:
                    reported = time.monotonic()
                    _log.info("%d of %d utterances, %s", done + 1, self.total, self._speed(reported - wall))
        if args.write_num_frames:
            _write_map(args.write_num_frames, {key: str(frames) for key, frames in self.num_frames.items()})
        if args.write_utt2dur:  # Kaldi's 7 digits of a float
            _write_map(args.write_utt2dur, {key: f"{np.float32(d):.7g}" for key, d in self.durations.items()})
        if args.bad:
            write_bad_list(args.bad, sorted(self.bad))
        _log.info(
            "done %d of %d utterances (%d bad, %d skipped), %s, %.1f CPU s",
            len(self.num_frames),
            self.total,
            len(self.bad),
            self.skipped,
            self._speed(time.monotonic() - wall),
            time.process_time() - cpu,
        )
        if args.bad:
            return 0
        return 1 if self.bad or (self.total and not self.num_frames) else 0

    def _speed(self, seconds: float) -> str:
        audio = sum(self.durations.values())
        return f"{audio:.0f} s of audio in {seconds:.1f} s ({audio / max(seconds, 1e-9):.0f} x real time)"

    def _note_bad(self, key: str, error: BadAudio) -> None:
        _log.warning("utterance %s is bad (%s): %s", key, error.reason, error)
        self.bad.append((key, error.reason, str(error)))

    def _sources(self) -> Iterator[_Source]:
        """The utterances in order, the long ones in pieces."""
        audio = UtteranceAudio(self.args.data_dir, channel=None if self.command.channel < 0 else self.command.channel)
        self.total = len(audio)
        for key, pieces, rate in audio.stream(PIECE_SAMPLES):
            try:
                first = next(pieces)
            except BadAudio as error:
                self._note_bad(key, error)
                continue
            if len(first) < PIECE_SAMPLES:
                yield _Source(key, rate, iter([first]), True)
            else:
                yield _Source(key, rate, itertools.chain([first], pieces), False)
        self.bad += audio.bad
        self.skipped += len(audio.skipped)

    def _compute(self, source: _Source, writer: BlockTableWriter) -> None:
        key, extractor = source.key, self.extractor
        lengths: list[int] = []
        pieces = self._at_the_rate(source, lengths)
        if source.whole:
            pieces = list(pieces)
            duration = sum(lengths) / source.rate
            if duration < self.command.min_duration:
                _log.warning("utterance %s is skipped: %.3g s are less than --min-duration", key, duration)
                self.skipped += 1
                return
            samples = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
            matrix = extractor.compute(samples, key).cpu().numpy()
            if len(matrix) == 0:
                _log.warning("utterance %s of %.3g s is too short for a frame: its matrix is empty", key, duration)
            if self.command.subtract_mean and len(matrix):
                size = extractor.block_frames
                total = sum(matrix[i : i + size].sum(axis=0, dtype=np.float64) for i in range(0, len(matrix), size))
                matrix = matrix - (total / len(matrix)).astype(np.float32)
            writer.write(key, matrix)
            frames = len(matrix)
        else:
            blocks = (block.cpu().numpy() for block in extractor.stream(pieces, key))
            frames = writer.write_blocks(key, blocks, subtract_mean=self.command.subtract_mean)
        self.num_frames[key] = frames
        self.durations[key] = sum(lengths) / source.rate

    def _at_the_rate(self, source: _Source, lengths: list[int]) -> Iterator[np.ndarray]:
        """The pieces at the features' sampling rate; the lengths of the original ones are noted."""
        counted = _counted(source.pieces, lengths)
        wanted = self.options.sample_frequency
        if source.rate == wanted:
            return counted
        verb = "downsample" if source.rate > wanted else "upsample"
        if not getattr(self.options, f"allow_{verb}", False):
            raise BadAudio(
                "wrong-rate",
                source.key,
                f"{source.rate} Hz where {wanted:g} Hz are expected",
                f"resample it, set --sample-frequency, or let it be resampled with --allow-{verb}=true (mfcc, fbank)",
            )
        if source.rate not in self.resamplers:
            from speechlib.features.resample import Resampler

            self.resamplers[source.rate] = Resampler(source.rate, int(wanted))
        return self.resamplers[source.rate].stream(counted)


def _counted(pieces: Iterator[np.ndarray], lengths: list[int]) -> Iterator[np.ndarray]:
    for piece in pieces:
        lengths.append(len(piece))
        yield piece


def _write_map(name: str, values: dict[str, str]) -> None:
    """Write a text file; its name may be given as `ark,t:FILE`, as Kaldi's options want it."""
    write_text(name.removeprefix("ark,t:"), "".join(f"{key} {value}\n" for key, value in values.items()))


def _check_device(device: str) -> None:
    import torch

    if torch.device(device).type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"--device {device}: there is no GPU that torch can use; --device cpu computes the same")


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    run(main)
