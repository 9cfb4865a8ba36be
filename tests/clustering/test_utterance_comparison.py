"""Utterance comparison: the worked cases, twins by quadrature and by other forms, invariances, errors."""

import numpy as np
import pytest

from speechlib.backend.plda import diagonalise
from speechlib.backend.scoring import plda_scorer, project
from speechlib.clustering.utterance_comparison import (
    log_likelihood,
    log_ratio,
    log_ratio_to_many,
    pairwise_log_ratio,
    utterance_statistics,
)

# Frames and Gaussians of two utterances, means, eigenvoices, variances, eigenchannels.
CASE_1 = {
    "a": (np.array([[0.9], [-1.4], [1.1]]), np.array([0, 1, 0])),
    "b": (np.array([[0.7], [-0.6]]), np.array([0, 1])),
    "model": (np.array([[0.3], [-1.0]]), np.array([[[0.8]], [[-0.5]]]), np.array([[0.5], [1.2]])),
    "channels": np.array([[[0.6]], [[0.9]]]),
}
CASE_3 = {
    "a": (np.array([[1, 0.3], [-0.8, 1.2], [0.6, -0.4]]), np.array([0, 1, 0])),
    "b": (np.array([[0.9, 0.1], [-0.2, 1]]), np.array([0, 1])),
    "model": (
        np.array([[0.2, -0.1], [-0.5, 0.4]]),
        np.array([[[0.7, 0.1], [-0.2, 0.5]], [[0.3, -0.4], [0.6, 0.2]]]),
        np.array([[0.6, 0.9], [1.1, 0.7]]),
    ),
    "channels": np.array([[[0.4], [0.3]], [[-0.2], [0.5]]]),
}


def compare(case, channels=None):
    a, b = (utterance_statistics(*case[name], *case["model"], channels) for name in "ab")
    return a, b, log_ratio(*a, *b)


def close(value, expected, tolerance=1e-8):
    assert value == pytest.approx(expected, abs=tolerance, rel=0)


def test_one_dimension():
    (L_a, d_a), (L_b, d_b), ratio = compare(CASE_1)
    close(L_a[0, 0], 2.7683333333)
    close(d_a[0], 2.4066666667)
    close(L_b[0, 0], 1.4883333333)
    close(d_b[0], 0.4733333333)
    close(ratio, 0.2647810672)
    close(log_likelihood(*CASE_1["a"], *CASE_1["model"]), -3.1162968665)
    close(log_likelihood(*CASE_1["b"], *CASE_1["model"]), -2.2199185149)
    both = [np.concatenate(pair) for pair in zip(CASE_1["a"], CASE_1["b"], strict=True)]
    close(log_likelihood(*both, *CASE_1["model"]), -5.0714343142)


def test_one_dimension_with_a_channel():
    channels = CASE_1["channels"]
    (L_a, g_a), (L_b, g_b), ratio = compare(CASE_1, channels)
    close(L_a[0, 0], 2.0020331728)
    close(g_a[0], 1.7222043874)
    close(L_b[0, 0], 1.3454418928)
    close(g_b[0], 0.2828114127)
    close(ratio, 0.1923845637)
    close(log_likelihood(*CASE_1["a"], *CASE_1["model"], channels), -3.5395766171)
    close(log_likelihood(*CASE_1["b"], *CASE_1["model"], channels), -2.5279942539)


@pytest.mark.parametrize("full", [False, True])
def test_two_dimensions(full):
    case = CASE_3
    if full:
        means, voices, variances = case["model"]
        case = case | {"model": (means, voices, np.stack([np.diag(row) for row in variances]))}
    close(compare(case)[2], 0.5779396487)
    close(log_likelihood(*case["a"], *case["model"]), -6.2851448611)
    close(log_likelihood(*case["b"], *case["model"]), -4.2139472155)
    channels = case["channels"]
    close(compare(case, channels)[2], 0.4004421338)
    close(log_likelihood(*case["a"], *case["model"], channels), -6.3726859463)
    close(log_likelihood(*case["b"], *case["model"], channels), -4.3214806572)


def test_a_finite_population_of_speakers():
    (frames_a, k_a), (frames_b, k_b) = CASE_1["a"], CASE_1["b"]
    means, voices, variances = CASE_1["model"]

    def likelihoods(frames, k, speakers):
        errors = frames[:, 0] - means[k, 0] - np.outer(speakers, voices[k, 0, 0])
        return np.exp(-0.5 * (errors**2 / variances[k, 0] + np.log(2 * np.pi * variances[k, 0])).sum(axis=1))

    generator = np.random.default_rng(0)
    for number, expected in ((10, 1.14955), (1000, 1.30169), (100000, 1.30295)):
        speakers = generator.standard_normal(number)
        a, b = (likelihoods(frames, k, speakers) for frames, k in ((frames_a, k_a), (frames_b, k_b)))
        same = (a / a.sum()) @ (b / b.sum())
        close(number * same, expected, 1e-5)
    close(np.exp(compare(CASE_1)[2]), 1.30314, 1e-5)
    assert number * same == pytest.approx(np.exp(compare(CASE_1)[2]), rel=2e-4)


def integral(case, names, points, weights, with_channels):
    """p(frames of all utterances | one speaker) by quadrature over speaker and channels, one dimension each."""
    means, voices, variances = (parameter[..., 0] for parameter in case["model"])
    of_speaker = np.ones(len(points))
    for name in names:
        (frames, k), channel = case[name], case["channels"][:, 0, 0] * with_channels
        # [speaker, channel, frame]
        errors = (frames[:, 0] - means[k] - points[:, None, None] * voices[k, 0] - points[:, None] * channel[k])
        densities = np.exp(-0.5 * errors**2 / variances[k]) / np.sqrt(2 * np.pi * variances[k])
        of_speaker *= densities.prod(axis=2) @ weights
    return of_speaker @ weights


@pytest.mark.parametrize("with_channels", [False, True])
def test_quadrature(with_channels):
    points, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()
    case = CASE_1
    a, b, ab = (integral(case, names, points, weights, with_channels) for names in ("a", "b", "ab"))
    channels = case["channels"] if with_channels else None
    close(compare(case, channels)[2], np.log(ab) - np.log(a) - np.log(b), 1e-11)
    close(log_likelihood(*case["a"], *case["model"], channels), np.log(a), 1e-11)


@pytest.fixture(scope="module")
def model():
    """Means, eigenvoices, full covariances and eigenchannels of 4 Gaussians in 3 dimensions, at ranks 5 and 2."""
    generator = np.random.default_rng(2)
    roots = generator.normal(size=(4, 3, 3))
    return (
        generator.normal(size=(4, 3)),
        generator.normal(size=(4, 3, 5)),
        roots @ roots.swapaxes(1, 2) + 0.5 * np.eye(3),
        generator.normal(size=(4, 3, 2)),
    )


def utterance(seed, length=9):
    generator = np.random.default_rng(seed)
    return generator.normal(size=(length, 3)), generator.integers(0, 4, length)


def test_full_covariances_are_decorrelated(model):
    means, voices, covariances, channels = model
    (frames, k), direct = utterance(1), np.zeros((7, 7))
    both, linear = np.concatenate([voices, channels], axis=2), np.zeros(7)
    for frame, gaussian in zip(frames, k, strict=True):
        weighted = both[gaussian].T @ np.linalg.inv(covariances[gaussian])
        direct += weighted @ both[gaussian]
        linear += weighted @ (frame - means[gaussian])
    L, d = utterance_statistics(frames, k, means, voices, covariances)
    assert pytest.approx(direct[:5, :5], abs=1e-10) == L
    assert pytest.approx(linear[:5], abs=1e-10) == d
    # The form of the paper: L~ = L - F'KF, g = d - F'Ke.
    kernel = np.linalg.inv(np.eye(2) + direct[5:, 5:])
    L, g = utterance_statistics(frames, k, *model)
    assert pytest.approx(direct[:5, :5] - direct[5:, :5].T @ kernel @ direct[5:, :5], abs=1e-10) == L
    assert g == pytest.approx(linear[:5] - direct[5:, :5].T @ kernel @ linear[5:], abs=1e-10)
    assert np.array_equal(L, L.T) and np.linalg.eigvalsh(L).min() > 0


def log_normal(x, mean, covariance):
    error = x - mean
    volume = len(x) * np.log(2 * np.pi) + np.linalg.slogdet(covariance)[1]
    return -0.5 * (volume + error @ np.linalg.solve(covariance, error))


@pytest.mark.parametrize("with_channels", [False, True])
def test_the_form_with_inverses(model, with_channels):
    """Each utterance as a Gaussian about its maximum-likelihood point L^-1 d with covariance D = L^-1."""
    channels = model[3] if with_channels else None
    stats = [utterance_statistics(*utterance(seed, 12), *model[:3], channels) for seed in (1, 2)]
    (D_a, y_a), (D_b, y_b) = ((np.linalg.inv(L), np.linalg.solve(L, d)) for L, d in stats)
    product = np.linalg.inv(np.linalg.inv(D_a) + np.linalg.inv(D_b))
    centre = product @ (np.linalg.solve(D_a, y_a) + np.linalg.solve(D_b, y_b))
    prior, zero = np.eye(5), np.zeros(5)
    both = log_normal(y_a, y_b, D_a + D_b) + log_normal(centre, zero, product + prior)
    alone = log_normal(y_a, zero, D_a + prior) + log_normal(y_b, zero, D_b + prior)
    assert log_ratio(*stats[0], *stats[1]) == pytest.approx(both - alone, abs=1e-9)


def test_without_channel_variability_the_form_of_eigenvoices_is_left(model):
    frames, k = utterance(1)
    plain = utterance_statistics(frames, k, *model[:3])
    for channels in (np.zeros_like(model[3]), model[3][:, :, :0]):
        found = utterance_statistics(frames, k, *model[:3], channels)
        assert found[0] == pytest.approx(plain[0], abs=1e-12)
        assert found[1] == pytest.approx(plain[1], abs=1e-12)


def test_one_frame_of_one_gaussian_is_plda():
    generator = np.random.default_rng(5)
    root, voices = generator.normal(size=(3, 3)), generator.normal(size=(1, 3, 3))
    within, mean = root @ root.T + 0.3 * np.eye(3), generator.normal(size=3)
    vectors = generator.normal(size=(4, 3))
    plda = diagonalise(mean, within, voices[0] @ voices[0].T)
    projected = project(plda, vectors, normalize=False)
    # Kaldi's: the test vector about what the enrolment vector makes expected, over the test vector about the mean.
    variance = 1 + plda.psi / (plda.psi + 1)
    errors = projected - (projected * plda.psi / (plda.psi + 1))[:, None]
    same = -0.5 * (np.log(variance) + errors**2 / variance).sum(axis=2)
    expected = same + 0.5 * (np.log1p(plda.psi) + projected**2 / (1 + plda.psi)).sum(axis=1)
    stats = [utterance_statistics(vector[None], [0], mean[None], voices, within[None]) for vector in vectors]
    found = pairwise_log_ratio(*(np.stack(parts) for parts in zip(*stats, strict=True)))
    assert found == pytest.approx(expected, abs=1e-10)
    scores = plda_scorer(plda, projected, projected).score(*(index.reshape(-1) for index in np.indices((4, 4))))
    assert found.reshape(-1) == pytest.approx(scores, abs=1e-5)  # which are in single precision


def test_a_rotation_of_the_eigenvoices_changes_nothing(model):
    means, voices, covariances, channels = model
    generator = np.random.default_rng(6)
    turn, turn_channel = (np.linalg.qr(generator.normal(size=(size, size)))[0] for size in (5, 2))
    found = []
    for parts in ((voices, covariances, channels), (voices @ turn, covariances, channels @ turn_channel)):
        a, b = (utterance_statistics(*utterance(seed), means, *parts) for seed in (1, 2))
        found.append(log_ratio(*a, *b))
    assert found[0] == pytest.approx(found[1], abs=1e-11)


def test_the_order_of_the_frames_changes_nothing(model):
    frames, k = utterance(1)
    order = np.random.default_rng(7).permutation(len(k))
    for ours, theirs in zip(
        utterance_statistics(frames, k, *model), utterance_statistics(frames[order], k[order], *model), strict=True
    ):
        assert ours == pytest.approx(theirs, abs=1e-12)


def test_statistics_of_clusters_are_sums(model):
    """Of pooled frames without channels; with them, as if the speaker had been heard over several channels."""
    (frames_a, k_a), (frames_b, k_b), c = utterance(1), utterance(2), utterance(3)
    (L_a, d_a), (L_b, d_b) = (utterance_statistics(*part, *model[:3]) for part in ((frames_a, k_a), (frames_b, k_b)))
    L, d = utterance_statistics(np.concatenate([frames_a, frames_b]), np.concatenate([k_a, k_b]), *model[:3])
    assert pytest.approx(L_a + L_b, abs=1e-11) == L
    assert pytest.approx(d_a + d_b, abs=1e-11) == d
    # log p(a, b, c | one) - log p(a, b | one) - log p(c), a telescoping sum of ratios.
    a, b, c = (utterance_statistics(*part, *model) for part in ((frames_a, k_a), (frames_b, k_b), c))
    ab, bc = ([x + y for x, y in zip(*pair, strict=True)] for pair in ((a, b), (b, c)))
    assert log_ratio(*a, *b) + log_ratio(*ab, *c) == pytest.approx(log_ratio(*b, *c) + log_ratio(*a, *bc), abs=1e-10)


def test_more_eigenvoices_than_coefficients(model):
    """L is singular; marginal covariances of the frames say the same."""
    generator = np.random.default_rng(8)
    means, _, covariances, _ = model
    voices = generator.normal(size=(4, 3, 30))
    (frames_a, k_a), (frames_b, k_b) = utterance(1, 2), utterance(2, 3)
    L, d = utterance_statistics(frames_a, k_a, means, voices, covariances)
    assert np.linalg.matrix_rank(L) == 6

    def marginal(frames, k):
        stacked = voices[k].reshape(-1, 30)
        covariance = stacked @ stacked.T
        for index, gaussian in enumerate(k):
            block = slice(3 * index, 3 * index + 3)
            covariance[block, block] += covariances[gaussian]
        return log_normal((frames - means[k]).reshape(-1), 0.0, covariance)

    both = marginal(np.concatenate([frames_a, frames_b]), np.concatenate([k_a, k_b]))
    expected = both - marginal(frames_a, k_a) - marginal(frames_b, k_b)
    found = log_ratio(L, d, *utterance_statistics(frames_b, k_b, means, voices, covariances))
    assert found == pytest.approx(expected, abs=1e-9)
    assert log_likelihood(frames_a, k_a, means, voices, covariances) == pytest.approx(marginal(frames_a, k_a), abs=1e-9)


def test_an_utterance_without_frames_tells_nothing(model):
    empty = utterance_statistics(np.zeros((0, 3)), np.zeros(0, int), *model)
    assert not empty[0].any() and not empty[1].any()
    assert log_ratio(*empty, *utterance_statistics(*utterance(1), *model)) == 0.0


def test_identical_utterances_are_one_speaker_and_long_ones_more_so(model):
    L, d = utterance_statistics(*utterance(1), *model[:3])
    once, ten_times = log_ratio(L, d, L, d), log_ratio(10 * L, 10 * d, 10 * L, 10 * d)
    assert 0 < once < ten_times < np.inf
    assert np.isfinite(log_ratio(1e9 * L, 1e9 * d, L, d))


@pytest.fixture(scope="module")
def many():
    """Statistics of 23 utterances of 7 frames at rank 5, of 3 dimensions and 4 Gaussians."""
    generator = np.random.default_rng(1)
    model = (generator.normal(size=(4, 3)), generator.normal(size=(4, 3, 5)), generator.uniform(0.5, 2, (4, 3)))
    found = [
        utterance_statistics(generator.normal(size=(7, 3)), generator.integers(0, 4, 7), *model) for _ in range(23)
    ]
    return np.stack([L for L, _ in found]), np.stack([d for _, d in found])


@pytest.mark.parametrize("num", [1, 2, 3, 22, 23])
def test_all_pairs_as_one_by_one(many, num):
    L, d = many[0][:num], many[1][:num]
    matrix = pairwise_log_ratio(L, d)
    expected = [[log_ratio(L[i], d[i], L[j], d[j]) for j in range(num)] for i in range(num)]
    assert matrix == pytest.approx(np.array(expected), abs=1e-11)
    assert np.array_equal(matrix, matrix.T)
    assert log_ratio_to_many(L[0], d[0], L, d) == pytest.approx(matrix[0], abs=1e-11)


def test_lists_and_nothing_at_all(many):
    lists = [part[index].tolist() for index in (0, 1) for part in many]
    assert log_ratio(*lists) == log_ratio(many[0][0], many[1][0], many[0][1], many[1][1])
    assert pairwise_log_ratio(many[0][:0], many[1][:0]).shape == (0, 0)


def test_tensors_give_tensors(model, many):
    torch = pytest.importorskip("torch")
    L, d = (torch.as_tensor(part) for part in many)
    for function, arguments in (
        (utterance_statistics, (*utterance(1), *model)),
        (pairwise_log_ratio, many),
        (log_ratio_to_many, (many[0][0], many[1][0], *many)),
    ):
        expected = function(*arguments)
        found = function(*(torch.as_tensor(argument) for argument in arguments))
        for ours, theirs in zip(*(x if isinstance(x, tuple) else (x,) for x in (found, expected)), strict=True):
            assert isinstance(ours, torch.Tensor) and ours.dtype == torch.float64
            assert np.array_equal(ours.numpy(), theirs)
    ratio = log_ratio(L[0], d[0], L[1], d[1])
    assert isinstance(ratio, float) and ratio == log_ratio(many[0][0], many[1][0], many[0][1], many[1][1])


def test_the_way_of_gpus(many):
    """What tensors on a GPU go through, on the CPU."""
    torch = pytest.importorskip("torch")
    from speechlib.clustering import device_evidence

    L, d = (torch.as_tensor(part) for part in many)
    expected = pairwise_log_ratio(*many)
    for pairs in (1, 40, 1 << 18):
        found = device_evidence.pairwise(L, d, pairs).numpy()
        assert found == pytest.approx(expected, abs=1e-11)
        assert np.array_equal(found, found.T)
    with pytest.raises(ValueError, match="not positive definite"):
        device_evidence.evidences(-L, d)


def test_errors_of_frames_and_models(model):
    frames, k = utterance(1)
    means, voices, covariances, channels = model
    for arguments, message in (
        ((frames[:, :2], k, *model), r"frames \(9, 2\): expected \(frames, 3\)"),
        ((frames, k[:4], *model), r"assignment \(4,\)"),
        ((frames, k + 0.5, *model), "assignment .* of float64"),
        ((frames, k + 2, *model), "expected 0 to 3"),
        ((frames, k - 5, *model), "expected 0 to 3"),
        ((frames * np.nan, k, *model), "frames with NaN"),
        ((frames, k, means, voices * np.inf, covariances, channels), "eigenvoices with NaN"),
        ((frames, k, means[:3], voices, covariances, channels), "do not fit"),
        ((frames, k, means, voices[..., 0], covariances, channels), r"expected \(Gaussians, dim, rank\)"),
        ((frames, k, means, voices, covariances, channels[:3]), "do not fit"),
        ((frames, k, means, voices, covariances[:2], channels), r"covariances \(2, 3, 3\)"),
        ((frames, k, means, voices, -covariances, channels), "covariance that is not positive definite"),
        ((frames, k, means, voices, np.zeros((4, 3)), channels), "variances that are not positive"),
    ):
        with pytest.raises(ValueError, match=message):
            utterance_statistics(*arguments)


def test_errors_of_statistics(many):
    L, d = many
    crooked, missing = L.copy(), d.copy()
    crooked[3, 0, 1] += 0.01
    missing[2, 0] = np.nan
    for statistics, message in (
        ((crooked, d), "L is not symmetric"),
        ((L, missing), "NaN or infinite"),
        ((L * np.inf, d), "NaN or infinite"),
        ((-L, d), "item 0.*not positive semidefinite"),
        ((L[:, :4], d), "expected a .rank, rank. matrix"),
        ((L[:5], d), "expected a .rank, rank. matrix"),
    ):
        with pytest.raises(ValueError, match=message):
            pairwise_log_ratio(*statistics)
        if len(statistics[0]) == len(d):
            with pytest.raises(ValueError):
                log_ratio(statistics[0][3], statistics[1][2], L[0], d[0])
    with pytest.raises(ValueError, match="ranks 4 and 5"):
        log_ratio(L[0, :4, :4], d[0, :4], L[1], d[1])
