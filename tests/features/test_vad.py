"""Energy VAD against Kaldi's files and against a loop that follows its definition."""

import gzip

import numpy as np
import pytest

from speechlib.features.vad import VadOptions, energy_vad, select_voiced


def read_text_archive(path):
    """Text archive of vectors or matrices, by the simplest reader there can be."""
    opened = gzip.open(path, "rt") if path.suffix == ".gz" else open(path)
    with opened as file:
        parts = [part.split("[") for part in file.read().split("]")[:-1]]
    return {key.strip(): np.array([line.split() for line in body.strip().split("\n")], float) for key, body in parts}


def naive_vad(energy, options):
    threshold = np.float32(options.vad_energy_threshold + options.vad_energy_mean_scale * np.mean(energy, dtype=float))
    decisions = []
    for t in range(len(energy)):
        around = [t2 for t2 in range(t - options.vad_frames_context, t + options.vad_frames_context + 1)]
        around = [t2 for t2 in around if 0 <= t2 < len(energy)]
        loud = sum(energy[t2] > threshold for t2 in around)
        decisions.append(float(loud >= np.float32(len(around)) * np.float32(options.vad_proportion_threshold)))
    return decisions


@pytest.mark.parametrize("context", [0, 1, 2, 7, 50])
@pytest.mark.parametrize("proportion", [0.12, 0.3, 0.5, 0.6, 0.9])
def test_equals_a_loop(context, proportion):
    rng = np.random.default_rng(context)
    options = VadOptions(5.5, 0.5, context, proportion)
    for num_frames in (1, 2, 3, 10, 101):
        features = rng.normal(11, 4, (num_frames, 3)).astype(np.float32)
        found = energy_vad(features, options)
        assert found.dtype == np.float32 and found.tolist() == naive_vad(features[:, 0], options)


def test_equal_to_the_threshold_is_silence_and_the_share_is_reached_by_equality():
    constant = np.full((5, 2), 10, np.float32)
    assert not energy_vad(constant, VadOptions(5.0, 0.5)).any()  # 10 > 5 + 0.5 * 10 is false
    assert energy_vad(constant, VadOptions(4.9, 0.5)).all()
    loud = np.array([1, 1, 1, 0, 0], np.float32)[:, None] * 100
    assert energy_vad(loud, VadOptions(50, 0, 2, 0.6))[2] == 1  # exactly 3 of 5


def test_shapes_and_options():
    assert energy_vad(np.zeros((0, 4))).shape == (0,)
    for bad in (np.zeros(4), np.zeros((3, 0))):
        with pytest.raises(ValueError, match="shape"):
            energy_vad(bad)
    for options in ((5, -1), (5, 0.5, -1), (5, 0.5, 0, 0), (5, 0.5, 0, 1)):
        with pytest.raises(ValueError, match="vad-"):
            VadOptions(*options)


def test_selection():
    features = np.arange(8).reshape(4, 2)
    assert select_voiced(features, np.array([1, 0, 0, 1.0])).tolist() == [[0, 1], [6, 7]]
    with pytest.raises(ValueError, match="4 frames .* 3"):
        select_voiced(features, np.ones(3))
    with pytest.raises(ValueError, match="0 or 1"):
        select_voiced(features, np.array([0, 0.5, 1, 1]))


def test_equals_kaldi(golden):
    from speechlib.io.tables import read_table

    features = {key: value for key, value in read_table(f"ark:{golden}/io/mfcc_raw.ark")}
    lossy = {key: value for key, value in read_table(f"ark:{golden}/io/mfcc_compressed.ark")}
    recipe, first = VadOptions(5.5, 0.5, 2, 0.12), VadOptions(5.5, 0.5)
    for options, table, name in (
        (recipe, features, "vad.txt"),
        (first, features, "vad_vox1.txt"),
        (recipe, lossy, "vad_from_compressed.txt"),
    ):
        expected = read_text_archive(golden / "vad" / name)
        assert expected.keys() == table.keys()
        for key in table:
            assert np.array_equal(energy_vad(table[key], options), expected[key].ravel())
    for key, expected in read_text_archive(golden / "vad/mfcc_voiced.txt.gz").items():
        voiced = select_voiced(features[key], energy_vad(features[key], recipe))
        np.testing.assert_allclose(voiced, expected, rtol=6e-7)
