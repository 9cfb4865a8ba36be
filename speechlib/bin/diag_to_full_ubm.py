"""Turn a mixture of diagonal Gaussians into one of full Gaussians (Kaldi's gmm-global-to-fgmm)."""

from __future__ import annotations

from collections.abc import Sequence

from speechlib.gmm.diag_gmm import DiagGmm
from speechlib.gmm.full_gmm import FullGmm
from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.gmm_models import Mixture, read_diag_gmm, write_full_gmm


def main(argv: Sequence[str] | None = None) -> None:
    """Write the same mixture with full matrices."""
    parser = KaldiArgumentParser(
        prog="diag_to_full_ubm",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.diag_to_full_ubm final.dubm 0.ubm",
    )
    parser.add_argument("--binary", type=kaldi_bool, default=True, metavar="true|false", help="write in binary")
    parser.add_argument("model", metavar="<model-in>", help="mixture of diagonal Gaussians")
    parser.add_argument("full_model", metavar="<model-out>", help="mixture of full Gaussians")
    args = parser.parse_args(argv)

    gmm = FullGmm.from_diag(DiagGmm(*read_diag_gmm(args.model)))
    mixture = Mixture(gmm.weights, gmm.means_inv_covars, gmm.inv_covars)
    write_full_gmm(args.full_model, mixture, gmm.gconsts, args.binary)


if __name__ == "__main__":
    run(main)
