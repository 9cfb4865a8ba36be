"""Activations of whole utterances, each computed by itself."""

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
    """Compute activations of one utterance after the other.

    What is computed together depends on the utterance alone, so that any split into jobs gives the same files: on some
    CPUs the last digits of a row depend on its place in a batch.

    Args:
        model: in evaluation mode, on `device`.
        utterances: name and (snippets, bins, frames) of each.
        layers: of LAYERS.
        batch_size: the most snippets computed at a time.
        device: of the model.

    Yields:
        Name and (snippets, units) float32 by layer, in the order of the utterances.
    """
    for name, snippets in utterances:
        parts: dict[str, list[np.ndarray]] = {layer: [] for layer in layers}
        for first in range(0, max(len(snippets), 1), batch_size):
            batch = np.ascontiguousarray(snippets[first : first + batch_size], dtype=np.float32)
            with torch.inference_mode():
                for layer, values in model.activations(torch.from_numpy(batch).to(device), layers).items():
                    parts[layer].append(values.float().cpu().numpy())
        yield name, {layer: np.concatenate(rows) for layer, rows in parts.items()}
