"""Estimate a mixture of full Gaussians from statistics (Kaldi's fgmm-global-est)."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from speechlib.gmm.full_gmm import FullGmm, FullStats, FullUpdateOptions, update_full_gmm
from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.gmm_models import Mixture, read_full_gmm, sum_up, write_full_gmm


def main(argv: Sequence[str] | None = None) -> None:
    """Read the model and the statistics of all jobs, write the new model."""
    parser = KaldiArgumentParser(
        prog="est_full_ubm",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.est_full_ubm 0.ubm 0.1.acc 0.2.acc 1.ubm",
    )
    add = parser.add_argument
    add("--min-gaussian-weight", type=float, default=1e-5, metavar="X", help="a Gaussian below this is not updated")
    add("--min-gaussian-occupancy", type=float, default=100.0, metavar="X", help="a Gaussian below this is not updated")
    add("--variance-floor", type=float, default=0.001, metavar="X", help="floor of the covariances' eigenvalues")
    add("--max-condition", type=float, default=1e4, metavar="X", help="the largest eigenvalue over this is a floor")
    add("--remove-low-count-gaussians", type=kaldi_bool, default=True, metavar="true|false",
        help="remove the Gaussians that are not updated")  # fmt: skip
    add("--binary", type=kaldi_bool, default=True, metavar="true|false", help="write the model in binary")
    add("model", metavar="<model-in>", help="mixture of full Gaussians")
    add("stats", metavar="<stats-in>", nargs="+", help="statistics of one or several jobs")
    add("new_model", metavar="<model-out>", help="the new mixture")
    args = parser.parse_args(argv)

    gmm = FullGmm(*read_full_gmm(args.model))
    stats = FullStats(*sum_up(args.stats, full=True))
    options = FullUpdateOptions(
        args.min_gaussian_weight,
        args.min_gaussian_occupancy,
        args.variance_floor,
        args.max_condition,
        args.remove_low_count_gaussians,
    )
    gmm, update = update_full_gmm(gmm, stats, options)
    frames = stats.occupancy.sum()
    sys.stderr.write(
        f"est_full_ubm: objective function improves by {update.improvement / frames:.6g} a frame over {frames:.7g} "
        f"frames; {len(update.low_count)} Gaussians with too little data, {update.num_floored} eigenvalues floored\n"
    )
    mixture = Mixture(gmm.weights, gmm.means_inv_covars, gmm.inv_covars)
    write_full_gmm(args.new_model, mixture, gmm.gconsts, args.binary)


if __name__ == "__main__":
    run(main)
