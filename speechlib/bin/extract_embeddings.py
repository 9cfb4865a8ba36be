"""One embedding for each utterance of a data directory, from a layer of a trained network (nnet3-xvector-compute).

Utterances without frames, without a voiced frame, or without voicing decisions are left out with a warning. The
values depend neither on the number of jobs nor on what else is in a batch.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from speechlib.features.frontend import FrontendOptions, NoVoicedFrames, apply_frontend, normalise_crop
from speechlib.io.checkpoints import ModelFolder
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.kaldi_conf import build_options
from speechlib.io.model_inputs import ModelInputs
from speechlib.io.networks import load_network, read_network_config
from speechlib.io.specifiers import parse_wspecifier
from speechlib.io.stamps import Stamp, archive_states
from speechlib.io.tables import open_table

REPORT_SECONDS = 60.0


def main(argv: Sequence[str] | None = None) -> None:
    """Read features, write one vector by utterance."""
    parser = KaldiArgumentParser(
        prog="extract_embeddings",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.extract_embeddings --layer tdnn6 exp/xvector data/test "
        "ark,scp:exp/xvector/test/embedding.ark,exp/xvector/test/embedding.scp",
    )
    add = parser.add_argument
    add("--layer", metavar="NAME", help="of the network, such as fc2 (shon_cnn), tdnn6 (xvector), fc7 (vgg_m)")
    add("--model", metavar="FILE", help="weights of that network in place of <exp-dir>/model.pt, such as model.1000.pt")
    add("--chunk-frames", type=int, default=4000, metavar="N", help="longer utterances are computed in such pieces")
    add("--batch-frames", type=int, default=4000, metavar="N", help="frames computed at a time; more for a GPU")
    add("--min-frames", type=int, default=25, metavar="N", help="shorter ones are lengthened by their edge frames")
    add("--device", default="auto", help="auto (a GPU if there is one), cpu, cuda, cuda:N")
    add("--num-threads", type=int, default=0, metavar="N", help="on the CPU; 0: OMP_NUM_THREADS, else all cores")
    add("--job", type=int, default=1, metavar="J", help="of the blocks of utterances, this process takes J, J+N, ...")
    add("--num-jobs", type=int, default=1, metavar="N", help="processes that share the utterances")
    add("--stamp", metavar="FILE", help="written at the end; where it fits network and features, nothing is computed")
    add("exp_dir", metavar="<exp-dir>", help="folder of a trained network")
    add("data_dir", metavar="<data-dir>", help="with feats.scp, and vad.scp if the network's front end asks for it")
    add("embeddings", metavar="<wspecifier>", help="one vector an utterance")
    args = parser.parse_args(argv)

    if not args.layer:
        raise ValueError("--layer is needed: name the layer of the network that gives the embeddings")
    if not 1 <= args.job <= args.num_jobs:
        raise ValueError(f"--job {args.job} --num-jobs {args.num_jobs}: expected 1 <= job <= num-jobs")
    folder = ModelFolder(args.exp_dir)
    if args.model:
        folder.weights = Path(args.model)
    data = model_inputs(folder, args.data_dir)
    if not args.stamp:
        extract_all(folder, data, args)
        return
    target = parse_wspecifier(args.embeddings)
    if not target.ark or not target.scp:
        raise ValueError(f"--stamp goes with a wspecifier ark,scp:FILE,FILE, not {args.embeddings}")
    names = ("layer", "chunk_frames", "batch_frames", "min_frames", "job", "num_jobs", "embeddings")
    decisive = {name: getattr(args, name) for name in names} | {"archives": str(archive_states(*data.scripts))}
    inputs = [folder.config, folder.weights, *data.scripts]
    stamp = Stamp(args.stamp, inputs, decisive, [target.ark, target.scp])
    if stamp.is_complete():
        print(f"{args.embeddings}: complete already")
        return
    stamp.begin()
    extract_all(folder, data, args)
    stamp.finish()


def model_inputs(folder: ModelFolder, data_dir: str) -> ModelInputs:
    """The utterances of a data directory behind the front end that the network was trained with."""
    options = build_options(FrontendOptions, read_network_config(folder)["frontend"] or {}, folder.config)
    return ModelInputs(
        data_dir, lambda features, voiced: normalise_crop(apply_frontend(features, voiced, options), options),
        NoVoicedFrames, options.output_dim, options.vad, say,
    )  # fmt: skip


def extract_all(folder: ModelFolder, data: ModelInputs, args) -> None:
    """Load the network and compute; torch is imported only here, so that a finished job ends at once."""
    from speechlib.nnet.embedding_extraction import ExtractionOptions, extract_embeddings
    from speechlib.nnet.embedding_model import load_embedding_weights
    from speechlib.nnet.models import find_model
    from speechlib.nnet.runtime import set_up

    options = ExtractionOptions(args.batch_frames, args.chunk_frames, args.min_frames)
    device = set_up(args.device, args.num_threads)
    model = load_network(folder, find_model, load_embedding_weights)
    model.check_layer(args.layer)
    model.to(device).eval()

    num_done, dim, started = 0, 0, time.monotonic()
    reported = started
    with open_table(args.embeddings) as writer:
        for names in data.blocks(args.job, args.num_jobs):
            utterances = data.read(names, args.exp_dir, model.input_dim)
            for name, vector in extract_embeddings(model, utterances, args.layer, options, device):
                if not np.isfinite(vector).all():
                    raise ValueError(f"{name}: its embedding holds NaN or infinity although its features do not: the "
                                     f"weights in {folder.weights} are not usable, train again")
                writer.write(name, vector)
                num_done, dim = num_done + 1, len(vector)
            if time.monotonic() - reported > REPORT_SECONDS:
                reported = time.monotonic()
                say(f"{num_done} utterances, {data.num_frames / (reported - started):.0f} frames/s")
    seconds = max(time.monotonic() - started, 1e-9)
    say(f"{num_done} embeddings of dimension {dim}, {data.num_left_out} utterances left out; "
        f"{data.num_frames} frames in {seconds:.1f} s ({data.num_frames / seconds:.0f} frames/s) on {device}")


def say(message: str) -> None:
    """Print a line to the log of the job."""
    print(f"extract_embeddings: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    run(main)
