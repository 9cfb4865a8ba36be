"""Kaldi's PLDA files: <Plda> mean transform psi </Plda> (Plda::Write in ivector/plda.cc)."""

import numpy as np

from speechlib.io.kaldi_model import read_model, write_model


def read_plda(rxfilename: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read mean (dim,), transform (dim, dim) and between-class variances (dim,), float64.

    Raises:
        ValueError: another kind of model, damaged data, or values that are not finite. OSError: it cannot be read.
    """
    items = read_model(rxfilename)
    arrays = items[1:-1]
    tokens = [item if isinstance(item, str) else "" for item in (*items[:1], *items[-1:])]
    if tokens != ["<Plda>", "</Plda>"] or len(arrays) != 3 or not all(isinstance(a, np.ndarray) for a in arrays):
        raise ValueError(f"{rxfilename}: not a PLDA: expected <Plda> mean transform psi </Plda>")
    mean, transform, psi = (np.asarray(array, np.float64) for array in arrays)
    dim = mean.size
    if mean.shape != (dim,) or transform.size != dim * dim or psi.shape != (dim,) or not dim:
        raise ValueError(
            f"{rxfilename}: a PLDA with a mean of shape {mean.shape}, a transform of {transform.shape} and variances "
            f"of {psi.shape}: the dimensions must agree"
        )
    if not (np.isfinite(mean).all() and np.isfinite(transform).all() and np.isfinite(psi).all() and psi.min() >= 0):
        raise ValueError(f"{rxfilename}: a PLDA with values that are not finite, or negative variances: train it anew")
    return mean, transform.reshape(dim, dim), psi


def write_plda(wxfilename: str, mean: np.ndarray, transform: np.ndarray, psi: np.ndarray, binary: bool = True) -> None:
    """Write a PLDA in double precision, as Kaldi does; text has 7 significant digits.

    Raises:
        OSError: it cannot be written.
    """
    arrays = (np.asarray(array, np.float64) for array in (mean, transform, psi))
    write_model(wxfilename, ["<Plda>", *arrays, "</Plda>"], binary)
