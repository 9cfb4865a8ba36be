"""Assignment of frames and statistics of whole batches: the same as step by step, monotone, on torch the same."""

import numpy as np
import pytest

from speechlib.clustering import frame_assignment
from speechlib.clustering.frame_assignment import StatisticsExtractor
from speechlib.clustering.utterance_comparison import integrate_channel, utterance_statistics

LENGTHS = np.array([40, 1, 25, 90, 3])


@pytest.fixture(scope="module")
def model():
    """Weights, means, variances, eigenvoices and eigenchannels of 6 Gaussians that overlap."""
    generator = np.random.default_rng(3)
    means = generator.normal(0, 1.0, (6, 3))
    return (
        generator.dirichlet(np.full(6, 3.0)),
        means,
        generator.uniform(0.5, 2.0, means.shape),
        0.8 * generator.normal(size=(6, 3, 4)),
        0.6 * generator.normal(size=(6, 3, 2)),
    )


@pytest.fixture(scope="module")
def features(model):
    generator = np.random.default_rng(4)
    weights, means, variances, voices, _ = model
    frames = []
    for length in LENGTHS:
        k = generator.choice(6, length, p=weights)
        noise = np.sqrt(variances[k]) * generator.normal(size=(length, 3))
        frames.append(means[k] + voices[k] @ generator.normal(size=4) + noise)
    return np.concatenate(frames)


def log_likelihoods(frames, point, model, loadings):
    weights, means, variances = model[:3]
    errors = frames[:, None] - (means + loadings @ point)
    return np.log(weights) - 0.5 * (np.log(2 * np.pi * variances) + errors**2 / variances).sum(axis=2)


def step_by_step(frames, model, channels, num_iters, scale=1.0):
    """The paper's iteration with the plain formulas."""
    _, means, variances, voices, _ = model
    loadings = voices if channels is None else np.concatenate([voices, channels], axis=2)
    point, objectives = np.zeros(loadings.shape[2]), []
    for _ in range(num_iters):
        scores = log_likelihoods(frames, point, model, loadings)
        best = scores.argmax(axis=1)
        objectives.append(scale * scores.max(axis=1).sum() - 0.5 * point @ point)
        L, d = (scale * part for part in utterance_statistics(frames, best, means, loadings, variances))
        point = np.linalg.solve(np.eye(len(d)) + L, d)
    return (*integrate_channel(L, d, 4), np.bincount(best, minlength=6), objectives)


@pytest.mark.parametrize("device", ["cpu", "torch:cpu"])
@pytest.mark.parametrize(("with_channels", "num_iters", "scale"), [(False, 1, 1.0), (False, 6, 1.0), (True, 3, 0.4)])
def test_one_gaussian_a_frame(model, features, device, with_channels, num_iters, scale):
    channels = model[4] if with_channels else None
    extractor = StatisticsExtractor(*model[:4], channels, num_iters=num_iters, frame_scale=scale, device=device)
    found = extractor.extract(features, LENGTHS)
    for index, frames in enumerate(np.split(features, np.cumsum(LENGTHS)[:-1])):
        L, d, counts, objectives = step_by_step(frames, model, channels, num_iters, scale)
        assert found.precisions[index] == pytest.approx(L, abs=1e-10)
        assert found.linear[index] == pytest.approx(d, abs=1e-10)
        assert found.occupancies[index] == pytest.approx(counts)
        assert found.objectives[:, index] == pytest.approx(np.array(objectives), abs=1e-9)
    assert np.array_equal(found.precisions, found.precisions.swapaxes(1, 2))


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("with_channels", [False, True])
def test_the_objective_never_falls(model, features, soft, with_channels):
    extractor = StatisticsExtractor(*model[:4], model[4] if with_channels else None, soft, num_iters=12)
    objectives = extractor.extract(features, LENGTHS).objectives
    steps = np.diff(objectives, axis=0)
    assert steps.min() > -1e-9
    assert steps[0, [0, 2, 3]].min() > 0.1  # who speaks is worth knowing


@pytest.mark.parametrize("device", ["cpu", "torch:cpu"])
def test_posteriors(model, features, device):
    weights, means, variances, voices, channels = model
    extractor = StatisticsExtractor(*model, soft=True, num_iters=2, device=device)
    found = extractor.extract(features, LENGTHS)
    loadings = np.concatenate([voices, channels], axis=2)
    for index, frames in enumerate(np.split(features, np.cumsum(LENGTHS)[:-1])):
        point = np.zeros(6)
        for _ in range(2):
            likes = np.exp(log_likelihoods(frames, point, model, loadings))
            objective = np.log(likes.sum(axis=1)).sum() - 0.5 * point @ point
            posteriors = likes / likes.sum(axis=1, keepdims=True)
            L = np.einsum("tk,kfi,kf,kfj->ij", posteriors, loadings, 1 / variances, loadings)
            d = np.einsum("tk,kfi,kf,tkf->i", posteriors, loadings, 1 / variances, frames[:, None] - means)
            point = np.linalg.solve(np.eye(6) + L, d)
        expected = integrate_channel(L, d, 4)
        assert found.precisions[index] == pytest.approx(expected[0], abs=1e-10)
        assert found.linear[index] == pytest.approx(expected[1], abs=1e-10)
        assert found.occupancies[index] == pytest.approx(posteriors.sum(axis=0), abs=1e-10)
        assert found.objectives[1, index] == pytest.approx(objective, abs=1e-9)


def test_utterances_do_not_depend_on_their_batch(model, features):
    extractor = StatisticsExtractor(*model)
    together = extractor.extract(features, LENGTHS)
    alone = extractor.extract(features[41:66], LENGTHS[2:3])
    assert alone.precisions[0] == pytest.approx(together.precisions[2], abs=1e-12)
    assert alone.linear[0] == pytest.approx(together.linear[2], abs=1e-12)


@pytest.mark.parametrize("soft", [False, True])
def test_long_utterances_go_in_blocks(model, features, soft, monkeypatch):
    whole = StatisticsExtractor(*model, soft=soft).extract(features, LENGTHS)
    monkeypatch.setattr(frame_assignment, "_BLOCK_FRAMES", 7)
    for ours, theirs in zip(StatisticsExtractor(*model, soft=soft).extract(features, LENGTHS), whole, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-10)


def test_frames_that_count_less(model, features):
    whole = StatisticsExtractor(*model[:4], num_iters=1).extract(features, LENGTHS)
    third = StatisticsExtractor(*model[:4], num_iters=1, frame_scale=1 / 3).extract(features, LENGTHS)
    assert third.precisions == pytest.approx(whole.precisions / 3)
    assert third.linear == pytest.approx(whole.linear / 3)


def test_errors(model, features):
    with pytest.raises(ValueError, match="0 iterations"):
        StatisticsExtractor(*model, num_iters=0)
    with pytest.raises(ValueError, match="frames that count -1"):
        StatisticsExtractor(*model, frame_scale=-1)
    with pytest.raises(ValueError, match="do not fit"):
        StatisticsExtractor(model[0][:5], *model[1:])
    with pytest.raises(ValueError, match="not positive"):
        StatisticsExtractor(*model[:2], -model[2], *model[3:])
    with pytest.raises(ValueError, match="or NaN"):
        StatisticsExtractor(model[0], model[1] * np.nan, *model[2:])
    with pytest.raises(ValueError, match="--device nowhere"):
        StatisticsExtractor(*model, device="nowhere")
    extractor = StatisticsExtractor(*model)
    with pytest.raises(ValueError, match=r"expected \(frames, 3\)"):
        extractor.extract(features[:, :2], LENGTHS)
    with pytest.raises(ValueError, match="NaN"):
        extractor.extract(np.where(features == features[0, 0], np.nan, features), LENGTHS)
    with pytest.raises(ValueError, match="at least one of each"):
        extractor.extract(features, np.array([len(features), 0]))
