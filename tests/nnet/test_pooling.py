"""Pooling against numpy, with masks and in chunks."""

import numpy as np
import pytest
import torch

from speechlib.nnet.pooling import POOLINGS, RunningMoments, mask_frames, moments


@pytest.fixture(autouse=True)
def seed():
    """The same random numbers in every run."""
    torch.manual_seed(0)


def test_moments_are_numpys_with_and_without_masks():
    values = torch.randn(3, 4, 50) + 5
    lengths = torch.tensor([50, 7, 1])
    for mask, ends in ((None, [50, 50, 50]), (lengths, [50, 7, 1])):
        mean, variance = moments(values, mask)
        for row, end in enumerate(ends):
            np.testing.assert_allclose(mean[row], values[row, :, :end].numpy().mean(axis=1), atol=1e-6)
            np.testing.assert_allclose(variance[row], values[row, :, :end].numpy().var(axis=1), atol=1e-6)


def test_gradient_of_moments():
    values = torch.randn(2, 3, 7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(moments, (values,))
    with torch.autocast("cpu", torch.bfloat16):
        mean, variance = moments(values.detach().bfloat16().requires_grad_())
    assert mean.dtype == variance.dtype == torch.float32


def test_poolings():
    values, lengths = torch.randn(2, 3, 20), torch.tensor([20, 9])
    average, stats = POOLINGS["average"](), POOLINGS["stats"]()
    np.testing.assert_allclose(stats(values, lengths)[:, :3], average(values, lengths), atol=1e-6)
    np.testing.assert_allclose(stats(values)[0, 3:], values[0].numpy().std(axis=1), atol=1e-6)
    assert average.outputs_per_unit == 1 and stats.outputs_per_unit == 2
    assert stats(torch.ones(1, 3, 1)).isfinite().all()
    constant = torch.full((1, 2, 8), 3.0, requires_grad=True)
    stats(constant).sum().backward()  # the root of a variance of 0 has a gradient all the same
    assert bool(constant.grad.isfinite().all())
    assert stats(values.bfloat16()).dtype == torch.float32 and average(values.double()).dtype == torch.float64


def test_filling_may_be_anything_even_nan():
    values = torch.randn(2, 3, 6)
    values[1, :, 4:] = float("nan")
    lengths = torch.tensor([6, 4])
    for pooling in POOLINGS.values():
        assert bool(pooling()(values, lengths).isfinite().all())
    masked = mask_frames(values[:, None], lengths)
    assert bool((masked[1, ..., 4:] == 0).all()) and bool((masked[0, 0] == values[0]).all())


@pytest.mark.parametrize("cuts", [[], [1], [10, 20, 90], list(range(1, 100))])
def test_running_moments(cuts):
    values = torch.randn(1, 5, 100) * 0.01 + 100  # where the mean of squares would lose the variance
    running = RunningMoments()
    for part in torch.tensor_split(values, cuts, dim=-1):
        running.add(part)
    running.add(values[..., :0])
    exact = values.double()
    assert running.count == 100
    torch.testing.assert_close(running.mean, exact.mean(dim=-1), atol=0, rtol=1e-6)
    torch.testing.assert_close(running.variance.sqrt(), exact.std(dim=-1, correction=0), atol=1e-5, rtol=0)
