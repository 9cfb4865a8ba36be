"""Trials of a corpus: its own list, which names audio files, as trials of utterances; and drawn ones."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from speechlib.io.atomic import atomic_write
from speechlib.io.trials import read_trials, require_labels

_SHOWN = 3
Trial = tuple[str, str, bool]  # enrolment, test, same speaker


def utterance_trials(
    path: Path,
    utterance_of: Callable[[str], str | None],
    speaker_of: Mapping[str, str],
    allow_missing: bool,
) -> tuple[list[Trial], str]:
    """Read a corpus' list of trials, `1|0 <enrol> <test>` or Kaldi's, whose names are not those of utterances yet.

    Args:
        path: the list.
        utterance_of: the utterance that a name of the list means; None where its audio is not there.
        speaker_of: speaker by utterance.
        allow_missing: leave out the trials whose audio is not there; otherwise they are an error.

    Returns:
        The trials in the order of the list, and a warning about those left out, which is empty if there are none.

    Raises:
        ValueError: what `read_trials` finds, audio that is not there, trials of one kind only, one pair of utterances
            under two names, or a label that contradicts the speakers; with file:line.
    """
    listed = read_trials(path)
    require_labels(listed)
    enrol = [utterance_of(name) for name in listed.enrol_names]
    test = [utterance_of(name) for name in listed.test_names]
    pairs = zip(listed.enrol.tolist(), listed.test.tolist(), listed.target.tolist(), strict=True)
    trials: list[Trial] = []
    lines: dict[tuple[str, str], int] = {}
    dropped = 0
    for line, (i, j, target) in enumerate(pairs, 1):
        first, second = enrol[i], test[j]
        if first is None or second is None:
            dropped += 1
            continue
        if (speaker_of[first] == speaker_of[second]) != target:
            raise ValueError(
                f"{path}:{line}: labelled {'target' if target else 'nontarget'}, but {first} is of speaker "
                f"{speaker_of[first]} and {second} of {speaker_of[second]}: correct the list, or fetch it again"
            )
        if lines.setdefault((first, second), line) != line:
            raise ValueError(
                f"{path}:{line}: the trial '{first} {second}' was there already in line {lines[first, second]}; "
                "keep one"
            )
        trials.append((first, second, target))
    return trials, _missing(path, listed, enrol, test, dropped, trials, allow_missing)


def _missing(path, listed, enrol, test, dropped, trials, allow_missing) -> str:
    names = [name for name, utterance in zip(listed.enrol_names, enrol, strict=True) if utterance is None]
    names += [name for name, utterance in zip(listed.test_names, test, strict=True) if utterance is None]
    names = list(dict.fromkeys(names))
    if not names:
        return ""
    found = f"{dropped} of {len(listed)} trials of {path} name audio that is not there: {some(names)}"
    if not allow_missing:
        raise ValueError(f"{found}; complete the corpus, or give --allow-missing true to go on without these trials")
    if len({target for _, _, target in trials}) < 2:
        raise ValueError(f"{found}; what remains is not enough to score: {describe(trials)}")
    return f"{found}; left out"


def some(names: Sequence[str]) -> str:
    """The first few of several names and how many they are, for messages."""
    return ", ".join(names[:_SHOWN]) + (f", ... ({len(names)} names)" if len(names) > _SHOWN else "")


def describe(trials: Sequence[Trial]) -> str:
    """Counts in words."""
    targets = sum(target for _, _, target in trials)
    return f"{len(trials)} trials ({targets} target, {len(trials) - targets} nontarget)"


def write_trials(path: Path, trials: Sequence[Trial]) -> None:
    """Write Kaldi's `<enrol> <test> target|nontarget`; the file appears whole or not at all."""
    with atomic_write(path, "w") as file:
        file.writelines(f"{first} {second} {'target' if target else 'nontarget'}\n" for first, second, target in trials)


def draw_trials(
    utt2spk: Mapping[str, str],
    num_target: int,
    num_nontarget: int | None,
    seed: int,
    spk2gender: Mapping[str, str] | None = None,
    same_gender_share: float = 0.75,
    utt2session: Mapping[str, str] | None = None,
) -> list[Trial]:
    """Draw trials among the utterances of a set; no pair comes twice, not even the other way round.

    Args:
        utt2spk: speaker by utterance.
        num_target: target trials; all there are if there are fewer.
        num_nontarget: non-target trials, likewise; None: as many as target trials came out.
        seed: of the draw; the same trials for the same seed.
        spk2gender: where it is known for all speakers, `same_gender_share` of the non-target trials are of one gender.
        utt2session: where it is known, target trials of a speaker with several sessions are of two different ones.

    Returns:
        Trials sorted by name.

    Raises:
        ValueError: no speaker has two utterances, there is one speaker only, or a share that is none.
    """
    if not 0 <= same_gender_share <= 1:
        raise ValueError(f"--same-gender-share {same_gender_share}: expected a share from 0 to 1")
    if num_target < 1 or (num_nontarget is not None and num_nontarget < 1):
        raise ValueError("--num-target, --num-nontarget: at least one trial of each kind is expected")
    utterances = sorted(utt2spk)
    speakers = sorted(set(utt2spk.values()))
    if len(speakers) < 2:
        raise ValueError(f"non-target trials need two speakers, there is only {' '.join(speakers) or 'none'}")
    number = {speaker: i for i, speaker in enumerate(speakers)}
    speaker = np.array([number[utt2spk[utterance]] for utterance in utterances])
    sessions = None if utt2session is None else np.array([utt2session.get(utterance, "") for utterance in utterances])
    rng = np.random.default_rng(seed)
    target = _choose(_target_pairs(speaker, sessions), num_target, rng)
    if not len(target):
        raise ValueError("target trials need a speaker with two utterances, there is none")
    wanted = len(target) if num_nontarget is None else num_nontarget
    gender = None
    if spk2gender is not None and all(name in spk2gender for name in speakers):
        gender = np.array([spk2gender[name] for name in speakers])[speaker]
    nontarget = _nontarget_pairs(speaker, gender, wanted, same_gender_share, rng)
    pairs = [(utterances[i], utterances[j], True) for i, j in target.tolist()]
    return sorted(pairs + [(utterances[i], utterances[j], False) for i, j in nontarget.tolist()])


def _target_pairs(speaker: np.ndarray, sessions: np.ndarray | None) -> np.ndarray:
    """(pairs, 2) places of all pairs of one speaker; of two sessions where the speaker has them."""
    found = [np.empty((0, 2), np.int64)]
    for one in np.unique(speaker):
        places = np.flatnonzero(speaker == one)
        pairs = places[np.stack(np.triu_indices(len(places), 1), 1)]
        if sessions is not None and len(np.unique(sessions[places])) > 1:
            pairs = pairs[sessions[pairs[:, 0]] != sessions[pairs[:, 1]]]
        found.append(pairs)
    return np.concatenate(found)


def _choose(pairs: np.ndarray, number: int, rng: np.random.Generator) -> np.ndarray:
    return pairs[np.sort(rng.permutation(len(pairs))[:number])]


def _nontarget_pairs(speaker, gender, number: int, same_share: float, rng: np.random.Generator) -> np.ndarray:
    """(pairs, 2) of different speakers; where the genders do not allow the share, pairs of the other kind fill up."""
    if gender is None:
        return _draw_pairs(lambda i, j: speaker[i] != speaker[j], len(speaker), number, rng)

    def same(i, j):
        return (speaker[i] != speaker[j]) & (gender[i] == gender[j])

    def other(i, j):
        return gender[i] != gender[j]

    num_same = round(same_share * number)
    first = _draw_pairs(same, len(speaker), num_same, rng)
    second = _draw_pairs(other, len(speaker), number - len(first), rng)
    if len(first) == num_same and len(first) + len(second) < number:
        first = _draw_pairs(same, len(speaker), number - len(second), rng)
    return np.concatenate([first, second])


def _draw_pairs(allowed, count: int, number: int, rng: np.random.Generator) -> np.ndarray:
    """(number, 2) distinct places i < j < count that are allowed, or all there are."""
    if number > count * (count - 1) // 32:  # a large part of all: list them
        pairs = np.stack(np.triu_indices(count, 1), 1)
        return _choose(pairs[allowed(pairs[:, 0], pairs[:, 1])], number, rng)
    keys = np.empty(0, np.int64)
    for _ in range(100):
        i, j = rng.integers(count, size=(2, 2 * number + 16))
        i, j = np.minimum(i, j), np.maximum(i, j)
        kept = (i < j) & allowed(i, j)
        keys = np.unique(np.concatenate([keys, (i * count + j)[kept]]))
        if len(keys) >= number:
            break
    else:  # such pairs are rare
        pairs = np.stack(np.triu_indices(count, 1), 1)
        return _choose(pairs[allowed(pairs[:, 0], pairs[:, 1])], number, rng)
    return np.stack(np.divmod(_choose(keys, number, rng), count), 1)
