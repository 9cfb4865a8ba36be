"""The utterance comparison model: do two utterances share their speaker? (Jeon et al., 2009)

A frame x of Gaussian k is normal with mean m_k + V_k y + U_k z and covariance C_k; y is the speaker's, z the
utterance's channel, both standard normal. All that an utterance says about its speaker is L = sum V'C^-1V and
d = sum V'C^-1(x - m), or what is left of them after integrating over its channel. The ratio
R = p(A, B | one speaker) / (p(A) p(B)) needs no more, and the statistics of a cluster are the sums of those of its
utterances, each with a channel of its own.

Everything is in double precision. Arrays may be NumPy's or torch's; the kind, and the device, of the result are those
of the arguments.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from speechlib.clustering import device_evidence
from speechlib.clustering.evidence import Evidence

_SYMMETRIC = 1e-6  # of the largest element: sums that were in single precision once are let through


def utterance_statistics(
    frames: Any, assignment: Any, means: Any, eigenvoices: Any, covariances: Any, eigenchannels: Any = None
) -> tuple[Any, Any]:
    """What an utterance tells about its speaker: {L, d}, or {L~, g} where there are eigenchannels.

    Args:
        frames: (frames, dim); an utterance without frames tells nothing: zeros.
        assignment: (frames,) the Gaussian of each frame, counted from 0.
        means: (Gaussians, dim).
        eigenvoices: (Gaussians, dim, rank) V.
        covariances: (Gaussians, dim) variances, or (Gaussians, dim, dim) C.
        eigenchannels: (Gaussians, dim, channel rank) U, or None.

    Returns:
        Precision (rank, rank) and linear term (rank,) of the logarithm of p(frames | y), up to a constant.

    Raises:
        ValueError: shapes that do not fit, values that are not finite, a Gaussian that does not exist, a covariance
            that is not positive definite.
    """
    (frames, assignment, means, eigenvoices, covariances, eigenchannels), restore = _to_host(
        frames, assignment, means, eigenvoices, covariances, eigenchannels
    )
    loadings = _loadings(eigenvoices, eigenchannels)
    white, residuals, _ = _whiten(frames, assignment, means, loadings, covariances)
    precision, linear = integrate_channel(*_sums(white, residuals, assignment), eigenvoices.shape[2])
    return restore(precision), restore(linear)


def log_likelihood(
    frames: Any, assignment: Any, means: Any, eigenvoices: Any, covariances: Any, eigenchannels: Any = None
) -> float:
    """Log p(frames | assignment), speaker and channel integrated out; the arguments of `utterance_statistics`."""
    (frames, assignment, means, eigenvoices, covariances, eigenchannels), _ = _to_host(
        frames, assignment, means, eigenvoices, covariances, eigenchannels
    )
    loadings = _loadings(eigenvoices, eigenchannels)
    white, residuals, log_volume = _whiten(frames, assignment, means, loadings, covariances)
    precision, linear = _sums(white, residuals, assignment)
    constant = residuals.size * np.log(2 * np.pi) + log_volume + (residuals**2).sum()
    return float(_evidences(precision[None], linear[None])[0] - 0.5 * constant)


def integrate_channel(precisions: np.ndarray, linear: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """Integrate the channel out of statistics of speaker and channel together: {L~, g} of the paper.

    Args:
        precisions: (..., rank + channel rank, rank + channel rank) sums of [V U]' C^-1 [V U].
        linear: (..., rank + channel rank) sums of [V U]' C^-1 (x - m).
        rank: how many of them are the speaker's.

    Returns:
        L~ = L - F'KF (..., rank, rank) and g = d - F'Ke (..., rank), with K = (I + S_U)^-1; L and d where rank is all.
    """
    speaker, centre = precisions[..., :rank, :rank], linear[..., :rank]
    if precisions.shape[-1] == rank:
        return speaker, centre
    cross = precisions[..., rank:, :rank]
    channel = precisions[..., rank:, rank:] + np.eye(precisions.shape[-1] - rank)
    # c^-1 F and c^-1 e with c = chol(I + S_U): F'KF is then a product with itself, symmetric and not negative.
    factor = np.linalg.cholesky(channel)
    half = np.linalg.solve(factor, np.concatenate([cross, linear[..., rank:, None]], axis=-1))
    crossed = np.swapaxes(half[..., :rank], -1, -2)
    return speaker - crossed @ half[..., :rank], centre - (crossed @ half[..., rank:])[..., 0]


def log_ratio(L_a: Any, d_a: Any, L_b: Any, d_b: Any) -> float:
    """Log R = h(L_a + L_b, d_a + d_b) - h(L_a, d_a) - h(L_b, d_b): above 0, one speaker explains both better.

    Args:
        L_a: (rank, rank) of an utterance or a cluster.
        d_a: (rank,).
        L_b: (rank, rank) of the other.
        d_b: (rank,).

    Raises:
        ValueError: shapes that do not fit, values that are not finite, L not symmetric or not positive semidefinite.
    """
    L_b, d_b = (array if _is_tensor(array) else np.asarray(array) for array in (L_b, d_b))
    return float(log_ratio_to_many(L_a, d_a, L_b[None], d_b[None])[0])


def log_ratio_to_many(L_a: Any, d_a: Any, L: Any, d: Any) -> Any:
    """Log R of one with many.

    Args:
        L_a: (rank, rank).
        d_a: (rank,).
        L: (items, rank, rank).
        d: (items, rank).

    Returns:
        (items,) log R.

    Raises:
        ValueError: as `log_ratio`.
    """
    if _on_gpu(L):
        L_a, d_a, L, d = (tensor.double() for tensor in (L_a, d_a, L, d))
        _check(L, d)
        _check(L_a[None], d_a[None])
        return device_evidence.evidences(L + L_a, d + d_a) - (
            device_evidence.evidences(L, d) + device_evidence.evidences(L_a, d_a)
        )
    (L_a, d_a, L, d), restore = _to_host(L_a, d_a, L, d)
    _check(L, d)
    _check(L_a[None], d_a[None])
    if L_a.shape != L.shape[1:]:
        raise ValueError(f"statistics of ranks {L_a.shape[0]} and {L.shape[1]}: expected the same model's")
    single = np.concatenate([L_a, d_a[:, None]], axis=1)
    alone = _evidences(L, d) + _evidences(L_a[None], d_a[None])
    return restore(Evidence(len(d_a)).of(_columns(L, d), single) - alone)


def pairwise_log_ratio(L: Any, d: Any) -> Any:
    """Log R of all pairs.

    Args:
        L: (items, rank, rank).
        d: (items, rank).

    Returns:
        (items, items), symmetric; the diagonal holds each item's log R with a copy of itself.

    Raises:
        ValueError: as `log_ratio`.
    """
    if _on_gpu(L):
        _check(L, d)
        return device_evidence.pairwise(L.double(), d.double())
    (L, d), restore = _to_host(L, d)
    _check(L, d)
    _evidences(L, d)
    return restore(Evidence(d.shape[1]).pairwise(_columns(L, d)))


def _to_host(*arrays: Any) -> tuple[list, Callable[[np.ndarray], Any]]:
    """The arguments as NumPy's, in double precision, integers and None as they are; and the way back for results."""
    tensors = [array for array in arrays if _is_tensor(array)]
    host = []
    for array in arrays:
        array = array.detach().cpu().numpy() if _is_tensor(array) else array
        if array is not None:
            array = np.asarray(array)
            array = array if array.dtype.kind in "iu" else array.astype(np.float64, copy=False)
        host.append(array)
    if not tensors:
        return host, lambda result: result
    torch = sys.modules["torch"]
    return host, lambda result: torch.as_tensor(np.ascontiguousarray(result), device=tensors[0].device)


def _is_tensor(array: Any) -> bool:
    torch = sys.modules.get("torch")  # there is no tensor where nobody has imported it
    return torch is not None and isinstance(array, torch.Tensor)


def _on_gpu(array: Any) -> bool:
    return _is_tensor(array) and array.device.type != "cpu"


def _check(precisions: Any, linear: Any) -> None:
    """Raise a ValueError unless these are statistics (items, rank, rank) and (items, rank)."""
    num, rank = linear.shape if linear.ndim == 2 else (0, 0)
    if linear.ndim != 2 or tuple(precisions.shape) != (num, rank, rank) or rank == 0:
        raise ValueError(f"statistics L {tuple(precisions.shape)} and d {tuple(linear.shape)}: expected a (rank, rank) "
                         "matrix and a (rank,) vector for each item")
    largest = abs(precisions).max() if num else 0.0
    if not (largest < np.inf and (num == 0 or abs(linear).max() < np.inf)):
        raise ValueError("statistics with NaN or infinite values")
    if num and not abs(precisions - precisions.swapaxes(1, 2)).max() <= _SYMMETRIC * largest:
        raise ValueError("L is not symmetric: expected a sum of V' C^-1 V")


def _columns(precisions: np.ndarray, linear: np.ndarray) -> np.ndarray:
    """Statistics with the items as last axis, (rank, rank + 1, items)."""
    return np.concatenate([precisions.transpose(1, 2, 0), linear.T[:, None]], axis=1)


def _evidences(precisions: np.ndarray, linear: np.ndarray) -> np.ndarray:
    """h(L, d) (items,)."""
    evidences = Evidence(linear.shape[1]).of(_columns(precisions, linear))
    bad = np.flatnonzero(~np.isfinite(evidences))
    if bad.size:
        raise ValueError(f"L of item {bad[0]} is not positive semidefinite: expected a sum of V' C^-1 V")
    return evidences


def _loadings(eigenvoices: np.ndarray, eigenchannels: np.ndarray | None) -> np.ndarray:
    if eigenvoices.ndim != 3 or (eigenchannels is not None and eigenchannels.ndim != 3):
        shapes = [matrix.shape for matrix in (eigenvoices, eigenchannels) if matrix is not None]
        raise ValueError(f"eigenvoices or eigenchannels {shapes}: expected (Gaussians, dim, rank)")
    if eigenchannels is None:
        return eigenvoices
    if eigenchannels.shape[:2] != eigenvoices.shape[:2]:
        raise ValueError(f"eigenvoices {eigenvoices.shape} and eigenchannels {eigenchannels.shape} do not fit")
    return np.concatenate([eigenvoices, eigenchannels], axis=2)


def _whiten(
    frames: np.ndarray, assignment: np.ndarray, means: np.ndarray, loadings: np.ndarray, covariances: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """c_k^-1 [V U] (Gaussians, dim, rank), c_k^-1 (x - m_k) (frames, dim), and the sum of log |C_k| over the frames."""
    num_gauss, dim = means.shape if means.ndim == 2 else (0, 0)
    if means.ndim != 2 or loadings.shape[:2] != (num_gauss, dim):
        raise ValueError(f"means {means.shape} and eigenvoices {loadings.shape} do not fit")
    if covariances.shape not in ((num_gauss, dim), (num_gauss, dim, dim)):
        raise ValueError(f"covariances {covariances.shape}: expected {(num_gauss, dim)} or {(num_gauss, dim, dim)}")
    if frames.ndim != 2 or frames.shape[1] != dim:
        raise ValueError(f"frames {frames.shape}: expected (frames, {dim})")
    if assignment.shape != (len(frames),) or (len(frames) and assignment.dtype.kind not in "iu"):
        raise ValueError(f"assignment {assignment.shape} of {assignment.dtype}: expected the number of a Gaussian for "
                         f"each of {len(frames)} frames")
    if len(frames) and not (0 <= assignment.min() and assignment.max() < num_gauss):
        raise ValueError(f"frames of Gaussians {assignment.min()} to {assignment.max()}: expected 0 to {num_gauss - 1}")
    for name, array in (("frames", frames), ("means", means), ("eigenvoices", loadings), ("covariances", covariances)):
        if not np.isfinite(array).all():
            raise ValueError(f"{name} with NaN or infinite values")
    assignment = assignment.astype(np.intp)
    residuals = frames - means[assignment]
    if covariances.ndim == 2:
        if not (covariances > 0).all():
            raise ValueError("variances that are not positive")
        deviations = np.sqrt(covariances)
        log_volume = 2 * np.log(deviations)[assignment].sum()
        return loadings / deviations[..., None], residuals / deviations[assignment], log_volume
    try:
        factors = np.linalg.cholesky(covariances)
    except np.linalg.LinAlgError:
        raise ValueError("a covariance that is not positive definite") from None
    log_volume = 2 * np.log(np.diagonal(factors, axis1=1, axis2=2))[assignment].sum()
    for gaussian in np.unique(assignment):
        own = assignment == gaussian
        residuals[own] = np.linalg.solve(factors[gaussian], residuals[own].T).T
    return np.linalg.solve(factors, loadings), residuals, log_volume


def _sums(white: np.ndarray, residuals: np.ndarray, assignment: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Statistics of speaker and channel together, (rank, rank) and (rank,), from what `_whiten` returns."""
    num_gauss, dim, rank = white.shape
    assignment = assignment.astype(np.intp)
    counts = np.bincount(assignment, minlength=num_gauss)
    used = np.flatnonzero(counts)
    sums = np.zeros((num_gauss, dim))
    np.add.at(sums, assignment, residuals)
    # Rows weighed by the root of the counts: a product with itself is symmetric to the last bit.
    rows = (white[used] * np.sqrt(counts[used])[:, None, None]).reshape(-1, rank)
    return rows.T @ rows, white[used].reshape(-1, rank).T @ sums[used].reshape(-1)
