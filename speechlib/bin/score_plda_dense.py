"""Score all pairs of utterances of each conversation by PLDA (Kaldi's ivector-plda-scoring-dense)."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from speechlib.backend.dense_scoring import dense_scores
from speechlib.backend.plda import Plda
from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.conversations import read_conversations
from speechlib.io.maps import write_lists
from speechlib.io.plda_files import read_plda
from speechlib.io.tables import open_table
from speechlib.io.vector_table import read_vectors

_USAGE = """Write a matrix for each conversation: the log-likelihood ratio, one speaker over two, of each pair of its
utterances, in the order of the conversation's line of <reco2utt>.

 e.g.: python -m speechlib.bin.score_plda_dense --target-energy 0.9 exp/backend/plda data/eval/reco2utt \\
         'ark:python -m speechlib.bin.apply_backend exp/backend scp:exp/eval/embedding.scp ark:- |' \\
         ark,scp:exp/scores.ark,exp/scores.scp"""


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = KaldiArgumentParser(prog="score_plda_dense", description=_USAGE)
    add = parser.add_argument
    add("--target-energy", type=float, default=0.5, metavar="X",
        help="share of a conversation's variance that its principal components keep; 1.0: all dimensions are kept")
    add("--normalize-length", type=kaldi_bool, default=True, metavar="true|false",
        help="scale vectors to the length that the model expects")  # fmt: skip
    add("--simple-length-normalization", type=kaldi_bool, default=False, metavar="true|false",
        help="scale them to sqrt(dim) instead")  # fmt: skip
    add("--skip-missing", type=kaldi_bool, default=False, metavar="true|false",
        help="leave out utterances without embedding instead of calling them an error")  # fmt: skip
    add("--write-reco2utt", metavar="FILE", help="the utterances that the scores are of, without those left out")
    add("plda", help="PLDA")
    add("conversations", metavar="<reco2utt>", help="utterances of each conversation, a file or an rspecifier")
    add("vectors", metavar="<embeddings-rspecifier>", help="as PLDA was trained on")
    add("scores", metavar="<scores-wspecifier>", help="a matrix for each conversation")
    args = parser.parse_args(argv)
    if args.skip_missing and not args.write_reco2utt:
        raise ValueError("--skip-missing goes with --write-reco2utt FILE: scores are read with their utterances")

    plda = Plda(*read_plda(args.plda))
    conversations = read_conversations(args.conversations)
    table = read_vectors(args.vectors)
    if table.dim != plda.dim:
        raise ValueError(
            f"{args.vectors}: vectors of dimension {table.dim}, {args.plda} has dimension {plda.dim}: apply the "
            "transform that PLDA was trained behind"
        )
    kept: dict[str, list[str]] = {}
    rows = table.rows()
    how = {"normalize": args.normalize_length, "simple": args.simple_length_normalization}
    with open_table(args.scores) as writer:
        for conversation, utterances in conversations.items():
            found = [utterance for utterance in utterances if utterance in rows]
            if len(found) < len(utterances):
                _report(conversation, utterances, found, args)
            if not found:
                continue
            vectors = table.values[[rows[utterance] for utterance in found]]
            writer.write(conversation, dense_scores(plda, vectors, args.target_energy, **how))
            kept[conversation] = found
        if not kept:
            raise ValueError(f"{args.vectors}: no embedding of any utterance of {args.conversations}")
        if args.write_reco2utt:
            write_lists(args.write_reco2utt, kept)
    num_utterances = sum(map(len, kept.values()))
    num_out = sum(map(len, conversations.values())) - num_utterances
    sys.stderr.write(
        f"score_plda_dense: {len(kept)} conversations of {num_utterances} utterances; {num_out} left out\n"
    )


def _report(conversation: str, utterances: list[str], found: list[str], args) -> None:
    missing = sorted(set(utterances) - set(found))
    shown = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
    of_all = f"{len(missing)} of the {len(utterances)} utterances of conversation {conversation!r}"
    if not args.skip_missing:
        raise ValueError(
            f"{args.vectors}: {of_all} have no embedding ({shown}): give --skip-missing true --write-reco2utt FILE to "
            "leave them out"
        )
    sys.stderr.write(f"score_plda_dense: warning: {of_all} have no embedding: left out ({shown})\n")


if __name__ == "__main__":
    run(main)
