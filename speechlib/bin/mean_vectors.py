"""Mean of all embeddings, or of each speaker's (Kaldi's ivector-mean)."""

import sys
from contextlib import ExitStack

import numpy as np

from speechlib.backend.vectors import global_mean
from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.map_tables import read_list_map
from speechlib.io.tables import open_table, write_vector
from speechlib.io.vector_table import VectorTable, read_vectors

_USAGE = """Write the mean of all embeddings to a file, or a table of the means of each speaker's (or model's).

 e.g.: python -m speechlib.bin.mean_vectors scp:exp/train/embedding.scp exp/mean.vec
       python -m speechlib.bin.mean_vectors data/enrol/spk2utt scp:exp/enrol/embedding.scp ark:exp/models.ark \\
         ark,t:exp/num_utts"""


def main(argv: list[str] | None = None) -> None:
    """Run the command."""
    parser = KaldiArgumentParser(prog="mean_vectors", description=_USAGE)
    parser.add_argument("--binary", type=kaldi_bool, default=False, help="of the single mean: binary or text")
    parser.add_argument(
        "arguments", nargs="+", metavar="argument",
        help="<rspecifier> <mean>, or <spk2utt> <rspecifier> <wspecifier> [<num-utts-wspecifier>]",
    )  # fmt: skip
    args = parser.parse_args(argv)
    if not 2 <= len(args.arguments) <= 4:
        parser.error(f"expected 2 to 4 arguments, got {len(args.arguments)}")

    if len(args.arguments) == 2:
        source, target = args.arguments
        table = read_vectors(source)
        mean = global_mean(table.values)
        write_vector(target, mean.astype(np.float32), args.binary)
        sys.stderr.write(f"mean_vectors: mean of {len(table)} vectors, of length {np.linalg.norm(mean):.4g}\n")
        return
    spk2utt = read_list_map(args.arguments[0])
    _write_means(spk2utt, args.arguments[0], read_vectors(args.arguments[1]), *args.arguments[2:])


def _write_means(
    spk2utt: dict[str, list[str]], source: str, table: VectorTable, target: str, num_utts: str | None = None
) -> None:
    row_of = table.rows()
    num_done = num_lacking = num_empty = 0
    with ExitStack() as stack:
        writer = stack.enter_context(open_table(target))
        counts = None if num_utts is None else stack.enter_context(open_table(num_utts))
        for speaker, utterances in spk2utt.items():
            rows = [row_of[utterance] for utterance in utterances if utterance in row_of]
            num_lacking += len(utterances) - len(rows)
            if not rows:
                sys.stderr.write(f"mean_vectors: warning: no vector of any utterance of {speaker}: left out\n")
                num_empty += 1
                continue
            num_done += 1
            writer.write(speaker, global_mean(table.values[rows]).astype(np.float32))
            if counts is not None:
                counts.write(speaker, len(rows))
        if not num_done:
            raise ValueError(f"{source}: none of its utterances has a vector in {table.source}")
    lacking = f"; warning: {num_lacking} utterances have no vector, {num_empty} speakers none" if num_lacking else ""
    sys.stderr.write(f"mean_vectors: means of {num_done} speakers{lacking}\n")


if __name__ == "__main__":
    run(main)
