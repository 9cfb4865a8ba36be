"""Hidden states of HuBERT and the training on them: seconds of audio a second, updates a second, and where time goes.

python benchmarks/hidden_states.py [--architecture hubert_base] [--seconds 3] [--frames 200] [--rounds 5]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from speechlib.nnet.models.layer_cnn_lstm import LayerCnnLstm, LayerCnnLstmOptions  # noqa: E402
from speechlib.nnet.runtime import set_up  # noqa: E402
from speechlib.nnet.self_supervised import HiddenStateExtractor, NetworkOptions, build_network  # noqa: E402


def main() -> None:
    """Measure and print one line a part, and JSON at the end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architecture", default="hubert_base", help="with random weights: they do not matter here")
    parser.add_argument("--seconds", type=float, default=3.0, help="of an utterance")
    parser.add_argument("--frames", type=int, default=200, help="of the longest utterance of a batch")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()

    device = set_up(options.device, options.threads)
    torch.manual_seed(0)

    def clock() -> float:
        """CPU time on one thread of a CPU: other programs do not count; else time by the clock."""
        if device.type == "cuda":
            torch.cuda.synchronize()
        return time.process_time() if device.type == "cpu" and options.threads == 1 else time.perf_counter()

    def median(part: Callable[[], object]) -> float:
        times = []
        for _ in range(options.rounds + 2):
            started = clock()
            part()
            times.append(clock() - started)
        return statistics.median(times[2:])

    network = build_network(NetworkOptions(options.architecture), 1)
    extractor = HiddenStateExtractor(network, device=device)
    waveform = 0.1 * torch.randn(round(16000 * options.seconds))
    found = {"extraction, s": median(lambda: extractor(waveform))}
    with torch.inference_mode():
        stem = network.feature_extractor
        found["of it convolutions on the waveform, s"] = median(lambda: stem(waveform.to(device)[None], None))
    print(
        f"{options.architecture}: {options.seconds / found['extraction, s']:.1f} seconds of audio a second; "
        f"{100 * found['of it convolutions on the waveform, s'] / found['extraction, s']:.0f} % of the time in the "
        f"convolutions on the waveform"
    )

    model = LayerCnnLstm(LayerCnnLstmOptions(), extractor.num_layers, extractor.dim, 5).to(device)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    states = torch.randn(options.batch, extractor.num_layers, options.frames, extractor.dim, device=device)
    lengths = torch.linspace(options.frames // 2, options.frames, options.batch).long()
    labels = torch.arange(options.batch, device=device) % 5
    inner = torch.randn(options.batch, options.frames, 384, device=device, requires_grad=True)

    def update() -> None:
        optimizer.zero_grad(set_to_none=True)
        cross_entropy(model(states, lengths), labels).backward()
        optimizer.step()

    found["update, s"] = median(update)
    found["of it the LSTM, s"] = median(lambda: model.lstm(inner)[0].sum().backward())
    print(
        f"classifier, {options.batch} utterances of at most {options.frames} frames: {1 / found['update, s']:.2f} "
        f"updates a second; {100 * found['of it the LSTM, s'] / found['update, s']:.0f} % of the time in the LSTM"
    )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
