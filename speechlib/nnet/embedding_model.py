"""What all speaker models share: frame-level layers, pooling over time, segment-level layers, an output per speaker."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from speechlib.nnet.pooling import AveragePooling
from speechlib.nnet.time_windows import TimeGeometry, TimeWindow


class EmbeddingModel(nn.Module, ABC):
    """A network from frames to speakers, of which some segment-level layers give embeddings.

    A subclass fills in the attributes and the abstract methods. In evaluation mode an utterance's values depend
    neither on its neighbours in a batch nor on the frames that fill the batch up.

    Attributes:
        layers: names that `embed` takes.
        input_dim: coefficients of a frame.
        frame_windows: by name, the windows through which each layer below the pooling sees the frames, in the order of
            the layers.
        geometry: how frame-level outputs lie over the input.
        pooling: module (batch, units, frames) -> (batch, pooled units), see speechlib.nnet.pooling.
        output: linear layer to the speakers; it has no part in embeddings.
    """

    layers: tuple[str, ...]
    input_dim: int
    frame_windows: Mapping[str, Sequence[TimeWindow]]
    geometry: TimeGeometry
    pooling: nn.Module
    output: nn.Linear

    @abstractmethod
    def frame_layer(self, x: Tensor, layer: str) -> Tensor:
        """(batch, frames, dim) to (batch, units, frames') of a layer of `frame_windows`, behind its non-linearity."""

    @abstractmethod
    def frame_level(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(batch, frames, dim) to (batch, units, frames'), frames' = geometry.num_outputs(frames)."""

    @abstractmethod
    def segment_level(self, pooled: Tensor, layer: str | None = None) -> Tensor:
        """(batch, pooled units) to (batch, units) of a layer, or to the input of `output` if none is named."""

    @property
    def min_frames(self) -> int:
        """The shortest utterance that gives an output."""
        return self.geometry.min_frames

    @property
    def context_frames(self) -> int:
        """Input frames that one frame-level output sees."""
        return self.geometry.field

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Logits.

        Args:
            x: (batch, frames, dim).
            lengths: (batch,) frames of each utterance, those behind them fill up; None: all frames.

        Returns:
            (batch, speakers).

        Raises:
            ValueError: the dimension is not the model's, or there are too few frames.
        """
        return self.output(self.penultimate(x, lengths))

    def penultimate(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(batch, units) input of the output layer, for losses that bring an output layer of their own."""
        return self.segment_level(self.pooled(x, lengths))

    def embed(self, x: Tensor, layer: str, lengths: Tensor | None = None) -> Tensor:
        """(batch, units) embeddings; arguments as for `forward`.

        Raises:
            ValueError: as `forward`, or there is no such layer.
        """
        self.check_layer(layer)
        return self.segment_level(self.pooled(x, lengths), layer)

    def pooled(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(batch, pooled units) of (batch, frames, dim)."""
        shortest = x.shape[1] if lengths is None else int(lengths.min())
        self.check_input(shortest, x.shape[-1])
        hidden = self.frame_level(x, lengths)
        return self.pooling(hidden, None if lengths is None else self.geometry.num_outputs(lengths))

    @property
    def frame_layers(self) -> tuple[str, ...]:
        """Names that `frame_values` takes, in the order of the layers.

        Dense layers are among them where the pooling is a mean: then they may as well stand in front of it.
        """
        dense = self.layers if isinstance(self.pooling, AveragePooling) else ()
        return (*self.frame_windows, *(layer for layer in dense if layer not in self.frame_windows))

    def frame_geometry(self, layer: str) -> TimeGeometry:
        """How the frames of a layer of `frame_layers` lie over the input.

        Raises:
            ValueError: the layer has no frames.
        """
        self.check_frame_layer(layer)
        return TimeGeometry(self.frame_windows[layer]) if layer in self.frame_windows else self.geometry

    def frame_values(self, x: Tensor, layer: str) -> Tensor:
        """Values of a layer frame by frame, the dense layers in front of the pooling (Shon et al., 2018, section 3).

        Where nothing but affine maps lie between the pooling and a dense layer, the mean over the frames is the
        embedding that `embed` gives.

        Args:
            x: (batch, frames, dim), utterances of one length.
            layer: of frame_layers; layers below the pooling behind their non-linearity, dense ones as embeddings.

        Returns:
            (batch, frames', units), frames' = frame_geometry(layer).num_outputs(frames).

        Raises:
            ValueError: the layer has no frames, the dimension is not the model's, or there are too few frames.
        """
        self.check_input(x.shape[1], x.shape[-1], self.frame_geometry(layer).min_frames)
        if layer in self.frame_windows:
            return self.frame_layer(x, layer).transpose(1, 2)
        frames = self.frame_level(x).transpose(1, 2)
        return self.segment_level(frames.flatten(0, 1), layer).unflatten(0, frames.shape[:2])

    def check_frame_layer(self, layer: str) -> None:
        """Raise a ValueError, which says what to do, if a layer has no values frame by frame."""
        if layer in self.frame_layers:
            return
        known = ", ".join(self.frame_layers)
        if layer in self.layers:
            raise ValueError(
                f"layer {layer} has no values frame by frame in a network with statistics pooling, since no mean over "
                f"frames stands behind its embeddings: train a network with average pooling (shon_cnn with "
                f"--override model.pooling=average), or take a layer below the pooling: {known}"
            )
        raise ValueError(f"layer {layer!r} has no frames: choose one of {known}")

    def check_layer(self, layer: str) -> None:
        """Raise a ValueError if the model has no such layer."""
        if layer not in self.layers:
            raise ValueError(f"layer {layer!r} is not one that gives embeddings: choose {' or '.join(self.layers)}")

    def check_input(self, num_frames: int, dim: int, min_frames: int | None = None) -> None:
        """Raise a ValueError if such features do not fit the model, or are fewer than a part of it needs."""
        min_frames = self.min_frames if min_frames is None else min_frames
        if dim != self.input_dim:
            raise ValueError(f"features of dimension {dim} do not fit a model for dimension {self.input_dim}")
        if num_frames < min_frames:
            raise ValueError(f"{num_frames} frames are too few: this model needs at least {min_frames}")


def check_sizes(options: object, *names: str) -> None:
    """Raise a ValueError if one of these options, numbers or tuples of numbers, is less than 1."""
    for name in names:
        value = getattr(options, name)
        if min(value if isinstance(value, tuple) else (value,)) < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")


def load_embedding_weights(model: EmbeddingModel, state: Mapping[str, Tensor]) -> None:
    """Take all weights but those of the output layer, which may belong to any number of speakers or to the loss.

    Raises:
        ValueError: the weights are of another network.
    """
    try:
        found = model.load_state_dict({k: v for k, v in state.items() if not k.startswith("output.")}, strict=False)
    except RuntimeError as error:
        raise ValueError(str(error).splitlines()[-1].strip()) from None
    missing = [key for key in found.missing_keys if not key.startswith("output.")]
    if missing or found.unexpected_keys:
        problem = f"lack {missing[0]}" if missing else f"hold {found.unexpected_keys[0]}, which the model does not have"
        raise ValueError(f"the weights {problem}")


def count_parameters(model: nn.Module) -> int:
    """Number of trained values."""
    return sum(parameter.numel() for parameter in model.parameters())


def init_xavier(model: nn.Module, bias: float) -> None:
    """Draw the weights of all linear and convolution layers Glorot-uniform from torch's generator, fix their biases."""
    for module in model.modules():
        if isinstance(module, (nn.Linear, nn.Conv1d, nn.Conv2d)):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.constant_(module.bias, bias)


def as_channels(x: Tensor) -> Tensor:
    """(batch, frames, dim) to (batch, dim, frames), as convolutions along time take them."""
    return x.transpose(1, 2).contiguous(memory_format=torch.contiguous_format)
