"""Train a mixture of diagonal Gaussians in memory, from random frames on (Kaldi's gmm-global-init-from-feats).

With --start grow Gaussians and the frames they are trained on grow together, which needs about half the time for the
same likelihood; --num-iters are then those on all frames, in the end.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import numpy as np

from speechlib.features.frontend import FrontendOptions, apply_frontend
from speechlib.gmm.algebra import HostAlgebra, TorchAlgebra, open_algebra
from speechlib.gmm.diag_gmm import DiagGmm, DiagStats, DiagUpdateOptions, initialise_diag_gmm, update_diag_gmm
from speechlib.gmm.mixture_growing import grow_diag_gmm
from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.gmm_models import Mixture, write_diag_gmm
from speechlib.io.utterance_batches import ProcessedFeatures, add_feature_arguments, open_features

_PERTURB = 0.1  # standard deviations by which the halves of a split Gaussian move apart, as in Kaldi's program


def main(argv: Sequence[str] | None = None) -> None:
    """Keep a random part of the frames, start from Gaussians around some of them, train and split."""
    parser = KaldiArgumentParser(
        prog="init_diag_ubm",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.init_diag_ubm --num-gauss 64 scp:data/train/feats.scp exp/0.dubm",
    )
    add = parser.add_argument
    add("--num-gauss", type=int, default=100, metavar="N", help="Gaussians of the mixture")
    add("--num-gauss-init", type=int, default=0, metavar="N", help="Gaussians at first, to be split; 0: all")
    add("--start", choices=("split", "grow"), default="split", metavar="split|grow",
        help="all frames in every iteration, as Kaldi does, or a growing part of them")  # fmt: skip
    add("--num-iters", type=int, default=50, metavar="N", help="iterations of EM")
    add("--num-frames", type=int, default=200000, metavar="N", help="frames to keep in memory, a random part of all")
    add("--min-gaussian-weight", type=float, default=1e-5, metavar="X", help="a Gaussian below this is removed")
    add("--min-gaussian-occupancy", type=float, default=10.0, metavar="X", help="a Gaussian below this is removed")
    add("--min-variance", type=float, default=0.001, metavar="X", help="floor of the variances")
    add("--variance-floor-factor", type=float, default=0.0, metavar="X",
        help="floor of the variances, too: this share of all frames' variance")  # fmt: skip
    add("--seed", "--srand", type=int, default=0, metavar="N", help="of the random choices")
    add("--device", default="cpu", help="cpu (NumPy), or cuda, cuda:N: products by torch on a GPU")
    add("--num-threads", type=int, default=1, metavar="N", help="read for Kaldi's sake: OMP_NUM_THREADS decides")
    add("--binary", type=kaldi_bool, default=True, metavar="true|false", help="write the model in binary")
    add_feature_arguments(parser)
    add("features", metavar="<feature-rspecifier>", help="(frames, dim) matrices")
    add("model", metavar="<model-out>", help="mixture of diagonal Gaussians")
    args = parser.parse_args(argv)
    for name in ("num_gauss", "num_iters", "num_frames"):
        if getattr(args, name) < 1:
            raise ValueError(f"--{name.replace('_', '-')} {getattr(args, name)}: expected at least 1")

    generator = np.random.default_rng(args.seed)
    table = open_features(args, args.features, None, parser.prog, (FrontendOptions, apply_frontend))
    frames = keep_frames(table, args.num_frames, generator)
    sys.stderr.write(f"init_diag_ubm: {table.summary()}; {len(frames)} frames kept\n")
    target = args.num_gauss
    initial = args.num_gauss_init if 0 < args.num_gauss_init <= target else target
    if len(frames) < 10 * target:
        raise ValueError(f"{args.features}: {len(frames)} frames are too few for {target} Gaussians: at least "
                         f"{10 * target} are needed")
    options = DiagUpdateOptions(
        args.min_gaussian_weight, args.min_gaussian_occupancy, args.min_variance,
        variance_floor_factor=args.variance_floor_factor,
    )  # fmt: skip
    algebra = open_algebra(args.device)
    if args.start == "grow":
        steps = grow_diag_gmm(frames, target, args.num_iters, generator, options, algebra)
    else:
        steps = split_diag_gmm(frames, (initial, target), args.num_iters, generator, options, algebra)
    for iteration, (gmm, likelihood) in enumerate(steps):
        sys.stderr.write(f"init_diag_ubm: iteration {iteration}: log-likelihood {likelihood:.6g} a frame, "
                         f"{gmm.num_gauss} Gaussians\n")
    write_diag_gmm(args.model, Mixture(gmm.weights, gmm.means_inv_vars, gmm.inv_vars), gmm.gconsts, args.binary)


def split_diag_gmm(
    frames: np.ndarray,
    sizes: tuple[int, int],
    num_iters: int,
    generator: np.random.Generator,
    options: DiagUpdateOptions,
    algebra: HostAlgebra | TorchAlgebra,
) -> Iterator[tuple[DiagGmm, float]]:
    """Kaldi's way, from so many Gaussians to so many: yields as `grow_diag_gmm`; the last mixture is whole."""
    current, target = sizes
    gmm = initialise_diag_gmm(frames, current, generator)
    # Splitting is over halfway through the iterations.
    step = -(-(target - current) // max(1, num_iters // 2))
    for _ in range(num_iters):
        stats = DiagStats.zeros(gmm)
        stats.accumulate(gmm, frames, algebra=algebra)
        gmm, _ = update_diag_gmm(gmm, stats, options)
        following = min(target, current + step)
        if following > gmm.num_gauss and following > current:
            gmm, current = gmm.split(following, _PERTURB, generator), following
        yield gmm, stats.log_likelihood / len(frames)


def keep_frames(table: ProcessedFeatures, count: int, generator: np.random.Generator) -> np.ndarray:
    """All frames if they are at most `count`, else as many of them at random, (frames, dim) float32."""
    kept = np.zeros((0, 0), np.float32)
    blocks: list[np.ndarray] = []
    seen = 0
    for utterance, features in table:
        if blocks and features.shape[1] != blocks[0].shape[1]:
            raise ValueError(f"utterance {utterance} has features of dimension {features.shape[1]}, those before "
                             f"{blocks[0].shape[1]}")
        if seen < count:
            first, features = features[: count - seen], features[count - seen :]
            blocks.append(first)
            seen += len(first)
            if seen == count:
                kept = np.concatenate(blocks)
        if len(features):
            # Every frame so far stays with the same probability (reservoir sampling).
            numbers = np.arange(seen + 1, seen + len(features) + 1)
            taken = np.flatnonzero(generator.random(len(features)) * numbers < count)
            for index in taken:
                kept[generator.integers(count)] = features[index]
            seen += len(features)
    return np.concatenate(blocks) if seen <= count and blocks else kept


if __name__ == "__main__":
    run(main)
