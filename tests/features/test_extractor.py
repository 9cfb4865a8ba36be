"""What all extractors promise: the same matrix bit for bit however the work is cut up."""

import numpy as np
import pytest
import torch

from speechlib.features.fbank import Fbank
from speechlib.features.melspec import Melspec
from speechlib.features.mfcc import Mfcc
from speechlib.features.options import FbankOptions, MelspecOptions, MfccOptions

MAKERS = {
    "mfcc": lambda **kw: Mfcc(MfccOptions(num_mel_bins=30, num_ceps=30, dither=0.0, snip_edges=False), **kw),
    "mfcc with dither": lambda **kw: Mfcc(MfccOptions(dither=1.0), **kw),
    "fbank": lambda **kw: Fbank(FbankOptions(num_mel_bins=80, dither=0.0, snip_edges=False), **kw),
    "fbank snipped": lambda **kw: Fbank(FbankOptions(use_energy=True, raw_energy=False, dither=0.0), **kw),
    "fbank magnitudes": lambda **kw: Fbank(FbankOptions(use_power=False, window_type="hamming", dither=0.0), **kw),
    "fbank unpadded": lambda **kw: Fbank(FbankOptions(round_to_power_of_two=False, dither=0.0), **kw),
    "melspec": lambda **kw: Melspec(MelspecOptions(), **kw),
    "melspec padded": lambda **kw: Melspec(MelspecOptions(pad_mode="constant", log_base=10.0), **kw),
}
# Around the lengths of frames, of blocks of 1024 frames and of their parts.
LENGTHS = [1, 79, 80, 399, 400, 401, 1517, 16000, 81919, 164080, 164240, 164241, 200003]


def wave(samples, seed=0):
    return np.random.default_rng(seed).normal(0, 2000, samples).round().astype(np.float32)


@pytest.fixture(params=MAKERS)
def make(request):
    return MAKERS[request.param]


def test_a_stream_equals_the_whole(make):
    extractor = make()
    rng = np.random.default_rng(5)
    for length in LENGTHS:
        samples = wave(length, length)
        whole = extractor.compute(samples, "key")
        assert whole.shape == (extractor.num_frames(length), extractor.dim)
        for size in (1000, 100_000):
            cuts = np.sort(rng.integers(0, length + 1, length // size + 1))
            blocks = list(extractor.stream(np.split(samples, cuts), "key"))
            assert torch.equal(torch.cat(blocks) if blocks else whole[:0], whole), (length, size)


def test_the_batch_does_not_matter(make):
    waves = {f"utt{i}": wave(length, i) for i, length in enumerate(LENGTHS)}
    alone = {key: make().compute(samples, key) for key, samples in waves.items()}
    extractor = make()
    for keys in (list(waves), list(waves)[::-1], list(waves)[3:7] * 2):
        for key, matrix in zip(keys, extractor.compute_batch([waves[key] for key in keys], keys), strict=True):
            assert torch.equal(matrix, alone[key])


def test_the_number_of_threads_does_not_matter(make):
    samples = wave(200_000)
    threads = torch.get_num_threads()
    try:
        found = []
        for number in (1, 2, 5):
            torch.set_num_threads(number)
            found.append(make().compute(samples, "key"))
            assert torch.get_num_threads() == number
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])


def test_frames_do_not_depend_on_later_samples():
    extractor = MAKERS["fbank snipped"]()
    samples = wave(400_000)
    assert torch.equal(extractor.compute(samples)[:1024], extractor.compute(samples[: 1023 * 160 + 400]))


def test_integers_floats_and_tensors_are_the_same(make):
    extractor = make()
    samples = wave(5000)
    expected = extractor.compute(samples, "key")
    for same in (samples.astype(np.int16), samples.astype(np.float64), torch.from_numpy(samples)):
        assert torch.equal(extractor.compute(same, "key"), expected)


def test_dither_depends_on_seed_and_utterance_alone():
    samples = wave(8000)
    make = MAKERS["mfcc with dither"]
    first = make(seed=3).compute(samples, "utt1")
    extractor = make(seed=3)
    extractor.compute(samples, "utt0")
    assert torch.equal(extractor.compute(samples, "utt1"), first)
    assert not torch.equal(extractor.compute(samples, "utt2"), first)
    assert not torch.equal(make(seed=4).compute(samples, "utt1"), first)


def test_dither_has_the_right_power():
    energies = Mfcc(MfccOptions(dither=2.0)).compute(np.zeros(1_000_000), "silence")[:, 0]
    # A frame holds 400 samples of variance 4 less one degree of freedom of the mean.
    assert energies.exp().mean().item() == pytest.approx(399 * 4, rel=0.01)


def test_the_result_can_be_trained_on():
    matrix = MAKERS["fbank"]().compute(wave(4000))
    layer = torch.nn.Linear(80, 1)
    layer(matrix).sum().backward()
    assert layer.weight.grad is not None


def test_several_channels_are_refused():
    with pytest.raises(ValueError, match=r"one dimension \(samples,\), not shape \(2, 100\)"):
        MAKERS["fbank"]().compute(np.zeros((2, 100)))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_gpu_equals_cpu_but_for_rounding(make):
    samples = wave(200_000)
    cpu = make().compute(samples, "key")
    extractor = make(device="cuda")
    gpu = extractor.compute(samples, "key")
    assert gpu.is_cuda
    assert (gpu.cpu() - cpu).abs().mean() < 1e-4
    assert torch.equal(torch.cat(list(extractor.stream(np.split(samples, [70_000]), "key"))), gpu)
