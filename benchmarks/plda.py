"""PLDA beside Kaldi's C++: training on 1000 speakers x 20 vectors of 256, scoring of a million trials; files included.

Kaldi is not there to be run. Its CPU times were measured on another machine together with kaldi-native-fbank's on
2,880 s of speech; that program is run here, too, in turns with ours, and the ratio of its times scales Kaldi's to this
machine (features.py tells what it computes). Ours are whole commands, from the start of Python to the written file; the
CPU time is the process's, on one thread, and the median of the rounds counts.

    python benchmarks/plda.py [--speech FOLDER] [--rounds 5] [--json FILE]
    python benchmarks/plda.py --trials 37000000 --rounds 1     memory of scoring a long list
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import features as yardstick  # noqa: E402
import numpy as np  # noqa: E402

SPEAKERS, UTTERANCES, DIM = 1000, 20, 256
KNF_SECONDS = 4.35  # for 2,880 s of speech, where Kaldi's were measured
KALDI = {"train": 0.76, "scattered": 10.3, "dense": 10.3}
GOAL = {"train": 3, "scattered": 6, "dense": 6}
YARDSTICK_SECONDS = 480
_MEASURE = """
import resource, subprocess, sys
status = subprocess.call(sys.argv[1:])
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
sys.exit(status)
"""


def main() -> None:
    """Run what the options ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path, help="folder with recordings of 16 kHz, for kaldi-native-fbank")
    parser.add_argument("--rounds", type=int, default=5, help="rounds (default: 5)")
    parser.add_argument("--trials", type=int, default=1_000_000, help="trials of each list (default: 1000000)")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/tmp")) as name:
        folder = Path(name)
        pieces = folder / "speech"
        pieces.mkdir()
        files = yardstick.write_pieces(args.speech or yardstick.default_speech(), YARDSTICK_SECONDS, pieces)
        write_inputs(folder, args.trials)
        figures = compare(folder, files, args.rounds, args.trials)
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n")


def write_inputs(folder: Path, num_trials: int) -> None:
    """Vectors of made-up speakers, and two lists of trials: random pairs, and all pairs of as few as will do."""
    from speechlib.io.tables import open_table

    generator = np.random.default_rng(0)
    speakers = np.repeat(np.arange(SPEAKERS), UTTERANCES)
    centres = generator.standard_normal((SPEAKERS, DIM)) * np.linspace(1.5, 0.1, DIM)
    vectors = (centres[speakers] + generator.standard_normal((len(speakers), DIM))).astype(np.float32)
    names = [f"spk{speaker:04d}-utt{utterance:05d}" for utterance, speaker in enumerate(speakers)]
    with open_table(f"ark:{folder}/vectors.ark") as writer:
        for name, vector in zip(names, vectors, strict=True):
            writer.write(name, vector)
    with open(folder / "spk2utt", "w") as file:
        for speaker in range(SPEAKERS):
            own = names[speaker * UTTERANCES : (speaker + 1) * UTTERANCES]
            file.write(f"spk{speaker:04d} {' '.join(own)}\n")
    size = len(names)
    chosen = generator.choice(size * size, num_trials, replace=False)
    write_trials(folder / "scattered", names, speakers, *np.divmod(chosen, size))
    width = int(np.ceil(np.sqrt(num_trials)))
    first, second = np.divmod(np.arange(num_trials), width)
    write_trials(folder / "dense", names, speakers, first, second + size - width if width * 2 < size else second)


def write_trials(path: Path, names: list[str], speakers: np.ndarray, first: np.ndarray, second: np.ndarray) -> None:
    """Write trials with their labels, a million at a time."""
    with open(path, "w") as file:
        for start in range(0, len(first), 1 << 20):
            part = slice(start, start + (1 << 20))
            same = (speakers[first[part]] == speakers[second[part]]).tolist()
            pairs = zip(first[part].tolist(), second[part].tolist(), same, strict=True)
            file.writelines(f"{names[i]} {names[j]} {'target' if t else 'nontarget'}\n" for i, j, t in pairs)


def _environment() -> dict[str, str]:
    """This process's, with byte code kept as an installed package has it, whatever the shell says."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": os.path.join(tempfile.gettempdir(), "speechlib-bytecode")}


def measure(command: str, *arguments: str) -> tuple[float, float]:
    """CPU seconds and peak MiB of one of our commands."""
    # In between stands a small process: one that is started inherits the peak memory of the one that starts it.
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, sys.executable, "-m", f"speechlib.bin.{command}", *arguments],
        cwd=ROOT, capture_output=True, text=True, env=_environment(),
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"plda.py: {command} failed: {done.stderr}")
    seconds, peak = done.stdout.split()
    return float(seconds), float(peak) / 1024


def compare(folder: Path, files: list[Path], rounds: int, num_trials: int) -> dict:
    """Let our commands and the yardstick take turns."""
    table = f"ark:{folder}/vectors.ark"
    score = ("score_plda", f"{folder}/plda", table, table)
    runs = {
        "train": ("train_plda", f"{folder}/spk2utt", table, f"{folder}/plda"),
        "scattered": (*score, f"{folder}/scattered", f"{folder}/scores"),
        "dense": (*score, f"{folder}/dense", f"{folder}/scores"),
        "cosine": ("score_cosine", table, table, f"{folder}/scattered", f"{folder}/scores"),
    }
    knf = yardstick.knf("mfcc30")
    times: dict[str, list[float]] = {name: [] for name in (*runs, "knf")}
    peaks: dict[str, float] = {}
    for _ in range(rounds):
        for name, command in runs.items():
            seconds, peaks[name] = measure(*command)
            times[name].append(seconds)
            times["knf"].append(yardstick.one_round(knf, files, folder / "out.ark"))
    length = len(files) * yardstick.PIECE_SECONDS
    scale = statistics.median(times["knf"]) * 2880 / length / KNF_SECONDS
    print(f"this machine takes {scale:.2f} times the time of the one where Kaldi was measured (kaldi-native-fbank)")
    figures: dict = {"scale": scale, "rounds": rounds, "trials": num_trials, "times": times, "peak_mib": peaks}
    for name in runs:
        ours = statistics.median(times[name])
        line = f"{name:10} {ours:7.3f} CPU s ({min(times[name]):.3f} .. {max(times[name]):.3f}), {peaks[name]:5.0f} MiB"
        if name in KALDI:
            theirs = KALDI[name] * scale * (num_trials / 1e6 if name != "train" else 1)
            figures[f"{name} ratio"] = theirs / ours
            line += f"; Kaldi {theirs:.2f} CPU s, {theirs / ours:.1f} times ours (goal: {GOAL[name]})"
        print(line)
    return figures


if __name__ == "__main__":
    main()
