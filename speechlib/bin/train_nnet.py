"""Train a speaker network on random crops of the utterances of a data directory.

<exp-dir> gets config.yaml (resolved, with the speakers in the order of the outputs), model.pt, train.log and
training.json, and with training.save_every the weights on the way there, model.<update>.pt. A killed training goes on
from its checkpoint and ends with the same weights as one that never stopped; a finished one is not repeated unless
configuration, data or code have changed. SIGUSR1 and SIGTERM end it after its update, with a checkpoint and the exit
status 75 (to be run again) or 143. Under launch_training or torchrun, several processes train together: each takes its
part of every batch.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch

from speechlib.augment.online import Augmenter
from speechlib.augment.options import AugmentOptions
from speechlib.augment.speed import change_speed, resample
from speechlib.features.build import OPTIONS as FEATURE_OPTIONS
from speechlib.features.build import build_extractor
from speechlib.features.frontend import FrontendOptions, NoVoicedFrames, apply_frontend, normalise_crop
from speechlib.io.atomic import write_json
from speechlib.io.checkpoints import ModelFolder, load_state, save_state
from speechlib.io.cli import KaldiArgumentParser, nearest, run
from speechlib.io.clip_lists import list_clips
from speechlib.io.datadir import DataDir
from speechlib.io.frame_cache import ArchiveFrames, FrameCache, default_limit
from speechlib.io.kaldi_conf import build_options, read_options
from speechlib.io.sound_clips import AudioCache, open_noises, open_responses
from speechlib.io.specifiers import split_offset, split_part
from speechlib.io.training_audio import check_other_audio, read_training_audio
from speechlib.io.training_features import read_decisions, read_training_features
from speechlib.io.training_run import TrainingLog, TrainingRun, say
from speechlib.io.training_set import (
    HeldOutOptions,
    check_leaks,
    check_other_features,
    check_speakers,
    describe,
    split_held_out,
)
from speechlib.io.utterances import read_utterances
from speechlib.nnet.batch_norm import normalise_together
from speechlib.nnet.crops import CropBatches, CropOptions, CropSampler, StoredFrames
from speechlib.nnet.distributed import Group, join, leave
from speechlib.nnet.embedding_model import count_parameters
from speechlib.nnet.losses import LossOptions, make_loss, prepare_output
from speechlib.nnet.models import find_model
from speechlib.nnet.optimizers import TrainOptions
from speechlib.nnet.runtime import autocast, set_up
from speechlib.nnet.training import Progress, train
from speechlib.nnet.waveform_crops import Augmentation, Geometry, WaveformCrops

_OVERRIDES = re.compile(r",(?=[\w.-]+=)")  # a list may stand in a value


@dataclasses.dataclass(frozen=True)
class FeaturesSection:
    """Features computed on the fly: a type, and its options in a file."""

    type: str
    config: str = ""


@dataclasses.dataclass(frozen=True)
class NetworkTraining(TrainOptions):
    """The section `training`: a modern default, where TrainOptions has that of Lukic et al., and snapshots."""

    batch_size: int = 64
    num_epochs: int = 100
    optimizer: Literal["nesterov", "sgd", "adam", "adamw"] = "adam"
    lr_schedule: Literal["constant", "linear", "cosine", "staircase"] = "cosine"
    save_every: int = 0  # updates: after each so many, the weights are kept in model.<update>.pt; 0: only the last ones
    sync_batch_norm: bool = False  # batch normalisation over the batches of all processes, as if they were one

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.save_every < 0:
            raise ValueError(f"save_every must not be negative, got {self.save_every}")

    def decisive(self) -> dict:
        """As TrainOptions; snapshots do not change the weights, but those that are not there need another training."""
        values = super().decisive()
        for name in ("save_every", "sync_batch_norm"):
            if not values[name]:  # as those were trained that know nothing of them
                del values[name]
        if self.num_updates:
            values["num_epochs"] = TrainOptions.num_epochs  # of no account: one number for all
        return values


@dataclasses.dataclass(frozen=True)
class Config:
    """The sections of the configuration file; those of the model are in its file, speechlib/nnet/models/<name>.py."""

    model: dict
    frontend: FrontendOptions = FrontendOptions()
    crops: CropOptions = CropOptions()
    features: FeaturesSection | None = None
    augment: AugmentOptions | None = None
    loss: LossOptions = LossOptions()
    training: NetworkTraining = NetworkTraining()
    held_out: HeldOutOptions = HeldOutOptions()


def main(argv: Sequence[str] | None = None) -> None:
    """Check the data and train the network."""
    parser = KaldiArgumentParser(
        prog="train_nnet",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.train_nnet --config conf/xvector_demo.yaml --check-against data/test "
        "data/train exp/xvector",
    )
    add = parser.add_argument
    add("--config", metavar="FILE", help="YAML with the sections model, frontend, crops, loss, training, held_out, and "
        "features and augment for features on the fly")  # fmt: skip
    add("--override", default="", metavar="LIST",
        help="such as training.num_updates=50,model.pooling=average: in place of the configuration's")  # fmt: skip
    add("--precision", metavar="P", help="fp32, bf16 or fp16, in place of the configuration's")
    add("--seed", type=int, default=1, help="of weights, crops, augmentation and the held-out part")
    add("--utterances", metavar="FILE", help="to train on: a list or a data directory; without it all")
    add("--check-against", metavar="DIR", action="append", default=[],
        help="data directory that shares neither speakers nor recordings with training; may be repeated")  # fmt: skip
    add("--noise", default="", metavar="DIR", help="noises for the section augment: a folder or a list of clips")
    add("--rirs", default="", metavar="DIR", help="room responses for the section augment; without it those of --noise")
    add("--cache-gb", type=float, default=0.0, metavar="X",
        help="memory of a process for the training data; 0: a quarter of the machine's for all of them")  # fmt: skip
    add("--device", default="auto", help="auto (a GPU if there is one), cpu, cuda, cuda:N")
    add("--num-threads", type=int, default=0, metavar="N", help="on the CPU; 0: OMP_NUM_THREADS, else all cores")
    add("data_dir", metavar="<data-dir>", help="with utt2spk and feats.scp, and vad.scp if the front end wants it")
    add("exp_dir", metavar="<exp-dir>", help="folder of the model")
    args = parser.parse_args(argv)
    if not args.config:
        raise ValueError("--config is needed: a YAML file, such as egs/voxceleb1/conf/xvector_demo.yaml")
    if args.seed < 0:
        raise ValueError(f"--seed {args.seed}: expected a number that is not negative")
    config, model_options = read_config(args.config, args.override, args.precision)
    group, device_name = join(args.device)
    try:
        device = set_up(device_name, args.num_threads)
        with autocast(device, config.training.precision):
            pass  # a precision that the device lacks is told before the data are read
        train_network(args, config, model_options, group, device)
    finally:
        leave(group)


def read_config(path: str, overrides: str, precision: str | None) -> tuple[Config, Any]:
    """Read the configuration; the command line's options replace those of the file.

    Returns:
        The configuration, and the model's own options.

    Raises:
        ValueError: an unknown section, option or model, or a wrong value; the nearest known name is named.
    """
    options = read_options(path)
    if precision:
        overrides = ",".join(filter(None, (overrides, f"training.precision={precision}")))
    for item in filter(None, _OVERRIDES.split(overrides)):
        name, equals, value = item.partition("=")
        section, dot, option = name.replace("-", "_").partition(".")
        if not equals or not dot:
            raise ValueError(f"--override {item}: expected SECTION.OPTION=VALUE, such as training.num_updates=50")
        options[section] = {**(options.get(section) or {}), option: value}
    source = f"{path} with {overrides}" if overrides else path
    config = build_options(Config, options, source)
    section = dict(config.model)
    if "name" not in section:
        raise ValueError(f"{source}: the section model has no name: expected model: {{name: xvector, ...}}")
    try:
        module = find_model(str(section.pop("name")))
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from None
    if config.augment is not None and config.features is None:
        raise ValueError(f"{source}: the section augment needs the section features, such as features: {{type: mfcc, "
                         "config: conf/mfcc.conf}: what is augmented on the fly is audio")
    return config, build_options(module.Options, section, f"{source}, section model")


class StoredSource:
    """Crops of stored features.

    Args:
        data: with feats.scp, and vad.scp if the front end wants it.
        utterances: to look at.
        config: see Config.
        args: of the command line.
        limit: bytes of memory to keep data in.

    Attributes:
        num_frames: frames that the model may get, of the usable utterances.
        input_dim: coefficients of a frame, as the model gets it.
        digests: of what an utterance holds.
        resolved: the section features of the resolved configuration.
        sounds: what augmentation draws from.
    """

    resolved, sounds = None, ()

    def __init__(self, data: DataDir, utterances: Sequence[str], config: Config, args, limit: int):
        self._options = options = config.frontend
        decisions = read_decisions(data) if options.vad else None
        # What the front end leaves as it is can stay in its archives, and is read from there where it is too much.
        is_plain = not options.vad and not options.deltas and options.cmn in ("none", "crop")
        stay = is_plain and archive_bytes(data.feats_scp or {}) > limit
        cache = None if stay else FrameCache(limit, args.exp_dir)
        self._found = found = read_training_features(
            data, utterances, lambda features, voiced: apply_frontend(features, voiced, options), NoVoicedFrames,
            decisions, config.crops.min_frames, cache,
        )  # fmt: skip
        check_other_features(data, found.features_digests, args.check_against)
        self.num_frames, self.digests = found.num_frames, found.digests
        self.input_dim = options.output_dim(found.dim)
        self._entries = data.feats_scp
        self._matrices = None if cache is None else dict(zip(found.num_frames, cache.matrices(), strict=True))

    def batches(self, names: Sequence[str], sampler: CropSampler, augmented: bool) -> CropBatches:
        """Batches of crops of some utterances; stored features are not augmented."""
        if self._matrices is None:
            lengths = [self.num_frames[name] for name in names]
            frames = ArchiveFrames([self._entries[name] for name in names], lengths, self.input_dim)
        else:
            frames = StoredFrames([self._matrices[name] for name in names])
        normalise = (lambda crop: normalise_crop(crop, self._options)) if self._options.cmn == "crop" else None
        return CropBatches(frames, sampler, normalise)


class WaveformSource:
    """Crops of audio, augmented if the configuration has the section augment; arguments and attributes as above."""

    sounds = ()

    def __init__(self, data: DataDir, utterances: Sequence[str], config: Config, args, limit: int):
        section, self._config = config.features, config
        if section.type not in FEATURE_OPTIONS:
            raise ValueError(f"{args.config}: features of type {section.type!r}: expected one of "
                             f"{', '.join(sorted(FEATURE_OPTIONS))}{nearest(section.type, list(FEATURE_OPTIONS))}")
        stored = read_options(section.config) if section.config else {}
        self._options = build_options(FEATURE_OPTIONS[section.type], stored, section.config)
        self.resolved = {"type": section.type, **dataclasses.asdict(self._options)}
        extractor, rate = self._extractor(), int(self._options.sample_frequency)
        framing = extractor.framing
        decisions = read_decisions(data) if config.frontend.vad else None
        cache = AudioCache(limit)
        self._found = found = read_training_audio(
            data, utterances, rate, framing.num_frames, decisions, config.crops.min_frames, resample, cache
        )
        check_other_audio(data, found.clips, args.check_against, rate)
        self.num_frames = {name: len(voiced) for name, voiced in found.voiced.items()}
        self.digests = found.digests
        self.input_dim = config.frontend.output_dim(extractor.dim)
        self._geometry = Geometry(framing.shift, -(-framing.length // framing.shift) + 1, context_of(config.frontend))
        self._augmenter = None
        if config.augment is not None:
            self._augmenter = self._make_augmenter(data, args, rate)

    def batches(self, names: Sequence[str], sampler: CropSampler, augmented: bool) -> WaveformCrops:
        """Batches of crops of some utterances."""
        found, frontend = self._found, self._config.frontend
        clips = [found.clips[name] for name in names]

        def make_features():
            extractor = self._extractor()
            return lambda samples, key: extractor.compute(samples, key).numpy()

        augment = None
        if augmented and self._augmenter is not None:
            speakers = [self._speakers[name] for name in names]
            augment = Augmentation(
                lambda samples, rng, utterance: self._augmenter(samples, rng, speakers[utterance]),
                self._augmenter.draw_speed, change_speed,
            )  # fmt: skip
        return WaveformCrops(
            lambda utterance, first, past: clips[utterance].read(first, past, 0),
            [clip.num_samples for clip in clips], [found.voiced[name] for name in names],
            [found.all_frames[name] for name in names], sampler, self._geometry, make_features,
            lambda features, voiced: apply_frontend(features, voiced, frontend),
            lambda crop: normalise_crop(crop, frontend), augment,
        )  # fmt: skip

    def _extractor(self):
        return build_extractor(self._options)

    def _make_augmenter(self, data: DataDir, args, rate: int) -> Augmenter:
        cache = AudioCache()
        noises = list_clips(args.noise) if args.noise else []
        responses = list_clips(args.rirs, "rir") if args.rirs else noises
        self.sounds = [f"{clip.name} {clip.samples}" for clip in (*noises, *responses)]
        speakers = self._speakers = {name: data.utt2spk[name] for name in self._found.clips}
        names = list(self._found.clips)

        def babble(rng, speaker):
            while True:
                name = names[int(rng.integers(len(names)))]
                if speakers[name] != speaker:
                    return self._found.clips[name]

        return Augmenter(
            open_noises(noises, rate, resample, cache), open_responses(responses, rate, resample, cache),
            self._config.augment, rate, babble,
        )  # fmt: skip


def context_of(options: FrontendOptions) -> int | None:
    """Frames on each side of a frame that the front end looks at; None: all."""
    derivatives = options.deltas * options.delta_window
    return {"utterance": None, "sliding": (options.cmn_window + 1) // 2 + derivatives}.get(options.cmn, derivatives)


def archive_bytes(entries: Mapping[str, str]) -> int:
    """Size of all archives that the entries of a script point into."""
    paths = {split_offset(split_part(entry)[0])[0] for entry in entries.values()}
    return sum(os.path.getsize(path) for path in paths if os.path.isfile(path))


def stored_features(data: DataDir) -> dict | None:
    """Kind and options of the features of a data directory, as make_feats.sh notes them; None if nobody did."""
    return read_options(data.path / "feats.yaml") if data.has("feats.yaml") else None


def train_network(args, config: Config, model_options: Any, group: Group, device: torch.device) -> None:
    """Train the network, or what is left of it, or nothing if it is finished."""
    options, folder, data = config.training, ModelFolder(args.exp_dir), DataDir(args.data_dir)
    wanted = read_utterances(args.utterances) if args.utterances else data.utterances()
    unknown = [utterance for utterance in wanted if utterance not in data.utt2spk]
    if unknown:
        raise ValueError(f"{data.path}/utt2spk: {len(unknown)} training utterances are not there, such as {unknown[0]}")
    check_speakers({utterance: data.utt2spk[utterance] for utterance in wanted}, str(data.path))
    check_leaks(data, wanted, args.check_against)
    limit = int(args.cache_gb * 1e9) or default_limit() // group.local_size
    source = (WaveformSource if config.features else StoredSource)(data, wanted, config, args, limit)
    utt2spk = {utterance: data.utt2spk[utterance] for utterance in source.num_frames}
    speakers = check_speakers(utt2spk, str(data.path))
    kept, held = split_held_out(utt2spk, data.map("utt2uniq"), config.held_out.share, args.seed)

    resolved = {
        "seed": args.seed, **dataclasses.asdict(config),
        "model": {"name": config.model["name"], **dataclasses.asdict(model_options)}, "features": source.resolved,
        "input_dim": source.input_dim, "speakers": speakers, "training_utterances": len(kept),
        "held_out_utterances": len(held), "training_data_sha256": describe(source.digests, utt2spk),
        "num_processes": group.size,
    }  # fmt: skip
    decisive = {"training": options.decisive(), "sounds": source.sounds}
    if data.has("utt2uniq"):  # two splits may be of the same sizes
        decisive["held_out_names"] = held
    training = TrainingRun(folder, resolved, {**resolved, **decisive})
    if group.agree(group.rank == 0 and training.is_finished(), device):
        say(f"{folder.path}: trained already")
        return

    torch.manual_seed(args.seed)
    model = find_model(config.model["name"]).build(model_options, source.input_dim, len(speakers))
    prepare_output(model, config.loss)
    try:
        model.check_input(config.crops.range[0], source.input_dim)
    except ValueError as error:
        raise ValueError(f"{args.config}: frames of the section crops: {error}") from None
    model.to(device)
    if options.sync_batch_norm and group.size > 1:
        model = normalise_together(model, device)
    parameters = count_parameters(model)
    notes = {"num_parameters": parameters, "stored_features": stored_features(data)}
    resume = training.begin(notes) if group.rank == 0 else None
    if group.agree(resume is not None, device) and resume is None:
        resume = load_state(folder.checkpoint)
    first = resume["update"] if resume else 0
    if len({int(update) for update in group.collect(torch.tensor(first), device)}) > 1:
        raise ValueError(f"{folder.checkpoint}: the processes read different states of it: {folder.path} must be the "
                         "same folder on all nodes; where it is one, start again, its file system was late")
    if group.rank:  # dropout differs between the parts of a batch
        torch.manual_seed(args.seed + (group.rank << 32))

    numbers = {speaker: number for number, speaker in enumerate(speakers)}

    def batches(names: Sequence[str], crops: CropOptions, augmented: bool, *part: int):
        lengths = [source.num_frames[name] for name in names]
        labels = [numbers[utt2spk[name]] for name in names]
        return source.batches(
            names, CropSampler(lengths, labels, crops, options.batch_size, args.seed, *part), augmented
        )

    trained = batches(kept, config.crops, True, group.rank, group.size)
    looked_at = CropOptions(config.crops.range[1], "utterance")
    held_out = batches(held, looked_at, False) if held else None
    total = options.total_updates(trained.batches_per_epoch)
    if group.rank == 0:
        say(f"{folder.path}: {len(speakers)} speakers, {len(kept)} utterances and {len(held)} held out, {parameters} "
            f"parameters, updates {first} to {total}{' from the checkpoint' if resume else ''} on {device}, "
            f"{group.size} x {torch.get_num_threads()} threads")
    with contextlib.ExitStack() as stack:
        reports = {}
        if group.rank == 0:
            log = stack.enter_context(TrainingLog(folder, Progress.HEADER, first, total, options.tensorboard))

            def after_update(update: int, total: int) -> None:
                if options.save_every and update % options.save_every == 0:
                    save_state(folder.snapshot(update), model.state_dict())
                log.update(update, total)

            reports = {"on_progress": log.progress, "on_update": after_update}
        should_stop = stack.enter_context(training.stoppable())
        spent = train(
            model, trained, options, device, loss=make_loss(config.loss), held_out=held_out, group=group,
            resume=resume, on_checkpoint=training.save_checkpoint, should_stop=should_stop, **reports,
        )  # fmt: skip
    if group.rank == 0:
        seconds = max(spent["seconds"], 1e-9)
        memory = {"gpu_memory_bytes": torch.cuda.max_memory_allocated(device)} if device.type == "cuda" else {}
        write_json(folder.path / "training.json", {
            **spent, "samples_per_second": spent["samples"] / seconds,
            "data_wait_share": spent["waiting_seconds"] / seconds, **memory, "parameters": parameters,
            "device": str(device), "processes": group.size, "threads": torch.get_num_threads(),
            "updates_per_epoch": trained.batches_per_epoch,
            "snapshots": [path.name for path in folder.snapshots()],
        })  # fmt: skip
        training.finish(model.state_dict())
        say(f"{folder.path}: {spent['samples'] / seconds:.0f} samples a second, "
            f"{spent['waiting_seconds'] / seconds:.1%} of the time spent waiting for data")  # fmt: skip


if __name__ == "__main__":
    run(main)
