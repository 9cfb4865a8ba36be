"""Where large products of mixtures and factor models are computed: NumPy and LAPACK here, or torch on a GPU.

What runs there is written with operators that NumPy's arrays and torch's tensors share; what they do not share is in
the two classes below. Torch is imported only where a device asks for it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from speechlib.gmm.gselect import exponentials

_NOT_POSITIVE = "the posterior precision of an i-vector is not positive definite: NaN in the features or the model"


class HostAlgebra:
    """NumPy on the CPU."""

    block_frames = 2048  # of frames x Gaussians at a time: their posteriors stay in the cache

    def put(self, array: np.ndarray) -> Any:
        """An array where it is worked on."""
        return array

    def constant(self, array: np.ndarray) -> Any:
        """As `put`, for what is used again: it is moved once."""
        return array

    def get(self, array: Any) -> np.ndarray:
        """Back to NumPy."""
        return array

    def softmax(self, log_likelihoods: Any) -> tuple[Any, Any]:
        """Posteriors of (frames, Gaussians), which are overwritten, and the frames' log-likelihoods (frames,)."""
        weights, total, log_total = exponentials(log_likelihoods)
        weights /= total[:, None]
        return weights, log_total

    def weighted_sums(self, log_likelihoods: Any, rows: Any) -> tuple[np.ndarray, float]:
        """Sums of rows by the posteriors of (frames, Gaussians), and the log-likelihood; both are overwritten."""
        weights, total, log_total = exponentials(log_likelihoods)
        rows /= total[:, None]  # a third of the work of dividing the weights
        return weights.T @ rows, float(log_total.sum(dtype=np.float64))

    def posteriors(self, linear: Any, packed: Any, rows: np.ndarray, columns: np.ndarray) -> tuple[Any, Any, Any, Any]:
        """Normal distributions from their natural parameters.

        Args:
            linear: (many, size) precision times mean.
            packed: (many, size * (size + 1) / 2) lower triangles of the precisions.
            rows: the row of each element of a triangle.
            columns: its column.

        Returns:
            Means (many, size), packed covariances, log-determinants of the precisions (many,), traces of the
            covariances (many,).

        Raises:
            ValueError: a precision that is not positive definite.
        """
        from scipy.linalg import lapack  # costs more to import than a small job computes

        num, size = linear.shape
        means, covariances = np.empty((num, size)), np.empty_like(packed)
        log_dets, traces = np.empty(num), np.empty(num)
        square, flat = np.zeros(size * size), rows * size + columns
        for index in range(num):
            # The upper triangle of LAPACK's column-major view is our lower one.
            square[flat] = packed[index]
            factor, failed = lapack.dpotrf(square.reshape(size, size).T, lower=False, clean=False)
            if failed:
                raise ValueError(_NOT_POSITIVE)
            log_dets[index] = 2 * np.log(np.diagonal(factor)).sum()
            means[index], _ = lapack.dpotrs(factor, linear[index], lower=False)
            inverse, _ = lapack.dpotri(factor, lower=False, overwrite_c=True)
            traces[index] = np.trace(inverse)
            inverse.T.reshape(-1).take(flat, out=covariances[index])
        return means, covariances, log_dets, traces


class TorchAlgebra:
    """Torch on a device; the methods are those of HostAlgebra, the arrays between them are tensors.

    Args:
        device: cuda, cuda:N, or cpu.

    Raises:
        ValueError: there is no such device.
    """

    block_frames = 65536

    def __init__(self, device: str):
        import torch

        try:
            self._device = torch.device(device)
            torch.zeros(1, device=self._device)
        except (RuntimeError, AssertionError) as error:
            raise ValueError(f"--device {device}: {str(error).splitlines()[0]}") from None
        self._torch = torch
        self._constants: dict[int, tuple[np.ndarray, Any]] = {}

    def put(self, array: np.ndarray) -> Any:
        """An array as a tensor on the device."""
        return self._torch.as_tensor(np.ascontiguousarray(array), device=self._device)

    def constant(self, array: np.ndarray) -> Any:
        """As `put`; the tensor is kept."""
        if id(array) not in self._constants:
            self._constants[id(array)] = (array, self.put(array))  # holding the array keeps its id from being reused
        return self._constants[id(array)][1]

    def get(self, array: Any) -> np.ndarray:
        """A tensor as a NumPy array."""
        return array.cpu().numpy()

    def softmax(self, log_likelihoods: Any) -> tuple[Any, Any]:
        """As HostAlgebra.softmax."""
        log_total = self._torch.logsumexp(log_likelihoods, dim=1)
        return (log_likelihoods - log_total[:, None]).exp_(), log_total

    def weighted_sums(self, log_likelihoods: Any, rows: Any) -> tuple[np.ndarray, float]:
        """As HostAlgebra.weighted_sums."""
        weights, log_total = self.softmax(log_likelihoods)
        return self.get(weights.T @ rows), float(log_total.double().sum())

    def posteriors(self, linear: Any, packed: Any, rows: np.ndarray, columns: np.ndarray) -> tuple[Any, Any, Any, Any]:
        """As HostAlgebra.posteriors, all of them at once."""
        torch = self._torch
        rows, columns = self.constant(rows), self.constant(columns)
        num, size = linear.shape
        full = torch.empty((num, size, size), dtype=packed.dtype, device=self._device)
        full[:, rows, columns] = packed
        full[:, columns, rows] = packed
        factors, failed = torch.linalg.cholesky_ex(full)
        if bool(failed.any()):
            raise ValueError(_NOT_POSITIVE)
        means = torch.cholesky_solve(linear[..., None], factors)[..., 0]
        inverses = torch.cholesky_inverse(factors)
        diagonal = torch.diagonal(factors, dim1=1, dim2=2)
        return (means, inverses[:, rows, columns], 2 * diagonal.log().sum(dim=1),
                torch.diagonal(inverses, dim1=1, dim2=2).sum(dim=1))  # fmt: skip


def open_algebra(device: str) -> HostAlgebra | TorchAlgebra:
    """The algebra of a device: cpu is NumPy, torch:cpu torch on the CPU, cuda or cuda:N a GPU.

    Raises:
        ValueError: there is no such device.
    """
    return HostAlgebra() if device == "cpu" else TorchAlgebra(device.removeprefix("torch:"))
