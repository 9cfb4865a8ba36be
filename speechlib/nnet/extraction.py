"""Activations of whole utterances, computed in batches of one size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch

from speechlib.nnet.models.lukic_cnn import LukicCNN


def extract(
    model: LukicCNN,
    utterances: Iterable[tuple[str, np.ndarray]],
    layers: Sequence[str],
    batch_size: int,
    device: torch.device,
) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Compute activations in batches that run over utterances, and hand them back by utterance.

    Every batch has the same size, the last one filled up with zeros: the numbers in a row depend neither on its
    neighbours nor on how many there are, so that any split into jobs gives the same files.

    Args:
        model: in evaluation mode, on `device`.
        utterances: name and (snippets, bins, frames) of each.
        layers: of LAYERS.
        batch_size: snippets computed at a time.
        device: of the model.

    Yields:
        Name and (snippets, units) float32 by layer, in the order of the utterances.
    """
    waiting: list[tuple[str, int]] = []  # utterances not handed back yet, with their numbers of snippets
    computed: dict[str, list[np.ndarray]] = {layer: [] for layer in layers}  # rows not handed back yet
    num_computed = 0
    pending: list[np.ndarray] = []  # snippets not computed yet

    def compute(batch: np.ndarray) -> None:
        nonlocal num_computed
        full = np.zeros((batch_size, *batch.shape[1:]), dtype=np.float32)
        full[: len(batch)] = batch
        with torch.inference_mode():
            for layer, values in model.activations(torch.from_numpy(full).to(device), layers).items():
                computed[layer].append(values[: len(batch)].float().cpu().numpy())
        num_computed += len(batch)

    def finished() -> Iterator[tuple[str, dict[str, np.ndarray]]]:
        nonlocal num_computed
        if not waiting or waiting[0][1] > num_computed:
            return
        rows = {layer: np.concatenate(parts) for layer, parts in computed.items()}
        start = 0
        while waiting and start + waiting[0][1] <= num_computed:
            name, count = waiting.pop(0)
            yield name, {layer: rows[layer][start : start + count] for layer in layers}
            start += count
        num_computed -= start
        computed.update({layer: [rows[layer][start:]] for layer in layers})

    for name, snippets in utterances:
        waiting.append((name, len(snippets)))
        pending.extend(snippets)
        while len(pending) >= batch_size:
            compute(np.stack(pending[:batch_size]))
            del pending[:batch_size]
        yield from finished()
    if pending:
        compute(np.stack(pending))
    yield from finished()
