"""Train the classifier over all layers of a self-supervised network, and let it label other utterances.

The network mixes the layers by learned weights, in front of parallel convolutions and an LSTM; with --layer N it sees
that layer alone. <exp-dir> gets config.yaml (resolved, with the classes in the order of the outputs), model.pt and
train.log; layer_weights.tsv, the learned weight of each layer; and predictions.csv, the classes and probabilities of
the test utterances. The last epoch is taken, or with --dev the best one on those utterances; the test utterances choose
nothing. A killed training goes on after its last epoch, and one that was ended by SIGUSR1 or SIGTERM after its last
batch, with the same weights in the end; what is finished is not done again. Whether training and test share speakers is
for who makes the lists to say.
"""

from __future__ import annotations

import dataclasses
import hashlib
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from speechlib.io.atomic import write_text
from speechlib.io.checkpoints import ModelFolder
from speechlib.io.cli import KaldiArgumentParser, nearest, run
from speechlib.io.hidden_states import HiddenStates
from speechlib.io.kaldi_conf import build_options, read_options
from speechlib.io.maps import read_map
from speechlib.io.predictions import write_predictions
from speechlib.io.stamps import Stamp
from speechlib.io.training_run import TrainingRun
from speechlib.io.utterances import read_utterances
from speechlib.nnet.models.layer_cnn_lstm import LayerCnnLstm, LayerCnnLstmOptions
from speechlib.nnet.runtime import set_up
from speechlib.nnet.sequence_training import (
    Epoch,
    SequenceTrainingOptions,
    Utterances,
    predict,
    train_sequences,
)

HEADER = "epoch\tloss\taccuracy\tdev_loss\tdev_uar\tcpu_seconds"


@dataclasses.dataclass(frozen=True)
class Config:
    """The sections of the configuration file."""

    model: LayerCnnLstmOptions = LayerCnnLstmOptions()
    training: SequenceTrainingOptions = SequenceTrainingOptions()


@dataclasses.dataclass(frozen=True)
class Lists:
    """Utterances for each purpose, their labels, and the classes in the order of the outputs."""

    labels: Mapping[str, str]
    train: list[str]
    dev: list[str]
    test: list[str]
    classes: list[str]

    def targets(self, names: Sequence[str]) -> list[int]:
        """(utterances,) numbers of classes."""
        numbers = {label: number for number, label in enumerate(self.classes)}
        return [numbers[self.labels[name]] for name in names]


def main(argv: Sequence[str] | None = None) -> None:
    """Check the lists, train the network, and label the test utterances."""
    parser = KaldiArgumentParser(
        prog="train_layer_network",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.train_layer_network --config conf/hubert_cnn_lstm.yaml --test "
        "data/folds/03/test exp/hubert data/all/utt2emotion data/folds/03/train exp/notebook/03",
    )
    add = parser.add_argument
    add("--config", metavar="FILE", help="YAML with the sections model and training (default: the notebook's sizes)")
    add("--layer", type=int, metavar="N", help="that layer alone, counted from 1 (default: all that are there)")
    add("--seed", type=int, default=1, help="of the weights and of the order of the utterances")
    add("--dev", metavar="LIST", help="utterances that choose the epoch (default: the last one is taken)")
    add("--test", metavar="LIST", help="utterances to label after the training")
    add("--device", default="auto", help="auto (a GPU if there is one), cpu, cuda, cuda:N")
    add("--num-threads", type=int, default=0, metavar="N", help="on the CPU; 0: OMP_NUM_THREADS, else all cores")
    add("states_dir", metavar="<states-dir>", help="hidden states (steps/extract_hidden_states.sh)")
    add("labels", metavar="<utt2label>", help="`utterance label` lines")
    add("train", metavar="<train-list>", help="utterances to train on")
    add("exp_dir", metavar="<exp-dir>", help="folder of the classifier")
    args = parser.parse_args(argv)

    config = build_options(Config, read_options(args.config) if args.config else {}, args.config or "defaults")
    states = HiddenStates(args.states_dir)
    layers = chosen_layers(states, args)
    lists = read_lists_of(args, states)
    decisive = {
        "seed": args.seed, **dataclasses.asdict(config), "layers": layers, "classes": lists.classes,
        "utterances": digest(lists, [*lists.train, "", *lists.dev]), "states": states.state(),
    }  # fmt: skip
    resolved = {"seed": args.seed, **dataclasses.asdict(config), "layers": layers, "input_dim": states.dim,
                "classes": lists.classes, "hidden_states": states.description}  # fmt: skip
    training = TrainingRun(ModelFolder(args.exp_dir), resolved, decisive)
    device = set_up(args.device, args.num_threads)
    rows = [states.layers.index(layer) for layer in layers]

    def reader(names: Sequence[str]) -> Callable[[int], np.ndarray]:
        return lambda item: states[names[item]][rows] if len(rows) < len(states.layers) else states[names[item]]

    if training.is_finished():
        say(f"{args.exp_dir}: trained already")
    else:
        train(args, config, training, lists, layers, states.dim, reader, device)
    folder = training.folder
    predictions = folder.path / "predictions.csv"
    decisive = {"test": digest(lists, lists.test), "states": states.state()}
    stamp = Stamp(f"{predictions}.done.json", [folder.weights], decisive, [predictions])
    if lists.test and not stamp.is_complete():
        stamp.begin()
        classes, batch_size = lists.classes, config.training.batch_size
        model = LayerCnnLstm(config.model, len(layers), states.dim, len(classes))
        folder.load_weights(model)
        found = predict(model.to(device), reader(lists.test), len(lists.test), len(classes), batch_size, device)
        guesses = [classes[number] for number in found.argmax(axis=1)]
        truth = [lists.labels[name] for name in lists.test]
        write_predictions(predictions, lists.test, truth, guesses, classes, found)
        stamp.finish()
        right = sum(guess == true for guess, true in zip(guesses, truth, strict=True))
        say(f"{predictions}: {right} of {len(truth)} utterances right")


def chosen_layers(states: HiddenStates, args) -> list[int]:
    """Numbers of the layers that the classifier sees.

    Raises:
        ValueError: the layer is not there, or the states were pooled over time.
    """
    if states.pooling != "none":
        raise ValueError(
            f"{args.states_dir}: hidden states pooled over time ({states.pooling}) have no frames for convolutions: "
            "extract them with --pooling none"
        )
    if args.layer is None:
        return states.layers
    if args.layer not in states.layers:
        raise ValueError(f"--layer {args.layer}: {args.states_dir} has layers {', '.join(map(str, states.layers))}")
    return [args.layer]


def read_lists_of(args, states: HiddenStates) -> Lists:
    """The utterances of the lists, checked.

    Raises:
        ValueError: an utterance is in two lists, or has no label or no hidden states; a class of which no utterance is
            in training; a single class.
    """
    labels = read_map(args.labels)
    names = {"train": args.train, "dev": args.dev, "test": args.test}
    lists = {kind: read_utterances(path) if path else [] for kind, path in names.items()}
    for one, other in (("train", "test"), ("train", "dev"), ("dev", "test")):
        shared = sorted(set(lists[one]) & set(lists[other]))
        if shared:
            raise ValueError(f"{names[other]}: {len(shared)} utterances are in {names[one]}, too, such as {shared[0]}")
    for kind, utterances in lists.items():
        for place, table in ((args.labels, labels), (states.script, states)):
            missing = [name for name in utterances if name not in table]
            if missing:
                raise ValueError(
                    f"{names[kind]}: {len(missing)} of {len(utterances)} utterances are not in {place}, such as "
                    f"{missing[0]}{nearest(missing[0], list(labels))}"
                )
    classes = sorted({labels[name] for name in lists["train"]})
    if len(classes) < 2:
        raise ValueError(f"{args.train}: all {len(lists['train'])} utterances are {classes[0]}: expected two classes")
    for kind in ("dev", "test"):
        unknown = [name for name in lists[kind] if labels[name] not in classes]
        if unknown:
            raise ValueError(
                f"{names[kind]}: {unknown[0]} is {labels[unknown[0]]!r}, a class of which {args.train} has no "
                f"utterance (it has {', '.join(classes)}): {len(unknown)} utterances cannot be labelled"
            )
    return Lists(labels, lists["train"], lists["dev"], lists["test"], classes)


def digest(lists: Lists, names: Sequence[str]) -> str:
    """Hash of utterances and their labels."""
    return hashlib.sha256("\n".join(f"{name} {lists.labels.get(name)}" for name in names).encode()).hexdigest()


def train(
    args, config: Config, training: TrainingRun, lists: Lists, layers: list[int], dim: int, reader, device: torch.device
) -> None:
    """Train from the start or from the last epoch of a killed training, and write the model."""
    torch.manual_seed(args.seed)
    model = LayerCnnLstm(config.model, len(layers), dim, len(lists.classes)).to(device)
    resume = training.begin({"parameters": sum(weight.numel() for weight in model.parameters())})
    kept = resume.pop("log") if resume else []
    started = time.process_time() - (resume.pop("cpu_seconds") if resume else 0.0)
    say(
        f"{args.exp_dir}: {len(lists.train)} utterances, {len(lists.classes)} classes, {len(layers)} layers, epochs "
        f"{len(kept) + 1} to {config.training.epochs} on {device}"
    )

    def save(state: dict[str, Any]) -> None:
        training.save_checkpoint({**state, "log": kept, "cpu_seconds": time.process_time() - started})

    def after_epoch(epoch: Epoch, state: dict[str, Any]) -> None:
        values = (f"{value:.4f}" for value in epoch[1:])
        kept.append("\t".join([str(epoch.number), *values, f"{time.process_time() - started:.1f}"]))
        write_text(training.folder.log, "\n".join([HEADER, *kept]) + "\n")
        save(state)
        if epoch.number % 10 == 0 or epoch.number in (1, config.training.epochs):
            say(f"{args.exp_dir}: epoch {epoch.number}, loss {epoch.loss:.3f}, accuracy {epoch.accuracy:.3f}")

    with training.stoppable() as should_stop:
        chosen, weights = train_sequences(
            model, Utterances(reader(lists.train), lists.targets(lists.train)),
            Utterances(reader(lists.dev), lists.targets(lists.dev)) if lists.dev else None,
            config.training, args.seed, device, after_epoch, resume, save, should_stop,
        )  # fmt: skip
    if lists.dev:
        say(f"{args.exp_dir}: epoch {chosen} is the best on {args.dev}")
    mix, table = model.layer_weights(), training.folder.path / "layer_weights.tsv"
    if mix is None:
        table.unlink(missing_ok=True)  # of an earlier training with more layers
    else:
        lines = [f"{layer}\t{weight:.6g}" for layer, weight in zip(layers, mix.tolist(), strict=True)]
        write_text(table, "\n".join(["layer\tweight", *lines]) + "\n")
    training.finish(weights)


def say(message: str) -> None:
    """Print a line to the log of the job."""
    print(f"train_layer_network: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    run(main)
