"""Values of a layer frame by frame, with the times of the frames (Shon et al., 2018, section 3)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from speechlib.nnet.embedding_extraction import repeat_edges
from speechlib.nnet.embedding_model import EmbeddingModel
from speechlib.nnet.time_windows import TimeGeometry

INPUT = "input"  # what the network gets, as a layer before the first


class FrameExtractor:
    """Takes utterances one at a time, long ones in pieces; the values are those of the whole.

    Args:
        model: in evaluation mode, on `device`.
        device: of the model.
        chunk_frames: longer utterances are computed in pieces of so many input frames.
        min_frames: shorter utterances are lengthened by their edge frames, as for embeddings.
    """

    def __init__(self, model: EmbeddingModel, device: torch.device, chunk_frames: int = 4000, min_frames: int = 25):
        for name, value in (("chunk_frames", chunk_frames), ("min_frames", min_frames)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        self.model, self.device, self.chunk_frames = model, device, chunk_frames
        self.min_frames = max(min_frames, model.min_frames)

    def num_outputs(self, num_frames: int, layer: str) -> int:
        """Frames of a layer for an utterance of so many input frames.

        Raises:
            ValueError: the layer has no frames.
        """
        return self.geometry(layer).num_outputs(max(num_frames, self.min_frames))

    def geometry(self, layer: str) -> TimeGeometry:
        """How the frames of a layer lie over the input; of the input itself, one on one.

        Raises:
            ValueError: the layer has no frames.
        """
        return TimeGeometry(()) if layer == INPUT else self.model.frame_geometry(layer)

    def num_units(self, layer: str) -> int:
        """Values of a frame of a layer."""
        if layer == INPUT:
            return self.model.input_dim
        with torch.inference_mode():
            shortest = torch.zeros(1, self.min_frames, self.model.input_dim, device=self.device)
            return self.model.frame_values(shortest, layer).shape[2]

    def values(self, features: np.ndarray, layer: str) -> Iterator[np.ndarray]:
        """Blocks of (some frames, units) float32, together all frames of a layer.

        Args:
            features: (frames, dim) input of the model, at least one frame.
            layer: of model.frame_layers, or `input`.

        Raises:
            ValueError: the layer has no frames, or the dimension is not the model's.
        """
        features = repeat_edges(features, self.min_frames)
        if layer == INPUT:
            yield np.ascontiguousarray(features, np.float32)
            return
        geometry = self.model.frame_geometry(layer)
        with torch.inference_mode():
            for chunk in geometry.chunks(len(features), self.chunk_frames):
                part = np.ascontiguousarray(features[chunk.first : chunk.past], np.float32)
                found = self.model.frame_values(torch.from_numpy(part).to(self.device)[None], layer)
                yield found[0, chunk.keep_first : chunk.keep_past].float().cpu().numpy()

    def times(self, input_times: np.ndarray, layer: str) -> np.ndarray:
        """Seconds of the middle of what each frame of a layer sees.

        Args:
            input_times: (frames,) of the input frames, which need not be evenly spaced (voiced frames are not).
            layer: of model.frame_layers, or `input`.

        Returns:
            (frames',) float64; frames that see only what an utterance was lengthened by have the time of its edge.
        """
        added = max(self.min_frames - len(input_times), 0) // 2
        centres = self.geometry(layer).centres(self.num_outputs(len(input_times), layer)) - added
        return np.interp(centres, np.arange(len(input_times)), input_times)
