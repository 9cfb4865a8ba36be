"""Scores of pairs of embeddings: PLDA's log-likelihood ratio (plda.cc, ivector-plda-scoring), cosine, inner product."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from speechlib.backend.plda import Plda
from speechlib.backend.vectors import normalize_length

_BLOCK = 1 << 20  # pairs at a time
_PART = 1 << 10  # vectors at a time
_SINGLE = 1e-4  # scores may round by this at most (Cauchy-Schwarz; in fact a tenth) for single precision to be used
_ROWS = 256  # gathered pairs at a time: they stay in the cache
_CELLS = 1 << 22  # of a dense block (32 MiB)
_DENSE_GAIN = 25  # pairs that a matrix product works out in the time of one gathered pair


@dataclass(frozen=True)
class PairScorer:
    """Scores as inner products: enrolment[i] . test[j] + enrolment_offset[i] + test_offset[j].

    Attributes:
        enrolment: (models, width) float32 or float64.
        test: (utterances, width), of the same type.
        enrolment_offset: (models,) float64.
        test_offset: (utterances,) float64.
    """

    enrolment: np.ndarray
    test: np.ndarray
    enrolment_offset: np.ndarray
    test_offset: np.ndarray

    @classmethod
    def of(
        cls, enrolment: np.ndarray, test: np.ndarray, enrolment_offset: np.ndarray, test_offset: np.ndarray
    ) -> "PairScorer":
        """Make a scorer that works in single precision if the vectors are short enough for that not to show."""
        longest = np.prod([np.sqrt(np.einsum("ij,ij->i", side, side).max(initial=0.0)) for side in (enrolment, test)])
        dtype = np.float32 if longest * np.finfo(np.float32).eps <= _SINGLE else np.float64
        same = enrolment is test
        test = test.astype(dtype, copy=False)
        return cls(test if same else enrolment.astype(dtype, copy=False), test, enrolment_offset, test_offset)

    def score(self, enrolment: np.ndarray, test: np.ndarray) -> np.ndarray:
        """Score pairs.

        Where the pairs fill enough of the rectangle that their rows and columns span, the whole is one matrix product;
        else the rows of each pair are gathered. A pair's score is the same but for the last places.

        Args:
            enrolment: (pairs,) rows of the enrolment side.
            test: (pairs,) rows of the test side.

        Returns:
            (pairs,) float32.
        """
        scores = np.empty(len(enrolment), np.float32)
        for start in range(0, len(enrolment), _BLOCK):
            part = slice(start, start + _BLOCK)
            scores[part] = self._score_block(enrolment[part], test[part])
        return scores

    def _score_block(self, enrolment: np.ndarray, test: np.ndarray) -> np.ndarray:
        rows, columns = _used(enrolment, len(self.enrolment)), _used(test, len(self.test))
        is_dense = len(rows) * len(columns) <= _DENSE_GAIN * len(enrolment)
        scores = (self._dense if is_dense else self._gathered)(enrolment, test, rows, columns)
        return scores + self.enrolment_offset[enrolment] + self.test_offset[test]

    def _gathered(self, enrolment, test, rows, columns) -> np.ndarray:
        scores = np.empty(len(enrolment), self.test.dtype)
        for start in range(0, len(enrolment), _ROWS):
            part = slice(start, start + _ROWS)
            np.einsum("ij,ij->i", self.enrolment[enrolment[part]], self.test[test[part]], out=scores[part])
        return scores

    def _dense(self, enrolment, test, rows, columns) -> np.ndarray:
        scores = np.empty(len(enrolment), self.test.dtype)
        row, column = _places(rows, len(self.enrolment))[enrolment], _places(columns, len(self.test))[test]
        right = self.test[columns].T
        for pairs, first, last in _bands(row, len(rows), max(1, _CELLS // len(columns))):
            band = self.enrolment[rows[first:last]] @ right
            scores[pairs] = band[row[pairs] - first, column[pairs]]
        return scores


def _used(numbers: np.ndarray, size: int) -> np.ndarray:
    """The distinct numbers, in order."""
    used = np.zeros(size, bool)
    used[numbers] = True
    return np.flatnonzero(used)


def _places(used: np.ndarray, size: int) -> np.ndarray:
    """(size,) place of each number among the used ones."""
    places = np.zeros(size, np.int32)
    places[used] = np.arange(len(used))
    return places


def _bands(row: np.ndarray, num_rows: int, height: int) -> Iterator[tuple[slice | np.ndarray, int, int]]:
    """Which pairs lie in each band of rows, and the band."""
    if num_rows <= height:
        yield slice(None), 0, num_rows
        return
    order = np.argsort(row, kind="stable")
    starts = np.arange(0, num_rows, height)
    ends = np.searchsorted(row, starts + height, sorter=order).tolist()
    begin = 0
    for start, end in zip(starts.tolist(), ends, strict=True):
        yield order[begin:end], start, min(start + height, num_rows)
        begin = end


def cosine_scorer(enrolment: np.ndarray, test: np.ndarray) -> PairScorer:
    """Cosine of the angle between vectors; zero vectors score 0.

    Raises:
        ValueError: different dimensions.
    """
    tests = normalize_length(test, scale_up=False)[0]
    models = tests if enrolment is test else normalize_length(enrolment, scale_up=False)[0]
    return inner_product_scorer(models, tests)


def inner_product_scorer(enrolment: np.ndarray, test: np.ndarray) -> PairScorer:
    """Inner products of vectors (ivector-compute-dot-products).

    Raises:
        ValueError: different dimensions.
    """
    if enrolment.shape[1] != test.shape[1]:
        raise ValueError(
            f"enrolment vectors of dimension {enrolment.shape[1]}, test vectors of dimension {test.shape[1]}: "
            f"they must agree"
        )
    return PairScorer.of(enrolment, test, np.zeros(len(enrolment)), np.zeros(len(test)))


def project(
    plda: Plda, vectors: np.ndarray, counts: np.ndarray | None = None, normalize: bool = True, simple: bool = False
) -> np.ndarray:
    """Vectors in the space of the model (Plda::TransformIvector).

    Args:
        plda: the model.
        vectors: (utterances, dim).
        counts: (utterances,) how many vectors each is the mean of; None: one.
        normalize: scale each to the length that the model expects of such a vector.
        simple: to length sqrt(dim) instead.

    Returns:
        (utterances, dim) float64. Vectors at the very mean of the model are not scaled.

    Raises:
        ValueError: the dimensions disagree.
    """
    if vectors.shape[1] != plda.dim:
        raise ValueError(f"vectors of dimension {vectors.shape[1]}, a PLDA of dimension {plda.dim}: they must agree")
    projected = np.empty(vectors.shape)
    for part in _parts(len(vectors)):
        block = np.asarray(vectors[part], np.float64) @ plda.transform.T
        block -= plda.transform @ plda.mean
        if normalize:
            num = 1.0 if counts is None else counts[part, None]
            variances = 1.0 if simple else plda.psi + 1.0 / num
            energy = (block**2 / variances).sum(axis=1, keepdims=True)
            block *= np.sqrt(plda.dim / np.where(energy > 0, energy, plda.dim))
        projected[part] = block
    return projected


def plda_scorer(plda: Plda, enrolment: np.ndarray, test: np.ndarray, counts: np.ndarray | None = None) -> PairScorer:
    """Log-likelihood ratios, same speaker over different speakers (Plda::LogLikelihoodRatio).

    The ratio is a quadratic form of the test vector t: t^2 . quadratic(n) + t . linear(n, u) + offset(n, u) with the
    enrolment mean u of n vectors, diagonal in the space of the model. With one n for all, the first part is worked out
    for each test vector; else both sides are made longer by the squares.

    Args:
        plda: the model.
        enrolment: (models, dim) means of the enrolment vectors, from `project`.
        test: (utterances, dim), from `project`.
        counts: (models,) vectors behind each mean; None: one.

    Returns:
        A scorer whose scores are natural logarithms.
    """
    num = np.ones(len(enrolment)) if counts is None else counts
    distinct, which = np.unique(num, return_inverse=True)
    gain = distinct[:, None] * plda.psi / (distinct[:, None] * plda.psi + 1.0)
    variance = 1.0 + plda.psi / (distinct[:, None] * plda.psi + 1.0)  # given the enrolment; without it 1 + psi
    quadratic = 0.5 * (1.0 / (1.0 + plda.psi) - 1.0 / variance)
    constant = 0.5 * (np.log1p(plda.psi).sum() - np.log(variance).sum(axis=1))
    width = plda.dim if len(distinct) == 1 else 2 * plda.dim
    left, offset = np.empty((len(enrolment), width)), constant[which]
    for part in _parts(len(enrolment)):
        expected = enrolment[part] * gain[which[part]]
        left[part, : plda.dim] = linear = expected / variance[which[part]]
        offset[part] -= 0.5 * np.einsum("ij,ij->i", expected, linear)
        if width > plda.dim:
            left[part, plda.dim :] = quadratic[which[part]]
    test_offset = np.zeros(len(test))
    if width > plda.dim:
        return PairScorer.of(left, np.column_stack([test, test**2]), offset, test_offset)
    for part in _parts(len(test)):
        test_offset[part] = test[part] ** 2 @ quadratic[0]
    return PairScorer.of(left, test, offset, test_offset)


def _parts(size: int) -> Iterator[slice]:
    """Rows that are worked on at a time, few enough to stay in the cache."""
    for start in range(0, size, _PART):
        yield slice(start, start + _PART)
