"""Clustering of a matrix of scores and dense PLDA scoring beside Kaldi's C++: 2,000 segments, files included.

Kaldi is not there to be run: its CPU times, taken on another machine, are scaled to this one as in plda.py, by
kaldi-native-fbank, which takes turns with ours. Ours are whole commands, from the start of Python to the written file;
the CPU time is the process's, on one thread, and the median of the rounds counts. The tree alone is timed beside
scipy's in one process.

    python benchmarks/linkage.py [--speech FOLDER] [--rounds 5] [--segments 2000] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import features as yardstick  # noqa: E402
import numpy as np  # noqa: E402
from plda import KNF_SECONDS, YARDSTICK_SECONDS, measure  # noqa: E402

SEGMENTS, SPEAKERS, DIM = 2000, 8, 128
KALDI = {"cluster": 1.56, "dense": 19.0}  # of 2,000 segments; dense scoring took 19 to 38 s
GOAL = {"cluster": 10, "dense": 10}


def main() -> None:
    """Run what the options ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path, help="folder with recordings of 16 kHz, for kaldi-native-fbank")
    parser.add_argument("--rounds", type=int, default=5, help="rounds (default: 5)")
    parser.add_argument("--segments", type=int, default=SEGMENTS, help="segments (default: 2000)")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/tmp")) as name:
        folder = Path(name)
        pieces = folder / "speech"
        pieces.mkdir()
        files = yardstick.write_pieces(args.speech or yardstick.default_speech(), YARDSTICK_SECONDS, pieces)
        write_inputs(folder, args.segments)
        figures = compare(folder, files, args.rounds, args.segments)
        figures["tree seconds"] = trees(folder, args.rounds)
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n")


def write_inputs(folder: Path, num_segments: int) -> None:
    """One conversation of made-up speakers: its vectors, a PLDA, and scores of all pairs."""
    from speechlib.backend.dense_scoring import dense_scores
    from speechlib.backend.plda import Plda
    from speechlib.io.plda_files import write_plda
    from speechlib.io.tables import open_table

    generator = np.random.default_rng(0)
    psi = np.linspace(2.0, 0.01, DIM)
    centres = generator.standard_normal((SPEAKERS, DIM)) * np.sqrt(psi)
    spoken = centres[generator.integers(0, SPEAKERS, num_segments)]
    vectors = (spoken + generator.standard_normal((num_segments, DIM))).astype(np.float32)
    plda = Plda(np.zeros(DIM), np.eye(DIM), psi)
    names = [f"call-{start:07d}-{start + 150:07d}" for start in range(0, 75 * num_segments, 75)]
    (folder / "reco2utt").write_text(f"call {' '.join(names)}\n")
    (folder / "reco2num_spk").write_text(f"call {SPEAKERS}\n")
    write_plda(f"{folder}/plda", plda.mean, plda.transform, plda.psi)
    with open_table(f"ark:{folder}/vectors.ark") as writer:
        for name, vector in zip(names, vectors, strict=True):
            writer.write(name, vector)
    with open_table(f"ark:{folder}/scores.ark") as writer:
        writer.write("call", dense_scores(plda, vectors, 0.9))


def compare(folder: Path, files: list[Path], rounds: int, num_segments: int) -> dict:
    """Let our commands and the yardstick take turns."""
    scores = f"ark:{folder}/scores.ark"
    runs = {
        "cluster": (
            "cluster_scores", f"--reco2num-spk={folder}/reco2num_spk", f"{folder}/reco2utt", scores, f"{folder}/out"
        ),
        "complete": (
            "cluster_scores", "--linkage=complete", f"--reco2num-spk={folder}/reco2num_spk", f"{folder}/reco2utt",
            scores, f"{folder}/out",
        ),
        "dense": (
            "score_plda_dense", "--target-energy=0.9", f"{folder}/plda", f"{folder}/reco2utt",
            f"ark:{folder}/vectors.ark", f"ark:{folder}/dense.ark",
        ),
    }  # fmt: skip
    knf = yardstick.knf("mfcc30")
    times: dict[str, list[float]] = {name: [] for name in (*runs, "knf")}
    peaks: dict[str, float] = {}
    for _ in range(rounds):
        for name, command in runs.items():
            seconds, peaks[name] = measure(*command)
            times[name].append(seconds)
            times["knf"].append(yardstick.one_round(knf, files, folder / "out.ark"))
    scale = statistics.median(times["knf"]) * 2880 / (len(files) * yardstick.PIECE_SECONDS) / KNF_SECONDS
    print(f"this machine takes {scale:.2f} times the time of the one where Kaldi was measured (kaldi-native-fbank)")
    figures: dict = {"scale": scale, "rounds": rounds, "segments": num_segments, "times": times, "peak_mib": peaks}
    for name in runs:
        ours = statistics.median(times[name])
        line = f"{name:8} {ours:6.3f} CPU s ({min(times[name]):.3f} .. {max(times[name]):.3f}), {peaks[name]:4.0f} MiB"
        if name in KALDI and num_segments == SEGMENTS:
            theirs = KALDI[name] * scale
            figures[f"{name} ratio"] = theirs / ours
            line += f"; Kaldi {theirs:.2f} CPU s, {theirs / ours:.1f} times ours (goal: {GOAL[name]})"
        print(line)
    return figures


def trees(folder: Path, rounds: int) -> dict[str, list[float]]:
    """CPU seconds of the whole tree from the matrix of distances, ours and scipy's."""
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import squareform

    from speechlib.clustering.linkage import METHODS, linkage_tree
    from speechlib.io.tables import read_table

    [(_, scores)] = read_table(f"ark:{folder}/scores.ark", "matrix")
    distances = float(scores.max()) - scores.astype(np.float64)
    np.fill_diagonal(distances, 0.0)
    times: dict[str, list[float]] = {}
    for _ in range(rounds):
        for method in METHODS:
            for name, make in (
                (f"ours {method}", lambda: linkage_tree(distances, method)),  # noqa: B023 - called at once
                (f"scipy {method}", lambda: linkage(squareform(distances, checks=False), method)),  # noqa: B023
            ):
                start = time.process_time()
                make()
                times.setdefault(name, []).append(time.process_time() - start)
    for name, seconds in times.items():
        print(f"tree, {name:14} {statistics.median(seconds):6.3f} CPU s")
    return times


if __name__ == "__main__":
    main()
