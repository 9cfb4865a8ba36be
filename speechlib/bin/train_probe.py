"""Train a probe: from the frames of a layer of some network to the labels of utterances, and what it finds in others.

What the layer knows of the labels shows in the error of the probe. A configuration names its kind: `segmental`, a
segmental model of phones, or `ctc`. <exp-dir> gets config.yaml (resolved, with the labels in the order of the outputs),
model.pt and train.log; with --test, also `hypotheses`: the labels that were found in the utterances of another table.
Utterances whose labels do not fit their frames are left out of training with a warning, and counted. A killed training
goes on after its last epoch and ends with the same weights; what is finished is not done again.
"""

from __future__ import annotations

import dataclasses
import hashlib
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch

from speechlib.io.atomic import write_text
from speechlib.io.checkpoints import ModelFolder
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.kaldi_conf import build_options, read_options
from speechlib.io.layer_frames import LayerFrames
from speechlib.io.maps import read_lists, write_lists
from speechlib.io.stamps import Stamp, archive_states
from speechlib.io.training_run import TrainingRun
from speechlib.io.utterances import read_utterances
from speechlib.nnet.runtime import set_up
from speechlib.probing.ctc import CtcOptions, CtcProbe
from speechlib.probing.inputs import Standardiser, change_rate, rate_factor
from speechlib.probing.segmental_model import SegmentalModel, SegmentalOptions
from speechlib.probing.training import Epoch, ProbeTrainingOptions, decode_all, train_probe

HEADER = "epoch\tloss\tgradient\tcpu_seconds"


@dataclasses.dataclass(frozen=True)
class Config:
    """The sections of the configuration file."""

    kind: Literal["segmental", "ctc"]
    frame_step: float = 0.01  # seconds between the frames that the probe sees, the same for all layers
    segmental: SegmentalOptions = SegmentalOptions()
    ctc: CtcOptions = CtcOptions()
    training: ProbeTrainingOptions = ProbeTrainingOptions()

    def __post_init__(self) -> None:
        if not self.frame_step > 0:
            raise ValueError(f"frame_step must be positive, got {self.frame_step}")

    def decisive(self) -> dict[str, Any]:
        """What decides the weights."""
        values = dataclasses.asdict(self)
        return {name: values[name] for name in ("kind", "frame_step", self.kind, "training")}


def main(argv: Sequence[str] | None = None) -> None:
    """Check the data, train the probe, and let it label the test utterances."""
    parser = KaldiArgumentParser(
        prog="train_probe",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.train_probe --config conf/phone_probe.yaml --test data/test/utt2spk "
        "exp/frames/fc2 data/train/phones exp/probe/fc2",
    )
    add = parser.add_argument
    add("--config", metavar="FILE", help="YAML with kind, frame_step, the section of that kind, and training")
    add("--seed", type=int, default=1, help="of the weights and of the order of the utterances")
    add("--test", metavar="FILE", help="list whose first column names utterances to label after the training")
    add("--device", default="auto", help="auto (a GPU if there is one), cpu, cuda, cuda:N")
    add("--num-threads", type=int, default=0, metavar="N", help="on the CPU; 0: OMP_NUM_THREADS, else all cores")
    add("layer_dir", metavar="<layer-dir>", help="frames.scp and times.scp of a layer, for training and test")
    add("labels", metavar="<labels>", help="`utterance label label ..` lines of the training utterances")
    add("exp_dir", metavar="<exp-dir>", help="folder of the probe")
    args = parser.parse_args(argv)
    if not args.config:
        raise ValueError("--config is needed: a YAML file, such as egs/timit/conf/phone_probe_scaled.yaml")
    if args.seed < 0:
        raise ValueError(f"--seed {args.seed}: expected a number that is not negative")

    config = build_options(Config, read_options(args.config), args.config)
    folder = ModelFolder(args.exp_dir)
    data = ProbeFrames(args.layer_dir, config.frame_step)
    labels = read_labels(args.labels)
    test = read_utterances(args.test) if args.test else []
    shared = sorted(set(test) & set(labels))
    if shared:
        raise ValueError(f"{args.test}: {len(shared)} test utterances are in {args.labels}, too, such as {shared[0]}")
    frames = data.state()
    decisive = {"seed": args.seed, **config.decisive(), "labels": digest(labels), "frames": frames}
    training = TrainingRun(folder, {"seed": args.seed, **config.decisive()}, decisive)
    device = set_up(args.device, args.num_threads)
    if training.is_finished():
        say(f"{folder.path}: trained already")
    else:
        train(args, config, training, data, labels, device)
    hypotheses = folder.path / "hypotheses"
    inputs = [folder.weights, *filter(None, [args.test])]
    stamp = Stamp(f"{hypotheses}.done.json", inputs, {"frames": frames}, [hypotheses])
    if test and not stamp.is_complete():
        stamp.begin()
        label_test(folder, config, data, test, hypotheses, device)
        stamp.finish()


class ProbeFrames:
    """Frames of a layer by utterance, at the rate that a probe wants.

    Args:
        path: folder of the layer.
        step: seconds from frame to frame.

    Attributes:
        factor: frames for a frame of the layer.
        source: the script that the frames come from.
    """

    def __init__(self, path: str, step: float):
        self._layer = LayerFrames(path)
        self.source = self._layer.script
        try:
            self.factor = rate_factor(self._layer.longest_times(), step)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None

    def __contains__(self, name: str) -> bool:
        return name in self._layer

    def __getitem__(self, name: str) -> np.ndarray:
        """(frames, dim) of an utterance."""
        return change_rate(self._layer.frames(name), self.factor)

    def state(self) -> str:
        """What tells these frames from others: entries of the script, sizes and dates of archives."""
        return f"{hashlib.sha256(self.source.read_bytes()).hexdigest()} {archive_states(self.source)}"


def read_labels(path: str) -> dict[str, list[str]]:
    """Labels by utterance.

    Raises:
        ValueError: no utterance, or a line that is none.
    """
    labels = read_lists(path)
    if not labels:
        raise ValueError(f"{path}: no utterance in it: expected `utterance label label ..` lines")
    return labels


def digest(labels: Mapping[str, Sequence[str]]) -> str:
    """Hash of labels by utterance."""
    text = "\n".join(f"{name} {' '.join(sequence)}" for name, sequence in labels.items())
    return hashlib.sha256(text.encode()).hexdigest()


def make_probe(config: Config, input_dim: int, num_labels: int) -> SegmentalModel | CtcProbe:
    """The probe of the configuration's kind."""
    if config.kind == "segmental":
        return SegmentalModel(input_dim, num_labels, config.segmental)
    return CtcProbe(input_dim, num_labels, config.ctc)


def train(
    args, config: Config, training: TrainingRun, data: ProbeFrames, labels: Mapping[str, list[str]], device
) -> None:
    """Train from the start or from the last epoch of a killed training, and write the model."""
    missing = [name for name in labels if name not in data]
    if missing:
        raise ValueError(
            f"{args.labels}: {len(missing)} of {len(labels)} utterances have no frames in {data.source}, "
            f"such as {missing[0]}"
        )
    inventory = sorted({label for sequence in labels.values() for label in sequence})
    numbers = {label: number for number, label in enumerate(inventory)}
    moments, sizes = Standardiser(), {}
    for name in labels:
        frames = data[name]
        moments.add(frames)
        sizes[name] = len(frames)
    shift, scale = moments.shift_and_scale()

    torch.manual_seed(args.seed)
    model = make_probe(config, len(shift), len(inventory)).to(device)
    targets = {name: [numbers[label] for label in sequence] for name, sequence in labels.items()}
    usable = [name for name in labels if model.fits(sizes[name], targets[name])]
    if len(usable) < len(labels):
        odd = min(labels.keys() - set(usable))
        say(
            f"warning: {len(labels) - len(usable)} of {len(labels)} utterances have too few or too many frames for "
            f"their labels and are left out of training, such as {odd}: {len(labels[odd])} labels, {sizes[odd]} frames"
        )
    if not usable:
        raise ValueError(
            f"{args.labels}: no utterance has enough frames for its labels: frames of {config.frame_step:g}"
            f" s are too few for them, or labels and frames are of other utterances"
        )

    more = {
        "input_dim": len(shift), "labels": inventory, "shift": shift.tolist(), "scale": scale.tolist(),
        "rate_factor": data.factor, "training_utterances": len(usable), "left_out": len(labels) - len(usable),
    }  # fmt: skip
    resume = training.begin(more)
    kept = resume["log"] if resume else []
    started = time.process_time() - (resume["cpu_seconds"] if resume else 0.0)
    say(
        f"{training.folder.path}: {config.kind}, {len(usable)} utterances, {len(inventory)} labels, {len(shift)} "
        f"values a frame, epochs {len(kept) + 1} to {config.training.epochs} on {device}"
    )

    def after_epoch(epoch: Epoch, state: dict[str, Any]) -> None:
        spent = time.process_time() - started
        kept.append(f"{epoch.number}\t{epoch.loss:.4f}\t{epoch.gradient:.3f}\t{spent:.1f}")
        write_text(training.folder.log, "\n".join([HEADER, *kept]) + "\n")
        training.save_checkpoint({**state, "log": kept, "cpu_seconds": spent})
        say(
            f"{training.folder.path}: epoch {epoch.number} of {config.training.epochs}, loss {epoch.loss:.3f}, "
            f"{spent:.0f} CPU seconds"
        )

    train_probe(
        model, lambda item: (data[usable[item]] - shift) * scale, [sizes[name] for name in usable],
        [targets[name] for name in usable], config.training, args.seed, device, after_epoch, resume,
    )  # fmt: skip
    training.finish(model.state_dict())


def label_test(folder: ModelFolder, config: Config, data: ProbeFrames, test: Sequence[str], path, device) -> None:
    """Write the labels that the trained probe finds; utterances without frames get a line without labels."""
    resolved = folder.read_config()
    inventory, shift, scale = (resolved[name] for name in ("labels", "shift", "scale"))
    shift, scale = np.array(shift, np.float32), np.array(scale, np.float32)
    model = make_probe(config, resolved["input_dim"], len(inventory))
    folder.load_weights(model)
    model.to(device)

    def inputs() -> Iterator[tuple[str, np.ndarray]]:
        for name in test:
            if name in data:
                yield name, (data[name] - shift) * scale

    lacking = [name for name in test if name not in data]
    if lacking:
        say(
            f"warning: {len(lacking)} of {len(test)} test utterances have no frames, such as {lacking[0]}: nothing is "
            f"found in them"
        )
    if len(lacking) == len(test):
        raise ValueError(f"{data.source}: none of the {len(test)} test utterances is there")
    found = {name: [] for name in lacking}
    for name, sequence in decode_all(model, inputs(), device):
        found[name] = [inventory[number] for number in sequence]
    write_lists(path, found)


def say(message: str) -> None:
    """Print a line to the log of the job."""
    print(f"train_probe: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    run(main)
