"""Functionals beside openSMILE's eGeMAPSv02: CPU seconds for a second of audio, on one core, from WAV files to vectors.

Real speech is cut or joined into WAV files of a length. Each contender runs in its own process, one after the other in
every round; what it takes to start does not count. The median of the rounds' CPU times counts, because other programs
may share the machine, and the ratio is that of the medians. openSMILE (audEERING's research licence, not for commercial
use) comes with `pip install opensmile`; without it only ours is measured.

    python benchmarks/functionals.py [--speech FOLDER] [--seconds 300] [--piece 3] [--rounds 5] [--json FILE]
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
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

RATE = 16000


def main() -> None:
    """Measure all contenders, or, in a child, one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path, help="folder with recordings of 16 kHz; searched for WAV and FLAC files")
    parser.add_argument("--seconds", type=int, default=300, help="audio to process (default: 300)")
    parser.add_argument("--piece", type=int, default=3, help="seconds of a file (default: 3)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each contender (default: 5)")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    parser.add_argument("--child", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(measure(args.child, sorted(args.folder.glob("*.wav")))))
        return
    names = list(CONTENDERS)
    if importlib.util.find_spec("opensmile") is None:
        names.remove("opensmile")
        print("functionals.py: opensmile is not installed: pip install opensmile, where its licence allows you to")
    with tempfile.TemporaryDirectory() as folder:
        write_pieces(args.speech or default_speech(), args.seconds, args.piece, Path(folder))
        rounds = [{name: run_child(name, folder) for name in names} for _ in range(args.rounds)]
    figures = {
        name: {key: statistics.median(each[name][key] for each in rounds) for key in ("cpu", "peak_mib")}
        for name in names
    }
    seconds = args.seconds // args.piece * args.piece
    print("contender    CPU ms a second of audio    x real time    peak MiB")
    for name, figure in figures.items():
        figure["ms_a_second"] = figure["cpu"] / seconds * 1e3
        print(f"{name:13s}{figure['ms_a_second']:24.2f}{seconds / figure['cpu']:15.0f}{figure['peak_mib']:12.0f}")
    if "opensmile" in figures:
        print(f"opensmile / ours: {figures['opensmile']['cpu'] / figures['ours']['cpu']:.1f}")
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n")


def default_speech() -> Path:
    """A folder with real speech beside the repository."""
    for shared in (os.environ.get("SPEECHLIB_SHARED"), ROOT.parent / "shared"):
        if shared and (folder := Path(shared) / "data" / "emodb").is_dir():
            return folder
    sys.exit("functionals.py: no speech found: name a folder with recordings of 16 kHz by --speech")


def write_pieces(speech: Path, seconds: int, piece: int, folder: Path) -> None:
    """Join the recordings and cut them into WAV files, beginning anew when there are too few."""
    from speechlib.io.audio import read_audio, write_wav

    recordings = [path for path in sorted(speech.rglob("*")) if path.suffix.lower() in (".wav", ".flac")]
    size, wanted, made = piece * RATE, seconds // piece, 0
    held = np.empty(0, np.float32)
    while made < wanted:
        before = made
        for path in recordings:
            held = np.append(held, read_audio(path, rate=RATE)[0])
            while len(held) >= size and made < wanted:
                write_wav(folder / f"{made:05d}.wav", held[:size], RATE)
                held, made = held[size:], made + 1
        if made == before:
            sys.exit(f"functionals.py: {speech}: less than {piece} s of recordings of {RATE} Hz")
    print(f"{made} files of {piece} s of speech from {speech}")


def run_child(name: str, folder: str) -> dict[str, float]:
    """The figures of one contender in a process of its own."""
    command = [sys.executable, __file__, "--child", name, "--folder", folder]
    # A path that this process was given, such as another environment's with opensmile, is the child's, too.
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout)


def measure(name: str, files: list[Path]) -> dict[str, float]:
    """CPU seconds of all files, after one to warm up, and the process's peak memory."""
    compute = CONTENDERS[name]()
    compute(files[0])
    start = time.process_time()
    for path in files:
        vector = compute(path)
        assert np.isfinite(vector).all()
    cpu = time.process_time() - start
    # getrusage's maximum would include what the parent held when it started this process.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {"cpu": cpu, "peak_mib": int(status["VmHWM"].split()[0]) / 1024}


def ours() -> Callable[[Path], np.ndarray]:
    """Our functionals of a file."""
    from speechlib.features.functionals import Functionals
    from speechlib.io.audio import read_audio

    functionals = Functionals()
    return lambda path: functionals(read_audio(path, rate=RATE)[0])


def opensmile() -> Callable[[Path], np.ndarray]:
    """openSMILE's functionals of a file."""
    import opensmile
    import soundfile

    smile = opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=opensmile.FeatureLevel.Functionals, num_workers=1
    )

    def compute(path: Path) -> np.ndarray:
        samples, rate = soundfile.read(path, dtype="float32")
        return smile.process_signal(samples, rate).to_numpy()[0]

    return compute


CONTENDERS = {"ours": ours, "opensmile": opensmile}

if __name__ == "__main__":
    main()
