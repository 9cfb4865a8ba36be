"""Training speed of the snippet CNN: snippets per second of forward, backward and update, data not included.

Usage: python benchmarks/snippet_cnn.py [--threads 1] [--updates 3] [--speakers 12 100]
Prints a row for each network, in float32 and bfloat16: the best update of a few, which a busy machine disturbs least.
"""

import argparse
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from speechlib.nnet.models.lukic_cnn import LukicCNN, LukicOptions  # noqa: E402
from speechlib.nnet.runtime import autocast, set_up  # noqa: E402
from speechlib.nnet.training import TrainOptions, make_optimizer  # noqa: E402

SCALED = LukicOptions(channels=(4, 8), hidden=(20, 10), batch_norm=True, input_norm="bins")


def snippets_per_second(options, num_speakers, batch_size, precision, updates, device) -> float:
    """Batch size over the shortest of some updates, after one to warm up."""
    torch.manual_seed(0)
    model = LukicCNN(options, num_speakers).to(device)
    optimizer = make_optimizer(model, TrainOptions())
    snippets = torch.randn(batch_size, options.bins, options.frames, device=device)
    labels = torch.randint(num_speakers, (batch_size,), device=device)
    shortest = float("inf")
    for update in range(updates + 1):
        start = time.perf_counter()
        with autocast(device, precision):
            logits = model(snippets)
        loss = F.cross_entropy(logits.float(), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize()
        if update:
            shortest = min(shortest, time.perf_counter() - start)
    return batch_size / shortest


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--updates", type=int, default=3)
    parser.add_argument("--speakers", type=int, nargs="+", default=[12, 100])
    parser.add_argument("--device", default="auto")
    args = parser.parse_args()
    device = set_up(args.device, args.threads)
    rows = [(f"paper, {count} speakers", LukicOptions(), count, 128) for count in args.speakers]
    rows += [("scaled, 12 speakers", SCALED, 12, 32), ("scaled, 36 speakers", SCALED, 36, 32)]
    print(f"device {device}, {torch.get_num_threads()} threads\nnetwork\tbatch\tfp32\tbf16")
    for name, options, count, batch in rows:
        speeds = [snippets_per_second(options, count, batch, precision, args.updates, device)
                  for precision in ("fp32", "bf16")]  # fmt: skip
        print(f"{name}\t{batch}\t{speeds[0]:.0f}\t{speeds[1]:.0f}", flush=True)


if __name__ == "__main__":
    main()
