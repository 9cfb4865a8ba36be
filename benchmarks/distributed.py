"""What training in several processes costs: the same global batch in one process and in several, on CPUs through gloo.

Usage: python benchmarks/distributed.py [--processes 2] [--batch-size 32] [--updates 10] [--rounds 2]
Each process has one thread; one batch in memory is trained on again and again. Ways, in turn, several rounds:
  one        one process, the whole batch
  several    each process its part of the batch
  together   as several, with batch normalisation over all of them (training.sync_batch_norm)
  exchange   as several, a network of one weight: what an update costs beside computing
Seconds are those of the median update, CPU seconds those of all processes for an update, of the best round. Lost to
several processes is the CPU time beyond that of one; the speed-up needs cores that nobody else uses.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

WARM_UP, DIM, FRAMES, SPEAKERS = 3, 30, 100, 40
WAYS = ("one", "several", "together", "exchange")


class OneBatch:
    """The same batch again and again."""

    batches_per_epoch = 1

    def __init__(self, size: int):
        rng = np.random.default_rng(0)
        self._batch = rng.standard_normal((size, FRAMES, DIM), np.float32), rng.integers(0, SPEAKERS, size)

    def batch(self, number: int):
        return self._batch


def measure(way: str, batch_size: int, updates: int, report: Path) -> None:
    """Write the median seconds of an update, in process 0, and its CPU seconds, in all of them."""
    import torch
    from torch import nn

    from speechlib.nnet.batch_norm import normalise_together
    from speechlib.nnet.distributed import join, leave
    from speechlib.nnet.models import xvector
    from speechlib.nnet.optimizers import TrainOptions
    from speechlib.nnet.runtime import set_up
    from speechlib.nnet.training import train

    group, _ = join("cpu")
    device = set_up("cpu", 1)
    torch.manual_seed(0)
    model = xvector.build(xvector.Options(), DIM, SPEAKERS)
    if way == "together":
        model = normalise_together(model, device)
    if way == "exchange":
        model = nn.Sequential(nn.Flatten(), nn.AdaptiveAvgPool1d(1), nn.Linear(1, SPEAKERS))
    times, cpu = [], []

    def mark(*_) -> None:
        times.append(time.perf_counter())
        cpu.append(time.process_time())

    options = TrainOptions(batch_size=batch_size, num_updates=updates + WARM_UP, checkpoint_seconds=1e9)
    train(model, OneBatch(batch_size // group.size), options, device, group=group, on_update=mark)
    spent = torch.tensor((cpu[-1] - cpu[WARM_UP - 1]) / updates)
    group.add_up(spent)
    if group.rank == 0:
        seconds = [after - before for before, after in zip(times[WARM_UP - 1 :], times[WARM_UP:], strict=False)]
        report.write_text(json.dumps([statistics.median(seconds), float(spent)]))
    leave(group)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--updates", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--measure", nargs=2, metavar=("WAY", "REPORT"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        measure(args.measure[0], args.batch_size, args.updates, Path(args.measure[1]))
        return
    best: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "seconds.json"
        for _ in range(args.rounds):
            for way in WAYS:
                number = 1 if way == "one" else args.processes
                command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", number,
                           __file__, "--batch-size", args.batch_size, "--updates", args.updates,
                           "--measure", way, report]  # fmt: skip
                subprocess.run(list(map(str, command)), capture_output=True, check=True,
                               env={**os.environ, "TMPDIR": folder})  # fmt: skip
                found = json.loads(report.read_text())
                best[way] = list(map(min, found, best.get(way, found)))
    print("way\tms an update\tspeed-up\tCPU ms an update\tCPU / one")
    for way, (seconds, cpu) in best.items():
        ratios = f"{best['one'][0] / seconds:.2f}", f"{cpu / best['one'][1]:.3f}"
        print(way, f"{1000 * seconds:.1f}", ratios[0], f"{1000 * cpu:.1f}", ratios[1], sep="\t")


if __name__ == "__main__":
    main()
