"""Subset, combine and copy data directories (Kaldi's subset_data_dir.sh, combine_data.sh, copy_data_dir.sh)."""

import os
import random
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import chain, compress, islice
from operator import eq, itemgetter
from pathlib import Path

from speechlib.io import datadir_files as files

# Unlike the rest, a file that can be filled in for a directory that lacks it (Kaldi's combine_data.sh).
_FILLED_IN = ("utt2uniq", "segments")


def choose_utterances(
    path: str | os.PathLike,
    count: int,
    how: str = "random",
    seed: int = 0,
) -> list[bytes]:
    """Choose utterances of a data directory (Kaldi's subset_data_dir.sh).

    Args:
        path: data directory.
        count: number of utterances; per speaker with `per-spk`.
        how: `random`; `first` or `last` of utt2spk; `shortest`; `per-spk`: evenly spread over the list of each speaker,
            all of a speaker who has fewer; `speakers`: whole speakers in random order until `count` is reached.
        seed: of the random choice; the same utterances for the same seed.

    Returns:
        Utterance ids in the order of utt2spk.

    Raises:
        ValueError: more utterances than there are, a count below 1, or nothing that says lengths for `shortest`.
    """
    folder = Path(path)
    utterances, speakers = files.read_pairs(folder / "utt2spk")
    if count < 1:
        raise ValueError(f"cannot choose {count} utterances of {folder}; ask for at least 1")
    if how in ("random", "first", "last", "shortest") and count > len(utterances):
        raise ValueError(f"cannot choose {count} utterances of {folder}: it has {len(utterances)}")
    if how == "first":
        return utterances[:count]
    if how == "last":
        return utterances[-count:]
    if how == "random":
        chosen = random.Random(seed).sample(range(len(utterances)), count)
        return [utterances[index] for index in sorted(chosen)]
    if how == "shortest":
        lengths = _lengths(folder)
        missing = next((utterance for utterance in utterances if utterance not in lengths), None)
        if missing is not None:
            raise ValueError(
                f"{folder}: no length for utterance '{missing.decode()}'; run utils/fix_data_dir.sh {folder}"
            )
        wanted = set(sorted(utterances, key=lengths.__getitem__)[:count])
        return [utterance for utterance in utterances if utterance in wanted]
    lists = files.group(utterances, speakers)
    if how == "per-spk":
        wanted = {key for keys in lists.values() for key in keys[:: max(1, len(keys) // count)][:count]}
    elif how == "speakers":
        order = sorted(lists)
        random.Random(seed).shuffle(order)
        wanted = set()
        for speaker in order:
            if len(wanted) >= count:
                break
            wanted.update(lists[speaker])
    else:
        raise ValueError(
            f"cannot choose utterances by '{how}'; expected random, first, last, shortest, per-spk, speakers"
        )
    return [utterance for utterance in utterances if utterance in wanted]


def subset_data_dir(
    source: str | os.PathLike, utterances: Collection[bytes], target: str | os.PathLike
) -> tuple[int, int]:
    """Write a data directory that holds some of the utterances of another, and of the other files what they need.

    Args:
        source: data directory.
        utterances: ids to keep, each of them in utt2spk.
        target: data directory to write; data files that are there already are replaced.

    Returns:
        Number of utterances before and after.

    Raises:
        ValueError: no utterance remains, or source and target are one.
    """
    _check_apart(target, [source])
    all_utterances, all_speakers = files.read_pairs(Path(source) / "utt2spk")
    wanted = set(utterances)
    mask = list(map(wanted.__contains__, all_utterances))
    pairs = list(compress(all_utterances, mask)), list(compress(all_speakers, mask))
    if not pairs[0]:
        raise ValueError(f"{source}: none of the {len(wanted)} wanted utterances is in utt2spk; nothing is written")
    num_before = len(all_utterances)
    del all_utterances, all_speakers, mask
    files.write_files(target, _restricted(Path(source), wanted.intersection(pairs[0]), *pairs))
    return num_before, len(pairs[0])


def _restricted(
    folder: Path, wanted: set[bytes], utterances: list[bytes], speakers: list[bytes]
) -> Iterator[tuple[str, list[bytes]]]:
    yield "utt2spk", list(map(b"%b %b".__mod__, zip(utterances, speakers, strict=True)))
    yield "spk2utt", files.spk2utt_lines(utterances, speakers)
    names = [name for name in files.file_names(folder) if name not in ("utt2spk", "spk2utt")]
    recordings: Collection[bytes] = wanted
    speaker_set = set(speakers)
    for name in names:
        path = folder / name
        lines = files.read_lines(path)
        kind = files.index_of(name)
        if kind == files.UTTERANCE:
            lines = files.select(lines, wanted, path)
        elif kind == files.RECORDING:
            lines = files.select(lines, recordings, path)
        elif kind == files.ALIGNMENT:
            lines = files.select(lines, wanted.union(recordings), path)
        elif kind == files.SPEAKER:
            # cmvn.scp of per-utterance statistics is indexed by utterance
            lines = files.select(lines, speaker_set, path) or files.select(lines, wanted, path)
        if name == "segments":
            recordings = set(files.keys_of(lines, path, field=1))
        yield name, lines


def combine_data(
    target: str | os.PathLike,
    sources: Sequence[str | os.PathLike],
    extra_files: Sequence[str] = (),
    tell: Callable[[str], None] = lambda message: None,
) -> None:
    """Write a data directory that holds the utterances of several (Kaldi's combine_data.sh, before its fix).

    A file that not all sources have is left out, but utt2uniq is filled in with the utterance itself, and segments with
    whole recordings (which needs utt2dur). A recording or speaker may be in several sources with the same line.

    Args:
        target: data directory to write; data files that are there already are replaced.
        sources: data directories in any order.
        extra_files: further files whose first column is a key.
        tell: is told about files that are combined and left out.

    Raises:
        ValueError: an utterance, recording or speaker has different lines in two sources, or nothing to combine.
        OSError: a source has no utt2spk.
    """
    if not sources:
        raise ValueError(f"{target}: no source directories to combine; give at least one")
    _check_apart(target, sources)
    folders = [Path(source) for source in sources]
    present = [set(files.file_names(folder)) for folder in folders]
    files.write_files(target, _combined(folders, present, extra_files, tell))


def _combined(folders: list[Path], present: list[set[str]], extra_files, tell) -> Iterator[tuple[str, list[bytes]]]:
    somewhere = set().union(*present)
    for name in sorted(somewhere - {"spk2utt"}) + [name for name in extra_files if name not in somewhere]:
        having = [folder for folder in folders if (folder / name).is_file()]
        if not having:
            raise FileNotFoundError(f"{folders[0] / name}: no such file, nor in the other directories (--extra-files)")
        if len(having) < len(folders) and name not in _FILLED_IN:
            absent = next(folder for folder in folders if folder not in having)
            tell(f"not combining {name} as {absent} does not have it")
            continue
        parts = [files.read_lines(f / name) if f in having else _filled_in(f, name) for f in folders]
        if files.index_of(name) == files.WHOLE:
            if any(part != parts[0] for part in parts):
                raise ValueError(f"{name} differs between the directories to combine; make them equal or delete it")
            yield name, parts[0]
            continue
        if files.index_of(name) == files.ALIGNMENT:
            yield name, _merged_alignments(name, parts)
            continue
        # timsort merges the sorted parts in linear time; a key is followed by a blank, which sorts before any letter
        lines = sorted(chain.from_iterable(parts))
        keys = files.keys_of(lines, name)
        if any(map(eq, keys, islice(keys, 1, None))):
            lines = _without_repeats(lines, keys, name, folders)
            if lines is None:
                tell("not combining cmvn.scp: a speaker has other statistics in another directory; compute them anew")
                continue
        tell(f"combined {name}")
        yield name, lines
        if name == "utt2spk":
            yield "spk2utt", files.spk2utt_lines(*files.pairs_of(lines, "utt2spk"))


def _filled_in(folder: Path, name: str) -> list[bytes]:
    utterances, _ = files.read_pairs(folder / "utt2spk")
    if name == "utt2uniq":
        return [b"%b %b" % (utterance, utterance) for utterance in utterances]
    if not (folder / "utt2dur").is_file():
        raise ValueError(
            f"{folder} has no segments, other directories have: whole recordings are segments once their durations are "
            f"known; run first: utils/data/get_utt2dur.sh {folder}"
        )
    return [b"%b %b 0 %b" % (key, key, value) for key, value in zip(*files.read_pairs(folder / "utt2dur"), strict=True)]


def _merged_alignments(name: str, parts: list[list[bytes]]) -> list[bytes]:
    blocks: dict[bytes, list[bytes]] = {}
    for part in parts:
        new: dict[bytes, list[bytes]] = {}
        for key, line in zip(files.keys_of(part, name), part, strict=True):
            new.setdefault(key, []).append(line)
        for key, lines in new.items():
            if blocks.setdefault(key, lines) != lines:
                raise ValueError(f"{name}: two directories align '{key.decode()}' differently; delete one alignment")
    return [line for key in sorted(blocks) for line in blocks[key]]


def _without_repeats(lines: list[bytes], keys: list[bytes], name: str, folders: list[Path]) -> list[bytes] | None:
    kept: list[bytes] = []
    last_key = last_line = None
    for key, line in zip(keys, lines, strict=True):
        if key != last_key:
            kept.append(line)
        elif line.split() != last_line.split():
            if name == "cmvn.scp":
                return None
            raise ValueError(
                f"cannot combine {name} of {', '.join(map(str, folders))}: '{key.decode('utf-8', 'replace')}' has two "
                f"different lines; rename the keys of one directory with: utils/copy_data_dir.sh --utt-prefix a- "
                f"--spk-prefix a- <directory> <copy>"
            )
        last_key, last_line = key, line
    return kept


def copy_data_dir(
    source: str | os.PathLike,
    target: str | os.PathLike,
    utt_prefix: str = "",
    utt_suffix: str = "",
    spk_prefix: str = "",
    spk_suffix: str = "",
) -> None:
    """Copy a data directory, renaming utterances and speakers (Kaldi's copy_data_dir.sh).

    Recordings keep their names where there are segments. Where utterances get new names, utt2uniq remembers the old.

    Raises:
        ValueError: a blank in a prefix or suffix, or source and target are one.
        OSError: the source has no utt2spk.
    """
    _check_apart(target, [source])
    affixes = [affix.encode() for affix in (utt_prefix, utt_suffix, spk_prefix, spk_suffix)]
    for affix in affixes:
        if affix.split() not in ([], [affix]):
            raise ValueError(f"'{affix.decode()}' has a blank; a prefix or suffix is part of an id, which has none")
    files.write_files(target, _renamed(Path(source), affixes[:2], affixes[2:]))


def _renamed(folder: Path, utt: list[bytes], spk: list[bytes]) -> Iterator[tuple[str, list[bytes]]]:
    names = files.file_names(folder)
    utterances, speakers = files.read_pairs(folder / "utt2spk")
    new_speakers = speakers if not any(spk) else [spk[0] + speaker + spk[1] for speaker in speakers]
    lines = sorted(map(b"%b %b".__mod__, zip(_with_affixes(utterances, utterances, *utt), new_speakers, strict=True)))
    yield "utt2spk", lines
    yield "spk2utt", files.spk2utt_lines(*files.pairs_of(lines, "utt2spk"))
    del lines, new_speakers
    if any(utt) and "utt2uniq" not in names:
        yield "utt2uniq", sorted(_with_affixes([b"%b %b" % (key, key) for key in utterances], utterances, *utt))
    recordings: set[bytes] = set()
    speaker_set = set(speakers)
    for name in names:
        if name in ("utt2spk", "spk2utt"):
            continue
        lines = files.read_lines(folder / name)
        kind = files.index_of(name)
        keys = [] if kind == files.WHOLE else files.keys_of(lines, folder / name)
        if name == "segments":
            recordings = set(files.keys_of(lines, folder / name, field=1))
        if kind == files.WHOLE or (kind == files.RECORDING and recordings):
            yield name, lines
        elif kind == files.ALIGNMENT:
            # stable: the lines of one key keep their order
            renamed = [
                (key, line) if key in recordings else (utt[0] + key + utt[1], *_with_affixes([line], [key], *utt))
                for key, line in zip(keys, lines, strict=True)
            ]
            yield name, [line for _, line in sorted(renamed, key=itemgetter(0))]
        elif kind == files.SPEAKER and not files.is_by_utterance(name, keys, speaker_set):
            yield name, sorted(_with_affixes(lines, keys, *spk))
        else:
            yield name, sorted(_with_affixes(lines, keys, *utt))


def _with_affixes(lines: list[bytes], keys: list[bytes], prefix: bytes, suffix: bytes) -> list[bytes]:
    if suffix:
        return [prefix + key + suffix + line.lstrip()[len(key) :] for key, line in zip(keys, lines, strict=True)]
    return [prefix + line for line in lines] if prefix else lines


def _lengths(folder: Path) -> dict[bytes, float]:
    for name in ("utt2num_frames", "utt2dur"):
        if (folder / name).is_file():
            keys, values = files.read_pairs(folder / name)
            return dict(zip(keys, map(float, values), strict=True))
    if (folder / "feats.scp").is_file():
        from speechlib.io.tables import read_table  # only here: it takes numpy

        return {key.encode(): len(matrix) for key, matrix in read_table(f"scp:{folder}/feats.scp", "matrix")}
    raise ValueError(
        f"{folder}: the shortest utterances are found by utt2num_frames, utt2dur or feats.scp, and none is there; "
        f"run first: utils/data/get_utt2dur.sh {folder}"
    )


def _check_apart(target: str | os.PathLike, sources: Sequence[str | os.PathLike]) -> None:
    for source in sources:
        if os.path.realpath(target) == os.path.realpath(source):
            raise ValueError(f"{target} is both source and target; give the target another name")
