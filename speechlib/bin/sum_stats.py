"""Add up statistics of mixtures or of i-vector extractors (Kaldi's gmm-global-sum-accs, fgmm-global-sum-accs and
ivector-extractor-sum-accs; the sum comes first, as in the first two)."""

from __future__ import annotations

from collections.abc import Sequence

from speechlib.gmm.ivector_training import ExtractorStats
from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.gmm_models import ItemReader, sum_up, write_sums
from speechlib.io.ivector_models import ExtractorSums, read_extractor_sums, write_extractor_sums


def main(argv: Sequence[str] | None = None) -> None:
    """Read statistics of one kind, write their sum."""
    parser = KaldiArgumentParser(
        prog="sum_stats",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.sum_stats 0.acc 0.1.acc 0.2.acc 0.3.acc",
    )
    parser.add_argument("--binary", type=kaldi_bool, default=True, metavar="true|false", help="write in binary")
    parser.add_argument("total", metavar="<stats-out>", help="the sum")
    parser.add_argument("stats", metavar="<stats-in>", nargs="+", help="statistics of the same kind and model")
    args = parser.parse_args(argv)

    kind = ItemReader(args.stats[0]).token("<GMMACCS>", "<IvectorExtractorStats>")
    if kind == "<GMMACCS>":
        write_sums(args.total, sum_up(args.stats), args.binary)
        return
    total = ExtractorStats(**read_extractor_sums(args.stats[0])._asdict())
    for name in args.stats[1:]:
        try:
            total.add(ExtractorStats(**read_extractor_sums(name)._asdict()))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
    write_extractor_sums(args.total, ExtractorSums(**vars(total)), args.binary)


if __name__ == "__main__":
    run(main)
