"""Draw cosines between all frames of two utterances, with their phones along the axes (Shon et al., 2018, Fig. 8)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from speechlib.io.atomic import atomic_write
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.datadir import DataDir
from speechlib.io.layer_frames import LayerFrames
from speechlib.io.phone_alignments import read_phones
from speechlib.io.results import read_result
from speechlib.probing.critical_frames import similarity_matrix
from speechlib.report.phone_figures import similarity_matrices
from speechlib.report.style import figure_bytes


def main(argv: Sequence[str] | None = None) -> None:
    """Read frames and phones, write a picture."""
    parser = KaldiArgumentParser(
        prog="plot_similarity",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.plot_similarity data/all FAEM0_SA1 MARC0_SA1 similarity.png "
        "conv1=exp/frames/conv1 fc2=exp/frames/fc2",
    )
    add = parser.add_argument
    add("--contrast", action="append", default=[], metavar="NAME=FILE",
        help="result of eval_similarity for a layer, for its heading")  # fmt: skip
    add("data_dir", metavar="<data-dir>", help="with phones.ctm")
    add("first", metavar="<utterance>", help="along the vertical axis")
    add("second", metavar="<other-utterance>", help="along the horizontal axis")
    add("picture", help=".png, .svg or .pdf")
    add("layers", nargs="+", metavar="NAME=DIR", help="heading of a panel, and the layer's frames.scp and times.scp")
    options = parser.parse_args(argv)

    data = DataDir(options.data_dir)
    phones = read_phones(data.path / "phones.ctm")
    names = options.first, options.second
    for name in names:
        if name not in phones:
            raise ValueError(f"{data.path}/phones.ctm: utterance {name} is not there")
    contrasts = dict(argument.partition("=")[::2] for argument in options.contrast)
    panels, times = {}, {}
    for argument in options.layers:
        layer, equals, path = argument.partition("=")
        if not equals:
            raise ValueError(f"{argument}: expected NAME=DIR")
        found = {name: (frames, seconds) for name, frames, seconds in LayerFrames(path).read(names)}
        if len(found) < len(set(names)):
            raise ValueError(f"{path}/frames.scp: {' or '.join(set(names) - set(found))} is not there")
        heading = layer
        if layer in contrasts:
            metrics = read_result(contrasts[layer])["metrics"]
            heading = "\n".join([layer, *(text_of(metrics, name) for name in ("same_phone", "other_phone"))])
        panels[heading] = similarity_matrix(found[names[0]][0], found[names[1]][0])
        times[heading] = found[names[0]][1], found[names[1]][1]
    segments = tuple([tuple(phone) for phone in phones[name]] for name in names)
    figure = similarity_matrices(panels, segments, times, names)
    with atomic_write(options.picture) as file:
        file.write(figure_bytes(figure, Path(options.picture).suffix[1:]))


def text_of(metrics, name: str) -> str:
    """A mean with its interval, for a heading."""
    low, high = metrics[name]["interval"]
    return f"{name.replace('_', ' ')} {metrics[name]['value']:.2f} [{low:.2f}, {high:.2f}]"


if __name__ == "__main__":
    run(main)
