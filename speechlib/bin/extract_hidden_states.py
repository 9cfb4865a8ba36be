"""Hidden states of a self-supervised network (HuBERT, wav2vec 2.0, WavLM) for the utterances of a data directory.

An utterance becomes one matrix: its first layer's frames, below them those of the second, and so on; with --pooling
mean, one row a layer. Where the weights come from must be said: a file (torchaudio's, fairseq's or Hugging Face's
layout, .pt, .bin or .safetensors), the published file, which is downloaded only on --download true, or random ones,
which are noted as such in states.yaml and are good for trying things out. Audio is resampled to 16 kHz; of recordings
with several channels the first is taken. Every utterance is computed by itself and whole, so that jobs and their number
do not matter.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.hidden_states import write_description
from speechlib.io.kaldi_conf import build_options, read_options
from speechlib.io.maps import read_map
from speechlib.io.specifiers import parse_wspecifier
from speechlib.io.stamps import Stamp, archive_states
from speechlib.io.tables import open_table
from speechlib.io.utterance_audio import UtteranceAudio

REPORT_SECONDS = 60.0
FULL_SCALE = 32768.0  # of samples in int16 range


def main(argv: Sequence[str] | None = None) -> None:
    """Read audio, write a matrix by utterance."""
    parser = KaldiArgumentParser(
        prog="extract_hidden_states",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.extract_hidden_states --config conf/hubert_base.yaml --weights hubert.pt "
        "data/all ark,scp:exp/states.ark,exp/states.scp",
    )
    add = parser.add_argument
    add("--config", metavar="FILE", help="architecture and treatment of waveforms, YAML (default: hubert_base)")
    add("--weights", metavar="FILE", help="weights of the network")
    add("--download", type=kaldi_bool, default=False, metavar="BOOL", help="fetch the published weights if need be")
    add("--weights-dir", metavar="DIR", help="where the fetched file is kept (default: torch.hub's folder)")
    add("--random-weights", type=int, metavar="SEED", help="an untrained network")
    add("--layers", metavar="1-12", help="numbers and ranges with commas, counted from 1 (default: all)")
    add("--pooling", choices=("none", "mean"), default="none", help="mean: over time, one row a layer")
    add("--compress", type=kaldi_bool, default=False, metavar="BOOL", help="Kaldi's lossy format, a quarter as big")
    add("--device", default="auto", help="auto (a GPU if there is one), cpu, cuda, cuda:N")
    add("--num-threads", type=int, default=0, metavar="N", help="on the CPU; 0: OMP_NUM_THREADS, else all cores")
    add("--job", type=int, default=1, metavar="J", help="this process takes the J-th part of the utterances")
    add("--num-jobs", type=int, default=1, metavar="N", help="processes that share the utterances")
    add("--description", metavar="FILE", help="states.yaml: which network, weights and layers these are")
    add("--stamp", metavar="FILE", help="written at the end; where it fits network and audio, nothing is computed")
    add("data_dir", metavar="<data-dir>", help="with wav.scp and perhaps segments")
    add("wspecifier", metavar="<wspecifier>", help="(layers x frames, dim) by utterance")
    args = parser.parse_args(argv)

    if (args.weights is not None) + args.download + (args.random_weights is not None) != 1:
        raise ValueError(
            "give one of --weights FILE, --download true and --random-weights SEED: nothing is downloaded and no "
            "untrained network is taken unasked"
        )
    if not 1 <= args.job <= args.num_jobs:
        raise ValueError(f"--job {args.job} --num-jobs {args.num_jobs}: expected 1 <= job <= num-jobs")
    layers = parse_layers(args.layers) if args.layers else None
    data = Path(args.data_dir)
    tables = [path for name in ("wav.scp", "segments") if (path := data / name).is_file()]
    utterances = job_part(list(read_map(tables[-1] if tables else data / "wav.scp")), args.job, args.num_jobs)
    if not args.stamp:
        extract(args, layers, utterances)
        return
    names = ("download", "random_weights", "layers", "pooling", "compress", "job", "num_jobs", "wspecifier")
    decisive = {name: getattr(args, name) for name in names} | {"audio": str(archive_states(data / "wav.scp"))}
    target = parse_wspecifier(args.wspecifier)
    outputs = [name for name in (target.ark, target.scp, args.description) if name]
    stamp = Stamp(args.stamp, [*filter(None, (args.config, args.weights)), *tables], decisive, outputs)
    if stamp.is_complete():
        print(f"{args.wspecifier}: complete already")
        return
    stamp.begin()
    extract(args, layers, utterances)
    stamp.finish()


def parse_layers(text: str) -> list[int]:
    """Numbers of layers from `1-3,7`.

    Raises:
        ValueError: it is no such list, or not in ascending order.
    """
    found: list[int] = []
    try:
        for part in text.split(","):
            first, dash, last = part.partition("-")
            found += range(int(first), int(last if dash else first) + 1)
        if not found or found != sorted(set(found)):
            raise ValueError
    except ValueError:
        raise ValueError(f"--layers {text}: expected ascending numbers and ranges with commas, as in 1-3,7") from None
    return found


def job_part(utterances: list[str], job: int, num_jobs: int) -> list[str]:
    """The utterances of a job: neighbours, so that segments of one recording stay together."""
    return utterances[(job - 1) * len(utterances) // num_jobs : job * len(utterances) // num_jobs]


def extract(args, layers: list[int] | None, utterances: list[str]) -> None:
    """Load the network and compute; torch is imported only here, so that a finished job ends at once."""
    import torch

    from speechlib.features.resample import Resampler
    from speechlib.nnet.runtime import set_up
    from speechlib.nnet.self_supervised import SAMPLE_RATE, HiddenStateExtractor

    device = set_up(args.device, args.num_threads)
    network, options, source = load_network(args)
    extractor = HiddenStateExtractor(network, options.normalises, layers, device)
    resamplers: dict[int, Resampler] = {}
    num_done, seconds, started = 0, 0.0, time.monotonic()
    reported = started
    with open_table(args.wspecifier, True if args.compress else None) as writer:
        for name, samples, rate in good_audio(args.data_dir, utterances):
            waveform = torch.from_numpy(samples / FULL_SCALE)
            if rate != SAMPLE_RATE:
                resampler = resamplers.setdefault(rate, Resampler(rate, SAMPLE_RATE))
                waveform = torch.cat([torch.zeros(0), *resampler.stream([waveform])])
            try:
                states = extractor(waveform)
            except ValueError as error:
                raise ValueError(f"{args.data_dir}: utterance {name} is too short: {error}; leave it out") from None
            if args.pooling == "mean":
                states = states.mean(dim=1, keepdim=True)
            matrix = states.flatten(0, 1).cpu().numpy()
            if not np.isfinite(matrix).all():
                raise ValueError(f"{args.data_dir}: utterance {name}: the network gives NaN or infinity: {source}")
            writer.write(name, matrix)
            num_done += 1
            seconds += len(samples) / rate
            if time.monotonic() - reported > REPORT_SECONDS:
                reported = time.monotonic()
                say(f"{num_done} of {len(utterances)} utterances, {seconds / (reported - started):.1f} x real time")
    if args.description:
        write_description(args.description, {
            "architecture": options.architecture, **source, "network": plain(options),
            "num_layers": extractor.num_layers, "layers": extractor.layers, "dim": extractor.dim,
            "pooling": args.pooling, "normalised_waveforms": options.normalises,
            "frame_shift": extractor.hop / SAMPLE_RATE,
        })  # fmt: skip
    spent = max(time.monotonic() - started, 1e-9)
    kind = "RANDOM weights, " if source["random_weights"] else ""
    say(
        f"{options.architecture}, {kind}layers {', '.join(map(str, extractor.layers))}: {num_done} utterances, "
        f"{seconds:.0f} s of audio in {spent:.1f} s ({seconds / spent:.1f} x real time) on {device}"
    )


def load_network(args):
    """The network, its options, and where its weights come from, for states.yaml."""
    from speechlib.experiments.encoders import load_encoder
    from speechlib.io.file_digest import file_digest
    from speechlib.io.self_supervised_weights import fetch_weights
    from speechlib.nnet.self_supervised import NetworkOptions

    options = read_options(args.config) if args.config else {}
    where = args.config or "defaults"
    if args.random_weights is not None:
        network, options, _ = load_encoder({"options": options, "random_weights": args.random_weights}, where)
        return network, options, {"random_weights": True, "seed": args.random_weights}
    url = build_options(NetworkOptions, options, where).weights_url() if args.download else None
    path = fetch_weights(url, args.weights_dir) if url else args.weights
    network, options, layout = load_encoder({"options": options, "weights": path}, where)
    return network, options, {
        "random_weights": False, "weights": url or Path(path).name, "layout": layout, "sha256": file_digest(path),
    }  # fmt: skip


def good_audio(data_dir: str, utterances: list[str]) -> Iterator[tuple[str, np.ndarray, int]]:
    """Name, samples and rate of each utterance.

    Raises:
        ValueError: audio that cannot be used, at once, so that nobody waits for the others in vain.
    """
    audio = UtteranceAudio(data_dir, utterances, channel=0)

    def check() -> None:
        for name, _, message in (*audio.bad, *audio.skipped):
            raise ValueError(
                f"{data_dir}: utterance {name}: {message}; mend it, or leave it out with utils/subset_data_dir.sh"
            )

    for item in audio:
        check()
        yield item
    check()


def plain(options) -> dict:
    """Options without those that are not given, tuples as lists, for YAML."""

    def clean(value):
        if isinstance(value, dict):
            return {name: clean(item) for name, item in value.items() if item is not None}
        return [clean(item) for item in value] if isinstance(value, tuple) else value

    return clean(dataclasses.asdict(options))


def say(message: str) -> None:
    """Print a line to the log of the job."""
    print(f"extract_hidden_states: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    run(main)
