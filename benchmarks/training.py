"""Training speed of the speaker networks with real data loading, beside a bare PyTorch loop over one batch in memory.

Usage: python benchmarks/training.py [--threads 1] [--precision bf16] [--updates 6] [--rounds 2] [--networks shon]
Each way to train runs in a process of its own, the ways in turn, several rounds: seconds of the median update, of the
best round, and CPU seconds of an update, loading included. The features are drawn from a generator, their archives and
the audio are real files in a temporary folder. Ways:
  bare       model, cross-entropy, torch.optim.SGD; one batch in memory; nothing of speechlib but the network
  fixed      our training loop over one batch in memory
  memory     our training loop, crops of features in memory
  archive    crops read by range from mapped archives
  audio      crops of audio, augmented with noise, features on the fly
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

WARM_UP = 6  # updates: by then the batches that were made ahead are used up
WAYS = ("bare", "fixed", "memory", "archive", "audio")
NETWORKS = {"shon": ("shon_cnn", 40), "xvector": ("xvector", 30)}  # module, coefficients
UTTERANCES, SPEAKERS, SECONDS, RATE, FRAMES = 120, 40, 8, 16000, 200


def make_corpus(folder: Path) -> None:
    """Features of each dimension, and audio."""
    from speechlib.io.tables import open_table
    from speechlib.io.wav_writer import write_wav

    rng = np.random.default_rng(0)
    for _, dim in NETWORKS.values():
        with open_table(f"ark,scp:{folder}/{dim}.ark,{folder}/{dim}.scp") as writer:
            for number in range(UTTERANCES):
                writer.write(f"u{number:03}", rng.standard_normal((100 * SECONDS, dim), dtype=np.float32))
    for number in range(UTTERANCES):
        samples = rng.normal(0, 1000, SECONDS * RATE).astype(np.int16)
        write_wav(folder / f"u{number:03}.wav", samples, RATE)


def make_batches(way: str, folder: Path, dim: int, batch_size: int):
    """Batches of one way."""
    from speechlib.io.frame_cache import ArchiveFrames
    from speechlib.io.maps import read_map
    from speechlib.nnet.crops import CropBatches, CropOptions, CropSampler, StoredFrames

    lengths = [100 * SECONDS] * UTTERANCES
    labels = [number % SPEAKERS for number in range(UTTERANCES)]
    sampler = CropSampler(lengths, labels, CropOptions(FRAMES), batch_size, 1)
    entries = list(read_map(folder / f"{dim}.scp").values())
    if way == "audio":
        return make_audio_batches(folder, dim, sampler)
    frames = ArchiveFrames(entries, lengths, dim)
    if way != "archive":
        matrices = [np.empty((length, dim), np.float32) for length in lengths]
        for utterance, matrix in enumerate(matrices):
            frames.read(utterance, 0, matrix)
        frames = StoredFrames(matrices)
    batches = CropBatches(frames, sampler)
    return OneBatch(batches.batch(0)) if way in ("bare", "fixed") else batches


def make_audio_batches(folder: Path, dim: int, sampler):
    """Audio with additive noise, features on the fly, mean of the crop removed."""
    from speechlib.augment.clips import ArrayClip
    from speechlib.augment.online import Augmenter
    from speechlib.augment.options import AugmentOptions
    from speechlib.augment.speed import resample
    from speechlib.features.build import OPTIONS, build_extractor
    from speechlib.features.frontend import FrontendOptions, apply_frontend, normalise_crop
    from speechlib.io.sound_clips import AudioCache, SoundClip
    from speechlib.nnet.waveform_crops import Augmentation, Geometry, WaveformCrops

    options = OPTIONS["mfcc"](num_ceps=dim, num_mel_bins=dim, snip_edges=False, dither=0.0)
    cache = AudioCache(1 << 30)
    clips = [SoundClip(path.stem, str(path), RATE, resample, cache) for path in sorted(folder.glob("*.wav"))]
    noise = ArrayClip("noise", np.random.default_rng(1).normal(0, 300, 30 * RATE).astype(np.float32))
    augmenter = Augmenter({"noise": [noise]}, {}, AugmentOptions(kinds=("noise",)), RATE)
    frontend = FrontendOptions(cmn="crop", vad=False)

    def make_features():
        extractor = build_extractor(options)
        return lambda samples, key: extractor.compute(samples, key).numpy()

    return WaveformCrops(
        lambda utterance, first, past: clips[utterance].read(first, past, 0), [clip.num_samples for clip in clips],
        [np.arange(100 * SECONDS)] * UTTERANCES, [100 * SECONDS] * UTTERANCES, sampler, Geometry(160, 4, 0),
        make_features, lambda features, voiced: apply_frontend(features, None, frontend),
        lambda crop: normalise_crop(crop, frontend), Augmentation(lambda samples, rng, _: augmenter(samples, rng)),
    )  # fmt: skip


class Done(Exception):
    """Enough was measured."""


class OneBatch:
    """The same batch again and again."""

    batches_per_epoch = 1

    def __init__(self, batch):
        self._batch = batch

    def batch(self, number: int):
        return self._batch


def measure(way: str, network: str, folder: Path, args) -> dict:
    """Median seconds of an update after some to warm up, and CPU seconds of an update."""
    import torch
    import torch.nn.functional as F

    from speechlib.nnet.models import find_model
    from speechlib.nnet.optimizers import TrainOptions
    from speechlib.nnet.runtime import autocast, set_up
    from speechlib.nnet.training import train

    name, dim = NETWORKS[network]
    device = torch.device(args.device) if way == "bare" else set_up(args.device, args.threads)
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    module = find_model(name)
    model = module.build(module.Options(), dim, SPEAKERS).to(device)
    batches = make_batches(way, folder, dim, args.batch_size)
    times, cpu = [time.perf_counter()], [time.process_time()]

    def mark(*_) -> None:
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter())
        cpu.append(time.process_time())
        if len(times) > args.updates + WARM_UP:
            raise Done

    # More updates than are measured: otherwise the last ones would find their batches made and the loader idle.
    with contextlib.suppress(Done):
        if way == "bare":
            x, y = (torch.from_numpy(array).to(device) for array in batches.batch(0))
            optimizer = torch.optim.SGD(model.parameters(), 0.001)
            model.train()
            while True:
                with autocast(device, args.precision):
                    logits = model(x)
                loss = F.cross_entropy(logits.float(), y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                mark()
        options = TrainOptions(
            batch_size=args.batch_size, num_updates=10**6, optimizer="sgd", momentum=0.0, precision=args.precision,
            checkpoint_seconds=1e9,
        )  # fmt: skip
        train(model, batches, options, device, on_update=mark)
    seconds = [after - before for before, after in zip(times[WARM_UP:], times[WARM_UP + 1 :], strict=False)]
    return {"seconds": statistics.median(seconds), "cpu": (cpu[-1] - cpu[WARM_UP]) / args.updates}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--updates", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=NETWORKS)
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=WAYS)
    parser.add_argument("--measure", nargs=3, metavar=("WAY", "NETWORK", "FOLDER"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        way, network, folder = args.measure
        print(json.dumps(measure(way, network, Path(folder), args)))
        return
    passed = ["--threads", args.threads, "--precision", args.precision, "--device", args.device,
              "--batch-size", args.batch_size, "--updates", args.updates]  # fmt: skip
    print(f"{args.device}, {args.threads} threads, {args.precision}, {args.batch_size} x {FRAMES} frames, "
          f"medians of {args.updates} updates, best of {args.rounds} rounds")  # fmt: skip
    print("network\tway\tms an update\tsamples a second\tCPU ms an update\tspeed / bare\ttime / fixed\tCPU / fixed")
    with tempfile.TemporaryDirectory() as folder:
        make_corpus(Path(folder))
        for network in args.networks:
            best: dict[str, dict] = {}
            for _ in range(args.rounds):
                for way in args.ways:
                    command = [sys.executable, __file__, *map(str, passed), "--measure", way, network, folder]
                    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
                    if way not in best or found["seconds"] < best[way]["seconds"]:
                        best[way] = found
            for way, found in best.items():
                seconds = found["seconds"]
                ratios = [f"{best['bare']['seconds'] / seconds:.2f}" if "bare" in best else "-",
                          f"{seconds / best['fixed']['seconds']:.3f}" if "fixed" in best else "-",
                          f"{found['cpu'] / best['fixed']['cpu']:.3f}" if "fixed" in best else "-"]  # fmt: skip
                print(network, way, f"{1000 * seconds:.0f}", f"{args.batch_size / seconds:.1f}",
                      f"{1000 * found['cpu']:.0f}", *ratios, sep="\t", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
