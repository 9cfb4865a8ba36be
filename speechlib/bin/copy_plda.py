"""Copy PLDA, to smooth it or to change its format (Kaldi's ivector-copy-plda)."""

from speechlib.backend.plda import Plda, smooth_within
from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.plda_files import read_plda, write_plda

_USAGE = """Copy PLDA, binary or text; with --smoothing part of the variance between speakers is added to that within.

 e.g.: python -m speechlib.bin.copy_plda --smoothing 0.1 plda plda_smooth
       python -m speechlib.bin.copy_plda --binary=false plda -"""


def main(argv: list[str] | None = None) -> None:
    """Run the command."""
    parser = KaldiArgumentParser(prog="copy_plda", description=_USAGE)
    parser.add_argument("--smoothing", type=float, default=0.0, help="0 to 1")
    parser.add_argument("--binary", type=kaldi_bool, default=True, help="binary or text")
    parser.add_argument("plda", metavar="plda-in", help="PLDA to copy")
    parser.add_argument("out", metavar="plda-out", help="file to write")
    args = parser.parse_args(argv)

    plda = Plda(*read_plda(args.plda))
    if args.smoothing:
        plda = smooth_within(plda, args.smoothing)
    write_plda(args.out, plda.mean, plda.transform, plda.psi, args.binary)


if __name__ == "__main__":
    run(main)
