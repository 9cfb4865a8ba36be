"""Classifiers and regressions of scikit-learn (and xgboost) behind one face, with probabilities that can be trusted."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

CLASSIFIERS = ("svm", "logreg", "gb", "xgb", "knn", "gmm", "tree", "bayes")
REGRESSIONS = ("svr", "lin_reg", "gb_reg", "xgr", "knn_reg", "tree_reg")
WEIGHABLE = ("svm", "svr", "logreg", "lin_reg", "gb", "gb_reg", "xgb", "xgr", "tree", "tree_reg", "bayes")
# What a parameter is called in these options, by its name in INI files and in scikit-learn.
PARAMETERS = {
    "c_val": "c", "c": "c", "kernel": "kernel", "gamma": "gamma", "k_val": "neighbours", "knn_weights": "weights",
    "gmm_components": "components", "gmm_covariance_type": "covariance", "n_estimators": "trees",
    "max_depth": "max_depth", "learning_rate": "learning_rate", "subsample": "subsample",
}  # fmt: skip


@dataclass(frozen=True)
class EstimatorOptions:
    """Parameters of all kinds; each kind takes its own.

    Args:
        c: penalty of svm, svr and logreg; None: 1, of svr .001.
        kernel, gamma: of svm and svr.
        neighbours, weights: of knn.
        components, covariance: Gaussians of a class, of gmm.
        trees, max_depth, learning_rate, subsample: of gb and xgb, max_depth of tree too.
        seed: of what is random.
        num_threads: of what can use several; small data gain nothing from more than one.
    """

    c: float | None = None
    kernel: str = "rbf"
    gamma: str | float = "scale"
    neighbours: int = 5
    weights: str = "uniform"
    components: int = 4
    covariance: str = "full"
    trees: int = 100
    max_depth: int = 6
    learning_rate: float | None = None
    subsample: float = 1.0
    seed: int = 0
    num_threads: int = 1


class Classifier:
    """A classifier of feature vectors.

    The support vector machine decides by soft votes: class i gets the product of sigma(a d_ij) over the other classes
    j, where d_ij is the machine's decision value of the pair; these products, normalised, are its probabilities. The
    scale a comes from decisions about training speakers that were left out. (Its hard votes, which scikit-learn counts,
    say hardly anything of how sure it is.)

    Args:
        kind: one of CLASSIFIERS.
        options: its parameters.

    Attributes:
        estimator: of scikit-learn, or None before `fit`; of gmm a list, one a class.
        scale: of decision values.
        num_classes: of the fit.
    """

    def __init__(self, kind: str, options: EstimatorOptions):
        if kind not in CLASSIFIERS:
            raise ValueError(f"unknown classifier {kind!r}: choose one of {', '.join(CLASSIFIERS)}")
        self.kind, self.options = kind, options
        self.estimator: Any = None
        self.scale, self.num_classes = 1.0, 0
        self.log_priors: list[float] = []

    def fit(
        self, x: np.ndarray, y: np.ndarray, num_classes: int, groups: Sequence | None, weights: np.ndarray | None = None
    ) -> Classifier:
        """Train.

        Args:
            x: (rows, columns).
            y: (rows,) class numbers; every class must occur.
            num_classes: their number.
            groups: (rows,) speakers, for decisions about rows that were left out; None: rows are left out as such.
            weights: (rows,) of the rows.

        Raises:
            ValueError: a class without rows, or weights for a kind that takes none.
        """
        present = np.unique(y)
        if len(present) < num_classes:
            missing = sorted(set(range(num_classes)) - set(present.tolist()))
            raise ValueError(f"classes {missing} have no training sample")
        if weights is not None and self.kind not in WEIGHABLE:
            raise ValueError(f"class_weight does not go with {self.kind}: choose one of {', '.join(WEIGHABLE)}")
        self.num_classes = num_classes
        if self.kind == "gmm":
            self._fit_mixtures(x, y)
            return self
        self.estimator = self._fitted(x, y, weights)
        if self.kind == "svm":
            self.scale = self._decision_scale(x, y, groups, weights)
        return self

    def probabilities(self, x: np.ndarray) -> np.ndarray:
        """(rows, classes) of (rows, columns)."""
        if self.kind == "svm":
            return _softmax(self._log_votes(self.scale * self._decisions(self.estimator, x)))
        if self.kind == "gmm":
            scores = [mixture.score_samples(x) + prior
                      for mixture, prior in zip(self.estimator, self.log_priors, strict=True)]  # fmt: skip
            return _softmax(np.stack(scores, 1))
        return np.asarray(self.estimator.predict_proba(x), np.float64)

    def _fitted(self, x, y, weights):
        return _fitted(_make(self.kind, self.options), x, y, weights, self.options.num_threads)

    def _fit_mixtures(self, x: np.ndarray, y: np.ndarray) -> None:
        from sklearn.mixture import GaussianMixture

        self.estimator, self.log_priors = [], []
        for label in range(self.num_classes):
            rows = x[y == label]
            # A class with few rows cannot fill all components.
            components = max(1, min(self.options.components, len(rows) // 2))
            mixture = GaussianMixture(
                components, covariance_type=self.options.covariance, random_state=self.options.seed, reg_covar=1e-3
            )
            self.estimator.append(mixture.fit(rows))
            self.log_priors.append(float(np.log(len(rows) / len(x))))

    @staticmethod
    def _decisions(machine, x: np.ndarray) -> np.ndarray:
        """(rows, pairs) decision values, positive for the first class of (0, 1), (0, 2), ..., (1, 2), ..."""
        values = machine.decision_function(x)
        return -values[:, None] if values.ndim == 1 else values

    def _log_votes(self, decisions: np.ndarray) -> np.ndarray:
        """(rows, classes) sums of log sigma(d_ij) over the other classes."""
        votes = np.zeros((len(decisions), self.num_classes))
        pairs = itertools.combinations(range(self.num_classes), 2)
        for pair, (first, second) in enumerate(pairs):
            votes[:, first] -= np.logaddexp(0.0, -decisions[:, pair])
            votes[:, second] -= np.logaddexp(0.0, decisions[:, pair])
        return votes

    def _decision_scale(self, x, y, groups, weights) -> float:
        """The scale at which left-out rows are most likely (temperature scaling; Guo et al., 2017)."""
        from scipy.optimize import minimize_scalar

        values, truth = [], []
        for left_out in inner_folds(y, groups):
            if len(np.unique(y[~left_out])) < self.num_classes:
                continue
            own = None if weights is None else weights[~left_out]
            machine = self._fitted(x[~left_out], y[~left_out], own)
            values.append(self._decisions(machine, x[left_out]))
            truth.append(y[left_out])
        if not values:
            return 1.0
        decisions, right = np.concatenate(values), np.concatenate(truth)

        def loss(log_scale: float) -> float:
            logits = self._log_votes(np.exp(log_scale) * decisions)
            top = logits.max(1)
            normal = top + np.log(np.exp(logits - top[:, None]).sum(1))
            return float((normal - logits[np.arange(len(right)), right]).mean())

        return float(np.exp(minimize_scalar(loss, bounds=(-4.0, 4.0), method="bounded").x))


class Regression:
    """A regression on feature vectors.

    Args:
        kind: one of REGRESSIONS.
        options: its parameters.
    """

    def __init__(self, kind: str, options: EstimatorOptions):
        if kind not in REGRESSIONS:
            raise ValueError(f"unknown regression {kind!r}: choose one of {', '.join(REGRESSIONS)}")
        self.kind, self.options = kind, options
        self.estimator: Any = None

    def fit(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None) -> Regression:
        """Train on (rows, columns) and (rows,) numbers."""
        self.estimator = _fitted(_make(self.kind, self.options), x, y, weights, self.options.num_threads)
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        """(rows,) numbers."""
        return np.asarray(self.estimator.predict(x), np.float64)


def inner_folds(y: np.ndarray, groups: Sequence | None, num_folds: int = 5) -> list[np.ndarray]:
    """Masks of left-out rows for decisions within a training part: whole speakers where there are two or more.

    Args:
        y: (rows,) targets; their number counts alone.
        groups: (rows,) speakers, or None.
        num_folds: at most so many.
    """
    names = sorted(set(groups)) if groups is not None else []
    if len(names) >= 2:
        groups = np.asarray(groups)
        return [np.isin(groups, names[fold::num_folds]) for fold in range(min(num_folds, len(names)))]
    return [np.arange(len(y)) % num_folds == fold for fold in range(min(num_folds, len(y)))]


def _make(kind: str, options: EstimatorOptions):
    """An estimator of scikit-learn or xgboost that is not fitted."""
    c = options.c if options.c is not None else (0.001 if kind == "svr" else 1.0)
    if kind == "svm":
        from sklearn.svm import SVC

        return SVC(C=c, kernel=options.kernel, gamma=options.gamma, decision_function_shape="ovo")
    if kind == "svr":
        from sklearn.svm import SVR

        return SVR(C=c, kernel=options.kernel, gamma=options.gamma)
    if kind in ("logreg", "lin_reg"):
        from sklearn.linear_model import LinearRegression, LogisticRegression

        return LogisticRegression(C=c, max_iter=5000) if kind == "logreg" else LinearRegression()
    if kind in ("gb", "gb_reg"):
        from sklearn import ensemble

        make = ensemble.HistGradientBoostingClassifier if kind == "gb" else ensemble.HistGradientBoostingRegressor
        rate = 0.1 if options.learning_rate is None else options.learning_rate
        # Leaves of 20, the default, leave hardly a split to a class of 30 samples; histograms need no more bins.
        return make(
            max_iter=options.trees, max_depth=options.max_depth, learning_rate=rate, min_samples_leaf=5, max_bins=63,
            early_stopping=False, random_state=options.seed,
        )  # fmt: skip
    if kind in ("xgb", "xgr"):
        try:
            import xgboost
        except ImportError:
            raise ImportError(
                f"the model {kind} needs xgboost (Apache-2.0): utils/setup_env.sh xgboost, or pip install xgboost; "
                "`gb` is scikit-learn's gradient boosting, which is there"
            ) from None
        make = xgboost.XGBClassifier if kind == "xgb" else xgboost.XGBRegressor
        rate = 0.3 if options.learning_rate is None else options.learning_rate
        return make(
            n_estimators=options.trees, max_depth=options.max_depth, learning_rate=rate, subsample=options.subsample,
            random_state=options.seed, n_jobs=options.num_threads,
        )  # fmt: skip
    if kind in ("knn", "knn_reg"):
        from sklearn import neighbors

        make = neighbors.KNeighborsClassifier if kind == "knn" else neighbors.KNeighborsRegressor
        # Trees over a few columns find the same neighbours, but a kept model must not hold them: their insides are
        # offsets into memory, which a file could set to anything.
        return make(options.neighbours, weights=options.weights, algorithm="brute")
    if kind == "bayes":
        from sklearn.naive_bayes import GaussianNB

        return GaussianNB()
    from sklearn import tree

    make = tree.DecisionTreeClassifier if kind == "tree" else tree.DecisionTreeRegressor
    return make(max_depth=options.max_depth, random_state=options.seed)


def _fitted(estimator, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None, num_threads: int):
    from threadpoolctl import threadpool_limits

    with threadpool_limits(num_threads):
        return estimator.fit(x, y) if weights is None else estimator.fit(x, y, sample_weight=weights)


def _softmax(logits: np.ndarray) -> np.ndarray:
    values = np.exp(logits - logits.max(1, keepdims=True))
    return values / values.sum(1, keepdims=True)
