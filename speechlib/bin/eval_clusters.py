"""Score a clustering against the true speakers: misclassification rates (Lukic et al., 2016) and purity, as JSON."""

import json

from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.clusters import check_same_items, read_labels
from speechlib.metrics.clustering import adjusted_rand_index, misclassification_rate, purity


def main(argv: list[str] | None = None) -> None:
    """Print one JSON object: mr_strict, mr_hungarian, purity, ari, num_speakers, num_clusters, num_utterances."""
    parser = KaldiArgumentParser(
        prog="eval_clusters",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.eval_clusters --reference data/test/utt2spk --hypothesis exp/utt2cluster",
    )
    parser.add_argument("--reference", required=True, metavar="UTT2SPK", help="true speaker of each utterance")
    parser.add_argument("--hypothesis", required=True, metavar="UTT2CLUSTER", help="cluster of each utterance")
    options = parser.parse_args(argv)

    reference, hypothesis = read_labels(options.reference), read_labels(options.hypothesis)
    items = check_same_items(reference, options.reference, hypothesis, options.hypothesis)
    speakers, clusters = [reference[item] for item in items], [hypothesis[item] for item in items]
    scores = {
        "mr_strict": misclassification_rate(speakers, clusters, "strict"),
        "mr_hungarian": misclassification_rate(speakers, clusters, "hungarian"),
        "purity": purity(speakers, clusters),
        "ari": adjusted_rand_index(speakers, clusters),
        "num_speakers": len(set(speakers)),
        "num_clusters": len(set(clusters)),
        "num_utterances": len(items),
    }
    print(json.dumps(scores))


if __name__ == "__main__":
    run(main)
