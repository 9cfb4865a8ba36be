"""Bring embeddings into the space in which a back-end scores: mean, whitening, LDA and length, as it was trained."""

import os
import sys

import numpy as np

from speechlib.backend.vectors import global_mean, normalize_length, transform
from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.map_tables import read_list_map
from speechlib.io.maps import write_map
from speechlib.io.tables import open_table, read_matrix, read_vector
from speechlib.io.vector_table import VectorTable, read_vectors

_USAGE = """Centre embeddings by <backend-dir>/mean.vec, apply whitening.mat and transform.mat of those that are there,
and scale each to length sqrt(dim). With --spk2utt models are made first: the means of their utterances' embeddings.

 e.g.: python -m speechlib.bin.apply_backend exp/backend scp:exp/test/embedding.scp ark:- | ...
       python -m speechlib.bin.apply_backend --spk2utt models --num-utts exp/num_utts exp/backend \\
         scp:exp/enrol/embedding.scp ark:exp/models.ark"""

_TRANSFORMS = ("whitening.mat", "transform.mat")


def main(argv: list[str] | None = None) -> None:
    """Run the command."""
    parser = KaldiArgumentParser(prog="apply_backend", description=_USAGE)
    parser.add_argument("--spk2utt", metavar="FILE", help="models and the utterances of each")
    parser.add_argument("--num-utts", metavar="FILE", help="with --spk2utt: file of the number of utterances, to write")
    parser.add_argument("--normalize-length", type=kaldi_bool, default=True, help="scale to length sqrt(dim)")
    parser.add_argument("--mean", metavar="FILE", help="the mean to subtract (default: <backend-dir>/mean.vec)")
    parser.add_argument("backend", metavar="backend-dir", help="folder that steps/train_plda.sh made; '' for none")
    parser.add_argument("vectors", metavar="rspecifier", help="embeddings")
    parser.add_argument("out", metavar="wspecifier", help="table to write")
    args = parser.parse_args(argv)

    table = read_vectors(args.vectors)
    keys, values, counts = table.keys, table.values, None
    if args.spk2utt:
        keys, values, counts = _models(read_list_map(args.spk2utt), args.spk2utt, table)
    if args.backend:
        values = _apply(args.backend, args.mean, values, args.vectors)
    if args.normalize_length:
        values, _ = normalize_length(values)
    with open_table(args.out) as writer:
        for key, vector in zip(keys, values, strict=True):
            writer.write(key, vector)
    if args.num_utts:
        write_map(args.num_utts, dict.fromkeys(keys, 1) if counts is None else dict(zip(keys, counts, strict=True)))


def _models(
    spk2utt: dict[str, list[str]], source: str, table: VectorTable
) -> tuple[list[str], np.ndarray, list[int]]:
    row_of = table.rows()
    means, counts, num_lacking = np.empty((len(spk2utt), table.dim), table.values.dtype), [], 0
    for index, (model, utterances) in enumerate(spk2utt.items()):
        rows = [row_of[utterance] for utterance in utterances if utterance in row_of]
        if not rows:
            raise ValueError(f"{source}: no utterance of model {model!r} has a vector in {table.source}")
        num_lacking += len(utterances) - len(rows)
        means[index] = global_mean(table.values[rows])
        counts.append(len(rows))
    if num_lacking:
        sys.stderr.write(f"apply_backend: warning: {num_lacking} utterances of {source} have no vector\n")
    return list(spk2utt), means, counts


def _apply(backend: str, mean_file: str | None, values: np.ndarray, source: str) -> np.ndarray:
    mean_file = mean_file or os.path.join(backend, "mean.vec")
    if not os.path.isfile(mean_file):
        raise ValueError(f"{mean_file}: no such file: train the back-end first (steps/train_plda.sh)")
    mean = read_vector(mean_file)
    if mean.shape != values.shape[1:]:
        raise ValueError(f"{source}: vectors of dimension {values.shape[1]}, {mean_file} has dimension {len(mean)}")
    values = values - mean
    for name in _TRANSFORMS:
        path = os.path.join(backend, name)
        if os.path.isfile(path):
            try:
                values = transform(values, read_matrix(path))
            except ValueError as error:
                raise ValueError(f"{path}: {error}") from error
    return values


if __name__ == "__main__":
    run(main)
