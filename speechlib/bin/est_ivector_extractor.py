"""Estimate an i-vector extractor from statistics: EM with minimum divergence (Kaldi's ivector-extractor-est)."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from speechlib.gmm.ivector_extractor import IvectorExtractor
from speechlib.gmm.ivector_training import ExtractorStats, ExtractorUpdateOptions, update_extractor
from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.ivector_models import Extractor, read_extractor, read_extractor_sums, write_extractor


def main(argv: Sequence[str] | None = None) -> None:
    """Read the model and the statistics of all jobs, write the new model."""
    parser = KaldiArgumentParser(
        prog="est_ivector_extractor",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.est_ivector_extractor 0.ie 0.1.acc 0.2.acc 1.ie",
    )
    add = parser.add_argument
    add("--variance-floor-factor", type=float, default=0.1, metavar="X",
        help="floor of the covariances as a share of their average")  # fmt: skip
    add("--gaussian-min-count", type=float, default=100.0, metavar="X", help="with fewer frames, no update")
    add("--diagonalize", type=kaldi_bool, default=True, metavar="true|false",
        help="rotate the i-vectors so that the average quadratic term is diagonal")  # fmt: skip
    add("--num-threads", type=int, default=1, metavar="N", help="read for Kaldi's sake: OMP_NUM_THREADS decides")
    add("--binary", type=kaldi_bool, default=True, metavar="true|false", help="write in binary")
    add("extractor", metavar="<model-in>", help="i-vector extractor")
    add("stats", metavar="<stats-in>", nargs="+", help="statistics of one or several jobs")
    add("new_extractor", metavar="<model-out>", help="the new extractor")
    args = parser.parse_args(argv)

    extractor = IvectorExtractor(*read_extractor(args.extractor))
    stats = ExtractorStats(**read_extractor_sums(args.stats[0])._asdict())
    for name in args.stats[1:]:
        try:
            stats.add(ExtractorStats(**read_extractor_sums(name)._asdict()))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
    options = ExtractorUpdateOptions(args.variance_floor_factor, args.gaussian_min_count, args.diagonalize)
    new = update_extractor(
        extractor, stats, options, lambda message: sys.stderr.write(f"est_ivector_extractor: {message}\n")
    )
    values = Extractor(new.projections, new.inv_covars, new.prior_offset, new.weights)
    write_extractor(args.new_extractor, values, args.binary)


if __name__ == "__main__":
    run(main)
