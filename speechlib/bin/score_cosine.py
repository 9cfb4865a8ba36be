"""Score trials by the cosine of their embeddings, or by inner products (Kaldi's ivector-compute-dot-products)."""

import sys

import numpy as np

from speechlib.backend.scoring import cosine_scorer, inner_product_scorer
from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.scores import write_scores
from speechlib.io.specifiers import is_specifier
from speechlib.io.trial_rows import trial_rows
from speechlib.io.trials import read_trials
from speechlib.io.vector_table import read_vectors

_USAGE = """Write `<enrol> <test> <score>` for each trial. The first arguments may also stand in the order of Kaldi's
ivector-compute-dot-products: <trials> <enrol-rspecifier> <test-rspecifier> <scores>.

 e.g.: python -m speechlib.bin.score_cosine scp:exp/enrol/embedding.scp scp:exp/test/embedding.scp \\
         data/test/trials exp/scores"""


def main(argv: list[str] | None = None) -> None:
    """Run the command."""
    parser = KaldiArgumentParser(prog="score_cosine", description=_USAGE)
    parser.add_argument("--dot-product", type=kaldi_bool, default=False, help="inner product instead of cosine")
    parser.add_argument("enrolment", metavar="enrol-rspecifier", help="enrolment embeddings")
    parser.add_argument("test", metavar="test-rspecifier", help="test embeddings")
    parser.add_argument("trials", help="<enrol> <test> [target|nontarget], or 1|0 <enrol> <test>")
    parser.add_argument("scores", help="file to write")
    args = parser.parse_args(argv)
    if is_specifier(args.trials) and is_specifier(args.test) and not is_specifier(args.enrolment):
        args.trials, args.enrolment, args.test = args.enrolment, args.test, args.trials

    enrolment = read_vectors(args.enrolment)
    test = enrolment if args.test == args.enrolment else read_vectors(args.test)
    if enrolment.dim != test.dim:
        raise ValueError(
            f"{enrolment.source}: vectors of dimension {enrolment.dim}, {test.source} of dimension {test.dim}: "
            f"they must agree"
        )
    trials = read_trials(args.trials)
    rows = trial_rows(trials, enrolment, test)
    scorer = (inner_product_scorer if args.dot_product else cosine_scorer)(enrolment.values, test.values)
    scores = scorer.score(*rows)
    write_scores(args.scores, trials, scores)
    sys.stderr.write(f"score_cosine: {len(trials)} trials, mean score {scores.mean(dtype=np.float64):.4g}\n")


if __name__ == "__main__":
    run(main)
