"""Train PLDA on embeddings of known speakers (Kaldi's ivector-compute-plda)."""

import sys

import numpy as np

from speechlib.backend.class_statistics import class_statistics
from speechlib.backend.plda import estimate_plda
from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.map_tables import read_list_map
from speechlib.io.plda_files import write_plda
from speechlib.io.vector_table import VectorTable, read_vectors

_USAGE = """Train probabilistic linear discriminant analysis in its two-covariance form.

 e.g.: python -m speechlib.bin.train_plda data/train/spk2utt scp:exp/train/embedding.scp exp/plda"""


def main(argv: list[str] | None = None) -> None:
    """Run the command."""
    parser = KaldiArgumentParser(prog="train_plda", description=_USAGE)
    parser.add_argument("--num-em-iters", type=int, default=10, help="iterations of expectation-maximisation")
    parser.add_argument("--binary", type=kaldi_bool, default=True, help="binary or text")
    parser.add_argument("spk2utt", help="utterances of each speaker: a file or ark:...")
    parser.add_argument("vectors", metavar="rspecifier", help="embeddings")
    parser.add_argument("plda", help="file to write")
    args = parser.parse_args(argv)

    spk2utt = read_list_map(args.spk2utt)
    table = read_vectors(args.vectors)
    speakers = _speakers(spk2utt, args.spk2utt, table)
    used = speakers >= 0
    whole = used.all()
    statistics = class_statistics(table.values if whole else table.values[used], speakers if whole else speakers[used])
    free = statistics.num_vectors - len(statistics.counts)
    if 0 < free < statistics.dim <= statistics.num_vectors:
        sys.stderr.write(
            f"train_plda: warning: {statistics.num_vectors} vectors of {len(statistics.counts)} speakers show {free} "
            f"ways to vary within a speaker, fewer than the {statistics.dim} dimensions: reduce them by LDA\n"
        )
    try:
        plda = estimate_plda(statistics, args.num_em_iters)
    except ValueError as error:
        raise ValueError(f"{args.spk2utt}, {args.vectors}: {error}") from error
    write_plda(args.plda, plda.mean, plda.transform, plda.psi, args.binary)
    sys.stderr.write(
        f"train_plda: {statistics.num_vectors} utterances of {len(statistics.counts)} speakers, dimension {plda.dim}; "
        f"between-speaker variances {plda.psi[0]:.4g} to {plda.psi[-1]:.4g} where those within are 1\n"
    )


def _speakers(spk2utt: dict[str, list[str]], source: str, table: VectorTable) -> np.ndarray:
    """(vectors,) number of each vector's speaker, -1 for vectors of utterances that no speaker has."""
    row_of = table.rows()
    rows: list[int] = []
    counts: list[int] = []
    lacking: list[str] = []
    for utterances in spk2utt.values():
        found = list(map(row_of.get, utterances))
        if None in found:
            lacking += [utterance for utterance in utterances if utterance not in row_of]
            found = [row for row in found if row is not None]
        rows += found
        counts.append(len(found))
    if not rows:
        raise ValueError(f"{source}: none of its utterances has a vector in {table.source}")
    if len(set(rows)) < len(rows):
        twice = table.keys[int(np.bincount(rows).argmax())]
        raise ValueError(f"{source}: utterance {twice!r} is listed twice; an utterance has one speaker")
    kept = [count for count in counts if count]
    if lacking:
        sys.stderr.write(
            f"train_plda: warning: {len(lacking)} of {len(lacking) + len(rows)} utterances of {source} have no vector "
            f"in {table.source}, the first being {lacking[0]}; {len(counts) - len(kept)} speakers are left with none\n"
        )
    single = kept.count(1)
    if single and single < len(kept):
        sys.stderr.write(
            f"train_plda: warning: {single} of {len(kept)} speakers have one utterance: they tell nothing of how much "
            f"a speaker varies\n"
        )
    speakers = np.full(len(table), -1)
    speakers[rows] = np.repeat(np.arange(len(kept)), kept)
    return speakers


if __name__ == "__main__":
    run(main)
