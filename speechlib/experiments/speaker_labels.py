"""Predicted speakers: embeddings of samples, clustered bottom up by cosine distance with average linkage.

The embeddings are those of the speaker network that PREDICT.speaker.model names. Without one, mean and covariance of
MFCCs stand in: they tell a few voices apart that speak evenly and long enough (all six in 60 pieces of LibriSpeech),
and fail where emotions change voices more than speakers differ (adjusted Rand index 0.2 on acted emotions).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from speechlib.experiments.extractor import Extractor, resampled
from speechlib.experiments.extractors import EmbeddingExtractor
from speechlib.experiments.features import compute
from speechlib.experiments.outcome import store_folder
from speechlib.io.experiment_ini import ExperimentIni
from speechlib.io.feature_store import code_digest
from speechlib.io.samples import Samples

MOST_ITEMS = 20000  # clustered together: the distances of all pairs are held, 3 GB of them
_MOST_SPEAKERS = 100  # that a silhouette is computed for
_LEAST_FRAMES = 20  # of speech, for a covariance
# Pieces of one LibriSpeech speaker reach silhouettes of 0.10-0.19 with statistics (two speakers: 0.30-0.48), and of
# 0.28-0.36 with embeddings of a small network (two speakers: 0.52-0.88).
_LEAST_SILHOUETTE = {"statistics": 0.25, "network": 0.4}


class StatisticsExtractor(Extractor):
    """Mean and covariance of MFCCs without their energy, over the frames with speech."""

    kind = "mfcc_statistics"

    def __init__(self):
        self.options = {
            "num_ceps": 20, "num_mel_bins": 40, "use_energy": True, "dither": 0.0, "snip_edges": False,
        }  # fmt: skip
        self.description = {"options": self.options, "code": code_digest("features", "experiments/speaker_labels.py")}
        self._extractor = None

    def compute(self, samples: np.ndarray, rate: int) -> np.ndarray:
        from speechlib.features.build import OPTIONS, build_extractor
        from speechlib.features.vad import energy_vad

        if self._extractor is None:
            self._extractor = build_extractor(OPTIONS["mfcc"](**self.options))
        frames = self._extractor.compute(resampled(samples, rate)).numpy().astype(np.float64)
        if len(frames) < _LEAST_FRAMES:
            raise ValueError(f"{len(frames)} frames of 10 ms: to tell a voice takes {_LEAST_FRAMES}")
        voiced = energy_vad(frames) > 0
        frames = frames[voiced if voiced.sum() >= _LEAST_FRAMES else slice(None), 1:]
        return np.concatenate([frames.mean(0), np.cov(frames.T)[np.triu_indices(frames.shape[1])]])

    def names(self, dim: int) -> Sequence[str]:
        return [f"statistic{number}" for number in range(dim)]


def predict_speakers(
    ini: ExperimentIni, samples: Samples, say: Callable[[str], None], groups: Sequence[str] | None = None
) -> list[str]:
    """Predicted speakers of samples.

    PREDICT.speaker.threshold cuts at a cosine distance: of embeddings as they are, of statistics after they were
    standardised over the whole table. PREDICT.speaker.number says how many speakers there are in the whole table.
    Without either the best mean silhouette decides, of vectors minus their mean over what is clustered (statistics are
    divided by their standard deviation, too); where it is low, there is one speaker.

    Args:
        ini: of the experiment; its store keeps embeddings.
        samples: to label; speakers are numbered in their order.
        say: is told about progress, and what the labels are worth.
        groups: (rows,) names, such as those of recordings, within which to cluster; None: the whole table.

    Returns:
        (rows,) `speaker1`, `speaker2`, ... of the whole table, or `<group>:speaker1`, ... of each group.

    Raises:
        ValueError: samples that give no embedding (all are listed), more samples than distances can be held of, or
            values of the keys that do not fit.
    """
    folder = ini.get("PREDICT", "speaker.model")
    threshold, number = ini.get("PREDICT", "speaker.threshold"), ini.get("PREDICT", "speaker.number")
    if threshold is not None and not 0 < threshold < 2:
        raise ini.error("PREDICT", "speaker.threshold", f"expected a distance between 0 and 2, got {threshold:g}")
    if number is not None and (threshold is not None or not 1 <= number):
        raise ini.error("PREDICT", "speaker.number", "expected 1 speaker or more, and no speaker.threshold beside it")
    if folder:
        feats_config = ini.get("PREDICT", "speaker.feats_config")
        extractor: Extractor = EmbeddingExtractor(folder, None, feats_config, ini.where("PREDICT", "speaker.model"))
    else:
        extractor = StatisticsExtractor()
        say("note: speakers are told apart by statistics of MFCCs, which is rough: better name a speaker network, "
            "speaker.model = <folder> in [PREDICT]")  # fmt: skip
    rows_of: dict[str, list[int]] = {}
    for row, group in enumerate([""] * len(samples) if groups is None else groups):
        rows_of.setdefault(group, []).append(row)
    largest = max(map(len, rows_of.values()), default=0)
    if largest > MOST_ITEMS:
        raise ValueError(f"{largest} samples to cluster, {MOST_ITEMS} are possible: select fewer, or cluster by file")
    if number is not None and groups is None and number > len(samples):
        raise ini.error("PREDICT", "speaker.number", f"there are {len(samples)} samples for {number} speakers")
    vectors = np.array(compute(extractor, samples, store_folder(ini), False, say), np.float64)
    if not folder and threshold is not None:
        vectors = _standardised(vectors)
    labels = [""] * len(samples)
    for group, rows in rows_of.items():
        found = _clusters(vectors[rows], bool(folder), threshold, number if groups is None else None)
        for row, cluster in zip(rows, found, strict=True):
            labels[row] = f"{group}:speaker{cluster + 1}" if groups is not None else f"speaker{cluster + 1}"
    say(f"{len(set(labels))} predicted speakers of {len(samples)} samples"
        + (f" in {len(rows_of)} recordings" if groups is not None else ""))  # fmt: skip
    return labels


def _clusters(vectors: np.ndarray, network: bool, threshold: float | None, number: int | None) -> np.ndarray:
    """(rows,) cluster numbers in the order of their first rows."""
    from speechlib.clustering.agglomerative import cosine_distances, cut_tree, merges_at_distance, merges_for_clusters
    from speechlib.clustering.linkage import linkage_tree
    from speechlib.clustering.silhouette import best_cut

    # What differs by rounding alone has no direction once the mean is taken away.
    if np.ptp(vectors, axis=0).max() <= 1e-6 * np.abs(vectors).max():
        return np.zeros(len(vectors), int)
    if threshold is None:
        vectors = vectors - vectors.mean(0) if network else _standardised(vectors)
    pairs = cosine_distances(vectors)
    distances = np.zeros((len(vectors), len(vectors)))
    distances[np.triu_indices(len(vectors), 1)] = pairs
    distances += distances.T
    tree = linkage_tree(distances, "average")
    if threshold is not None:
        return cut_tree(tree, merges_at_distance(tree, threshold))
    if number is not None:
        return cut_tree(tree, merges_for_clusters(tree, number))
    least = _LEAST_SILHOUETTE["network" if network else "statistics"]
    return best_cut(tree, distances, min(_MOST_SPEAKERS, len(vectors) // 2), least)[0]


def _standardised(vectors: np.ndarray) -> np.ndarray:
    deviations = vectors.std(0)
    varies = deviations > 1e-6 * np.abs(vectors).max(0)
    return np.where(varies, (vectors - vectors.mean(0)) / np.where(varies, deviations, 1.0), 0.0)
