"""Embeddings of whole utterances: batches of similar lengths, long recordings in chunks (nnet3-xvector-compute).

Unlike Kaldi, which averages the x-vectors of the chunks, a recording in chunks gives what it would give in one piece.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from speechlib.nnet.embedding_model import EmbeddingModel
from speechlib.nnet.pooling import RunningMoments

_HELD_BATCHES = 8  # frames that wait for a batch, in batches: bounds the memory, and what sorting can do


@dataclass(frozen=True)
class ExtractionOptions:
    """Sizes; they decide speed and memory, and nothing of the values but their last digits."""

    batch_frames: int = 4000  # the most in a batch, those that fill up shorter utterances counted
    chunk_frames: int = 4000  # longer utterances are computed in chunks of so many
    min_frames: int = 25  # shorter ones are lengthened; Kaldi's recipes: --min-chunk-size=25

    def __post_init__(self) -> None:
        for name in ("batch_frames", "chunk_frames", "min_frames"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")


def extract_embeddings(
    model: EmbeddingModel,
    utterances: Iterable[tuple[str, np.ndarray]],
    layer: str,
    options: ExtractionOptions,
    device: torch.device,
) -> Iterator[tuple[str, np.ndarray]]:
    """Compute one embedding an utterance.

    Args:
        model: in evaluation mode, on `device`.
        utterances: name and (frames, dim) features behind the front end, at least one frame. Those up to chunk_frames
            are held back some batches long and computed with others of their length.
        layer: of model.layers.
        options: sizes.
        device: of the model.

    Yields:
        Name and (units,) float32, in the order of the utterances.

    Raises:
        ValueError: no such layer, or features of another dimension than the model's.
    """
    model.check_layer(layer)
    order: list[str] = []
    done: dict[str, np.ndarray] = {}
    waiting: list[tuple[str, np.ndarray]] = []

    def compute_waiting() -> None:
        waiting.sort(key=lambda item: len(item[1]))
        lengths = [len(features) for _, features in waiting]
        for first, past in _batches(lengths, options.batch_frames):
            batch = waiting[first:past]
            vectors = embed_batch(model, [features for _, features in batch], layer, device)
            done.update(zip((name for name, _ in batch), vectors, strict=True))
        waiting.clear()

    for name, features in utterances:
        order.append(name)
        features = repeat_edges(features, max(options.min_frames, model.min_frames))
        if len(features) > options.chunk_frames:
            done[name] = embed_in_chunks(model, features, layer, options.chunk_frames, device)
        else:
            waiting.append((name, features))
        if sum(len(features) for _, features in waiting) > _HELD_BATCHES * options.batch_frames:
            compute_waiting()
        while order and order[0] in done:
            yield order[0], done.pop(order.pop(0))
    compute_waiting()
    for name in order:
        yield name, done.pop(name)


def _batches(lengths: Sequence[int], batch_frames: int) -> Iterator[tuple[int, int]]:
    """Ranges of rising lengths whose batches hold no more frames than allowed, but at least one utterance."""
    first = 0
    for past in range(1, len(lengths) + 1):
        if past == len(lengths) or (past + 1 - first) * lengths[past] > batch_frames:
            yield first, past
            first = past


def embed_batch(
    model: EmbeddingModel, features: Sequence[np.ndarray], layer: str, device: torch.device
) -> np.ndarray:
    """(utterances, units) float32 of (frames, dim) matrices, no shorter than model.min_frames."""
    lengths = [len(matrix) for matrix in features]
    for matrix in features:
        model.check_input(len(matrix), matrix.shape[1])
    batch = np.zeros((len(features), max(lengths), model.input_dim), np.float32)
    for row, matrix in zip(batch, features, strict=True):
        row[: len(matrix)] = matrix
    masked = torch.tensor(lengths, device=device) if min(lengths) < max(lengths) else None
    with torch.inference_mode():
        return model.embed(torch.from_numpy(batch).to(device), layer, masked).float().cpu().numpy()


def embed_in_chunks(
    model: EmbeddingModel, features: np.ndarray, layer: str, chunk_frames: int, device: torch.device
) -> np.ndarray:
    """(units,) float32 of a (frames, dim) matrix of any length; memory beside it goes with the chunk."""
    model.check_input(*features.shape)
    pooled = RunningMoments()
    with torch.inference_mode():
        for chunk in model.geometry.chunks(len(features), chunk_frames):
            part = np.ascontiguousarray(features[chunk.first : chunk.past], np.float32)
            hidden = model.frame_level(torch.from_numpy(part).to(device)[None])
            pooled.add(hidden[..., chunk.keep_first : chunk.keep_past])
        vector: Tensor = model.pooling.of_moments(pooled.mean, pooled.variance).to(hidden.dtype)
        return model.segment_level(vector, layer)[0].float().cpu().numpy()


def repeat_edges(features: np.ndarray, num_frames: int) -> np.ndarray:
    """Lengthen (frames, dim) features to a number of frames by the first and the last, on both sides evenly (Kaldi)."""
    lacking = num_frames - len(features)
    if lacking <= 0:
        return features
    return np.pad(features, ((lacking // 2, lacking - lacking // 2), (0, 0)), mode="edge")
