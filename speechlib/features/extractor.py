"""Common part of the acoustic features: a waveform in, a matrix (frames, dim) out, at once or as a stream of blocks."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from speechlib.features.framing import Framing, frame_blocks


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread: several would split sums elsewhere. Jobs run side by side instead (steps, --nj)."""
    threads = torch.get_num_threads()
    if threads == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class Extractor(ABC):
    """A feature extractor. Not to be shared between threads: it holds work space.

    The frames of an utterance are computed in blocks of fixed size, from its own samples alone. So a matrix is the
    same bit for bit for whatever other utterances are processed with it, in one piece or streamed, on any number of
    threads; results on CPU and GPU differ by rounding.

    Args:
        framing: where the frames lie.
        sample_frequency: rate in Hz that waveforms must have.
        dim: coefficients of a frame.
        dither: standard deviation of noise added to the samples, in steps of 16-bit samples.
        seed: of the noise; each utterance has its own noise, given by the seed and its key.
        device: where to compute.
    """

    # Frames of a block, and of a part of it whose spectra stay in a core's cache; on a GPU few calls fill the device.
    CPU_BLOCK_FRAMES, CPU_PART_FRAMES = 1024, 512
    GPU_BLOCK_FRAMES, GPU_PART_FRAMES = 16384, 16384

    def __init__(
        self,
        framing: Framing,
        sample_frequency: float,
        dim: int,
        *,
        dither: float = 0.0,
        seed: int = 0,
        device: str | torch.device = "cpu",
    ) -> None:
        self.framing = framing
        self.sample_frequency = sample_frequency
        self.dim = dim
        self.dither = dither
        self.seed = seed
        self.device = torch.device(device)
        on_cpu = self.device.type == "cpu"
        self.block_frames = self.CPU_BLOCK_FRAMES if on_cpu else self.GPU_BLOCK_FRAMES
        self.part_frames = self.CPU_PART_FRAMES if on_cpu else self.GPU_PART_FRAMES

    @abstractmethod
    def _compute_block(self, samples: list[Tensor], out: Tensor) -> None:
        """Write the features of a block into out (frames, dim) from its samples, as `frame_blocks` yields them."""

    def num_frames(self, samples: int) -> int:
        """Frames of a waveform of that many samples."""
        return self.framing.num_frames(samples)

    def compute(self, samples: Tensor | np.ndarray, key: str = "") -> Tensor:
        """Features of a whole waveform.

        Args:
            samples: (samples,) in int16 range, any real type.
            key: utterance id, to draw its dither noise.

        Returns:
            (frames, dim) float32 on the extractor's device; (0, dim) if the waveform is too short for a frame.
        """
        samples = _as_float(samples)
        out = torch.empty(self.num_frames(len(samples)), self.dim, device=self.device)
        with one_thread(), torch.inference_mode():
            for first, count, block in self._blocks([samples], key):
                self._compute_block(block, out[first : first + count])
        return out

    def stream(self, pieces: Iterable[Tensor | np.ndarray], key: str = "") -> Iterator[Tensor]:
        """Features of a waveform that comes in pieces: yields (frames, dim) blocks, in bounded memory.

        Their concatenation equals `compute` of the concatenated pieces bit for bit.
        """
        for _, count, block in self._blocks((_as_float(piece) for piece in pieces), key):
            out = torch.empty(count, self.dim, device=self.device)
            with one_thread(), torch.inference_mode():
                self._compute_block(block, out)
            yield out

    def compute_batch(
        self, waveforms: Iterable[Tensor | np.ndarray], keys: Iterable[str] | None = None
    ) -> list[Tensor]:
        """Features of several waveforms, one matrix each; equal to `compute` of each."""
        waveforms = list(waveforms)
        names = list(keys) if keys is not None else [""] * len(waveforms)
        return [self.compute(samples, key) for samples, key in zip(waveforms, names, strict=True)]

    def _blocks(self, pieces: Iterable[Tensor], key: str) -> Iterator[tuple[int, int, list[Tensor]]]:
        if self.dither:
            pieces = self._dithered(pieces, key)
        for first, count, block in frame_blocks(pieces, self.framing, self.block_frames):
            yield first, count, [part.to(self.device) for part in block]

    def _dithered(self, pieces: Iterable[Tensor], key: str) -> Iterator[Tensor]:
        """Add white noise to the samples.

        Kaldi draws new noise for every frame from a generator that all utterances share; here every sample has its
        noise once, the same in each frame that covers it, so that it depends on nothing but seed, key and position.
        """
        digest = hashlib.sha256(f"{self.seed}\0{key}".encode()).digest()
        generator = np.random.Generator(np.random.SFC64(int.from_bytes(digest[:16], "little")))
        for piece in pieces:
            noise = torch.from_numpy(generator.standard_normal(len(piece), dtype=np.float32))
            yield torch.add(piece, noise, alpha=self.dither)


def _as_float(samples: Tensor | np.ndarray) -> Tensor:
    tensor = torch.from_numpy(samples) if isinstance(samples, np.ndarray) else samples
    if tensor.dim() != 1:
        raise ValueError(f"a waveform must have one dimension (samples,), not shape {tuple(tensor.shape)}")
    return tensor.to(device="cpu", dtype=torch.float32)
