"""Folders of eigenvoice models: what is written is read, and files of different models are refused."""

import numpy as np
import pytest

from speechlib.io.eigenvoice_models import read_eigenvoice_model, write_eigenvoices
from speechlib.io.gmm_models import Mixture, write_diag_gmm
from speechlib.io.tables import read_matrix, write_matrix

GAUSSIANS, DIM, RANK = 3, 2, 4


@pytest.fixture
def arrays():
    generator = np.random.default_rng(0)
    return (
        generator.standard_normal((GAUSSIANS, DIM)),
        generator.standard_normal((GAUSSIANS, DIM, RANK)),
        generator.standard_normal((GAUSSIANS, DIM, 1)),
    )


@pytest.fixture
def folder(tmp_path):
    inverses = np.full((GAUSSIANS, DIM), 4.0)
    mixture = Mixture(np.array([0.5, 0.25, 0.25]), np.ones((GAUSSIANS, DIM)) * inverses, inverses)
    write_diag_gmm(str(tmp_path / "final.dubm"), mixture, np.zeros(GAUSSIANS))
    return tmp_path


def test_what_is_written_is_read(folder, arrays):
    means, voices, channels = arrays
    write_eigenvoices(folder, means, voices, channels)
    model = read_eigenvoice_model(folder)
    for found, expected in zip(model[1:2] + model[3:], (means, voices, channels), strict=True):
        assert np.array_equal(found, expected)
    assert np.array_equal(model.variances, np.full((GAUSSIANS, DIM), 0.25))
    assert np.array_equal(model.weights, [0.5, 0.25, 0.25])
    # Row 1 * dim + 0 of the file belongs to the second Gaussian's first dimension.
    assert np.array_equal(read_matrix(str(folder / "eigenvoices.mat"))[DIM], voices[1, 0])


def test_channels_of_an_older_model_are_gone(folder, arrays):
    means, voices, channels = arrays
    write_eigenvoices(folder, means, voices, channels)
    write_eigenvoices(folder, means, voices)
    assert read_eigenvoice_model(folder).eigenchannels is None


def test_missing_file_names_the_step(folder, arrays):
    with pytest.raises(FileNotFoundError, match=r"means\.mat: steps/train_eigenvoices\.sh"):
        read_eigenvoice_model(folder)


@pytest.mark.parametrize(
    ("name", "matrix", "message"),
    [
        ("means.mat", np.ones((GAUSSIANS, DIM + 1)), r"means\.mat: a matrix of 3 x 3, but final\.dubm has 3 Gaussians"),
        ("eigenvoices.mat", np.ones((5, RANK)), r"eigenvoices\.mat: a matrix of 5 x 4, .* need 6 rows"),
        ("eigenchannels.mat", np.full((6, 1), np.nan), r"eigenchannels\.mat: NaN"),
    ],
)
def test_files_of_another_model(folder, arrays, name, matrix, message):
    write_eigenvoices(folder, *arrays)
    write_matrix(str(folder / name), matrix)
    with pytest.raises(ValueError, match=message):
        read_eigenvoice_model(folder)


def test_arrays_that_do_not_fit_are_not_written(folder, arrays):
    means, voices, _ = arrays
    with pytest.raises(ValueError, match="eigenvoices"):
        write_eigenvoices(folder, means, voices[:2])
    assert not (folder / "means.mat").exists()
