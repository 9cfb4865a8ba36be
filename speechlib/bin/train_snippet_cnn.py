"""Train the spectrogram CNN of Lukic et al. (2016) on one-second snippets, once for each seed.

Each network goes to <exp-dir>/seed<S>: config.yaml (resolved, with the speakers in the order of the outputs), model.pt,
train.log. A killed training goes on from its checkpoint and ends with the same weights as one that never stopped; a
finished one is not repeated unless configuration, data or code have changed. SIGUSR1 and SIGTERM end a training after
its update, with a checkpoint.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Sequence

import numpy as np
import torch

from speechlib.io.checkpoints import ModelFolder
from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.datadir import DataDir
from speechlib.io.kaldi_conf import build_options, read_options
from speechlib.io.leaks import check_disjoint, check_identical, matrix_digest
from speechlib.io.tables import RandomAccessTable
from speechlib.io.training_run import TrainingLog, TrainingRun, say
from speechlib.io.utterances import read_utterances
from speechlib.nnet.models.lukic_cnn import LukicCNN, LukicOptions, count_parameters
from speechlib.nnet.runtime import set_up
from speechlib.nnet.snippets import SnippetBatches, SnippetSampler, bin_statistics
from speechlib.nnet.training import Progress, TrainOptions, train


@dataclasses.dataclass(frozen=True)
class Config:
    """The configuration file: two sections."""

    model: LukicOptions = LukicOptions()
    training: TrainOptions = TrainOptions()


class Sentences(Sequence):
    """The feature matrices of some utterances, each read from its archive when asked for."""

    def __init__(self, table: RandomAccessTable, utterances: Sequence[str]):
        self.table, self.utterances = table, utterances

    def __len__(self) -> int:
        return len(self.utterances)

    def __getitem__(self, index: int) -> np.ndarray:
        return self.table[self.utterances[index]]


@dataclasses.dataclass(frozen=True)
class TrainingSet:
    """What the networks of all seeds are trained on."""

    sentences: Sentences
    num_frames: list[int]
    speakers: list[str]  # in the order of the outputs
    labels: list[int]
    digest: str  # of utterances, speakers and features


def main(argv: Sequence[str] | None = None) -> None:
    """Check the data and train the networks."""
    parser = KaldiArgumentParser(
        prog="train_snippet_cnn",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.train_snippet_cnn --config conf/lukic_scaled.yaml --seeds '1 2 3' "
        "--sentences data/train8 --check-against data/test2 data/all exp/identification",
    )
    add = parser.add_argument
    add("--config", metavar="FILE", help="YAML with the sections model and training; without it the paper's sizes")
    add("--seeds", default="1", metavar="LIST", help="one network for each; separated by blanks or commas")
    add("--job", type=int, default=1, metavar="J", help="of the seeds, this process takes the J-th, (J+N)-th, ...")
    add("--num-jobs", type=int, default=1, metavar="N", help="processes that share the seeds")
    add("--sentences", metavar="FILE", help="utterances to train on: a list or a data directory; without it all")
    add("--check-against", metavar="FILE", action="append", default=[],
        help="utterances (list or data directory) that must not leak into training; may be repeated")  # fmt: skip
    add("--unseen-speakers", type=kaldi_bool, default=False, metavar="BOOL",
        help="the speakers of --check-against must not be in training either")  # fmt: skip
    add("--filter", metavar="F,T", help="frequency and time extent of the filters, in place of the configuration's")
    add("--pool", metavar="F,T", help="extent of the pooling windows, in place of the configuration's")
    add("--pool-stride", metavar="F,T", help="stride of the pooling, in place of the configuration's")
    add("--precision", metavar="P", help="fp32 or bf16, in place of the configuration's")
    add("--device", default="auto", help="auto (a GPU if there is one), cpu, cuda, cuda:N")
    add("--num-threads", type=int, default=0, metavar="N", help="on the CPU; 0: OMP_NUM_THREADS, else all cores")
    add("data_dir", metavar="<data-dir>", help="with utt2spk and feats.scp (frames x bins)")
    add("exp_dir", metavar="<exp-dir>", help="seed<S> folders are made in it")
    args = parser.parse_args(argv)

    sizes = {name: getattr(args, name) for name in ("filter", "pool", "pool_stride")}
    config = read_config(args.config, {"model": sizes, "training": {"precision": args.precision}})
    seeds = parse_seeds(args.seeds)
    if not 1 <= args.job <= args.num_jobs:
        raise ValueError(f"--job {args.job} --num-jobs {args.num_jobs}: expected 1 <= job <= num-jobs")
    device = set_up(args.device, args.num_threads)
    data = DataDir(args.data_dir)
    utterances = read_utterances(args.sentences) if args.sentences else data.utterances()
    training_set, digests = read_training_set(data, utterances, config.model)
    for path in args.check_against:
        check_leaks(data, digests, path, args.unseen_speakers)
    for seed in seeds[args.job - 1 :: args.num_jobs]:
        train_one(ModelFolder(os.path.join(args.exp_dir, f"seed{seed}")), config, seed, training_set, device)


def read_config(path: str | None, overrides: dict[str, dict[str, str | None]]) -> Config:
    """Read the configuration; options of the command line, by section, replace those of the file."""
    options = read_options(path) if path else {}
    source, replaced = path or "the command line", []
    for section, values in overrides.items():
        given = {name: value for name, value in values.items() if value is not None}
        if given and isinstance(options.get(section, {}), dict):
            options[section] = {**options.get(section, {}), **given}
            replaced += [f"--{name.replace('_', '-')} {value}" for name, value in given.items()]
    if replaced:
        source += f" with {' '.join(replaced)}"
    return build_options(Config, options, source)


def parse_seeds(text: str) -> list[int]:
    """Seeds from '1 2 3' or '1,2,3'."""
    words = text.replace(",", " ").split()
    if not words or not all(word.isdigit() for word in words) or len(set(map(int, words))) < len(words):
        raise ValueError(f"--seeds {text!r}: expected different whole numbers, such as '1 2 3'")
    return [int(word) for word in words]


def read_training_set(
    data: DataDir, utterances: Sequence[str], options: LukicOptions
) -> tuple[TrainingSet, dict[str, str]]:
    """Read through the training data once: lengths, speakers, and a digest of each utterance's features."""
    if not data.has("feats.scp"):
        raise FileNotFoundError(f"{data.path}/feats.scp: no such file: make features with steps/make_feats.sh first")
    unknown = [utterance for utterance in utterances if utterance not in data.utt2spk]
    if unknown:
        raise ValueError(f"{data.path}/utt2spk: {len(unknown)} training utterances are not there, such as {unknown[0]}")
    table = RandomAccessTable(f"scp:{data.path}/feats.scp", kind="matrix")
    digests, num_frames, whole = {}, [], hashlib.sha256()
    for utterance in utterances:
        matrix = read_features(table, utterance, data.path)
        if matrix.shape[1] != options.bins or len(matrix) == 0:
            raise ValueError(f"{data.path}/feats.scp: {utterance} is {len(matrix)} frames x {matrix.shape[1]} bins; "
                             f"expected at least one frame of {options.bins} bins (option bins of the model)")
        if not np.isfinite(matrix).all():
            raise ValueError(f"{data.path}/feats.scp: {utterance} holds NaN or infinity: make its features again")
        digests[utterance] = matrix_digest(matrix)
        num_frames.append(len(matrix))
        whole.update(f"{utterance} {data.utt2spk[utterance]} {digests[utterance]}\n".encode())
    speakers = sorted({data.utt2spk[utterance] for utterance in utterances})
    index = {speaker: number for number, speaker in enumerate(speakers)}
    labels = [index[data.utt2spk[utterance]] for utterance in utterances]
    sentences = Sentences(table, utterances)
    return TrainingSet(sentences, num_frames, speakers, labels, whole.hexdigest()), digests


def read_features(table: RandomAccessTable, utterance: str, data_dir: os.PathLike) -> np.ndarray:
    """The feature matrix of an utterance that must be there."""
    try:
        return table[utterance]
    except KeyError:
        raise ValueError(f"{data_dir}/feats.scp: no features of {utterance}: make them, or leave it out") from None


def check_leaks(data: DataDir, digests: dict[str, str], path: str, unseen_speakers: bool) -> None:
    """Check the training utterances against those of an evaluation list or data directory (LeakError if they leak)."""
    evaluation = DataDir(path) if os.path.isdir(path) else data
    utterances = read_utterances(path)
    check_disjoint("utterances", digests, utterances)
    check_disjoint("sessions", sessions(data, digests), sessions(evaluation, utterances))
    if unseen_speakers:
        trained = (data.utt2spk[utterance] for utterance in digests)
        check_disjoint("speakers", trained, (evaluation.utt2spk.get(utterance, "") for utterance in utterances))
    scp = evaluation if evaluation.has("feats.scp") else data
    table = RandomAccessTable(f"scp:{scp.path}/feats.scp", kind="matrix")
    check_identical(digests, {name: matrix_digest(read_features(table, name, scp.path)) for name in utterances})


def sessions(data: DataDir, utterances: Sequence[str]) -> list[str]:
    """Sessions of utterances, where utt2session or segments say something of them."""
    known = data.map("utt2session") or {utt: recording for utt, (recording, _, _) in (data.segments or {}).items()}
    return [known[utterance] for utterance in utterances if utterance in known]


def train_one(folder: ModelFolder, config: Config, seed: int, data: TrainingSet, device: torch.device) -> None:
    """Train the network of one seed, or what is left of it, or nothing if it is finished."""
    options = config.training
    resolved = {"network": "lukic_cnn", "seed": seed, **dataclasses.asdict(config), "speakers": data.speakers,
                "training_utterances": len(data.labels), "training_data_sha256": data.digest}  # fmt: skip
    training = TrainingRun(folder, resolved, {**resolved, "training": options.decisive()})
    if training.is_finished():
        say(f"{folder.path}: trained already")
        return

    torch.manual_seed(seed)
    model = LukicCNN(config.model, len(data.speakers))
    if config.model.input_norm == "bins":
        model.set_input_statistics(*(torch.from_numpy(values) for values in bin_statistics(data.sentences)))
    model.to(device)
    resume = training.begin({"num_parameters": count_parameters(model)})
    sampler = SnippetSampler(data.num_frames, config.model.frames, options.batch_size, seed)
    batches = SnippetBatches(data.sentences, data.labels, sampler, config.model.frames)
    total = options.total_updates(sampler.batches_per_epoch)
    first = resume["update"] if resume else 0
    say(f"{folder.path}: {len(data.speakers)} speakers, {len(data.labels)} sentences, {count_parameters(model)} "
        f"parameters, updates {first} to {total} on {device}, {torch.get_num_threads()} threads")  # fmt: skip
    with (
        TrainingLog(folder, Progress.HEADER, first, total, options.tensorboard) as log,
        training.stoppable() as should_stop,
    ):
        train(
            model, batches, options, device, resume=resume, on_progress=log.progress, on_update=log.update,
            on_checkpoint=training.save_checkpoint, should_stop=should_stop,
        )  # fmt: skip
    training.finish(model.state_dict())


if __name__ == "__main__":
    run(main)
