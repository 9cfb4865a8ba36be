"""Draw the tree of a clustering, coloured by speaker (Lukic et al., 2016, Fig. 3)."""

import os
from pathlib import Path

from speechlib.io.atomic import atomic_write
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.clusters import check_same_items, read_labels, read_tree
from speechlib.io.results import read_result
from speechlib.report.clustering_figures import dendrogram
from speechlib.report.style import figure_bytes


def main(argv: list[str] | None = None) -> None:
    """Read what cluster_embeddings wrote, write a picture."""
    parser = KaldiArgumentParser(prog="plot_dendrogram", description=__doc__)
    parser.add_argument("--reference", required=True, metavar="UTT2SPK", help="true speaker of each item")
    parser.add_argument("--title", default="", help="above the picture")
    parser.add_argument("cluster_dir", help="folder that cluster_embeddings wrote; its result.json gives the cuts")
    parser.add_argument("picture", help=".png, .svg or .pdf")
    options = parser.parse_args(argv)

    items, tree = read_tree(options.cluster_dir)
    speakers = read_labels(options.reference)
    check_same_items(speakers, options.reference, items, options.cluster_dir)
    cuts = {}
    path = os.path.join(options.cluster_dir, "result.json")
    if len(items) > 1 and os.path.exists(path):
        metrics = read_result(path)["metrics"]
        for name, metric in (("best cut", "mr_strict_oracle"), ("chosen cut", "mr_strict")):
            merges = len(items) - metrics[metric]["selection"]["num_clusters"]
            # A cut made by a threshold is drawn there, one made by counting between the two merges around it.
            heights = [0.0, *tree[:, 2], tree[-1, 2] * 1.02]
            cuts[name] = metrics[metric]["selection"].get("threshold", (heights[merges] + heights[merges + 1]) / 2.0)
    figure = dendrogram(tree, items, [speakers[item] for item in items], cuts, options.title)
    with atomic_write(options.picture) as file:
        file.write(figure_bytes(figure, Path(options.picture).suffix[1:]))


if __name__ == "__main__":
    run(main)
