"""Draw the features of one utterance, the snippets cut from it, and filters to scale (Lukic et al., 2016)."""

from pathlib import Path

from speechlib.io.atomic import atomic_write
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.tables import RandomAccessTable
from speechlib.report.spectrogram_figures import spectrogram
from speechlib.report.style import figure_bytes


def main(argv: list[str] | None = None) -> None:
    """Read one matrix of a table, write a picture."""
    parser = KaldiArgumentParser(
        prog="plot_spectrogram",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.plot_spectrogram --snippet-frames 100 --filters '4,4 128,4' "
        "scp:data/test/feats.scp FAKS0-SA1 spectrogram.png",
    )
    parser.add_argument("--frames-per-second", type=float, default=100.0, help="of the features")
    parser.add_argument("--snippet-frames", type=int, help="mark snippets of this length, shade the dropped rest")
    parser.add_argument("--filters", default="", metavar="'F,T F,T'", help="sizes in bins and frames")
    parser.add_argument("--title", default="", help="above the picture (default: the utterance)")
    parser.add_argument("features", help="rspecifier of (frames, bins) matrices")
    parser.add_argument("utterance", help="key of the matrix")
    parser.add_argument("picture", help=".png, .svg or .pdf")
    options = parser.parse_args(argv)

    filters = []
    for text in options.filters.split():
        sizes = text.split(",")
        if len(sizes) != 2 or not all(size.isdigit() and int(size) > 0 for size in sizes):
            raise ValueError(f"--filters {text}: expected two sizes above 0, such as 4,4")
        filters.append((int(sizes[0]), int(sizes[1])))
    with RandomAccessTable(options.features) as table:
        if options.utterance not in table:
            raise ValueError(f"{options.features}: there is no {options.utterance} in it")
        values = table[options.utterance]
    figure = spectrogram(
        values, options.frames_per_second, options.snippet_frames, filters, options.title or options.utterance
    )
    with atomic_write(options.picture) as file:
        file.write(figure_bytes(figure, Path(options.picture).suffix[1:]))


if __name__ == "__main__":
    run(main)
