"""Score trials by PLDA's log-likelihood ratio (Kaldi's ivector-plda-scoring)."""

import sys

import numpy as np

from speechlib.backend.plda import Plda, smooth_within
from speechlib.backend.scoring import plda_scorer, project
from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.map_tables import read_count_map
from speechlib.io.plda_files import read_plda
from speechlib.io.scores import write_scores
from speechlib.io.trial_rows import trial_rows
from speechlib.io.trials import read_trials
from speechlib.io.vector_table import VectorTable, read_vectors

_USAGE = """Write `<enrol> <test> <score>` for each trial: the natural logarithm of how much more likely one speaker is
than two.

 e.g.: python -m speechlib.bin.score_plda --num-utts exp/enrol/num_utts plda scp:exp/enrol/embedding.scp \\
         scp:exp/test/embedding.scp data/test/trials exp/scores"""


def main(argv: list[str] | None = None) -> None:
    """Run the command."""
    parser = KaldiArgumentParser(prog="score_plda", description=_USAGE)
    parser.add_argument("--num-utts", metavar="FILE", help="how many utterances each enrolment vector is the mean of")
    parser.add_argument(
        "--normalize-length", type=kaldi_bool, default=True, help="scale vectors to the length that the model expects"
    )
    parser.add_argument(
        "--simple-length-normalization", type=kaldi_bool, default=False, help="scale them to sqrt(dim) instead"
    )
    parser.add_argument("--smoothing", type=float, default=0.0, help="as copy_plda's")
    parser.add_argument("plda", help="PLDA")
    parser.add_argument("enrolment", metavar="enrol-rspecifier", help="enrolment embeddings")
    parser.add_argument("test", metavar="test-rspecifier", help="test embeddings")
    parser.add_argument("trials", help="<enrol> <test> [target|nontarget], or 1|0 <enrol> <test>")
    parser.add_argument("scores", help="file to write")
    args = parser.parse_args(argv)

    plda = Plda(*read_plda(args.plda))
    if args.smoothing:
        plda = smooth_within(plda, args.smoothing)
    enrolment = read_vectors(args.enrolment)
    test = enrolment if args.test == args.enrolment else read_vectors(args.test)
    trials = read_trials(args.trials)
    enrol_rows, test_rows = trial_rows(trials, enrolment, test)
    counts = _counts(args.num_utts, enrolment, enrol_rows) if args.num_utts else None

    how = {"normalize": args.normalize_length, "simple": args.simple_length_normalization}
    for table in (enrolment, test):
        if table.dim != plda.dim:
            raise ValueError(
                f"{table.source}: vectors of dimension {table.dim}, {args.plda} has dimension {plda.dim}: "
                f"apply the transform that PLDA was trained behind"
            )
    tests = project(plda, test.values, **how)
    models = tests if test is enrolment and counts is None else project(plda, enrolment.values, counts, **how)
    scorer = plda_scorer(plda, models, tests, counts)
    scores = scorer.score(enrol_rows, test_rows)
    write_scores(args.scores, trials, scores)
    sys.stderr.write(f"score_plda: {len(trials)} trials, mean score {scores.mean(dtype=np.float64):.4g}\n")


def _counts(source: str, enrolment: VectorTable, used: np.ndarray) -> np.ndarray:
    counts = read_count_map(source)
    numbers = np.array([counts.get(key, 0) for key in enrolment.keys], np.float64)
    rows = np.unique(used)
    lacking = rows[numbers[rows] == 0]
    if len(lacking):
        raise ValueError(
            f"{source}: no number of utterances of {enrolment.keys[lacking[0]]!r}; {len(lacking)} of the {len(rows)} "
            f"models of the trials have none"
        )
    return np.maximum(numbers, 1.0)  # of what no trial asks for, any will do


if __name__ == "__main__":
    run(main)
