"""Utterance comparison: log ratios of all pairs of segments, exact agglomeration, statistics of utterances.

The pairs are worked out by LAPACK through NumPy, too, matrix by matrix in batches, in turns with ours. CPU time of one
thread, the fastest of the rounds; the peak memory is that of a process which does nothing else.

    python benchmarks/utterance_comparison.py [--segments 2000] [--rank 20] [--rounds 3] [--json FILE]
    python benchmarks/utterance_comparison.py --segments 20000 --only agglomeration     memory: no matrix is kept
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

import numpy as np  # noqa: E402

from speechlib.clustering.distances import make_distance  # noqa: E402
from speechlib.clustering.exact_clustering import agglomerate  # noqa: E402
from speechlib.clustering.frame_assignment import StatisticsExtractor  # noqa: E402
from speechlib.clustering.utterance_comparison import pairwise_log_ratio  # noqa: E402

GAUSSIANS, DIM, UTTERANCES, FRAMES = 256, 26, 200, 250
YARDSTICK_PAIRS = 100_000
PARTS = ("pairs", "lapack", "agglomeration", "statistics")


def main() -> None:
    """Run what the options ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--segments", type=int, default=2000, help="(default: 2000)")
    parser.add_argument("--rank", type=int, default=20, help="eigenvoices (default: 20)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds (default: 3)")
    parser.add_argument("--only", choices=PARTS, help="one of the parts")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    parser.add_argument("--measure", choices=PARTS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(args.measure, args.segments, args.rank)))
        return
    parts = [args.only] if args.only else list(PARTS)
    rounds: dict[str, list[dict]] = {part: [] for part in parts}
    for _ in range(args.rounds):
        for part in parts:
            command = [sys.executable, __file__, "--segments", args.segments, "--rank", args.rank, "--measure", part]
            done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True, check=True)
            rounds[part].append(json.loads(done.stdout))
    figures = {part: min(found, key=lambda figure: figure["cpu_seconds"]) for part, found in rounds.items()}
    report(figures, args.segments, args.rank)
    if args.json:
        args.json.write_text(json.dumps(figures | {"segments": args.segments, "rank": args.rank}, indent=2) + "\n")


def report(figures: dict[str, dict], segments: int, rank: int) -> None:
    """Print a line for each part."""
    titles = {
        "pairs": f"log R of all pairs of {segments} segments at rank {rank}",
        "lapack": f"LAPACK through NumPy, {YARDSTICK_PAIRS} pairs scaled to as many",
        "agglomeration": f"exact agglomeration of {segments} segments at rank {rank}",
        "statistics": f"statistics of {UTTERANCES} utterances of {FRAMES} frames, {GAUSSIANS} Gaussians",
    }
    for part, figure in figures.items():
        print(f"{titles[part]:75} {figure['cpu_seconds']:8.2f} CPU s, peak {figure['peak_mib']:5.0f} MiB")
    if {"pairs", "lapack"} <= set(figures):
        print(f"LAPACK takes {figures['lapack']['cpu_seconds'] / figures['pairs']['cpu_seconds']:.1f} times as long")
    if "statistics" in figures:
        print(f"statistics: {UTTERANCES * FRAMES / 100 / figures['statistics']['cpu_seconds']:.0f} times real time")


def measure(part: str, segments: int, rank: int) -> dict[str, float]:
    """CPU seconds of a part in this process, without its input's, and the peak of memory."""
    scale = 1.0
    if part == "statistics":
        work = statistics_work(rank)
    else:
        precisions, linear = speakers(segments, rank)
        if part == "pairs":
            work = lambda: pairwise_log_ratio(precisions, linear)  # noqa: E731
        elif part == "lapack":
            work = lambda: lapack(precisions, linear, YARDSTICK_PAIRS)  # noqa: E731
            scale = segments * (segments - 1) / 2 / YARDSTICK_PAIRS
        else:
            both = np.concatenate([precisions, linear[..., None]], axis=2)
            del precisions, linear
            work = lambda: agglomerate(both, make_distance("ucm"))  # noqa: E731
    start = time.process_time()
    work()
    seconds = (time.process_time() - start) * scale
    return {"cpu_seconds": seconds, "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def speakers(segments: int, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """Statistics L (segments, rank, rank) and d (segments, rank) of a speaker for every 50 segments."""
    generator = np.random.default_rng(0)
    voices = generator.standard_normal((max(2, segments // 50), rank))
    precisions, linear = np.empty((segments, rank, rank)), np.empty((segments, rank))
    for index in range(segments):
        loadings = generator.standard_normal((rank, 2 * rank))
        precisions[index] = loadings @ loadings.T
        noise = loadings @ generator.standard_normal(2 * rank)
        linear[index] = precisions[index] @ voices[index % len(voices)] + noise
    return precisions, linear


def lapack(precisions: np.ndarray, linear: np.ndarray, num: int) -> np.ndarray:
    """Evidences of as many pairs by batched Cholesky factors."""
    rank, found = linear.shape[1], np.empty(num)
    generator = np.random.default_rng(1)
    for begin in range(0, num, 1000):
        first, second = generator.integers(0, len(linear), (2, min(1000, num - begin)))
        factors = np.linalg.cholesky(precisions[first] + precisions[second] + np.eye(rank))
        half = np.linalg.solve(factors, (linear[first] + linear[second])[..., None])[..., 0]
        volumes = np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1)
        found[begin : begin + len(first)] = 0.5 * (half**2).sum(axis=1) - volumes
    return found


def statistics_work(rank: int) -> Callable[[], object]:
    """Hard assignment of frames, three iterations, of utterances that a random model makes."""
    generator = np.random.default_rng(0)
    means = generator.normal(0, 2, (GAUSSIANS, DIM))
    loadings = 0.3 * generator.standard_normal((GAUSSIANS, DIM, rank))
    weights, variances = np.full(GAUSSIANS, 1 / GAUSSIANS), np.ones((GAUSSIANS, DIM))
    chosen = generator.integers(0, GAUSSIANS, (UTTERANCES, FRAMES))
    voices = generator.standard_normal((UTTERANCES, rank))
    features = means[chosen] + generator.standard_normal((UTTERANCES, FRAMES, DIM))
    for utterance, voice in enumerate(voices):
        features[utterance] += (loadings @ voice)[chosen[utterance]]
    extractor = StatisticsExtractor(weights, means, variances, loadings)
    batches = np.split(features.reshape(-1, DIM), UTTERANCES // 25)
    return lambda: [extractor.extract(batch, np.full(25, FRAMES)) for batch in batches]


if __name__ == "__main__":
    main()
