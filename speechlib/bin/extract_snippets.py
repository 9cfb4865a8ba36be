"""Activations of a snippet network for every second of every utterance (Lukic et al., 2016).

An utterance gives a snippet for each whole second (100 hops of 10 ms: the length of the model's snippets), in a row
without overlap; what remains is dropped. One that is shorter gives a single snippet, followed by zeros.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence

from speechlib.io.checkpoints import ModelFolder
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.kaldi_conf import build_options
from speechlib.io.leaks import matrix_digest
from speechlib.io.stamps import Stamp
from speechlib.io.tables import open_table, read_table

LAYERS = ("L5", "L7", "L8")


def main(argv: Sequence[str] | None = None) -> None:
    """Read features, write one (snippets, units) matrix by utterance and layer."""
    parser = KaldiArgumentParser(
        prog="extract_snippets",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.extract_snippets --layers 'L7 L8' scp:data/test/feats.scp exp/net/seed1 "
        "ark,scp:exp/net/seed1/test/LAYER.ark,exp/net/seed1/test/LAYER.scp",
    )
    add = parser.add_argument
    add("--layers", default=" ".join(LAYERS), metavar="LIST", help="L5, L7: dense after the ReLU; L8: posteriors")
    add("--batch-size", type=int, default=32, metavar="N", help="snippets computed at a time")
    add("--device", default="auto", help="auto (a GPU if there is one), cpu, cuda, cuda:N")
    add("--num-threads", type=int, default=0, metavar="N", help="on the CPU; 0: OMP_NUM_THREADS, else all cores")
    add("--stamp", metavar="FILE", help="written at the end; where it fits network and features, nothing is computed")
    add("features", metavar="<feats-rspecifier>", help="(frames, bins) matrices")
    add("model_dir", metavar="<model-dir>", help="folder of a trained network")
    add("activations", metavar="<wspecifier>", help="with the word LAYER, which each layer's name replaces")
    args = parser.parse_args(argv)

    layers = args.layers.replace(",", " ").split()
    if not layers or set(layers) - set(LAYERS) or len(set(layers)) < len(layers):
        raise ValueError(f"--layers {args.layers!r}: expected some of {', '.join(LAYERS)}, each once")
    if len(layers) > 1 and "LAYER" not in args.activations:
        raise ValueError(f"{args.activations}: {len(layers)} layers need the word LAYER in the wspecifier")
    if args.batch_size < 1:
        raise ValueError(f"--batch-size {args.batch_size}: expected at least 1")
    folder = ModelFolder(args.model_dir)
    targets = {layer: args.activations.replace("LAYER", layer) for layer in layers}
    if not args.stamp:
        extract_all(folder, args.features, targets, args)
        return
    options = {"features": features_digest(args.features), "batch_size": args.batch_size, "layers": layers}
    inputs = [folder.config, folder.weights]
    outputs = [path for target in targets.values() for path in target.partition(":")[2].split(",")]
    stamp = Stamp(args.stamp, inputs, options, outputs)
    if stamp.is_complete():
        print(f"{args.activations}: complete already")
        return
    stamp.begin()
    extract_all(folder, args.features, targets, args)
    stamp.finish()


def extract_all(folder: ModelFolder, features: str, targets: dict[str, str], args) -> None:
    """Load the network and compute; torch is imported only here, so that a finished job ends at once."""
    from speechlib.nnet.extraction import extract
    from speechlib.nnet.models.lukic_cnn import LukicCNN, LukicOptions
    from speechlib.nnet.runtime import set_up
    from speechlib.nnet.snippets import cut_snippets

    device = set_up(args.device, args.num_threads)
    config = folder.read_config()
    if "model" not in config or "speakers" not in config:
        raise ValueError(f"{folder.config}: expected the sections model and speakers, as train_snippet_cnn writes them")
    options = build_options(LukicOptions, config["model"], folder.config)
    model = LukicCNN(options, len(config["speakers"]))
    folder.load_weights(model)
    model.to(device).eval()

    def snippets():
        for utterance, matrix in read_table(features, "matrix"):
            if len(matrix) == 0 or matrix.shape[1] != options.bins:
                raise ValueError(f"{features}: {utterance} is {len(matrix)} frames x {matrix.shape[1]} bins; "
                                 f"the network takes at least one frame of {options.bins} bins")
            yield utterance, cut_snippets(matrix, options.frames)

    with contextlib.ExitStack() as stack:
        writers = {layer: stack.enter_context(open_table(target)) for layer, target in targets.items()}
        for utterance, activations in extract(model, snippets(), list(targets), args.batch_size, device):
            for layer, matrix in activations.items():
                writers[layer].write(utterance, matrix)


def features_digest(rspecifier: str) -> str:
    """Hash of all names and matrices of a table."""
    digest = hashlib.sha256()
    for utterance, matrix in read_table(rspecifier, "matrix"):
        digest.update(f"{utterance} {matrix_digest(matrix)}\n".encode())
    return digest.hexdigest()


if __name__ == "__main__":
    run(main)
