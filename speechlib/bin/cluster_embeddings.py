"""Cluster embeddings by cosine distance and score the clustering (Lukic et al., 2016, section 4).

Writes to the output folder: linkage.txt and leaves (the tree), utt2cluster (at the chosen cut), and with --reference
curve.tsv (scores of every cut), utt2cluster_oracle (at the best cut) and result.json.

The cut is chosen by --num-clusters, by --threshold, or by --dev-embeddings with --dev-reference (the threshold with the
lowest misclassification rate on these other speakers); else by the highest silhouette, which needs no labels. Each kind
of misclassification rate is reported at its own best cut: utt2cluster and utt2cluster_oracle are those of the strict
kind, utt2cluster_hungarian and utt2cluster_oracle_hungarian those of the other. Intervals are 95 % percentile bootstrap
intervals: speakers are resampled, the clustering is held fixed.

With --reco2utt the trees are there already, as cluster_utterances writes them, of other distances than between
embeddings; they are cut and scored in the same way.
"""

import os
from dataclasses import dataclass

import numpy as np

from speechlib.clustering.agglomerative import (
    METHODS,
    cluster_tree,
    cut_tree,
    merges_at_distance,
    merges_for_clusters,
    silhouette_merges,
    tune_threshold,
)
from speechlib.clustering.cuts import levels
from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.clusters import check_same_items, read_labels, write_curve, write_tree
from speechlib.io.conversations import read_conversations, read_trees
from speechlib.io.maps import write_map
from speechlib.io.results import add_tag_option, write_result
from speechlib.io.tables import read_table
from speechlib.metrics.bootstrap import bootstrap_interval
from speechlib.metrics.clustering import KINDS, CutScores, misclassified, score_cuts


@dataclass(frozen=True)
class Embeddings:
    """Vectors in the order of their sorted names, and the tree over them; None where only a tree was read."""

    source: str
    items: list[str]
    vectors: np.ndarray | None
    tree: np.ndarray

    def labels(self, path: str) -> list[str]:
        """The speakers of the items, from a file that must name exactly these items."""
        reference = read_labels(path)
        check_same_items(reference, path, self.items, self.source)
        return [reference[item] for item in self.items]


@dataclass(frozen=True)
class Cut:
    """A place to cut the tree and the reason for it."""

    merges: int
    selection: dict


def main(argv: list[str] | None = None) -> None:
    """Read embeddings, write the clustering and its scores."""
    options = _parse(argv)
    data = _read(options.embeddings, options.reco2utt, options)
    speakers = None if options.reference is None else data.labels(options.reference)
    cuts = _choose_cuts(data, options)
    os.makedirs(options.out_dir, exist_ok=True)
    write_tree(options.out_dir, data.items, data.tree)
    _write_clusters(options.out_dir, "utt2cluster", data, cuts)
    if speakers is None:
        return

    scores = score_cuts(speakers, data.tree)
    write_curve(
        os.path.join(options.out_dir, "curve.tsv"),
        {
            "num_clusters": scores.num_clusters,
            "distance": np.concatenate([[0.0], data.tree[:, 2]]),
            "mr_strict": scores.strict,
            "mr_hungarian": scores.hungarian,
            "purity": scores.purity,
        },
    )
    oracle = {kind: _oracle_cut(scores.misclassification(kind)) for kind in KINDS}
    _write_clusters(options.out_dir, "utt2cluster_oracle", data, oracle)
    metrics = {}
    for suffix, chosen in (("", cuts), ("_oracle", oracle)):
        for kind in KINDS:
            wrong = misclassified(speakers, cut_tree(data.tree, chosen[kind].merges), kind).astype(float)
            selection = {**chosen[kind].selection, "num_clusters": len(data.items) - chosen[kind].merges}
            interval = bootstrap_interval(wrong, speakers, num_samples=options.bootstrap_samples)
            metrics[f"mr_{kind}{suffix}"] = {"value": wrong.mean(), "interval": interval, "selection": selection}
    metrics["purity"] = {"value": scores.purity[cuts["strict"].merges]}
    how = {} if options.reco2utt else {"method": options.method, "linkage_legacy": options.linkage_legacy}
    write_result(
        os.path.join(options.out_dir, "result.json"),
        task="speaker clustering",
        metrics=metrics,
        counts={
            "utterances": len(data.items),
            "speakers": len(set(speakers)),
            "clusters": len(data.items) - cuts["strict"].merges,
            "clusters_oracle": len(data.items) - oracle["strict"].merges,
        },
        selection=cuts["strict"].selection,
        labels=options.reference,
        seed=options.seed,
        extra={**how, **dict(options.tag)},
    )


def _parse(argv: list[str] | None):
    parser = KaldiArgumentParser(prog="cluster_embeddings", description=__doc__)
    parser.add_argument("--method", choices=METHODS, default="complete", help="linkage")
    parser.add_argument("--metric", choices=("cosine",), default="cosine", help="distance between embeddings")
    parser.add_argument(
        "--linkage-legacy", type=kaldi_bool, default=False, metavar="BOOL",
        help="the paper's program instead of the paper: distances between rows of the square distance matrix",
    )  # fmt: skip
    parser.add_argument("--reference", metavar="UTT2SPK", help="true speakers: score the clustering")
    parser.add_argument("--dev-embeddings", metavar="RSPECIFIER", help="embeddings of other speakers, to tune the cut")
    parser.add_argument("--dev-reference", metavar="UTT2SPK", help="true speakers of --dev-embeddings")
    parser.add_argument("--reco2utt", metavar="FILE", help="<embeddings> is a table of trees, of these utterances")
    parser.add_argument("--dev-reco2utt", metavar="FILE", help="the same of --dev-embeddings")
    parser.add_argument("--threshold", type=float, help="make the merges at a distance of at most this")
    parser.add_argument("--num-clusters", type=int, help="cut into this many clusters")
    parser.add_argument("--seed", type=int, help="seed of the model behind the embeddings, noted in result.json")
    add_tag_option(parser)
    parser.add_argument("--bootstrap-samples", type=int, default=1000, help="resamples behind an interval")
    parser.add_argument("embeddings", help="rspecifier of vectors, one per utterance or group; or of trees")
    parser.add_argument("out_dir", help="output folder")
    options = parser.parse_args(argv)
    given = [options.num_clusters is not None, options.threshold is not None, options.dev_embeddings is not None]
    if sum(given) > 1:
        parser.error("give one of --num-clusters, --threshold and --dev-embeddings, they all choose the cut")
    if (options.dev_embeddings is None) != (options.dev_reference is None):
        parser.error("--dev-embeddings and --dev-reference belong together")
    if bool(options.reco2utt and options.dev_embeddings) != bool(options.dev_reco2utt):
        parser.error("--dev-reco2utt goes with --reco2utt and --dev-embeddings: then both are tables of trees")
    if options.reco2utt and not any(given):
        parser.error("a tree alone has no silhouette: give --num-clusters, --threshold or --dev-embeddings")
    if options.bootstrap_samples < 1:
        parser.error(f"--bootstrap-samples must be at least 1, got {options.bootstrap_samples}")
    return options


def _read(rspecifier: str, reco2utt: str | None, options) -> Embeddings:
    return _read_tree(rspecifier, reco2utt) if reco2utt else _read_embeddings(rspecifier, options)


def _read_tree(rspecifier: str, reco2utt: str) -> Embeddings:
    conversations = read_conversations(reco2utt)
    if len(conversations) > 1:
        raise ValueError(f"{reco2utt}: {len(conversations)} conversations, expected one: several are scored by "
                         "eval_conversations")
    ((conversation, items),) = conversations.items()
    ((_, tree),) = read_trees(rspecifier, conversations, reco2utt)
    if not len(tree):
        raise ValueError(f"{reco2utt}: conversation {conversation} is one utterance: there is no tree to cut")
    tree = tree.copy()
    tree[:, 2] = levels(tree)  # distances of clusters that are compared anew may fall: a threshold stops before
    return Embeddings(rspecifier, items, None, tree)


def _read_embeddings(rspecifier: str, options) -> Embeddings:
    vectors: dict[str, np.ndarray] = {}
    for key, vector in read_table(rspecifier):
        if vector.ndim != 1:
            raise ValueError(f"{rspecifier}: {key} has shape {vector.shape}, expected a vector (see mean_snippets)")
        if key in vectors:
            raise ValueError(f"{rspecifier}: {key} comes twice; keep one of them")
        if vectors and vector.shape != (first := next(iter(vectors.values()))).shape:
            raise ValueError(f"{rspecifier}: {key} has {vector.size} dimensions, those before it {first.size}")
        vectors[key] = vector
    if not vectors:
        raise ValueError(f"{rspecifier}: there is no embedding in it")
    items = sorted(vectors)
    matrix = np.stack([vectors[item] for item in items])
    try:
        tree = cluster_tree(matrix, options.method, options.linkage_legacy)
    except ValueError as error:
        names = _name_rows(matrix, items)
        raise ValueError(f"{rspecifier}: {error}{names}") from None
    return Embeddings(rspecifier, items, matrix, tree)


def _name_rows(matrix: np.ndarray, items: list[str]) -> str:
    useless = ~np.isfinite(matrix).all(axis=1) | ~matrix.any(axis=1)
    names = [item for item, bad in zip(items, useless, strict=True) if bad]
    return f": {', '.join(names[:5])}{', ...' if len(names) > 5 else ''}" if names else ""


def _choose_cuts(data: Embeddings, options) -> dict[str, Cut]:
    """The cut that each kind of misclassification rate is reported at."""
    if options.num_clusters is not None:
        cut = Cut(merges_for_clusters(data.tree, options.num_clusters), {"cut": "fixed", "rule": "number of clusters"})
        return dict.fromkeys(KINDS, cut)
    if options.threshold is not None:
        merges = merges_at_distance(data.tree, options.threshold)
        return dict.fromkeys(KINDS, Cut(merges, {"cut": "fixed", "rule": "threshold", "threshold": options.threshold}))
    if options.dev_embeddings is None:
        merges = silhouette_merges(data.vectors, data.tree)
        return dict.fromkeys(KINDS, Cut(merges, {"cut": "fixed", "rule": "highest silhouette"}))
    dev = _read(options.dev_embeddings, options.dev_reco2utt, options)
    if dev.vectors is not None and dev.vectors.shape[1] != data.vectors.shape[1]:
        raise ValueError(
            f"{options.dev_embeddings}: {dev.vectors.shape[1]} dimensions, but {data.source} has "
            f"{data.vectors.shape[1]}; both must come from the same layer of the same model"
        )
    speakers = dev.labels(options.dev_reference)
    if options.reference is not None:
        shared = sorted(set(speakers) & set(read_labels(options.reference).values()))
        if shared:
            raise ValueError(
                f"{options.dev_reference}: {len(shared)} speakers are in {options.reference} too ({shared[0]}, ...); "
                f"a cut must be tuned on other speakers than it is scored on"
            )
    scores: CutScores = score_cuts(speakers, dev.tree)
    cuts = {}
    for kind in KINDS:
        rates = scores.misclassification(kind)
        threshold = tune_threshold(dev.tree[:, 2], rates)
        dev_rate = float(rates[merges_at_distance(dev.tree, threshold)])
        selection = {"cut": "dev", "threshold": threshold, f"dev_mr_{kind}": dev_rate}
        selection["dev_speakers"] = len(set(speakers))
        cuts[kind] = Cut(merges_at_distance(data.tree, threshold), selection)
    return cuts


def _oracle_cut(rates: np.ndarray) -> Cut:
    """The best of all cuts; of equally good ones that with the fewest clusters."""
    best = np.flatnonzero(np.isclose(rates, rates.min(), rtol=0.0, atol=1e-12))
    return Cut(int(best[-1]), {"cut": "oracle"})


def _write_clusters(folder: str, name: str, data: Embeddings, cuts: dict[str, Cut]) -> None:
    for kind, suffix in (("strict", ""), ("hungarian", "_hungarian")):
        clusters = cut_tree(data.tree, cuts[kind].merges)
        labels = {item: int(cluster) + 1 for item, cluster in zip(data.items, clusters, strict=True)}
        write_map(os.path.join(folder, name + suffix), labels)


if __name__ == "__main__":
    run(main)
