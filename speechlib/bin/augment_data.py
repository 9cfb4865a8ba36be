"""Make the augmented copies of one job's part of a plan (see plan_augmentation) and write them as waveforms."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from speechlib.augment.clips import is_silent
from speechlib.augment.mixing import Copy, Sounds, make_copy
from speechlib.augment.options import AugmentOptions
from speechlib.augment.speed import change_speed, resample
from speechlib.augment.written import reached_snrs, to_int16
from speechlib.io.atomic import write_text
from speechlib.io.audio import UtteranceAudio, write_bad_list
from speechlib.io.augmented_dirs import PlannedCopy, read_plan
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.clip_lists import ClipEntry, read_clips
from speechlib.io.datadir import DataDir
from speechlib.io.kaldi_conf import build_options
from speechlib.io.maps import read_map, write_map
from speechlib.io.other_speakers import OtherSpeakers
from speechlib.io.sound_clips import AudioCache, open_noises, open_responses
from speechlib.io.specifiers import parse_wspecifier, split_offset
from speechlib.io.stamps import Stamp
from speechlib.io.tables import TableWriter, open_table
from speechlib.io.wav_writer import wav_bytes

_log = logging.getLogger("augment_data")

TOLERANCE = 0.1  # dB


def main(argv: Sequence[str] | None = None) -> int:
    """Run one job."""
    parser = KaldiArgumentParser(prog="augment_data", description=__doc__)
    parser.add_argument("--stamp", metavar="FILE", help="do nothing if this says that all is done already")
    parser.add_argument("--channel", type=int, default=None, help="of recordings with several, counted from 0")
    parser.add_argument("data_dir", metavar="<data-dir>", help="the clean utterances")
    parser.add_argument("plan_dir", metavar="<plan-dir>", help="that plan_augmentation wrote")
    parser.add_argument("job", metavar="<job>", type=int, help="from 1; what is made is logged beside its part")
    parser.add_argument("wspecifier", help="ark,scp:FILE,FILE")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s (%(name)s) %(message)s", stream=sys.stderr)
    plan_dir, job = Path(args.plan_dir), args.job
    names = ("made", "utt2dur", "bad")
    made, durations, bad = (plan_dir / f"{name}.{job}.txt" for name in names)
    stamp = _stamp(args, (made, durations, bad)) if args.stamp else None
    if stamp and stamp.is_complete():
        _log.info("complete already: %s", args.wspecifier)
        return 0
    if stamp:
        stamp.begin()
    worker = _Worker(Path(args.data_dir), plan_dir, args.channel)
    with open_table(args.wspecifier) as writer:
        worker.run(read_plan(plan_dir / f"plan.{job}.txt"), writer)
    write_text(made, "".join("\t".join(row) + "\n" for row in worker.rows))
    write_map(durations, worker.durations)
    write_bad_list(bad, worker.bad)
    if stamp and not any(reason == "command-failed" for _, reason, _ in worker.bad):
        stamp.finish()
    return 0


def _stamp(args, written: Sequence[Path]) -> Stamp:
    """What decides the job's output (the plan, the sounds, the recordings' state), and what it writes."""
    plan = Path(args.plan_dir)
    target = parse_wspecifier(args.wspecifier)
    inputs = [plan / f"plan.{args.job}.txt", plan / "options.json", plan / "clips.tsv"]
    inputs += [path for name in ("wav.scp", "segments") if (path := Path(args.data_dir) / name).is_file()]
    paths = {split_offset(entry)[0] for entry in read_map(Path(args.data_dir) / "wav.scp").values()}
    paths |= {clip.path for clip in read_clips(plan / "clips.tsv")}
    states = [(p, os.path.getsize(p), os.stat(p).st_mtime_ns) for p in sorted(paths) if os.path.exists(p)]
    digest = hashlib.sha256(repr(states).encode()).hexdigest()
    outputs = [target.ark, target.scp, *written]
    return Stamp(args.stamp, inputs, {"channel": args.channel, "audio": digest}, outputs)


class _Worker:
    """Makes copies; `rows` says how, `durations` how long they are, `bad` which utterances are of no use."""

    def __init__(self, data_dir: Path, plan_dir: Path, channel: int | None) -> None:
        self._data = DataDir(data_dir)
        self._channel = channel
        options: dict[str, Any] = json.loads((plan_dir / "options.json").read_text())
        self._seed = options.pop("seed")
        self._options = build_options(AugmentOptions, options, plan_dir / "options.json")
        self._clips: list[ClipEntry] = read_clips(plan_dir / "clips.tsv")
        self._sounds: dict[int, Sounds] = {}
        self._cache = AudioCache()
        self.rows: list[list[str]] = []
        self.durations: dict[str, str] = {}
        self.bad: list[tuple[str, str, str]] = []
        self._counts: Counter[str] = Counter()
        self._worst = 0.0

    def run(self, copies: Sequence[PlannedCopy], writer: TableWriter) -> None:
        """Make the copies, which are sorted by source."""
        by_source: dict[str, list[PlannedCopy]] = {}
        for copy in copies:
            by_source.setdefault(copy.source, []).append(copy)
        audio = UtteranceAudio(self._data.path, by_source, channel=self._channel)
        for source, samples, rate in audio:
            if is_silent(samples):
                _log.warning("utterance %s is digital silence: it gets no copies", source)
                self._counts["silent"] += 1
                continue
            for copy in by_source[source]:
                written = self._make(copy, samples, rate)
                writer.write_pieces(copy.utterance, [wav_bytes(written, rate)])
                self.durations[copy.utterance] = f"{len(written) / rate:.7g}"
        self.bad = audio.bad
        self._report(len(audio.skipped))

    def _make(self, planned: PlannedCopy, samples: np.ndarray, rate: int) -> np.ndarray:
        if planned.speed is not None:
            changed = change_speed(samples, planned.speed)
            copy = Copy(changed, changed, 1.0, (), 1.0, "", ())
        else:
            copy = make_copy(
                samples, planned.kind, self._sounds_at(rate), self._options, self._rng(planned), rate, planned.source
            )
        written, factor = to_int16(copy)
        reached = reached_snrs(written, copy)
        self._counts["scaled down"] += factor < 1
        self._counts["scaled up"] += factor > 1
        for name in copy.silent:
            _log.warning("%s: passed over %s, which is silent where it was drawn", planned.utterance, name)
            self._counts["silent clips"] += 1
        head = [planned.utterance, planned.source, planned.kind, copy.room or "-"]
        gain = f"{copy.gain * factor:.7g}"
        for part, snr in zip(copy.parts, reached, strict=True):
            self._worst = max(self._worst, abs(snr - part.snr))
            if not abs(snr - part.snr) <= TOLERANCE:
                _log.warning("%s: an SNR of %.2f dB where %g dB were asked for", planned.utterance, snr, part.snr)
                self._counts["missed"] += 1
            times = [f"{sample / rate:.7g}" for sample in (part.start, part.start + len(part.samples))]
            self.rows.append(
                [*head, part.name, str(part.channel), *times, f"{part.snr:g}", f"{round(snr, 3) + 0.0:.3f}", gain]
            )
        if not copy.parts:
            self.rows.append([*head, *["-"] * 6, gain])
        return written

    def _rng(self, planned: PlannedCopy) -> np.random.Generator:
        # by name: a copy is the same whichever job makes it, and whatever else is made
        digest = hashlib.sha256(planned.utterance.encode()).digest()
        return np.random.default_rng([self._seed, *np.frombuffer(digest[:16], "<u4").tolist()])

    def _sounds_at(self, rate: int) -> Sounds:
        if rate not in self._sounds:
            noises = open_noises(self._clips, rate, resample, self._cache)
            responses = open_responses(self._clips, rate, resample, self._cache)
            others = OtherSpeakers(self._data, rate, resample, self._cache, self._channel)
            self._sounds[rate] = Sounds(noises, responses, others.draw)
        return self._sounds[rate]

    def _report(self, num_skipped: int) -> None:
        counts = self._counts
        _log.info(
            "%d copies; %d utterances silent, %d bad, %d skipped; mixes scaled down to fit 16 bits: %d, up to be above "
            "the rounding: %d; draws of silent clips: %d; SNRs off by %.3f dB at most, by more than %g dB: %d",
            len(self.durations),
            counts["silent"],
            len(self.bad),
            num_skipped,
            counts["scaled down"],
            counts["scaled up"],
            counts["silent clips"],
            self._worst,
            TOLERANCE,
            counts["missed"],
        )


if __name__ == "__main__":
    run(main)
