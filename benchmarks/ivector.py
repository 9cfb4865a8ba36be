"""An i-vector system on speechocean762 beside Kaldi's: CPU seconds from audio to scores, and the error rate.

Every step is run as a recipe runs it, with all its processes on one thread each; their CPU time is added up (the
making of the data directories from the corpus aside). Kaldi's voxceleb/v1 recipe took about 127 CPU seconds on another
machine; kaldi-native-fbank is run here, too, before and after, and the ratio of its times to those measured there
scales Kaldi's to this machine (features.py tells what it computes).

    python benchmarks/ivector.py [--corpus DIR] [--nj 1] [--seed 0] [--systems "sliding none"] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import features as yardstick  # noqa: E402

KNF_SECONDS = 4.35  # for 2,880 s of speech, where Kaldi was measured
KALDI_SECONDS = 127
YARDSTICK_SECONDS = 480
# Gaussians, dimensions, LDA (0: none), mean normalisation; and Kaldi's EER with its 95 % interval, in per cent.
SYSTEMS = {"sliding": (64, 200, 79, "sliding", "8.5 [6.1-11.3]"), "none": (64, 100, 0, "none", "5.2 [3.1-7.8]")}
MFCC = "--sample-frequency=16000\n--frame-length=25\n--low-freq=20\n--high-freq=7600\n--num-mel-bins=30\n" \
       "--num-ceps=24\n--snip-edges=false\n"  # fmt: skip
VAD = "--vad-energy-threshold=5.5\n--vad-energy-mean-scale=0.5\n"


def main() -> None:
    """Run what the options ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, help="speechocean762: train/, test/, WAVE/, trials_test.txt")
    parser.add_argument("--nj", type=int, default=1, help="parallel jobs (default: 1)")
    parser.add_argument("--seed", type=int, default=0, help="of the models (default: 0)")
    parser.add_argument("--systems", default="sliding none", help="of: sliding none (default: both)")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    args = parser.parse_args()
    corpus = args.corpus or yardstick.default_speech()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/tmp")) as name:
        folder = Path(name)
        pieces = folder / "speech"
        pieces.mkdir()
        files = yardstick.write_pieces(corpus, YARDSTICK_SECONDS, pieces)
        knf = yardstick.knf("mfcc30")
        scales = [yardstick.one_round(knf, files, folder / "out.ark") for _ in range(2)]
        set_up(folder, corpus)
        figures = {system: run_system(folder, system, args.nj, args.seed) for system in args.systems.split()}
        scales += [yardstick.one_round(knf, files, folder / "out.ark") for _ in range(2)]
    length = len(files) * yardstick.PIECE_SECONDS
    scale = statistics.median(scales) * 2880 / length / KNF_SECONDS
    print(f"\nthis machine takes {scale:.2f} times the time of the one where Kaldi was measured (kaldi-native-fbank):")
    for system, figure in figures.items():
        theirs = KALDI_SECONDS * scale
        figure["kaldi_cpu_seconds"], figure["ratio"] = theirs, theirs / figure["cpu_seconds"]
        ours = figure["cpu_seconds"]
        print(f"{system:8} ours {ours:6.1f} CPU s, Kaldi {theirs:6.1f}: {figure['ratio']:.1f} times ours")
    if args.json:
        figures |= {"scale": scale, "nj": args.nj, "seed": args.seed}
        args.json.write_text(json.dumps(figures, indent=2) + "\n")


def set_up(folder: Path, corpus: Path) -> None:
    """A recipe directory with the corpus as data directories."""
    for name in ("steps", "utils"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "mfcc.conf").write_text(MFCC)
    (folder / "vad.conf").write_text(VAD)
    run(folder, ROOT / "egs/speechocean762/local/prepare_speechocean762.sh", corpus, folder / "data")


def run(folder: Path, *command: object) -> tuple[float, float]:
    """CPU seconds of a step with all its processes, and wall seconds."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT), "SPEECHLIB_PYTHON": sys.executable}
    done = subprocess.run([str(part) for part in command], cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"ivector.py: {' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, time.monotonic() - start


def run_system(folder: Path, system: str, nj: int, seed: int) -> dict:
    """From audio to scores."""
    num_gauss, dim, lda, cmn, kaldi = SYSTEMS[system]
    exp, jobs = folder / system, ("--nj", nj)
    steps = []
    for part in ("train", "test"):
        # A fresh data directory, so that each system pays for its features.
        run(folder, "utils/copy_data_dir.sh", folder / "data" / part, exp / "data" / part)
        steps.append(("steps/make_feats.sh", *jobs, "--config", "mfcc.conf", exp / "data" / part))
        steps.append(("steps/compute_vad.sh", *jobs, "--config", "vad.conf", exp / "data" / part))
    train, trials = exp / "data/train", folder / "data/test/trials"
    steps += [
        ("steps/train_diag_ubm.sh", *jobs, "--seed", seed, "--apply-cmn", cmn, train, num_gauss, exp / "diag"),
        ("steps/train_full_ubm.sh", *jobs, "--remove-low-count-gaussians", "false", train, exp / "diag", exp / "full"),
        ("steps/train_ivector_extractor.sh", *jobs, "--seed", seed, "--num-iters", 5, "--ivector-dim", dim,
         exp / "full", train, exp / "ie"),
        ("steps/extract_ivectors.sh", *jobs, exp / "ie", train, exp / "train"),
        ("steps/extract_ivectors.sh", *jobs, exp / "ie", exp / "data/test", exp / "test"),
        ("steps/train_plda.sh", "--lda-dim", lda, train, exp / "train", exp / "backend"),
        ("steps/score_plda.sh", "--utt2spk", exp / "data/test/utt2spk", exp / "backend", exp / "test", exp / "test",
         trials, exp / "scores"),
    ]  # fmt: skip
    print(f"{system}: {num_gauss} full Gaussians, {dim} dimensions, "
          f"{f'LDA {lda}' if lda else 'no LDA'}, CMN {cmn}, {nj} jobs, seed {seed}")  # fmt: skip
    total = wall = 0.0
    parts: dict[str, float] = {}
    for step in steps:
        seconds, waited = run(folder, *step)
        name = Path(step[0]).stem
        parts[name] = parts.get(name, 0.0) + seconds
        total, wall = total + seconds, wall + waited
    for name, seconds in parts.items():
        print(f"  {name:26}{seconds:7.1f} CPU s")
    metrics = json.loads((exp / "scores/result.json").read_text())["metrics"]
    eer = metrics["eer"]
    interval = "-".join(f"{100 * bound:.1f}" for bound in eer["interval"])
    print(f"  {'from audio to scores':26}{total:7.1f} CPU s, {wall:.0f} s; "
          f"EER {100 * eer['value']:.1f} % [{interval}], Kaldi's {kaldi}")
    return {"cpu_seconds": total, "wall_seconds": wall, "parts": parts, "eer": eer}


if __name__ == "__main__":
    main()
