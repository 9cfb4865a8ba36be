"""Segmental phone probe: seconds and memory of forward and backward over one utterance, on one thread.

python benchmarks/segmental.py [--seconds 4] [--units 1000] [--hidden 256] [--rounds 10]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from speechlib.nnet.runtime import set_up  # noqa: E402
from speechlib.probing.segmental import best_segmentation, log_partition, log_partition_of_labels  # noqa: E402
from speechlib.probing.segmental_model import SegmentalModel, SegmentalOptions  # noqa: E402


def main() -> None:
    """Measure and print one line a part, and JSON at the end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4.0, help="of the utterance")
    parser.add_argument("--units", type=int, default=1000, help="values of a frame")
    parser.add_argument("--hidden", type=int, default=256, help="width of the LSTMs")
    parser.add_argument("--labels", type=int, default=48)
    parser.add_argument("--phones", type=int, default=50, help="labels in the utterance")
    parser.add_argument("--max-duration", type=int, default=30, help="reduced frames")
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()

    set_up("cpu", 1)
    torch.manual_seed(0)
    frames = round(options.seconds * 100)
    model = SegmentalModel(options.units, options.labels, SegmentalOptions(options.hidden, 2, options.max_duration))
    x, lengths = torch.randn(1, frames, options.units), torch.tensor([frames])
    labels = [torch.randint(0, options.labels, (options.phones,)).tolist()]
    scores = model.scores(x, lengths)[0].detach().requires_grad_()

    def programmes() -> None:
        (log_partition(scores) - log_partition_of_labels(scores, labels)).sum().backward()

    def whole() -> None:
        model.loss(x, lengths, labels).sum().backward()

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    parts = {"sums over segmentations, forward and backward": programmes, "whole model, forward and backward": whole,
             "best segmentation": lambda: best_segmentation(scores[0])}  # fmt: skip
    found = {}
    for name, part in parts.items():
        part()
        part()
        times = []
        for _ in range(options.rounds):
            started = time.perf_counter()
            part()
            times.append(time.perf_counter() - started)
        found[name] = {"median": statistics.median(times), "min": min(times), "max": max(times)}
        print(f"{name}: {found[name]['median']:.3f} s ({min(times):.3f} to {max(times):.3f})")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found["memory beside program and model, MiB"] = (peak - before) / 1024
    print(
        f"{frames} frames, {scores.shape[1]} reduced, {scores.shape[2]} durations, {options.labels} labels; memory "
        f"beside program and model {(peak - before) / 1024:.0f} MiB; one thread"
    )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
