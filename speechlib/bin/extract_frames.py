"""Values of the layers of a trained network frame by frame, with the time of each frame (Shon et al., 2018, section 3).

`input` is what the network gets, as a layer before the first. In the wspecifiers the word LAYER stands for the layer's
name, and folders are made. Dense layers are computed in front of the pooling; with average pooling, and nothing but
affine maps behind it, the mean over the frames is the utterance's embedding. A time is that of the middle of what a
frame sees, in seconds; where features do not say how they were made (feats.yaml), their frames are taken to lie centred
in steps of the frame shift. Memory goes with the longest utterance's features and a piece of its values. The values do
not depend on the number of jobs.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from speechlib.features.build import OPTIONS as FEATURE_OPTIONS
from speechlib.features.build import first_centre, frame_shift
from speechlib.features.frontend import FrontendOptions, NoVoicedFrames, apply_frontend, normalise_crop
from speechlib.io.checkpoints import ModelFolder
from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.datadir import DataDir
from speechlib.io.kaldi_conf import build_options, read_options
from speechlib.io.model_inputs import ModelInputs
from speechlib.io.networks import build_untrained, load_network, read_network_config
from speechlib.io.specifiers import parse_wspecifier
from speechlib.io.stamps import Stamp, archive_states
from speechlib.io.tables import open_table

REPORT_SECONDS = 60.0
PLACE = "LAYER"


def main(argv: Sequence[str] | None = None) -> None:
    """Read features, write a matrix and a vector of times by utterance and layer."""
    parser = KaldiArgumentParser(
        prog="extract_frames",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.extract_frames --layers conv1,fc2 exp/shon data/test "
        "ark,scp:exp/LAYER/frames.ark,exp/LAYER/frames.scp ark,scp:exp/LAYER/times.ark,exp/LAYER/times.scp",
    )
    add = parser.add_argument
    add(
        "--layers", metavar="A,B", default="", help="of the network, such as conv1,fc2; without it all that have frames"
    )
    add("--list-layers", action="store_true", help="print the layers that have frames, with their steps, and stop")
    add("--model", metavar="FILE", help="weights of that network in place of <exp-dir>/model.pt, such as model.1000.pt")
    add("--untrained", type=kaldi_bool, default=False, metavar="BOOL", help="the weights that the training began with")
    add("--vad", metavar="BOOL", type=kaldi_bool, help="only voiced frames (default: as the network's front end)")
    add(
        "--unseen", metavar="DIR", help="data directory of whose speakers the network must not have been trained on any"
    )
    add("--chunk-frames", type=int, default=4000, metavar="N", help="longer utterances are computed in such pieces")
    add("--min-frames", type=int, default=25, metavar="N", help="shorter ones are lengthened by their edge frames")
    add("--device", default="auto", help="auto (a GPU if there is one), cpu, cuda, cuda:N")
    add("--num-threads", type=int, default=0, metavar="N", help="on the CPU; 0: OMP_NUM_THREADS, else all cores")
    add("--job", type=int, default=1, metavar="J", help="of the blocks of utterances, this process takes J, J+N, ...")
    add("--num-jobs", type=int, default=1, metavar="N", help="processes that share the utterances")
    add("--stamp", metavar="FILE", help="written at the end; where it fits network and features, nothing is computed")
    add("exp_dir", metavar="<exp-dir>", help="folder of a trained network")
    add("data_dir", nargs="?", metavar="<data-dir>", help="with feats.scp, and vad.scp if voiced frames are selected")
    add("frames", nargs="?", metavar="<wspecifier>", help="(frames, units) by utterance")
    add("times", nargs="?", metavar="<times-wspecifier>", help="(frames,) seconds by utterance")
    args = parser.parse_args(argv)

    if not args.list_layers and args.times is None:
        parser.error("expected <exp-dir> <data-dir> <wspecifier> <times-wspecifier>")
    if not 1 <= args.job <= args.num_jobs:
        raise ValueError(f"--job {args.job} --num-jobs {args.num_jobs}: expected 1 <= job <= num-jobs")
    if args.model and args.untrained:
        raise ValueError("--model and --untrained true exclude each other")
    folder = ModelFolder(args.exp_dir)
    if args.model:
        folder.weights = Path(args.model)
    if args.list_layers:
        list_layers(folder)
        return
    if args.unseen:
        check_unseen(folder, args.unseen)
    data = model_inputs(folder, args)
    if not args.stamp:
        extract_all(folder, data, args)
        return
    if not layers_of(args):
        raise ValueError("--stamp needs --layers: name them (--list-layers shows which there are)")
    names = ("layers", "untrained", "vad", "chunk_frames", "min_frames", "job", "num_jobs", "frames", "times")
    decisive = {name: getattr(args, name) for name in names} | {"archives": str(archive_states(*data.scripts))}
    weights = [] if args.untrained else [folder.weights]
    notes = [path for path in (Path(args.data_dir) / "feats.yaml",) if path.is_file()]
    inputs = [folder.config, *weights, *data.scripts, *notes]
    stamp = Stamp(args.stamp, inputs, decisive, outputs_of(args))
    if stamp.is_complete():
        print(f"{args.frames}: complete already")
        return
    stamp.begin()
    extract_all(folder, data, args)
    stamp.finish()


def outputs_of(args) -> list[str]:
    """The files that are written."""
    found = []
    for wspecifier in (args.frames, args.times):
        target = parse_wspecifier(wspecifier)
        found += [name.replace(PLACE, layer) for name in (target.ark, target.scp) if name for layer in layers_of(args)]
    return found


def layers_of(args) -> list[str]:
    """The layers that were asked for by name."""
    return [layer for layer in args.layers.split(",") if layer]


def model_inputs(folder: ModelFolder, args) -> ModelInputs:
    """The utterances behind the front end that the network was trained with, voiced frames selected or not."""
    section = dict(read_network_config(folder)["frontend"] or {})
    if args.vad is not None:
        section["vad"] = args.vad
    options = build_options(FrontendOptions, section, folder.config)
    return ModelInputs(
        args.data_dir, lambda features, voiced: normalise_crop(apply_frontend(features, voiced, options), options),
        NoVoicedFrames, options.output_dim, options.vad, say,
    )  # fmt: skip


def frame_clock(data_dir: str) -> Callable[[np.ndarray], np.ndarray]:
    """From numbers of feature frames to the seconds of their middles."""
    data = DataDir(data_dir)
    if data.has("feats.yaml"):
        section = read_options(data.path / "feats.yaml")
        kind = str(section.pop("type", ""))
        if kind not in FEATURE_OPTIONS:
            raise ValueError(f"{data.path}/feats.yaml: type {kind!r}: expected one of {', '.join(FEATURE_OPTIONS)}")
        options = build_options(FEATURE_OPTIONS[kind], section, data.path / "feats.yaml")
        shift, first = frame_shift(options), first_centre(options)
    else:
        shift = float((data.path / "frame_shift").read_text()) if data.has("frame_shift") else 0.01
        first = 0.5 * shift
        say(
            f"warning: {data.path} does not say how its features were made (feats.yaml): frames are taken to lie every "
            f"{shift:g} s from {first:g} s on"
        )
    return lambda numbers: first + shift * numbers


def check_unseen(folder: ModelFolder, data_dir: str) -> None:
    """Raise a ValueError if the network was trained on a speaker of a data directory."""
    speakers = {str(name) for name in read_network_config(folder).get("speakers") or []}
    shared = sorted(speakers & set(DataDir(data_dir).speakers()))
    if shared:
        raise ValueError(
            f"{folder.config}: the network was trained on {len(shared)} speakers of {data_dir}, such as "
            f"{shared[0]}: test on speakers that it has not heard"
        )


def list_layers(folder: ModelFolder) -> None:
    """Print name, step and first middle in input frames."""
    import torch

    from speechlib.nnet.models import find_model

    model = build_untrained(folder, find_model, torch.manual_seed)
    for layer in model.frame_layers:
        geometry = model.frame_geometry(layer)
        print(f"{layer}\t{geometry.stride}\t{geometry.centres(1)[0]:g}")
    without = [layer for layer in model.layers if layer not in model.frame_layers]
    if without:
        say(
            f"{', '.join(without)} of {folder.path} have no values frame by frame, since the network pools statistics; "
            f"a network with average pooling (shon_cnn with --override model.pooling=average) has them"
        )


def extract_all(folder: ModelFolder, data: ModelInputs, args) -> None:
    """Load the network and compute; torch is imported only here, so that a finished job ends at once."""
    import torch

    from speechlib.nnet.embedding_model import load_embedding_weights
    from speechlib.nnet.frame_extraction import INPUT, FrameExtractor
    from speechlib.nnet.models import find_model
    from speechlib.nnet.runtime import set_up

    device = set_up(args.device, args.num_threads)
    if args.untrained:
        model = build_untrained(folder, find_model, torch.manual_seed)
    else:
        model = load_network(folder, find_model, load_embedding_weights)
    layers = layers_of(args) or model.frame_layers
    for layer in layers:
        if layer != INPUT:
            model.check_frame_layer(layer)
    for wspecifier in (args.frames, args.times):
        if PLACE not in wspecifier and len(layers) > 1:
            raise ValueError(
                f"{wspecifier}: expected the word {PLACE} in it, which stands for each of the layers "
                f"{', '.join(layers)}"
            )
    extractor = FrameExtractor(model.to(device).eval(), device, args.chunk_frames, args.min_frames)
    units = {layer: extractor.num_units(layer) for layer in layers}
    clock = frame_clock(args.data_dir)

    num_done, started = 0, time.monotonic()
    reported = started
    with ExitStack() as stack:
        frames = {layer: stack.enter_context(open_for(args.frames, layer)) for layer in layers}
        times = {layer: stack.enter_context(open_for(args.times, layer)) for layer in layers}
        for names in data.blocks(args.job, args.num_jobs):
            for name, features in data.read(names, args.exp_dir, model.input_dim):
                input_times = clock(data.kept_frames(name))
                for layer in layers:
                    shape = extractor.num_outputs(len(features), layer), units[layer]
                    blocks = finite(extractor.values(features, layer), name, layer, folder)
                    frames[layer].write_rows(name, shape, blocks)
                    times[layer].write(name, extractor.times(input_times, layer))
                num_done += 1
            if time.monotonic() - reported > REPORT_SECONDS:
                reported = time.monotonic()
                say(f"{num_done} utterances, {data.num_frames / (reported - started):.0f} frames/s")
    seconds = max(time.monotonic() - started, 1e-9)
    say(
        f"layers {', '.join(f'{layer} ({units[layer]})' for layer in layers)} of {num_done} utterances, "
        f"{data.num_left_out} left out; {data.num_frames} input frames in {seconds:.1f} s "
        f"({data.num_frames / seconds:.0f} frames/s) on {device}"
    )


def open_for(wspecifier: str, layer: str):
    """The table of a layer; the folders of its files are made."""
    target = parse_wspecifier(wspecifier.replace(PLACE, layer))
    for name in (target.ark, target.scp):
        if name and not name.startswith("|") and name != "-":
            Path(name).parent.mkdir(parents=True, exist_ok=True)
    return open_table(wspecifier.replace(PLACE, layer))


def finite(blocks: Iterator[np.ndarray], name: str, layer: str, folder: ModelFolder) -> Iterator[np.ndarray]:
    """The blocks, looked through for what no sound network gives."""
    for block in blocks:
        if not np.isfinite(block).all():
            raise ValueError(
                f"{name}: layer {layer} holds NaN or infinity although the features do not: the weights in "
                f"{folder.weights} are not usable, train again"
            )
        yield block


def say(message: str) -> None:
    """Print a line to the log of the job."""
    print(f"extract_frames: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    run(main)
