"""Draw snippets or embeddings of a few speakers by t-SNE, a panel per layer (Lukic et al., 2016, Fig. 2)."""

from pathlib import Path

import numpy as np

from speechlib.io.atomic import atomic_write
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.clusters import read_labels
from speechlib.io.results import read_result
from speechlib.io.tables import read_table
from speechlib.report.layer_figures import accuracy_heading
from speechlib.report.result_figures import scatter_panels, tsne
from speechlib.report.style import figure_bytes


def main(argv: list[str] | None = None) -> None:
    """Read tables of vectors or of (snippets, dim) matrices, write a picture."""
    parser = KaldiArgumentParser(
        prog="plot_embeddings",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.plot_embeddings --utt2spk data/test/utt2spk tsne.png "
        "L8=scp:exp/snippets/L8.scp L5=scp:exp/snippets/L5.scp",
    )
    parser.add_argument("--utt2spk", required=True, help="speaker of each utterance; others are left out")
    parser.add_argument("--max-speakers", type=int, default=5, help="the first so many speakers by name")
    parser.add_argument("--max-points", type=int, default=25, help="at most so many snippets of a speaker")
    parser.add_argument("--choose", choices=("first", "spread"), default="first",
                        help="which of them: the first, or evenly spread over all of the speaker")  # fmt: skip
    parser.add_argument("--accuracy", action="append", default=[], metavar="NAME=FILE",
                        help="result.json whose accuracy stands in the heading of that panel")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="of t-SNE")
    parser.add_argument("--title", default="", help="above the picture")
    parser.add_argument("picture", help=".png, .svg or .pdf")
    parser.add_argument("tables", nargs="+", metavar="NAME=RSPECIFIER", help="heading and table of a panel")
    options = parser.parse_args(argv)
    if options.max_speakers < 1 or options.max_points < 1:
        raise ValueError("--max-speakers and --max-points must be at least 1")

    utt2spk = read_labels(options.utt2spk)
    chosen = set(sorted(set(utt2spk.values()))[: options.max_speakers])
    panels, labels = {}, None
    for argument in options.tables:
        name, equals, rspecifier = argument.partition("=")
        if not equals or name in panels:
            raise ValueError(f"{argument}: expected NAME=RSPECIFIER, with another name for each")
        vectors, speakers = read_points(rspecifier, utt2spk, chosen, options.max_points, options.choose)
        if labels is not None and speakers != labels:
            raise ValueError(f"{rspecifier}: has other snippets than the table before it")
        labels = speakers
        panels[name] = tsne(vectors, options.seed)
    for argument in options.accuracy:
        name, equals, path = argument.partition("=")
        if not equals or name not in panels:
            raise ValueError(f"--accuracy {argument}: expected NAME=FILE with the name of a panel: {', '.join(panels)}")
    accuracies = dict(argument.partition("=")[::2] for argument in options.accuracy)
    headings = {name: accuracy_heading(name, read_result(accuracies[name])["metrics"]["accuracy"])
                if name in accuracies else name for name in panels}  # fmt: skip
    figure = scatter_panels({headings[name]: points for name, points in panels.items()}, labels, options.title)
    with atomic_write(options.picture) as file:
        file.write(figure_bytes(figure, Path(options.picture).suffix[1:]))


def read_points(
    rspecifier: str, utt2spk: dict[str, str], chosen: set[str], max_points: int, choose: str = "first"
) -> tuple[np.ndarray, list[str]]:
    """(points, dim) vectors of the chosen speakers in the order of their utterances' names, and the speaker of each."""
    tables = {key: np.atleast_2d(value) for key, value in read_table(rspecifier) if utt2spk.get(key) in chosen}
    if not tables:
        raise ValueError(f"{rspecifier}: has no utterance of {', '.join(sorted(chosen)[:5])}")
    names = sorted(tables)
    vectors = np.concatenate([tables[name] for name in names])
    speakers = np.repeat([utt2spk[name] for name in names], [len(tables[name]) for name in names])
    kept = np.zeros(len(speakers), bool)
    for speaker in chosen:
        points = np.flatnonzero(speakers == speaker)
        if choose == "spread" and len(points) > max_points:
            points = points[np.arange(max_points) * len(points) // max_points]
        kept[points[:max_points]] = True
    return vectors[kept], speakers[kept].tolist()


if __name__ == "__main__":
    run(main)
