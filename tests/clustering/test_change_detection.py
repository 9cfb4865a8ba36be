"""Changes of the speaker by BIC: where Gaussians change and not elsewhere; the twin of its parts by the distances."""

import numpy as np
import pytest

from speechlib.clustering import change_detection
from speechlib.clustering.change_detection import ChangeOptions, find_changes
from speechlib.clustering.distances import bic


def stretch(lengths, dim=5, seed=0, shift=1.0):
    """Frames of alternating Gaussians with other means and covariances."""
    rng = np.random.default_rng(seed)
    pieces = []
    for index, length in enumerate(lengths):
        mixing = np.random.default_rng(100 + index % 2).standard_normal((dim, dim)) / 2 + np.eye(dim)
        pieces.append(rng.standard_normal((length, dim)) @ mixing + shift * (index % 2))
    return np.concatenate(pieces).astype(np.float32)


def test_changes_are_found_where_they_are():
    changes = find_changes(stretch([330, 270, 400, 90, 300]))
    assert len(changes) == 4
    np.testing.assert_allclose(changes, np.cumsum([330, 270, 400, 90]), atol=20)
    assert changes.dtype == np.int64 and not (changes % 10).any()


@pytest.mark.parametrize("length", [0, 1, 60, 99, 100, 1000, 3000])
def test_one_speaker_has_none(length):
    assert find_changes(stretch([length], seed=length)).tolist() == []


def test_identical_frames_have_none():
    assert find_changes(np.ones((500, 4))).tolist() == []


def test_units_and_origin_do_not_matter():
    frames = stretch([300, 200]).astype(np.float64)
    assert find_changes(frames).tolist() == find_changes(frames * [1, 1e-3, 1e3, 5, 1] + 1e4).tolist() != []


def test_the_penalty_counts():
    frames = stretch([200, 200, 200, 200], shift=0.3, seed=3)
    counts = [len(find_changes(frames, ChangeOptions(penalty=penalty))) for penalty in (0.0, 1.0, 5.0, 50.0)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] >= 3 >= counts[1] and counts[-1] == 0


def test_every_change_that_is_kept_is_one_by_bic():
    frames = stretch([250, 160, 300, 140], seed=5)
    changes = find_changes(frames, ChangeOptions(floor=0.0))
    bounds = [0, *changes, len(frames)]
    for first, change, past in zip(bounds, bounds[1:], bounds[2:], strict=False):
        assert bic(frames[first:change], frames[change:past]) > 0


def test_pieces_are_as_long_as_asked():
    frames = stretch([60] * 12, seed=6)
    options = ChangeOptions(min_segment=100, window=150)
    bounds = np.array([0, *find_changes(frames, options), len(frames)])
    assert np.diff(bounds).min() >= 100


def test_long_stretches_are_searched_in_parts(monkeypatch):
    frames = stretch([330, 270, 400, 150, 300], seed=7)
    whole = find_changes(frames)
    monkeypatch.setattr(change_detection, "_PART_STEPS", 55)
    parts = find_changes(frames)
    np.testing.assert_allclose(parts, whole, atol=20)


def test_bad_frames_and_options():
    with pytest.raises(ValueError, match="NaN"):
        find_changes(np.full((300, 2), np.nan))
    with pytest.raises(ValueError, match=r"expected \(frames, dim\)"):
        find_changes(np.zeros(300))
    with pytest.raises(ValueError, match="step <= min_segment"):
        ChangeOptions(min_segment=5)
    with pytest.raises(ValueError, match="penalty=-1"):
        ChangeOptions(penalty=-1)
