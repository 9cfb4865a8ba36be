"""Augmentation of training crops: CPU milliseconds a crop and kind, on one thread, and of augmented data directories.

Crops of 2 s at 16 kHz, sounds in memory or files in the page cache. Reverberation stands beside scipy's fftconvolve
with the whole response. The data directory is made by the command that a job runs, WAV files read and archives written.

    python benchmarks/augmentation.py [--noise DIR --rirs DIR] [--crops 300] [--seconds 600] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from speechlib.augment.online import Augmenter  # noqa: E402
from speechlib.augment.options import KINDS, AugmentOptions  # noqa: E402
from speechlib.augment.speed import change_speed, resample  # noqa: E402
from speechlib.io.clip_lists import list_clips  # noqa: E402
from speechlib.io.sound_clips import AudioCache, open_noises, open_responses  # noqa: E402
from speechlib.io.wav_writer import write_wav  # noqa: E402

RATE, CROP = 16000, 32000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--noise", help="folder of noise and music (default: synthetic ones)")
    parser.add_argument("--rirs", help="folder of room responses (default: synthetic ones)")
    parser.add_argument("--crops", type=int, default=300, help="crops of each kind (default: 300)")
    parser.add_argument("--seconds", type=int, default=600, help="audio of the data directory (default: 600)")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not (args.noise and args.rirs):
            subprocess.run([sys.executable, ROOT / "local/make_demo_noise.py", folder / "made"], check=True)
        noise, rirs = args.noise or folder / "made/musan", args.rirs or folder / "made/RIRS_NOISES"
        figures = crops(noise, rirs, args.crops) | directory(folder, noise, rirs, args.seconds)
    for what, value in figures.items():
        print(f"{what:<48} {value:8.3f}")
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1) + "\n")


def cpu_ms(function: Callable[[], object], count: int) -> float:
    """CPU milliseconds a call, the first left out."""
    function()
    begin = time.process_time()
    for _ in range(count):
        function()
    return (time.process_time() - begin) / count * 1000


def crops(noise: str | Path, rirs: str | Path, count: int) -> dict[str, float]:
    """Milliseconds a crop of each kind."""
    from scipy.signal import fftconvolve

    cache, rng = AudioCache(), np.random.default_rng(0)
    noises = open_noises(list_clips(noise), RATE, resample, cache)
    responses = open_responses(list_clips(rirs, "rir"), RATE, resample, cache)
    talk = noises.get("speech") or [clip for clips in noises.values() for clip in clips]
    crop = rng.normal(0, 1000, CROP).astype(np.float32)
    figures = {}
    for kind in (*KINDS, "reverb+noise"):
        if kind == "music" and not noises.get("music"):
            continue
        options = AugmentOptions(kinds=(kind,), probability=1.0)
        augmenter = Augmenter(noises, responses, options, RATE, lambda rng, speaker: talk[int(rng.integers(len(talk)))])
        figures[f"{kind}, ms a crop"] = cpu_ms(lambda augmenter=augmenter: augmenter(crop, rng), count)
    figures["speed 0.9, ms a crop"] = cpu_ms(lambda: change_speed(crop, 0.9), count)
    rooms = [clip for clips in responses.values() for clip in clips]

    def plain() -> None:
        clip = rooms[int(rng.integers(len(rooms)))]
        fftconvolve(crop, clip.read(0, clip.num_samples, 0))

    figures["scipy.signal.fftconvolve alone, ms a crop"] = cpu_ms(plain, count)
    return figures


def directory(folder: Path, noise: str | Path, rirs: str | Path, seconds: int) -> dict[str, float]:
    """Seconds of augmented audio made in a CPU second by plan and job, start of Python included."""
    rng = np.random.default_rng(0)
    data = folder / "data"
    data.mkdir()
    names = [f"s{index % 5}-{index:04d}" for index in range(max(seconds // 8, 5))]
    for name in names:
        write_wav(data / f"{name}.wav", rng.normal(0, 1000, 8 * RATE).round(), RATE)
    (data / "wav.scp").write_text("".join(f"{name} {data}/{name}.wav\n" for name in sorted(names)))
    (data / "utt2spk").write_text("".join(f"{name} {name[:2]}\n" for name in sorted(names)))
    kinds = " ".join(KINDS) if any(clip.kind == "music" for clip in list_clips(noise)) else "reverb noise babble"
    plan = [*map(str, ("--noise", noise, "--rirs", rirs, "--kinds", kinds, data, folder / "out/plan"))]
    job = [str(data), f"{folder}/out/plan", "1", f"ark,scp:{folder}/out/a.ark,{folder}/out/a.scp"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for command, arguments in (("plan_augmentation", plan), ("augment_data", job)):
        subprocess.run(
            [sys.executable, "-m", f"speechlib.bin.{command}", *arguments],
            check=True, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    made = len(kinds.split()) * len(names) * 8
    return {"data directory, s of copies a CPU second": made / used}


if __name__ == "__main__":
    main()
