"""Frame counts, edges and blocks of frames."""

import numpy as np
import pytest
import torch

from speechlib.features.framing import Framing, frame_blocks, kaldi_framing, window_function
from speechlib.features.options import FrameOptions


def frames_of(samples, framing, block_frames=1000):
    rows = []
    for first, count, parts in frame_blocks([torch.from_numpy(samples)], framing, block_frames):
        assert first == len(rows)
        block = torch.cat(parts)
        assert len(block) == (count - 1) * framing.shift + framing.length
        rows += list(block.unfold(0, framing.length, framing.shift).numpy())
    return np.array(rows)


@pytest.mark.parametrize(
    ("samples", "snipped", "mirrored"),
    [(399, 0, 2), (400, 1, 3), (559, 1, 3), (560, 2, 4), (79, 0, 0), (80, 0, 1), (16000, 98, 100), (0, 0, 0)],
)
def test_kaldi_counts(samples, snipped, mirrored):
    assert kaldi_framing(FrameOptions()).num_frames(samples) == snipped
    assert kaldi_framing(FrameOptions(snip_edges=False)).num_frames(samples) == mirrored


@pytest.mark.parametrize("samples", [80, 81, 119, 120, 399, 1517])
@pytest.mark.parametrize("block_frames", [1, 3, 1000])
def test_mirrored_edges_reflect_as_often_as_needed(samples, block_frames):
    framing = kaldi_framing(FrameOptions(snip_edges=False))
    wave = np.random.default_rng(samples).normal(size=samples).astype(np.float32)
    found = frames_of(wave, framing, block_frames)
    assert len(found) == framing.num_frames(samples)
    for frame, row in enumerate(found):
        for index in (0, 17, 200, 399):
            position = frame * 160 - 120 + index
            while not 0 <= position < samples:  # Kaldi's ExtractWindow
                position = -position - 1 if position < 0 else 2 * samples - 1 - position
            assert row[index] == wave[position]


@pytest.mark.parametrize(("mode", "numpy_mode"), [("reflect", "reflect"), ("constant", "constant")])
@pytest.mark.parametrize("samples", [1, 2, 100, 511, 512, 513, 4000])
def test_centred_frames_equal_a_padded_wave(mode, numpy_mode, samples):
    framing = Framing(1024, 160, -512, mode)
    wave = np.random.default_rng(samples).normal(size=samples).astype(np.float32)
    padded = np.pad(wave, 512, numpy_mode) if samples > 1 or mode == "constant" else np.full(1025, wave[0])
    found = frames_of(wave, framing, 7)
    assert len(found) == 1 + samples // 160
    for frame, row in enumerate(found):
        np.testing.assert_array_equal(row, padded[frame * 160 : frame * 160 + 1024])


def test_memory_does_not_grow_with_the_wave():
    framing = kaldi_framing(FrameOptions(snip_edges=False))
    biggest = 0

    def pieces():
        for _ in range(200):
            yield torch.zeros(5000)

    for _, _, parts in frame_blocks(pieces(), framing, 16):
        biggest = max(biggest, max(part.untyped_storage().nbytes() for part in parts))
    assert biggest < 4 * 2 * (5000 + 17 * 160 + 1000)


def test_windows():
    for name, first, middle in [("hamming", 0.08, 1.0), ("povey", 0.0, 1.0), ("rectangular", 1.0, 1.0)]:
        window = window_function(FrameOptions(window_type=name, frame_length=25.0625))  # 401 samples
        assert len(window) == 401
        assert window[0].item() == pytest.approx(first, abs=1e-12)
        assert window[200].item() == pytest.approx(middle)
        torch.testing.assert_close(window, window.flip(0))
