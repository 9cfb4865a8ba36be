"""Silero's neural voice activity detector (Silero Team, 2021-2026, MIT) in NumPy: probabilities of speech every 32 ms.

A chunk of 512 samples at 16 kHz (256 at 8 kHz) and the 64 (32) before it give four spectra; four convolutions make one
vector of them; an LSTM goes over the chunks. All but the LSTM's recurrence is done for many chunks at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from speechlib.features.speech_regions import flags_of, runs, speech_regions

RATES = (8000, 16000)  # that there is a network for
CHUNK_SECONDS = 0.032
_STRIDES = (1, 2, 2, 1)  # of the convolutions
_BLOCK_CHUNKS = 64


@dataclass(frozen=True)
class SileroOptions:
    """When probabilities mean speech; the defaults are Silero's get_speech_timestamps, but for a wider margin.

    A stretch is speech where the probability stays above `offset` and reaches `onset` somewhere.
    """

    frame_shift: float = 10.0  # ms
    onset: float = 0.5
    offset: float = 0.35
    min_speech: float = 250.0  # ms
    min_silence: float = 100.0  # ms
    margin: float = 100.0  # ms before and after; Silero takes 30, too little beside references made by ear

    def __post_init__(self) -> None:
        if not 0 < self.offset <= self.onset <= 1:
            raise ValueError(f"onset={self.onset}, offset={self.offset}: expected 0 < offset <= onset <= 1")
        if not self.frame_shift > 0:
            raise ValueError(f"frame-shift={self.frame_shift} ms must be positive")
        for name in ("min_speech", "min_silence", "margin"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name.replace('_', '-')}={getattr(self, name)} must not be negative")


class SileroNetwork:
    """The network for one sampling rate.

    Args:
        rate: 8000 or 16000 Hz.
        weights: arrays by name, those of Silero's model for this rate.

    Raises:
        ValueError: another rate, or a weight that is missing or has another shape.
    """

    def __init__(self, rate: int, weights: Mapping[str, np.ndarray]) -> None:
        if rate not in RATES:
            raise ValueError(f"no network of Silero's for audio of {rate} Hz: expected one of {RATES}")
        self.chunk = rate * 32 // 1000
        self._context = self._mirrored = self.chunk // 8
        self._window, self._hop = self.chunk // 2, self.chunk // 4
        self._bins = self._window // 2 + 1
        weight = _checked(weights, self._window)
        self._basis = np.ascontiguousarray(weight["stft.forward_basis_buffer"][:, 0].T)
        self._convolutions = []
        for layer, stride in enumerate(_STRIDES):
            kernel = weight[f"encoder.{layer}.reparam_conv.weight"].transpose(2, 1, 0)  # (taps, inputs, outputs)
            bias = weight[f"encoder.{layer}.reparam_conv.bias"]
            self._convolutions.append((np.ascontiguousarray(kernel).reshape(-1, len(bias)), bias, stride))
        self._input = np.ascontiguousarray(weight["decoder.rnn.weight_ih"].T)
        self._bias = weight["decoder.rnn.bias_ih"] + weight["decoder.rnn.bias_hh"]
        self._recurrence = np.ascontiguousarray(weight["decoder.rnn.weight_hh"])
        self._output = weight["decoder.decoder.2.weight"][0, :, 0]
        self._output_bias = weight["decoder.decoder.2.bias"][0]

    def stream(self, pieces: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Probabilities of speech of a waveform in pieces, in bounded memory.

        Args:
            pieces: (n,) arrays of samples in [-1, 1].

        Yields:
            (chunks,) float32, one for every 32 ms; the last chunk is filled up with zeros.
        """
        context, block = self._context, _BLOCK_CHUNKS * self.chunk
        held = np.zeros(context, np.float32)
        state = np.zeros((2, 128), np.float32)
        for piece in pieces:
            held = np.concatenate((held, np.asarray(piece, np.float32)))
            while len(held) >= context + block:
                yield self._probabilities(held[: context + block], state)
                held = held[block:]
        rest = len(held) - context
        if rest:
            yield self._probabilities(np.concatenate((held, np.zeros(-rest % self.chunk, np.float32))), state)

    def _probabilities(self, samples: np.ndarray, state: np.ndarray) -> np.ndarray:
        """(chunks,) of the context and whole chunks; the LSTM's state (h and c) is changed in place."""
        view = np.lib.stride_tricks.sliding_window_view
        chunks = view(samples, self._context + self.chunk)[:: self.chunk]
        chunks = np.concatenate((chunks, chunks[:, -2 : -2 - self._mirrored : -1]), axis=1)
        frames = view(chunks, self._window, axis=1)[:, :: self._hop]
        parts = frames.reshape(-1, self._window) @ self._basis  # cosines, then sines
        values = np.sqrt(parts[:, : self._bins] ** 2 + parts[:, self._bins :] ** 2)
        values = values.reshape(len(chunks), -1, self._bins)
        for kernel, bias, stride in self._convolutions:
            padded = np.pad(values, ((0, 0), (1, 1), (0, 0)))
            taps = [padded[:, tap : tap + values.shape[1] : stride] for tap in range(3)]
            values = np.maximum(np.concatenate(taps, axis=2) @ kernel + bias, 0)
        return self._lstm(values[:, 0] @ self._input + self._bias, state)

    def _lstm(self, gates: np.ndarray, state: np.ndarray) -> np.ndarray:
        hidden, cell = state
        outputs = np.empty((len(gates), 128), np.float32)
        for index, gate in enumerate(gates):
            gate = gate + self._recurrence @ hidden
            # sigmoid(x) = (1 + tanh(x / 2)) / 2 neither overflows nor needs a division
            gate[:256] = 0.5 + 0.5 * np.tanh(0.5 * gate[:256])
            gate[384:] = 0.5 + 0.5 * np.tanh(0.5 * gate[384:])
            cell = gate[128:256] * cell + gate[:128] * np.tanh(gate[256:384])
            hidden = gate[384:] * np.tanh(cell)
            outputs[index] = hidden
        state[0], state[1] = hidden, cell
        logits = np.maximum(outputs, 0) @ self._output + self._output_bias
        return (0.5 + 0.5 * np.tanh(0.5 * logits)).astype(np.float32)


def silero_decisions(probabilities: np.ndarray, seconds: float, options: SileroOptions | None = None) -> np.ndarray:
    """Decide frame by frame whether there is speech.

    Args:
        probabilities: (chunks,) of a whole recording.
        seconds: its duration.
        options: thresholds and durations.

    Returns:
        (frames,) float32 of ones (speech) and zeros; frame t is centred at (t + 1/2) frame shifts.
    """
    options = options or SileroOptions()
    shift = options.frame_shift * 1e-3
    num_frames = int(seconds / shift + 0.5)
    if not num_frames or not len(probabilities):
        return np.zeros(num_frames, np.float32)
    chunks = ((np.arange(num_frames) + 0.5) * (shift / CHUNK_SECONDS)).astype(np.int64)
    frames = probabilities[np.minimum(chunks, len(probabilities) - 1)]
    candidates = runs(frames >= options.offset)
    reaches = np.concatenate(([0], np.cumsum(frames >= options.onset)))
    chosen = candidates[reaches[candidates[:, 1]] > reaches[candidates[:, 0]]]
    durations = {
        name: round(getattr(options, name) / options.frame_shift) for name in ("min_silence", "min_speech", "margin")
    }
    return flags_of(speech_regions(flags_of(chosen, num_frames), **durations), num_frames)


def _checked(weights: Mapping[str, np.ndarray], window: int) -> dict[str, np.ndarray]:
    """The weights that the network needs, each of the shape that it must have."""
    bins = window // 2 + 1
    shapes: dict[str, tuple[int, ...]] = {"stft.forward_basis_buffer": (2 * bins, 1, window)}
    sizes = (bins, 128, 64, 64, 128)
    for layer in range(len(_STRIDES)):
        shapes[f"encoder.{layer}.reparam_conv.weight"] = (sizes[layer + 1], sizes[layer], 3)
        shapes[f"encoder.{layer}.reparam_conv.bias"] = (sizes[layer + 1],)
    for part in ("ih", "hh"):
        shapes[f"decoder.rnn.weight_{part}"] = (512, 128)
        shapes[f"decoder.rnn.bias_{part}"] = (512,)
    shapes |= {"decoder.decoder.2.weight": (1, 128, 1), "decoder.decoder.2.bias": (1,)}
    for name, shape in shapes.items():
        if name not in weights or weights[name].shape != shape:
            found = f"one of shape {weights[name].shape}" if name in weights else "none"
            raise ValueError(f"Silero's network: expected a weight {name} of shape {shape}, found {found}")
    return {name: np.asarray(weights[name], np.float32) for name in shapes}
