"""Eigenvoices and eigenchannels: principal components with the right scale, and EM that never loses likelihood."""

import numpy as np
import pytest

from speechlib.gmm.algebra import TorchAlgebra
from speechlib.gmm.eigenvoice_training import FactorModel, em_step, turn_to_axes
from speechlib.gmm.eigenvoices import (
    channel_deviations,
    principal_directions,
    train_eigenchannels,
    train_eigenvoices,
)

GAUSSIANS, DIM, RANK = 5, 3, 2


@pytest.fixture
def generator():
    return np.random.default_rng(0)


def flat(directions):
    return directions.reshape(-1, directions.shape[-1])


def test_components_are_those_of_the_covariance_scaled_by_its_roots(generator):
    supervectors = generator.standard_normal((40, GAUSSIANS, DIM)) * np.linspace(1, 3, DIM) + 5
    centre, voices = train_eigenvoices(supervectors, 4)
    assert np.allclose(centre, supervectors.mean(axis=0))
    covariance = np.cov(supervectors.reshape(40, -1).T)
    eigenvalues, vectors = np.linalg.eigh(covariance)
    largest = eigenvalues[:-5:-1]
    assert np.allclose(voices.eigenvalues, largest)
    assert voices.total == pytest.approx(np.trace(covariance))
    assert np.allclose(flat(voices.directions).T @ flat(voices.directions), np.diag(largest), atol=1e-10)
    product = (vectors[:, :-5:-1] * largest) @ vectors[:, :-5:-1].T
    assert np.allclose(flat(voices.directions) @ flat(voices.directions).T, product)


def test_all_components_together_are_the_covariance(generator):
    supervectors = generator.standard_normal((6, GAUSSIANS, DIM))
    _, voices = train_eigenvoices(supervectors, 5)
    product = flat(voices.directions) @ flat(voices.directions).T
    assert np.allclose(product, np.cov(supervectors.reshape(6, -1).T))


def test_another_centre_counts_its_distance_too(generator):
    supervectors = generator.standard_normal((6, GAUSSIANS, DIM)) + 2
    origin = np.zeros((GAUSSIANS, DIM))
    centre, voices = train_eigenvoices(supervectors, 6, origin)
    rows = supervectors.reshape(6, -1)
    assert centre is origin
    assert np.allclose(flat(voices.directions) @ flat(voices.directions).T, rows.T @ rows / 6)


def test_scales_say_in_which_units_components_are_taken(generator):
    supervectors = generator.standard_normal((30, GAUSSIANS, DIM))
    scales = generator.uniform(0.2, 5, (GAUSSIANS, DIM))
    _, plain = train_eigenvoices(supervectors, 3)
    _, scaled = train_eigenvoices(supervectors * scales, 3, scales=scales)
    assert np.allclose(scaled.directions / scales[:, :, None], plain.directions)


def test_many_supervectors_give_what_few_do(generator, monkeypatch):
    supervectors = generator.standard_normal((60, GAUSSIANS, DIM)) * np.linspace(1, 4, DIM)
    exact = train_eigenvoices(supervectors, 3)[1]
    monkeypatch.setattr("speechlib.gmm.eigenvoices._EXACT", 10)
    few = train_eigenvoices(supervectors, 3)[1]
    assert np.allclose(few.eigenvalues, exact.eigenvalues) and np.allclose(few.directions, exact.directions)


def test_more_than_the_speakers_can_tell_is_refused(generator):
    supervectors = generator.standard_normal((4, GAUSSIANS, DIM))
    with pytest.raises(ValueError, match="4 eigenvoices from 4 speakers: at most 3"):
        train_eigenvoices(supervectors, 4)
    with pytest.raises(ValueError, match="0 eigenvoices"):
        train_eigenvoices(supervectors, 0)
    with pytest.raises(ValueError, match="1 eigenvoices from 1 speakers: at most 0"):
        train_eigenvoices(supervectors[:1], 1)
    with pytest.raises(ValueError, match="vary in 0 directions only, but 1"):
        train_eigenvoices(np.ones((4, GAUSSIANS, DIM)), 1)
    with pytest.raises(ValueError, match="vary in 1 directions only, but 2"):
        train_eigenvoices(np.arange(4)[:, None, None] * np.ones((4, GAUSSIANS, DIM)), 2)


def spoken(generator, speakers=40, takes=4, frames=400.0, channel=0.5):
    """Statistics of utterances from a known model: eigenvoices, one eigenchannel, and the frames' own variance."""
    means = generator.normal(0, 4, (GAUSSIANS, DIM))
    voices = generator.standard_normal((GAUSSIANS, DIM, RANK))
    channels = channel * generator.standard_normal((GAUSSIANS, DIM, 1))
    variances = generator.uniform(0.5, 1.5, (GAUSSIANS, DIM))
    owners = np.repeat(np.arange(speakers), takes)
    factors = generator.standard_normal((speakers, RANK))[owners]
    zeroth = generator.uniform(0.1, 1, (len(owners), GAUSSIANS)) * frames
    true = means + np.einsum("kfv,uv->ukf", voices, factors)
    true = true + np.einsum("kfv,uv->ukf", channels, generator.standard_normal((len(owners), 1)))
    noise = generator.standard_normal(true.shape) * np.sqrt(variances) * np.sqrt(zeroth)[:, :, None]
    return means, voices, channels, variances, owners, zeroth, zeroth[:, :, None] * true + noise


def by_speaker(owners, array):
    sums = np.zeros((owners.max() + 1, *array.shape[1:]))
    np.add.at(sums, owners, array)
    return sums


def likelihood(model, zeroth, first):
    """Of speakers, by the marginal normal distribution of all their frames' sums, less that without factors."""
    total = 0.0
    for counts, sums in zip(zeroth, first, strict=True):
        weighted = model.eigenvoices / model.variances[:, :, None]
        precision = np.eye(RANK) + np.einsum("k,kfi,kfj->ij", counts, weighted, model.eigenvoices)
        linear = np.einsum("kfi,kf->i", weighted, sums - counts[:, None] * model.means)
        total += 0.5 * linear @ np.linalg.solve(precision, linear) - 0.5 * np.linalg.slogdet(precision)[1]
        # The centre's own part, which changes where the centre does.
        total += ((sums - 0.5 * counts[:, None] * model.means) * model.means / model.variances).sum()
    return total


@pytest.mark.parametrize("update_means", [True, False])
def test_em_never_loses_likelihood_and_finds_the_directions(generator, update_means):
    means, voices, _, variances, owners, zeroth, first = spoken(generator, channel=0.0)
    zeroth, first = by_speaker(owners, zeroth), by_speaker(owners, first)
    start = means + 0.3 * update_means
    model = FactorModel(start, generator.standard_normal(voices.shape), variances)
    likelihoods = [likelihood(model, zeroth, first)]
    for _ in range(30):
        model, reported = em_step(model, zeroth, first, update_means=update_means)
        likelihoods.append(likelihood(model, zeroth, first))
    assert np.all(np.diff(likelihoods) > -1e-7 * abs(likelihoods[-1]))
    assert likelihoods[-1] > likelihoods[0]
    assert np.array_equal(model.means, start) == (not update_means)
    # The same subspace: what the true directions have outside it is little.
    basis = np.linalg.qr(flat(model.eigenvoices))[0]
    outside = flat(voices) - basis @ (basis.T @ flat(voices))
    assert np.linalg.norm(outside) < 0.05 * np.linalg.norm(voices)
    gram = flat(model.eigenvoices).T @ flat(model.eigenvoices)
    assert np.allclose(gram, np.diag(np.diagonal(gram)), atol=1e-8 * gram.max()) and gram[0, 0] > gram[1, 1]


def test_reported_likelihood_is_the_models_before(generator):
    means, voices, _, variances, owners, zeroth, first = spoken(generator, speakers=5)
    model = FactorModel(means, voices, variances)
    silent = FactorModel(means, np.zeros_like(voices), variances)
    expected = likelihood(model, zeroth, first) - likelihood(silent, zeroth, first)
    assert em_step(model, zeroth, first)[1] == pytest.approx(expected)


def test_torch_computes_the_same(generator):
    means, voices, _, variances, _, zeroth, first = spoken(generator, speakers=6)
    model = FactorModel(means, voices, variances)
    ours, theirs = em_step(model, zeroth, first), em_step(model, zeroth, first, TorchAlgebra("cpu"))
    assert ours[1] == pytest.approx(theirs[1])
    assert np.allclose(ours[0].means, theirs[0].means)
    assert np.allclose(np.abs(ours[0].eigenvoices), np.abs(theirs[0].eigenvoices))


def test_a_gaussian_without_frames_keeps_its_eigenvoices_but_for_the_turn(generator):
    means, voices, _, variances, _, zeroth, first = spoken(generator, speakers=6)
    zeroth[:, 2], first[:, 2] = 0, 0
    model, _ = em_step(FactorModel(means, voices, variances), zeroth, first)
    assert np.isfinite(model.eigenvoices).all() and np.linalg.norm(model.eigenvoices[2]) > 0.1
    with pytest.raises(ValueError, match="statistics"):
        em_step(FactorModel(means, voices, variances), zeroth[:, :3], first)


def test_turning_keeps_the_model(generator):
    voices = generator.standard_normal((GAUSSIANS, DIM, RANK))
    turned = turn_to_axes(voices)
    assert np.allclose(flat(turned) @ flat(turned).T, flat(voices) @ flat(voices).T)


def test_eigenchannels_are_how_utterances_differ_and_not_how_speakers_do(generator):
    means, voices, channels, variances, owners, zeroth, first = spoken(generator, frames=2000.0)
    speakers = means + (by_speaker(owners, first) / by_speaker(owners, zeroth)[:, :, None] - means)
    deviations, degrees = channel_deviations(zeroth, first, owners, speakers, 16)
    assert degrees == len(owners) - owners.max() - 1
    found = train_eigenchannels(deviations, degrees, 1).directions
    one, other = flat(found)[:, 0], flat(channels)[:, 0]
    assert abs(one @ other) > 0.97 * np.linalg.norm(one) * np.linalg.norm(other)
    assert np.linalg.norm(one) == pytest.approx(np.linalg.norm(other), rel=0.25)


def test_speakers_of_one_utterance_say_nothing_of_channels(generator):
    means, _, _, _, _, zeroth, first = spoken(generator, speakers=3, takes=3)
    owners = np.array([0, 0, 0, 1, 1, 1, 2, 3, 4])
    speakers = np.repeat(means[None], 5, axis=0)
    deviations, degrees = channel_deviations(zeroth, first, owners, speakers, 16)
    assert len(deviations) == 6 and degrees == 4
    with pytest.raises(ValueError, match="5 eigenchannels from 6 utterances: at least 1 and at most 4"):
        train_eigenchannels(deviations, degrees, 5)
    with pytest.raises(ValueError, match="no speaker has two utterances"):
        channel_deviations(zeroth[:5], first[:5], np.arange(5), speakers, 16)


def test_identical_utterances_have_no_channels(generator):
    means, _, _, _, _, zeroth, first = spoken(generator, speakers=1, takes=1)
    zeroth, first = np.repeat(zeroth, 4, axis=0), np.repeat(first, 4, axis=0)
    deviations, degrees = channel_deviations(zeroth, first, np.zeros(4, int), means[None], 16)
    with pytest.raises(ValueError, match="vary in 0 directions"):
        train_eigenchannels(deviations, degrees, 1)
    assert principal_directions(generator.standard_normal((3, 1, 2)), 2, 2).directions.shape == (1, 2, 2)
