"""Make an i-vector extractor with random projections from a mixture of full Gaussians (ivector-extractor-init)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from speechlib.gmm.full_gmm import FullGmm
from speechlib.gmm.ivector_extractor import IvectorExtractor
from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.gmm_models import read_full_gmm
from speechlib.io.ivector_models import Extractor, write_extractor


def main(argv: Sequence[str] | None = None) -> None:
    """Write the extractor to start training from."""
    parser = KaldiArgumentParser(
        prog="init_ivector_extractor",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.init_ivector_extractor --ivector-dim 200 final.ubm 0.ie",
    )
    add = parser.add_argument
    add("--ivector-dim", type=int, default=400, metavar="N", help="dimension of the i-vectors")
    add("--use-weights", type=kaldi_bool, default=False, metavar="true|false",
        help="regress the weights on the i-vector: not supported, as Kaldi's recipes do without")  # fmt: skip
    add("--seed", type=int, default=0, metavar="N", help="of the random projections")
    add("--binary", type=kaldi_bool, default=True, metavar="true|false", help="write in binary")
    add("ubm", metavar="<fgmm-in>", help="mixture of full Gaussians")
    add("extractor", metavar="<extractor-out>", help="i-vector extractor")
    args = parser.parse_args(argv)
    if args.use_weights:
        raise ValueError("--use-weights=true: extractors that regress the weights are not supported")

    ubm = FullGmm(*read_full_gmm(args.ubm))
    extractor = IvectorExtractor.initialise(ubm, args.ivector_dim, np.random.default_rng(args.seed))
    values = Extractor(extractor.projections, extractor.inv_covars, extractor.prior_offset, extractor.weights)
    write_extractor(args.extractor, values, args.binary)


if __name__ == "__main__":
    run(main)
