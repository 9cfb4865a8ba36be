"""Estimate a mixture of diagonal Gaussians from statistics (Kaldi's gmm-global-est)."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np

from speechlib.gmm.diag_gmm import DiagGmm, DiagStats, DiagUpdateOptions, update_diag_gmm
from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.gmm_models import Mixture, read_diag_gmm, sum_up, write_diag_gmm


def main(argv: Sequence[str] | None = None) -> None:
    """Read the model and the statistics of all jobs, write the new model."""
    parser = KaldiArgumentParser(
        prog="est_diag_ubm",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.est_diag_ubm 0.dubm 0.1.acc 0.2.acc 1.dubm",
    )
    add = parser.add_argument
    add("--min-gaussian-weight", type=float, default=1e-5, metavar="X", help="a Gaussian below this is not updated")
    add("--min-gaussian-occupancy", type=float, default=10.0, metavar="X", help="a Gaussian below this is not updated")
    add("--min-variance", type=float, default=0.001, metavar="X", help="floor of the variances")
    add("--variance-floor-factor", type=float, default=0.0, metavar="X",
        help="floor of the variances, too: this share of all frames' variance")  # fmt: skip
    add("--remove-low-count-gaussians", type=kaldi_bool, default=True, metavar="true|false",
        help="remove the Gaussians that are not updated")  # fmt: skip
    add("--mix-up", type=int, default=0, metavar="N", help="split Gaussians until there are so many; 0: do not")
    add("--perturb-factor", type=float, default=0.01, metavar="X", help="standard deviations halves move apart by")
    add("--seed", type=int, default=0, metavar="N", help="of the directions in which they move apart")
    add("--binary", type=kaldi_bool, default=True, metavar="true|false", help="write the model in binary")
    add("model", metavar="<model-in>", help="mixture of diagonal Gaussians")
    add("stats", metavar="<stats-in>", nargs="+", help="statistics of one or several jobs")
    add("new_model", metavar="<model-out>", help="the new mixture")
    args = parser.parse_args(argv)

    gmm = DiagGmm(*read_diag_gmm(args.model))
    stats = DiagStats(*sum_up(args.stats, full=False))
    options = DiagUpdateOptions(
        args.min_gaussian_weight, args.min_gaussian_occupancy, args.min_variance, args.remove_low_count_gaussians,
        args.variance_floor_factor,
    )  # fmt: skip
    gmm, update = update_diag_gmm(gmm, stats, options)
    frames = stats.occupancy.sum()
    sys.stderr.write(
        f"est_diag_ubm: objective function improves by {update.improvement / frames:.6g} a frame over {frames:.7g} "
        f"frames; {len(update.low_count)} Gaussians with too little data, {update.num_floored} variances floored\n"
    )
    if args.mix_up:
        gmm = gmm.split(args.mix_up, args.perturb_factor, np.random.default_rng(args.seed))
    write_diag_gmm(args.new_model, Mixture(gmm.weights, gmm.means_inv_vars, gmm.inv_vars), gmm.gconsts, args.binary)


if __name__ == "__main__":
    run(main)
