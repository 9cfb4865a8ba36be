"""Draw which phones tell the speaker, how often they occur, and one utterance over time (Shon et al., 2018, Fig. 7)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from speechlib.io.atomic import atomic_write
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.datadir import DataDir
from speechlib.io.layer_frames import LayerFrames
from speechlib.io.phone_alignments import read_phones
from speechlib.io.results import read_result
from speechlib.metrics.timit_phones import BROAD_CLASS_OF
from speechlib.probing.critical_frames import frame_similarities, leave_one_out_models
from speechlib.report.phone_figures import Trace, critical_phones
from speechlib.report.style import figure_bytes


def main(argv: Sequence[str] | None = None) -> None:
    """Read counts and an example, write a picture."""
    parser = KaldiArgumentParser(
        prog="plot_critical_phones",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.plot_critical_phones --example FAEM0_SX42 data/test exp/frames/fc2 "
        "critical.png 'all sentences=exp/critical/all/result.json'",
    )
    add = parser.add_argument
    add(
        "--example",
        metavar="UTTERANCE",
        help="drawn over time (default: the first of <data-dir> whose speaker has others)",
    )
    add("data_dir", metavar="<data-dir>", help="with phones.ctm")
    add("layer_dir", metavar="<layer-dir>", help="frames.scp and times.scp of the layer that was looked at")
    add("picture", help=".png, .svg or .pdf")
    add("results", nargs="+", metavar="NAME=FILE", help="heading and result of eval_critical_phones of a panel")
    options = parser.parse_args(argv)

    panels = {}
    for argument in options.results:
        name, equals, path = argument.partition("=")
        if not equals or name in panels:
            raise ValueError(f"{argument}: expected NAME=FILE, with another name for each")
        result = read_result(path)
        if "phones" not in result["extra"]:
            raise ValueError(f"{path}: no result of eval_critical_phones")
        counts = result["counts"]
        panels[f"{name}: {counts['utterances']} utterances, {counts['speakers']} speakers"] = result["extra"]["phones"]
    figure = critical_phones(example_of(options), panels, BROAD_CLASS_OF)
    with atomic_write(options.picture) as file:
        file.write(figure_bytes(figure, Path(options.picture).suffix[1:]))


def example_of(options) -> Trace:
    """The trace of the utterance that was asked for, or of the first one."""
    data, layer = DataDir(options.data_dir), LayerFrames(options.layer_dir)
    phones = read_phones(data.path / "phones.ctm")
    usable = [name for name in data.utterances() if name in phones and name in layer]
    spoken = [name for name in usable if len(set(data.spk2utt[data.utt2spk[name]]) & set(usable)) > 1]
    example = options.example or (spoken[0] if spoken else "")
    if example not in spoken:
        raise ValueError(f"{data.path}: no utterance {example!r} with frames, phones and others of its speaker")
    own = [name for name in usable if data.utt2spk[name] == data.utt2spk[example]]
    means = {name: frames.mean(axis=0, dtype=np.float64) for name, frames, _ in layer.read(own)}
    _, frames, times = next(layer.read([example]))
    cosines = frame_similarities(frames, leave_one_out_models(means, data.utt2spk)[example])
    title = f"{example}: similarity of its frames to the speaker's other utterances"
    return Trace(title, times, cosines, [tuple(phone) for phone in phones[example]])


if __name__ == "__main__":
    run(main)
