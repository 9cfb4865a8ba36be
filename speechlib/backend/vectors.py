"""Embeddings as rows of a matrix: means, length normalisation, transforms, whitening (Kaldi's ivectorbin)."""

import numpy as np

from speechlib.backend.linear_algebra import sorted_eigenvectors

_BLOCK = 1 << 14  # rows that are worked on in double precision at a time


def global_mean(vectors: np.ndarray) -> np.ndarray:
    """Mean of all rows (ivector-mean with one input).

    Args:
        vectors: (utterances, dim), at least one.

    Returns:
        (dim,) float64.
    """
    return vectors.sum(axis=0, dtype=np.float64) / len(vectors)


def normalize_length(vectors: np.ndarray, scale_up: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Scale each row to the length that a standard normal vector has (ivector-normalize-length).

    Args:
        vectors: (utterances, dim).
        scale_up: to length sqrt(dim); False: to length 1.

    Returns:
        (utterances, dim) of the same type, zero vectors unchanged, and (utterances,) ratios of old to new length.
    """
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
    ratios = lengths / np.sqrt(vectors.shape[1]) if scale_up else lengths
    scales = np.where(ratios > 0, ratios, 1.0)
    return (vectors / scales[:, None]).astype(vectors.dtype), ratios


def transform(vectors: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Multiply each row by a linear or affine transform (transform-vec).

    Args:
        vectors: (utterances, dim).
        matrix: (new dim, dim), or (new dim, dim + 1) with the offset in the last column.

    Returns:
        (utterances, new dim), of the vectors' type.

    Raises:
        ValueError: the dimensions do not fit.
    """
    dim = vectors.shape[1]
    columns = matrix.shape[1]
    if columns not in (dim, dim + 1):
        raise ValueError(f"a transform of {columns} columns, vectors of dimension {dim}: expected {dim} or {dim + 1}")
    out = np.empty((len(vectors), len(matrix)), vectors.dtype)
    linear = np.asarray(matrix[:, :dim], np.float64).T
    offset = np.asarray(matrix[:, dim], np.float64) if columns > dim else 0.0
    for start in range(0, len(vectors), _BLOCK):
        rows = slice(start, start + _BLOCK)
        out[rows] = vectors[rows].astype(np.float64) @ linear + offset
    return out


def covariance_root(covariance: np.ndarray, floor: float) -> tuple[np.ndarray, int]:
    """Transform that makes a covariance the identity (ComputeNormalizingTransform of ivector-compute-lda).

    Args:
        covariance: (dim, dim), symmetric.
        floor: least eigenvalue, as a share of the largest.

    Returns:
        (dim, dim) float64 whose rows are scaled eigenvectors, the largest eigenvalue first, and how many eigenvalues
        were raised to the floor.

    Raises:
        ValueError: no eigenvalue is positive: all vectors are the same.
    """
    values, directions = sorted_eigenvectors(covariance)
    if values[0] <= 0:
        raise ValueError("the vectors do not vary: their covariance is zero")
    least = floor * values[0]
    num_floored = int(np.count_nonzero(values < least))
    values = np.maximum(values, least)
    if values[-1] <= 0:
        raise ValueError("the covariance is singular: give more vectors than dimensions, or a positive floor")
    return directions.T / np.sqrt(values)[:, None], num_floored


def whitening(vectors: np.ndarray, within: np.ndarray | None = None, floor: float = 1e-6) -> tuple[np.ndarray, int]:
    """Affine transform to mean zero and covariance identity: of all vectors, or within the speakers (WCCN).

    Args:
        vectors: (utterances, dim).
        within: (dim, dim) covariance within speakers, for within-class covariance normalisation (Hatch et al., 2006);
            None: the covariance of all vectors.
        floor: least eigenvalue, as a share of the largest.

    Returns:
        (dim, dim + 1) float64 with the offset last, for `transform`, and how many eigenvalues were floored. The
        rotation is undone (ZCA), so that the coordinates stay comparable.

    Raises:
        ValueError: fewer vectors than dimensions, or vectors that do not vary.
    """
    num, dim = vectors.shape
    if within is None and num <= dim:
        raise ValueError(f"{num} vectors of dimension {dim}: whitening needs more vectors than dimensions")
    mean = global_mean(vectors)
    covariance = scatter(vectors, mean) / num if within is None else within
    root, num_floored = covariance_root(covariance, floor)
    linear = (root / np.linalg.norm(root, axis=1)[:, None]).T @ root
    return np.column_stack([linear, -linear @ mean]), num_floored


def scatter(vectors: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """(dim, dim) float64 sum of the outer products of the rows less a mean."""
    total = np.zeros((vectors.shape[1],) * 2)
    for start in range(0, len(vectors), _BLOCK):
        centred = vectors[start : start + _BLOCK] - mean
        total += centred.T @ centred
    return total
