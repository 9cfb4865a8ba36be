"""Evidence of speaker posteriors, log R's h(L, d), of tensors on a GPU: batched Cholesky factors by torch."""

from __future__ import annotations

from typing import Any

_PAIRS = 1 << 18  # at a time: 0.9 GB at rank 20


def evidences(precisions: Any, linear: Any) -> Any:
    """h(L, d) of tensors.

    Args:
        precisions: (..., rank, rank).
        linear: (..., rank).

    Returns:
        (...,) |c^-1 d|^2 / 2 - log |c|, c the Cholesky factor of I + L.

    Raises:
        ValueError: I + L is not positive definite.
    """
    import torch

    identity = torch.eye(linear.shape[-1], dtype=precisions.dtype, device=precisions.device)
    factors, failed = torch.linalg.cholesky_ex(precisions + identity)
    if bool(failed.any()):
        raise ValueError("statistics where I + L is not positive definite: expected a sum of V' C^-1 V")
    half = torch.linalg.solve_triangular(factors, linear[..., None], upper=False)[..., 0]
    return 0.5 * (half**2).sum(-1) - torch.diagonal(factors, dim1=-2, dim2=-1).log().sum(-1)


def pairwise(precisions: Any, linear: Any, num_pairs: int = _PAIRS) -> Any:
    """Log R of all pairs.

    Args:
        precisions: (items, rank, rank).
        linear: (items, rank).
        num_pairs: at a time, or those of one item.

    Returns:
        (items, items), symmetric; the diagonal compares each item with itself.

    Raises:
        ValueError: I + L is not positive definite.
    """
    import torch

    num = len(linear)
    own = evidences(precisions, linear)
    matrix = torch.empty((num, num), dtype=precisions.dtype, device=precisions.device)
    begin = 0
    while begin < num:
        end = min(num, begin + max(1, num_pairs // (num - begin)))
        rows, rest = slice(begin, end), slice(begin, num)
        sums = (values[rows, None] + values[None, rest] for values in (precisions, linear))
        ratios = evidences(*sums) - (own[rows, None] + own[None, rest])
        matrix[rows, rest], matrix[rest, rows] = ratios, ratios.T
        # The square on the diagonal was worked out twice; one of the two goes into both of its halves.
        square = ratios[:, : end - begin].triu()
        matrix[rows, rows] = square + square.triu(1).T
        begin = end
    return matrix
