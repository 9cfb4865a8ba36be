"""One embedding for each utterance of a data directory, from a layer of a trained network (nnet3-xvector-compute).

Utterances without frames, without a voiced frame, or without voicing decisions are left out with a warning. The
values depend neither on the number of jobs nor on what else is in a batch.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from speechlib.features.frontend import FrontendOptions, NoVoicedFrames, apply_frontend, normalise_crop
from speechlib.io.checkpoints import ModelFolder, load_state
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.kaldi_conf import build_options
from speechlib.io.specifiers import parse_wspecifier
from speechlib.io.stamps import archive_states, is_complete, mark_complete
from speechlib.io.tables import RandomAccessTable, open_table

# Utterances are taken in blocks of this many, which the jobs share out among them. What is computed together is
# decided within a block, so that it does not depend on the number of jobs: the numbers are the same bit for bit.
BLOCK = 64
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
    data = Utterances(args.data_dir, read_frontend(folder))
    if not args.stamp:
        extract_all(folder, data, args)
        return
    target = parse_wspecifier(args.embeddings)
    if not target.ark or not target.scp:
        raise ValueError(f"--stamp goes with a wspecifier ark,scp:FILE,FILE, not {args.embeddings}")
    names = ("layer", "chunk_frames", "batch_frames", "min_frames", "job", "num_jobs", "embeddings")
    decisive = {name: getattr(args, name) for name in names} | {"archives": str(archive_states(*data.scripts))}
    job = [folder.config, folder.weights, *data.scripts], decisive, [target.ark, target.scp]
    if is_complete(args.stamp, *job):
        print(f"{args.embeddings}: complete already")
        return
    extract_all(folder, data, args)
    mark_complete(args.stamp, *job)


def read_frontend(folder: ModelFolder) -> FrontendOptions:
    """The front end that the network was trained with."""
    config = folder.read_config()
    if not isinstance(config.get("model"), Mapping) or "name" not in config["model"] or "frontend" not in config:
        raise ValueError(f"{folder.config}: expected the sections model (with a name) and frontend, as train_nnet "
                         "writes them: is this the folder of another kind of network?")
    return build_options(FrontendOptions, config["frontend"] or {}, folder.config)


class Utterances:
    """The utterances of a data directory, read in blocks and taken through the front end.

    Args:
        path: the data directory.
        options: of the front end.

    Attributes:
        scripts: the files that say where features and decisions are.
        num_left_out: utterances of which nothing was left so far.
        num_frames: behind the front end so far.
    """

    def __init__(self, path: str, options: FrontendOptions):
        self.path, self.options = path, options
        self.scripts = [os.path.join(path, name) for name in ("feats.scp", "vad.scp")[: 1 + options.vad]]
        for script, step in zip(self.scripts, ("make_feats.sh", "compute_vad.sh"), strict=False):
            if not os.path.isfile(script):
                raise FileNotFoundError(f"{script}: no such file: run steps/{step} first")
        self.features = RandomAccessTable(f"scp:{self.scripts[0]}", kind="matrix")
        self.decisions = RandomAccessTable(f"scp:{self.scripts[1]}", kind="vector") if options.vad else {}
        self.num_left_out = self.num_frames = 0

    def blocks(self, job: int, num_jobs: int) -> Iterator[list[str]]:
        """Names by block, those of one job."""
        names = list(self.features)
        for first in range((job - 1) * BLOCK, len(names), num_jobs * BLOCK):
            yield names[first : first + BLOCK]

    def read(self, names: Sequence[str], model_dir: str, input_dim: int) -> Iterator[tuple[str, np.ndarray]]:
        """Names and (frames, dim) model inputs of the utterances of which something is left."""
        for name in names:
            features = self.features[name]
            dim = self.options.output_dim(features.shape[1])
            if len(features) and dim != input_dim:
                raise ValueError(
                    f"{self.scripts[0]}: {name} has features of dimension {features.shape[1]} ({dim} behind the front "
                    f"end), but the network in {model_dir} takes {input_dim}: make them as for its training"
                )
            if self.options.vad and name not in self.decisions:
                self._leave_out(name, f"is not in {self.scripts[1]}")
                continue
            try:
                ready = apply_frontend(features, self.decisions.get(name), self.options)
            except NoVoicedFrames as error:
                self._leave_out(name, str(error))
                continue
            except ValueError as error:
                raise ValueError(f"{self.path}: utterance {name}: {error}") from None
            if not np.isfinite(ready).all():
                raise ValueError(f"{self.scripts[0]}: {name} holds NaN or infinity: make its features again")
            self.num_frames += len(ready)
            yield name, normalise_crop(ready, self.options)

    def _leave_out(self, name: str, reason: str) -> None:
        say(f"extract_embeddings: warning: utterance {name} {reason}: left out")
        self.num_left_out += 1


def extract_all(folder: ModelFolder, data: Utterances, args) -> None:
    """Load the network and compute; torch is imported only here, so that a finished job ends at once."""
    from speechlib.nnet.embedding_extraction import ExtractionOptions, extract_embeddings
    from speechlib.nnet.runtime import set_up

    options = ExtractionOptions(args.batch_frames, args.chunk_frames, args.min_frames)
    device = set_up(args.device, args.num_threads)
    model = load_model(folder)
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
                say(f"extract_embeddings: {num_done} utterances, {data.num_frames / (reported - started):.0f} frames/s")
    seconds = max(time.monotonic() - started, 1e-9)
    say(f"extract_embeddings: {num_done} embeddings of dimension {dim}, {data.num_left_out} utterances left out; "
        f"{data.num_frames} frames in {seconds:.1f} s ({data.num_frames / seconds:.0f} frames/s) on {device}")


def load_model(folder: ModelFolder) -> Any:
    """The network of a folder, on the CPU, in training mode as it was made."""
    from speechlib.nnet.embedding_model import load_embedding_weights
    from speechlib.nnet.models import find_model

    config = folder.read_config()
    section = dict(config["model"])
    input_dim = config.get("input_dim")
    if not isinstance(input_dim, int):
        raise ValueError(f"{folder.config}: expected input_dim, as train_nnet writes it")
    try:
        module = find_model(str(section.pop("name")))
        options = build_options(module.Options, section, folder.config)
        model = module.build(options, input_dim, 2)  # the output layer has no part in embeddings
        load_embedding_weights(model, load_state(folder.weights))
    except ValueError as error:
        raise ValueError(str(error) if str(folder.path) in str(error) else f"{folder.path}: {error}") from None
    return model


def say(message: str) -> None:
    """Print a line to the log of the job."""
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    run(main)
