"""The features of training utterances, read through once: checked, taken through a front end, and kept."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from speechlib.io.datadir import DataDir
from speechlib.io.frame_cache import FrameCache
from speechlib.io.leaks import matrix_digest
from speechlib.io.tables import RandomAccessTable
from speechlib.io.training_run import say

_REPORT_SECONDS = 60.0


@dataclass
class TrainingFeatures:
    """What was found.

    Attributes:
        num_frames: frames behind the front end, by utterance.
        dim: coefficients in the archive.
        digests: of what the archives hold, decisions included, by utterance.
        features_digests: of the features alone.
        left_out: why, by utterance.
    """

    num_frames: dict[str, int] = field(default_factory=dict)
    dim: int = 0
    digests: dict[str, str] = field(default_factory=dict)
    features_digests: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def read_decisions(data: DataDir) -> RandomAccessTable:
    """The voicing decisions of a data directory.

    Raises:
        FileNotFoundError: there are none.
    """
    if not data.has("vad.scp"):
        raise FileNotFoundError(f"{data.path}/vad.scp: no such file: run steps/compute_vad.sh first, or set vad: false "
                                "in the section frontend")  # fmt: skip
    return RandomAccessTable(f"scp:{data.path}/vad.scp", kind="vector")


def read_training_features(
    data: DataDir,
    utterances: Sequence[str],
    process: Callable[[np.ndarray, np.ndarray | None], np.ndarray],
    nothing_left: type[Exception],
    decisions: RandomAccessTable | None,
    min_frames: int,
    cache: FrameCache | None,
) -> TrainingFeatures:
    """Read features and decisions, and keep what the front end makes of them.

    Args:
        data: with feats.scp.
        utterances: that are wanted, in this order.
        process: the front end, from features and decisions to features.
        nothing_left: what it raises where nothing is left of an utterance.
        decisions: voicing decisions, if the front end wants them.
        min_frames: utterances of fewer frames behind the front end are left out.
        cache: where to keep the frames; None: nowhere.

    Raises:
        ValueError: an utterance without features, of another dimension than the first, with NaN, or with decisions of
            another length.
        OSError: there is no feats.scp, or an archive is missing.
    """
    if not data.has("feats.scp"):
        raise FileNotFoundError(f"{data.path}/feats.scp: no such file: make features with steps/make_feats.sh first")
    table = RandomAccessTable(f"scp:{data.path}/feats.scp", kind="matrix")
    missing = [utterance for utterance in utterances if utterance not in table]
    if missing:
        raise ValueError(f"{data.path}/feats.scp: no features of {len(missing)} of {len(utterances)} utterances, such "
                         f"as {missing[0]}: make them, or run utils/fix_data_dir.sh {data.path}")
    found, first = TrainingFeatures(), ""
    said = time.monotonic()
    for number, utterance in enumerate(utterances):
        if time.monotonic() - said > _REPORT_SECONDS:
            say(f"{data.path}: {number} of {len(utterances)} utterances read")
            said = time.monotonic()
        if decisions is not None and utterance not in decisions:
            found.left_out[utterance] = "is not in vad.scp"
            continue
        features = table[utterance]
        voiced = decisions[utterance] if decisions is not None else None
        if not len(features):
            found.left_out[utterance] = "has no frames"
            continue
        if not first:
            found.dim, first = features.shape[1], utterance
        if features.shape[1] != found.dim:
            raise ValueError(f"{data.path}/feats.scp: {utterance} has features of dimension {features.shape[1]}, but "
                             f"{first} has {found.dim}: make all of them with one configuration")
        if not np.isfinite(features).all():
            raise ValueError(f"{data.path}/feats.scp: {utterance} holds NaN or infinity: make its features again")
        try:
            frames = process(features, voiced)
        except nothing_left as error:
            found.left_out[utterance] = str(error)
            continue
        except ValueError as error:
            raise ValueError(f"{data.path}: utterance {utterance}: {error}") from None
        if len(frames) < min_frames:
            found.left_out[utterance] = f"has {len(frames)} frames behind the front end"
            continue
        found.num_frames[utterance] = len(frames)
        digest = found.features_digests[utterance] = matrix_digest(features)
        if voiced is not None:
            digest = hashlib.sha256(f"{digest} {matrix_digest(voiced)}".encode()).hexdigest()
        found.digests[utterance] = digest
        if cache is not None:
            cache.add(frames)
    report_left_out(data.path, found.left_out, len(utterances), min_frames)
    return found


def report_left_out(path: str | os.PathLike, left_out: dict[str, str], total: int, min_frames: int) -> None:
    """Say how many utterances are left out, and some of the reasons.

    Raises:
        ValueError: all are.
    """
    if left_out:
        some = "; ".join(f"{utterance} {reason}" for utterance, reason in list(left_out.items())[:3])
        if len(left_out) == total:
            raise ValueError(f"{path}: none of its {total} utterances can be trained on, each needs {min_frames} "
                             f"frames (min_frames of the section crops): {some}")
        say(f"warning: {path}: {len(left_out)} of {total} utterances are left out: {some}")
