"""Leaks between training and evaluation are errors that name what is shared."""

import numpy as np
import pytest

from speechlib.io.leaks import LeakError, check_disjoint, check_identical, matrix_digest


def test_disjoint_sets_pass():
    check_disjoint("utterances", ["a", "b"], ["c"])
    check_disjoint("utterances", [], [])


def test_shared_names_are_an_error():
    with pytest.raises(LeakError, match=r"7 utterances are in training and in evaluation \(u0, u1, u2, u3, u4, ...\)"):
        check_disjoint("utterances", [f"u{k}" for k in range(9)], [f"u{k}" for k in range(7)] * 2)
    assert issubclass(LeakError, ValueError)


def test_identical_features_under_other_names_are_an_error():
    rng = np.random.default_rng(0)
    first, second = (rng.normal(size=(5, 3)).astype(np.float32) for _ in range(2))
    training = {"a": matrix_digest(first), "b": matrix_digest(second)}
    check_identical(training, {"c": matrix_digest(first + 1e-6)})
    with pytest.raises(LeakError, match=r"1 utterances of evaluation .* \(b = c\)"):
        check_identical(training, {"c": matrix_digest(second.copy())})


def test_digest_sees_shape_type_and_values():
    matrix = np.arange(12, dtype=np.float32).reshape(3, 4)
    digests = {matrix_digest(m) for m in (matrix, matrix.reshape(4, 3), matrix.astype(np.float64), matrix + 1)}
    assert len(digests) == 4
    assert matrix_digest(np.asfortranarray(matrix)) == matrix_digest(matrix)
    assert matrix_digest(matrix[:0]) != matrix_digest(matrix)
