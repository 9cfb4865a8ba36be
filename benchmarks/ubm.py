"""EM of a background model beside scikit-learn's GaussianMixture: iterations a second, memory, equal likelihoods.

Both start from the same mixture on the same frames (an hour of 39-dimensional features, 256 Gaussians, unless options
say otherwise), with one thread, in turns, each turn in a process of its own. The time of an iteration is that of the
further ones in a training of several, start-up and initialisation aside; scikit-learn is given single precision, in
which it is faster, and double precision once.

    python benchmarks/ubm.py [--frames 360000] [--dim 39] [--gauss 256] [--rounds 3] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
import warnings
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

SYSTEMS = ("ours", "sklearn32", "sklearn64")
ITERATIONS = 3  # that are timed, after a first one that is not


def main() -> None:
    """Run what the options ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=360000)
    parser.add_argument("--dim", type=int, default=39)
    parser.add_argument("--gauss", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    parser.add_argument("--system", choices=SYSTEMS, help=argparse.SUPPRESS)  # a turn
    args = parser.parse_args()
    if args.system:
        print(json.dumps(take_turn(args)))
        return
    sizes = {"--frames": args.frames, "--dim": args.dim, "--gauss": args.gauss}
    command = [sys.executable, __file__, *(word for name, size in sizes.items() for word in (name, str(size)))]
    turns: dict[str, list[dict]] = {}
    for number in range(args.rounds):
        for system in SYSTEMS if number == 0 else SYSTEMS[:2]:
            done = subprocess.run([*command, "--system", system], check=True, capture_output=True, text=True)
            turns.setdefault(system, []).append(json.loads(done.stdout))
    figures = {}
    print(f"{args.gauss} Gaussians, {args.frames} frames of {args.dim} dimensions, one thread, {args.rounds} rounds")
    for system, taken in turns.items():
        seconds = statistics.median(turn["seconds"] for turn in taken)
        figures[system] = {**taken[0], "seconds": seconds, "iterations_per_second": 1 / seconds}
        print(f"{system:10} {1 / seconds:6.2f} iterations/s ({seconds:.3f} s), {taken[0]['megabytes']:6.0f} MB, "
              f"log-likelihood {taken[0]['log_likelihood']:.5f} a frame")
    pairs = zip(turns["ours"], turns["sklearn32"], strict=True)
    ratios = [theirs["seconds"] / ours["seconds"] for ours, theirs in pairs]
    figures["ratio"] = statistics.median(ratios)
    print(f"ours is {figures['ratio']:.1f} times as fast as scikit-learn in single precision "
          f"({min(ratios):.1f} to {max(ratios):.1f})")
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n")


def take_turn(args: argparse.Namespace) -> dict[str, float]:
    """Train with one system: CPU seconds an iteration, peak memory, and the likelihood before the last iteration."""
    frames, means, variance = make_frames(args.frames, args.dim, args.gauss)
    train = train_ours if args.system == "ours" else train_sklearn
    precision = np.float64 if args.system == "sklearn64" else np.float32
    first, _ = train(frames.astype(precision), means, variance, 1)
    several, likelihood = train(frames.astype(precision), means, variance, 1 + ITERATIONS)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": (several - first) / ITERATIONS, "megabytes": memory, "log_likelihood": likelihood}


def make_frames(count: int, dim: int, gauss: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frames of a random mixture of as many Gaussians, (count, dim) float32, and means and variance to start from."""
    generator = np.random.default_rng(0)
    centres = generator.normal(0, 1, (gauss, dim)).astype(np.float32)
    frames = centres[generator.integers(0, gauss, count)]
    frames += generator.standard_normal(frames.shape, np.float32)
    means = frames[generator.choice(count, gauss, replace=False)].astype(np.float64)
    return frames, means, frames.var(axis=0, dtype=np.float64)


def train_ours(frames: np.ndarray, means: np.ndarray, variance: np.ndarray, iterations: int) -> tuple[float, float]:
    """CPU seconds, and the log-likelihood a frame in the last iteration."""
    from speechlib.gmm.diag_gmm import DiagGmm, DiagStats, DiagUpdateOptions, update_diag_gmm

    gmm = DiagGmm.from_moments(np.full(len(means), 1 / len(means)), means, np.broadcast_to(variance, means.shape))
    begin = time.process_time()
    for _ in range(iterations):
        stats = DiagStats.zeros(gmm)
        stats.accumulate(gmm, frames)
        gmm, _ = update_diag_gmm(gmm, stats, DiagUpdateOptions())
    return time.process_time() - begin, stats.log_likelihood / len(frames)


def train_sklearn(frames: np.ndarray, means: np.ndarray, variance: np.ndarray, iterations: int) -> tuple[float, float]:
    """As `train_ours`."""
    from sklearn.mixture import GaussianMixture

    precisions = np.broadcast_to(1 / variance, means.shape)
    mixture = GaussianMixture(
        len(means), covariance_type="diag", tol=0.0, reg_covar=0.0, max_iter=iterations, random_state=0,
        init_params="random_from_data", weights_init=np.full(len(means), 1 / len(means)).astype(frames.dtype),
        means_init=means.astype(frames.dtype), precisions_init=precisions.astype(frames.dtype),
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged
        begin = time.process_time()
        mixture.fit(frames)
        return time.process_time() - begin, float(mixture.lower_bound_)


if __name__ == "__main__":
    main()
