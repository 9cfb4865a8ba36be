"""Folders of eigenvoice models, what utterances are compared with: a mixture, its eigenvoices and eigenchannels.

    final.dubm         the mixture of diagonal Gaussians, in Kaldi's format: its weights and variances count here
    means.mat          (Gaussians, dim): the centre that speakers deviate from
    eigenvoices.mat    (Gaussians * dim, rank): how they do, the rows of the first Gaussian first
    eigenchannels.mat  (Gaussians * dim, channel rank): how utterances deviate from their speaker; absent if unused
"""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np

from speechlib.io.gmm_models import read_diag_gmm
from speechlib.io.tables import read_matrix, write_matrix

_MADE_BY = "steps/train_eigenvoices.sh makes such folders"


class EigenvoiceModel(NamedTuple):
    """What utterances are compared with, float64.

    Attributes:
        weights: (Gaussians,) of the mixture.
        means: (Gaussians, dim) the centre.
        variances: (Gaussians, dim).
        eigenvoices: (Gaussians, dim, rank).
        eigenchannels: (Gaussians, dim, channel rank), or None.
    """

    weights: np.ndarray
    means: np.ndarray
    variances: np.ndarray
    eigenvoices: np.ndarray
    eigenchannels: np.ndarray | None


def read_eigenvoice_model(folder: str | os.PathLike) -> EigenvoiceModel:
    """Read a model's folder.

    Raises:
        ValueError: matrices that do not fit the mixture, or with NaN; the message names the file.
        OSError: a file is missing.
    """
    names = {name: os.path.join(folder, name) for name in ("final.dubm", "means.mat", "eigenvoices.mat")}
    for path in names.values():
        if not os.path.isfile(path):
            raise FileNotFoundError(f"no file {path}: {_MADE_BY}")
    mixture = read_diag_gmm(names["final.dubm"])
    shape = mixture.inverses.shape
    means = _read(names["means.mat"])
    if means.shape != shape:
        raise ValueError(f"{names['means.mat']}: a matrix of {_size(means.shape)}, but final.dubm has {shape[0]} "
                         f"Gaussians of {shape[1]} dimensions: the files belong to different models")
    channels = os.path.join(folder, "eigenchannels.mat")
    return EigenvoiceModel(
        mixture.weights.astype(np.float64),
        means,
        1 / mixture.inverses.astype(np.float64),
        _read_directions(names["eigenvoices.mat"], shape),
        _read_directions(channels, shape) if os.path.isfile(channels) else None,
    )


def write_eigenvoices(
    folder: str | os.PathLike, means: np.ndarray, eigenvoices: np.ndarray, eigenchannels: np.ndarray | None = None
) -> None:
    """Write what belongs to a folder beside the mixture that is there; each file appears whole.

    Args:
        folder: of the model.
        means: (Gaussians, dim).
        eigenvoices: (Gaussians, dim, rank).
        eigenchannels: (Gaussians, dim, channel rank); without any, those of an older model are removed.

    Raises:
        ValueError: arrays that do not fit each other. OSError: a file cannot be written.
    """
    for name, directions in (("eigenvoices", eigenvoices), ("eigenchannels", eigenchannels)):
        if directions is not None and (np.ndim(directions) != 3 or directions.shape[:2] != means.shape):
            raise ValueError(f"{name} {np.shape(directions)} do not fit means {means.shape}")
    channels = os.path.join(folder, "eigenchannels.mat")
    if eigenchannels is None:
        if os.path.exists(channels):
            os.remove(channels)
    else:
        write_matrix(channels, _flatten(eigenchannels))
    write_matrix(os.path.join(folder, "means.mat"), np.asarray(means, np.float64))
    write_matrix(os.path.join(folder, "eigenvoices.mat"), _flatten(eigenvoices))


def _read(path: str) -> np.ndarray:
    matrix = read_matrix(path).astype(np.float64)
    if not np.isfinite(matrix).all():
        raise ValueError(f"{path}: NaN or infinite values")
    return matrix


def _read_directions(path: str, shape: tuple[int, int]) -> np.ndarray:
    matrix = _read(path)
    if len(matrix) != shape[0] * shape[1] or not matrix.shape[1]:
        raise ValueError(f"{path}: a matrix of {_size(matrix.shape)}, but final.dubm's {shape[0]} Gaussians of "
                         f"{shape[1]} dimensions need {shape[0] * shape[1]} rows: the files belong to different models")
    return matrix.reshape(*shape, matrix.shape[1])


def _flatten(directions: np.ndarray) -> np.ndarray:
    gaussians, dim, rank = directions.shape
    return np.ascontiguousarray(directions, np.float64).reshape(gaussians * dim, rank)


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
