"""The utterances of a data directory as a training set: speakers, a held-out part, leaks into evaluation sets."""

from __future__ import annotations

import hashlib
import itertools
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from speechlib.io.datadir import DataDir
from speechlib.io.leaks import LeakError, check_disjoint, check_identical, matrix_digest
from speechlib.io.tables import RandomAccessTable

_OTHER_SPEED = re.compile(r"^sp\d*\.?\d+-")  # before a speaker's name, as Kaldi's perturb_data_dir_speed.sh puts it


@dataclass(frozen=True)
class HeldOutOptions:
    """The section `held_out` of a configuration: utterances of the training speakers that are looked at only."""

    share: float = 0.05  # of each speaker's utterances; at least one of each remains for training

    def __post_init__(self) -> None:
        if not 0 <= self.share < 1:
            raise ValueError(f"share must be at least 0 and less than 1, got {self.share}")


def split_held_out(
    utt2spk: Mapping[str, str], utt2uniq: Mapping[str, str] | None, share: float, seed: int
) -> tuple[list[str], list[str]]:
    """Split utterances into those to train on and those held out.

    Copies of one utterance (utt2uniq, Kaldi's file of the originals) are never on both sides, those of another speed
    that have a speaker of their own included: speakers with copies of the same utterances are drawn for together.

    Args:
        utt2spk: speaker by utterance.
        utt2uniq: original by utterance; an utterance that is not in it is its own.
        share: of each speaker's originals; a fraction of one is one at random. Each speaker keeps an utterance.
        seed: of the choice.

    Returns:
        Sorted utterances to train on, and sorted held-out ones.
    """
    originals: dict[str, set[str]] = defaultdict(set)
    uniq = utt2uniq or {}
    for utterance, speaker in utt2spk.items():
        originals[speaker].add(uniq.get(utterance, utterance))
    generator = random.Random(f"held out {seed}")
    held: set[str] = set()
    for speakers in _families(originals):
        candidates = sorted(set().union(*(originals[speaker] for speaker in speakers)))
        count = min(int(share * len(candidates) + generator.random()), len(candidates) - 1)
        drawn = set(generator.sample(candidates, count))
        for speaker in speakers:
            if originals[speaker] <= drawn:
                drawn.remove(min(originals[speaker]))
        held |= drawn
    parts: tuple[list[str], list[str]] = [], []
    for utterance in sorted(utt2spk):
        parts[uniq.get(utterance, utterance) in held].append(utterance)
    return parts


def _families(originals: Mapping[str, set[str]]) -> list[list[str]]:
    """Speakers by family, sorted: those that share originals, directly or through others."""
    family: dict[str, list[str]] = {}  # by original
    for speaker in sorted(originals):
        joined = {id(found): found for original in originals[speaker] if (found := family.get(original)) is not None}
        merged = sorted([*itertools.chain.from_iterable(joined.values()), speaker])
        for member in merged:
            family.update(dict.fromkeys(originals[member], merged))
    return sorted({id(found): found for found in family.values()}.values())


def check_speakers(utt2spk: Mapping[str, str], source: str) -> list[str]:
    """The sorted speakers.

    Raises:
        ValueError: there are fewer than two.
    """
    speakers = sorted(set(utt2spk.values()))
    if len(speakers) < 2:
        raise ValueError(f"{source}: {len(speakers)} speaker{'s' * (len(speakers) != 1)} with usable utterances: "
                         "a network that tells speakers apart needs at least 2")  # fmt: skip
    return speakers


def check_leaks(data: DataDir, utterances: Sequence[str], paths: Sequence[str]) -> None:
    """Check that evaluation sets share neither speakers nor recordings with the training; nothing large is read.

    Copies of another speed count as their original speaker's, whatever the speaker that they have.

    Args:
        data: the training data.
        utterances: of them, those of the training.
        paths: data directories of evaluation sets.

    Raises:
        LeakError: they share speakers, sessions or recordings.
        OSError: there is no such data directory.
    """
    for path in paths:
        evaluation = DataDir(path)
        try:
            check_disjoint("speakers", _voices(data, utterances), _voices(evaluation, evaluation.utt2spk))
            check_disjoint("sessions", _sessions(data, utterances), _sessions(evaluation, evaluation.utt2spk))
            check_disjoint("recordings", _audio(data, utterances), _audio(evaluation, evaluation.utt2spk))
        except LeakError as error:
            raise LeakError(f"{data.path} and {path}: {error}") from None


def check_other_features(data: DataDir, digests: Mapping[str, str], paths: Sequence[str]) -> None:
    """Check that no utterance of an evaluation set has exactly the features of a training utterance.

    Args:
        data: the training data.
        digests: `matrix_digest` of the features by training utterance.
        paths: data directories of evaluation sets; one without feats.scp is passed over.

    Raises:
        LeakError: one has.
    """
    for path in paths:
        if DataDir(path).has("feats.scp"):
            table = RandomAccessTable(f"scp:{path}/feats.scp", kind="matrix")
            try:
                check_identical(digests, {name: matrix_digest(matrix) for name, matrix in table.items()})
            except LeakError as error:
                raise LeakError(f"{data.path} and {path}: {error}") from None


def describe(digests: Mapping[str, str], utt2spk: Mapping[str, str]) -> str:
    """Hash of utterances, their speakers and what they hold."""
    whole = hashlib.sha256()
    for utterance, digest in digests.items():
        whole.update(f"{utterance} {utt2spk[utterance]} {digest}\n".encode())
    return whole.hexdigest()


def _voices(data: DataDir, utterances: Iterable[str]) -> Iterator[str]:
    """Speakers; those that are another's at another speed (sp0.9-<speaker>) by the other's name."""
    originals = data.map("utt2uniq") or {}
    for utterance in utterances:
        is_copy = originals.get(utterance, utterance) != utterance
        yield _OTHER_SPEED.sub("", data.utt2spk[utterance]) if is_copy else data.utt2spk[utterance]


def _sessions(data: DataDir, utterances: Iterable[str]) -> list[str]:
    known = data.map("utt2session") or {}
    return [known[utterance] for utterance in utterances if utterance in known]


def _audio(data: DataDir, utterances: Iterable[str]) -> list[str]:
    """Where the audio of utterances comes from, of those of which it is known."""
    wav_scp, segments = data.wav_scp or {}, data.segments
    if segments is None:
        return [wav_scp[utterance] for utterance in utterances if utterance in wav_scp]
    sides = {name: f" of channel {channel}" for name, channel in data.channels.items()}
    known = ((name, segments[name], wav_scp.get(segments[name][0])) for name in utterances if name in segments)
    return [f"{entry} from {start} to {end} s{sides.get(name, '')}" for name, (_, start, end), entry in known if entry]
