"""Statistics of many utterances for their comparison: which Gaussian each frame belongs to, given who speaks.

Jeon et al. (2009) take each frame as one Gaussian's, that which is likeliest for the speaker: k(t) maximises
log c_k + log N(x_t; m_k + V_k y + U_k z, C_k), and y and z follow from the assignment (their MAP point), in turns from
y = z = 0 on. The sum of these maxima over the frames, with log p(y) + log p(z), never falls. The soft variant has
posteriors instead of maxima and is EM for the mixture's likelihood.

Double precision throughout, so that an utterance's statistics do not depend on those it is computed with.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from speechlib.clustering.utterance_comparison import integrate_channel

_BLOCK_FRAMES = 4096  # of a long utterance, at a time
_PADDED_FRAMES = 1 << 18  # at a time on a GPU: 0.5 GB for 256 Gaussians


class BatchStatistics(NamedTuple):
    """What a batch of utterances tells about its speakers.

    Attributes:
        precisions: (utterances, rank, rank) L, or L~ where there are eigenchannels.
        linear: (utterances, rank) d, or g.
        occupancies: (utterances, Gaussians) frames, or posteriors, of each Gaussian.
        objectives: (iterations, utterances) log-likelihood of the frames, assigned by the point so far, with the
            point's log-density (up to its constant): each row at least the one before.
    """

    precisions: np.ndarray
    linear: np.ndarray
    occupancies: np.ndarray
    objectives: np.ndarray


class StatisticsExtractor:
    """Assigns frames to Gaussians and sums up statistics.

    Args:
        weights: (Gaussians,).
        means: (Gaussians, dim).
        variances: (Gaussians, dim).
        eigenvoices: (Gaussians, dim, rank).
        eigenchannels: (Gaussians, dim, channel rank), or None.
        soft: posteriors instead of one Gaussian a frame.
        num_iters: assignments, the first by the mixture itself; fewer if none changes.
        frame_scale: what each frame counts: neighbours are not independent.
        device: cpu for NumPy; cuda, cuda:N or torch:cpu for torch.

    Raises:
        ValueError: options out of range, shapes that do not fit, values that are no model's, no such device.
    """

    def __init__(
        self,
        weights: np.ndarray,
        means: np.ndarray,
        variances: np.ndarray,
        eigenvoices: np.ndarray,
        eigenchannels: np.ndarray | None = None,
        soft: bool = False,
        num_iters: int = 3,
        frame_scale: float = 1.0,
        device: str = "cpu",
    ):
        if num_iters < 1 or not 0 < frame_scale < np.inf:
            raise ValueError(f"{num_iters} iterations, frames that count {frame_scale}: expected >= 1, and above 0")
        loadings = eigenvoices if eigenchannels is None else np.concatenate([eigenvoices, eigenchannels], axis=2)
        if not (weights.shape == means.shape[:1] and means.shape == variances.shape == loadings.shape[:2]):
            raise ValueError(f"weights {weights.shape}, means {means.shape}, variances {variances.shape} and "
                             f"eigenvoices {eigenvoices.shape} do not fit")
        finite = np.isfinite(means).all() and np.isfinite(variances).all() and np.isfinite(loadings).all()
        if not ((weights >= 0).all() and weights.any() and (variances > 0).all() and finite):
            raise ValueError("a model with negative weights, variances that are not positive, or NaN")
        self._rank, self._soft, self._num_iters, self._scale = eigenvoices.shape[2], soft, num_iters, frame_scale
        self.num_gauss, self.dim, self._total = loadings.shape
        precise = (loadings / variances[..., None]).reshape(-1, self._total)
        grams = np.einsum("mfi,mfj->mij", precise.reshape(loadings.shape), loadings)
        with np.errstate(divide="ignore"):
            constants = np.log(weights) - 0.5 * (np.log(2 * np.pi * variances) + means**2 / variances).sum(axis=1)
        # Of a frame's [x, 1, x^2]: the log-likelihoods of the mixture.
        projection = np.concatenate([(means / variances).T, constants[None], -0.5 / variances.T])
        self._means = means
        engine = _Host if device == "cpu" else _Device
        self._engine = engine(
            device.removeprefix("torch:"), soft, projection,
            shift=np.ascontiguousarray(precise.T),
            bend=((means[:, None] @ precise.reshape(loadings.shape))[:, 0].T, grams.reshape(self.num_gauss, -1)),
            precise=precise,
        )  # fmt: skip

    def extract(self, features: np.ndarray, lengths: np.ndarray) -> BatchStatistics:
        """Statistics of utterances one after the other.

        Args:
            features: (frames, dim).
            lengths: (utterances,) frames of each, at least one.

        Raises:
            ValueError: features of another dimension, or with NaN; an utterance without frames.
        """
        if features.ndim != 2 or features.shape[1] != self.dim:
            raise ValueError(f"features {features.shape}: expected (frames, {self.dim}), as the model was trained on")
        if not np.isfinite(features).all():
            raise ValueError("features with NaN or infinite values")
        if lengths.sum() != len(features) or (lengths < 1).any():
            raise ValueError(f"utterances of {lengths} frames for {len(features)}: expected at least one of each")
        features, ends = np.asarray(features, np.float64), np.cumsum(lengths)
        found = []
        groups = self._engine.groups(lengths)
        for group in groups:
            whole = len(group) == len(lengths)
            frames = features if whole else np.concatenate([features[ends[i] - lengths[i] : ends[i]] for i in group])
            found.append(self._extract(frames, lengths if whole else lengths[group]))
        if len(found) == 1:
            return found[0]
        back = np.argsort(np.concatenate(groups))
        *of_utterances, objectives = zip(*found, strict=True)
        joined = (np.concatenate(parts)[back] for parts in of_utterances)
        return BatchStatistics(*joined, np.concatenate(objectives, axis=1)[:, back])

    def _extract(self, features: np.ndarray, lengths: np.ndarray) -> BatchStatistics:
        num, total = len(lengths), self._total
        points = np.zeros((num, total))
        precisions, linear = np.zeros((num, total, total)), np.zeros((num, total))
        occupancies = np.zeros((num, self.num_gauss))
        objectives = np.zeros((self._num_iters, num))
        self._engine.begin(features, lengths)
        active = np.arange(num)
        for iteration in range(self._num_iters):
            likelihoods, counts, sums, changed = self._engine.assign(active, points[active])
            objectives[iteration:, active] = self._scale * likelihoods - 0.5 * (points[active] ** 2).sum(axis=1)
            # What did not change gives the same point again.
            active, counts, sums = active[changed], counts[changed], sums[changed]
            if not len(active):
                break
            occupancies[active] = counts
            residuals = sums - counts[..., None] * self._means
            precision, linear[active] = self._engine.statistics(counts, residuals)
            precision = self._scale * precision.reshape(-1, total, total)
            precisions[active] = (precision + precision.swapaxes(1, 2)) / 2
            linear[active] *= self._scale
            points[active] = np.linalg.solve(precisions[active] + np.eye(total), linear[active][..., None])[..., 0]
        return BatchStatistics(*integrate_channel(precisions, linear, self._rank), occupancies, objectives)


class _Host:
    """The large products by NumPy, an utterance at a time where they are of its frames."""

    def __init__(self, device: str, soft: bool, projection: np.ndarray, shift: np.ndarray, bend, precise: np.ndarray):
        del device
        self._soft, self._projection, self._shift, self._precise = soft, projection, shift, precise
        self._mean_shift, self._grams = bend

    def groups(self, lengths: np.ndarray) -> list[np.ndarray]:
        """Utterances of a batch that are best worked on together."""
        return [np.arange(len(lengths))]

    def begin(self, features: np.ndarray, lengths: np.ndarray) -> None:
        """Keep a batch."""
        frames = np.concatenate([features, np.ones((len(features), 1)), features**2], axis=1)
        self._frames = np.split(frames, np.cumsum(lengths)[:-1])
        self._gaussians: list[np.ndarray | None] = [None] * len(lengths)

    def assign(
        self, active: np.ndarray, points: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Assign the frames of some utterances.

        Args:
            active: (some,) numbers of the utterances.
            points: (some, rank) the speaker and channel of each.

        Returns:
            Log-likelihoods (some,), frames of each Gaussian (some, Gaussians), their sums (some, Gaussians, dim), and
            which utterances have other Gaussians than before (some,).
        """
        num_gauss, size = self._projection.shape[1], len(self._projection) // 2 + 1
        sums = np.zeros((len(active), num_gauss, size))
        likelihoods, changed = np.zeros(len(active)), np.ones(len(active), bool)
        maps = self._maps(points)
        for index, utterance in enumerate(active):
            projection = self._projection.copy()
            projection[:size] += maps[index]
            chosen = []
            for begin in range(0, len(self._frames[utterance]), _BLOCK_FRAMES):
                frames = self._frames[utterance][begin : begin + _BLOCK_FRAMES]
                likelihood, posteriors, best = self._posteriors(frames @ projection)
                likelihoods[index] += likelihood
                sums[index] += posteriors.T @ frames[:, :size]
                chosen.append(best)
            if not self._soft:
                before, best = self._gaussians[utterance], np.concatenate(chosen)
                changed[index] = before is None or not np.array_equal(best, before)
                self._gaussians[utterance] = best
        return likelihoods, sums[..., -1], sums[..., :-1], changed

    def _posteriors(self, scores: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Log-likelihood of frames, posteriors (frames, Gaussians), likeliest Gaussians (frames,); loses the scores."""
        best = scores.argmax(axis=1)
        rows = np.arange(len(best))
        highest = scores[rows, best]
        if self._soft:
            scores -= highest[:, None]
            posteriors = np.exp(scores, out=scores)
            norms = posteriors.sum(axis=1)
            posteriors /= norms[:, None]
            return float((highest + np.log(norms)).sum()), posteriors, best
        scores[:] = 0.0
        scores[rows, best] = 1.0
        return float(highest.sum()), scores, best

    def _maps(self, points: np.ndarray) -> np.ndarray:
        """(some, dim + 1, Gaussians): what the points add to the log-likelihoods of [x, 1]."""
        num, num_gauss = len(points), len(self._grams)
        rank = points.shape[1]
        dim = self._shift.shape[1] // num_gauss
        maps = np.empty((num, dim + 1, num_gauss))
        # x'C^-1 V y - m'C^-1 V y - y'V'C^-1 V y / 2
        maps[:, :dim] = (points @ self._shift).reshape(num, num_gauss, dim).swapaxes(1, 2)
        squares = (points[:, :, None] * points[:, None]).reshape(num, rank * rank)
        maps[:, dim] = -points @ self._mean_shift - 0.5 * squares @ self._grams.T
        return maps

    def statistics(self, counts: np.ndarray, residuals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """L (some, rank * rank) and d (some, rank) from frames of each Gaussian and their sums about the means."""
        return counts @ self._grams, residuals.reshape(len(counts), -1) @ self._precise


class _Device(_Host):
    """The large products by torch on a GPU, all utterances at once, the shorter ones padded."""

    def __init__(self, device: str, soft: bool, projection: np.ndarray, shift: np.ndarray, bend, precise: np.ndarray):
        import torch

        try:
            self._device = torch.device(device)
            torch.zeros(1, device=self._device)
        except (RuntimeError, AssertionError) as error:
            raise ValueError(f"--device {device}: {str(error).splitlines()[0]}") from None
        self._torch = torch
        arrays = (self._put(array) for array in (projection, shift, bend[0], bend[1], precise))
        self._projection, self._shift, self._mean_shift, self._grams, self._precise = arrays
        self._soft = soft

    def _put(self, array: np.ndarray):
        return self._torch.as_tensor(np.ascontiguousarray(array), device=self._device)

    def groups(self, lengths: np.ndarray) -> list[np.ndarray]:
        """Utterances of about the same length, the longest first: little padding."""
        groups: list[list[int]] = []
        for utterance in np.argsort(-lengths, kind="stable").tolist():
            longest = lengths[groups[-1][0]] if groups else 0
            if lengths[utterance] * 2 > longest > 0 and longest * (len(groups[-1]) + 1) <= _PADDED_FRAMES:
                groups[-1].append(utterance)
            else:
                groups.append([utterance])
        return [np.array(group) for group in groups]

    def begin(self, features: np.ndarray, lengths: np.ndarray) -> None:
        """As _Host.begin."""
        places = np.arange(lengths.max()) < lengths[:, None]
        padded = np.zeros((*places.shape, features.shape[1]))
        padded[places] = features
        self._there = self._put(places)
        frames = self._put(padded)
        ones = self._there.to(frames.dtype)[..., None]
        self._frames = self._torch.cat([frames, ones], dim=2)
        self._likelihoods = self._torch.cat([self._frames, frames**2], dim=2) @ self._projection
        self._best = self._torch.full(places.shape, -1, device=self._device)

    def assign(self, active: np.ndarray, points: np.ndarray):
        """As _Host.assign."""
        chosen = self._put(active)
        frames, there, dim = self._frames[chosen], self._there[chosen], self._frames.shape[2] - 1
        scores = self._likelihoods[chosen] + frames @ self._maps(self._put(points))
        if self._soft:
            likelihoods = scores.logsumexp(dim=2)
            posteriors = self._torch.softmax(scores, dim=2)
            changed = np.ones(len(active), bool)
        else:
            likelihoods, best = scores.max(dim=2)
            changed = ((best != self._best[chosen]) & there).any(dim=1).cpu().numpy()
            self._best[chosen] = best
            posteriors = self._torch.zeros_like(scores).scatter_(2, best[..., None], 1.0)
        # The rows of padding are zero in the frames.
        sums = (posteriors.swapaxes(1, 2) @ frames).cpu().numpy()
        return (likelihoods * there).sum(dim=1).cpu().numpy(), sums[..., dim], sums[..., :dim], changed

    def _maps(self, points):
        num, num_gauss = len(points), len(self._grams)
        shifts = (points @ self._shift).reshape(num, num_gauss, -1).swapaxes(1, 2)
        squares = (points[:, :, None] * points[:, None]).reshape(num, -1)
        offsets = -points @ self._mean_shift - 0.5 * squares @ self._grams.T
        return self._torch.cat([shifts, offsets[:, None]], dim=1)

    def statistics(self, counts: np.ndarray, residuals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As _Host.statistics."""
        found = super().statistics(self._put(counts), self._put(residuals))
        return found[0].cpu().numpy(), found[1].cpu().numpy()
