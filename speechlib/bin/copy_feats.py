"""Copy matrices or vectors, changing their format (Kaldi's copy-feats, copy-vector, copy-int-vector)."""

from contextlib import ExitStack

from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.specifiers import is_specifier
from speechlib.io.tables import open_table, read_object, read_table, write_object

_USAGE = """Copy features, vectors or integer vectors, and change their format.
The type is recognised by itself and kept: float, double, integers.

 e.g.: python -m speechlib.bin.copy_feats ark:in.ark ark,scp:out.ark,out.scp
       python -m speechlib.bin.copy_feats --compress=true scp:feats.scp ark:- | ...
       python -m speechlib.bin.copy_feats --binary=false lda.mat -    (one object without a key)"""


def main(argv: list[str] | None = None) -> None:
    """Run the command."""
    parser = KaldiArgumentParser(prog="copy_feats", description=_USAGE)
    parser.add_argument("--compress", type=kaldi_bool, default=False, help="write matrices compressed")
    parser.add_argument(
        "--compression-method",
        type=int,
        default=1,
        help="with --compress: 1 automatic, 2 speech feature, 3 two-byte, 4 two-byte signed integer, 5 one-byte, "
        "6 one-byte unsigned integer, 7 one byte for [0, 1]",
    )
    parser.add_argument("--write-num-frames", metavar="wspecifier", help="table of each matrix's number of rows")
    parser.add_argument("--binary", type=kaldi_bool, default=True, help="for a single object: binary, or text")
    parser.add_argument("input", metavar="rspecifier", help="table or file to read")
    parser.add_argument("output", metavar="wspecifier", help="table or file to write")
    arguments = parser.parse_args(argv)

    compression = arguments.compression_method if arguments.compress else None
    if compression is not None and not 1 <= compression <= 7:
        raise ValueError(f"--compression-method={compression}: expected 1 to 7")
    if is_specifier(arguments.input) != is_specifier(arguments.output):
        raise ValueError(
            f"{arguments.input} and {arguments.output}: expected two tables (ark: or scp:) or two files, not a mixture"
        )
    if is_specifier(arguments.input):
        _copy_table(arguments.input, arguments.output, compression, arguments.write_num_frames)
    elif arguments.write_num_frames:
        raise ValueError("--write-num-frames: expected a table (ark: or scp:) to copy, a single object has no key")
    else:
        write_object(arguments.output, read_object(arguments.input), arguments.binary, compression)


def _copy_table(source: str, target: str, compression: int | None, num_frames: str | None) -> None:
    with open_table(target, compression) as writer, ExitStack() as stack:
        counts = stack.enter_context(open_table(num_frames)) if num_frames is not None else None
        for key, value in read_table(source):
            writer.write(key, value)
            if counts is not None:
                counts.write(key, len(value))


if __name__ == "__main__":
    run(main)
