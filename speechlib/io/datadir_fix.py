"""Mending a data directory: sorted files without repeats, all of the same utterances (Kaldi's fix_data_dir.sh)."""

import os
import shutil
from collections.abc import Callable, Sequence
from itertools import compress, islice, repeat
from operator import contains, le, lt
from pathlib import Path

from speechlib.io import datadir_files as files

_BOM = b"\xef\xbb\xbf"
# Utterances that one of these lacks are removed; speakers likewise (Kaldi, and vad.scp).
_DECIDE = ("feats.scp", "text", "segments", "utt2lang", "vad.scp")
_DECIDE_SPEAKERS = ("cmvn.scp", "spk2gender")
# Can be made anew, and cost no utterance where they lack one.
_DERIVED = ("utt2dur", "utt2num_frames", "reco2dur")


def fix_data_dir(
    path: str | os.PathLike,
    utt_extra_files: Sequence[str] = (),
    spk_extra_files: Sequence[str] = (),
    tell: Callable[[str], None] = lambda message: None,
) -> int:
    """Sort the files of a data directory, remove repeats and what cannot be read, and keep what all of them have.

    The files as they were stay in `<path>/.backup`. Of lines with the same key the first stays. Utterances go that
    feats.scp, text, segments, utt2lang, vad.scp or wav.scp lacks or that have 0 frames by utt2num_frames, and speakers
    that cmvn.scp or spk2gender lacks; then lines of other files that nothing needs. utt2dur, utt2num_frames and
    reco2dur are removed when they lack a line.

    Args:
        path: data directory.
        utt_extra_files: further files there that are indexed by utterance.
        spk_extra_files: further files there that are indexed by speaker.
        tell: is told what changes.

    Returns:
        Number of utterances kept.

    Raises:
        ValueError: no utterance remains; or utt2spk sorted by utterance is not sorted by speaker, which only other
            names can mend (the rest is mended then).
        OSError: there is no utt2spk, or segments without wav.scp.
    """
    folder = Path(path)
    kinds = {name: files.index_of(name) for name in files.file_names(folder)}
    kinds |= {name: files.UTTERANCE for name in utt_extra_files if (folder / name).is_file()}
    kinds |= {name: files.SPEAKER for name in spk_extra_files if (folder / name).is_file()}
    if "segments" in kinds and "wav.scp" not in kinds:
        raise FileNotFoundError(f"{folder}/wav.scp: no such file, but segments is there; make wav.scp")
    (folder / ".backup").mkdir(exist_ok=True)
    complete = set()  # files of exactly the utterances of utt2spk: those need no further look
    for name, kind in kinds.items():
        shutil.copyfile(folder / name, folder / ".backup" / name)
        if name != "spk2utt" and kind != files.WHOLE:
            keys = _clean(folder, name, kind, tell)
            if name == "utt2spk":
                utterances, speakers = files.read_pairs(folder / name)
                if not utterances:
                    raise ValueError(f"{folder}/utt2spk: no line that can be read; write '<utterance> <speaker>' lines")
            elif keys == utterances:
                complete.add(name)
    recording_of = _recordings(folder, kinds)
    kept = _agreed(folder, [name for name in kinds if name not in complete], utterances, speakers, recording_of, tell)
    tell(f"kept {'all ' if len(kept) == len(utterances) else ''}{len(kept)} utterances out of {len(utterances)}")
    recordings = kept if recording_of is None else {recording_of[utterance] for utterance in kept}
    wanted_by = {
        files.UTTERANCE: kept,
        files.SPEAKER: set(compress(speakers, map(kept.__contains__, utterances))),
        files.RECORDING: recordings,
        files.ALIGNMENT: kept if recordings is kept else kept | recordings,
    }
    for name, kind in kinds.items():
        if name in ("utt2spk", "spk2utt") or kind == files.WHOLE:
            continue
        if name in complete and len(kept) == len(utterances) and wanted_by[kind] is kept:
            continue
        _filter(folder, name, wanted_by[kind], kept, tell)
    if len(kept) != len(utterances):
        mask = list(map(kept.__contains__, utterances))
        utterances, speakers = list(compress(utterances, mask)), list(compress(speakers, mask))
        files.write_lines(folder / "utt2spk", list(map(b"%b %b".__mod__, zip(utterances, speakers, strict=True))))
    files.write_lines(folder / "spk2utt", files.spk2utt_lines(utterances, speakers))
    tell(f"old files are kept in {folder}/.backup")
    if not all(map(le, speakers, islice(speakers, 1, None))):
        index = next(index for index in range(1, len(speakers)) if speakers[index] < speakers[index - 1])
        raise ValueError(
            f"{folder}/utt2spk:{index + 1}: sorted by utterance it is not sorted by speaker "
            f"('{speakers[index].decode()}' comes after '{speakers[index - 1].decode()}'); make each speaker id the "
            f"prefix of its utterance ids"
        )
    return len(kept)


def _clean(folder: Path, name: str, kind: str, tell: Callable[[str], None]) -> list[bytes]:
    """Sort a file, drop repeats and lines that cannot be read; returns its keys."""
    old = files.read_lines(folder / name)
    lines = old
    if lines and (lines[0].startswith(_BOM) or any(map(contains, lines, repeat(b"\r")))):
        lines = [line.replace(b"\r", b"").removeprefix(_BOM) for line in lines]
    is_good = _RULES.get(name, _has_key if name == "text" or kind == files.ALIGNMENT else _has_value)
    keys = _keys_if_good(lines, is_good)
    if keys is None:
        lines = [line.strip(b" \t") if line[:1] in (b" ", b"\t") else line for line in lines if is_good(line)]
        keys = files.keys_of(lines, folder / name)
    if len(lines) != len(old):
        tell(f"removed {len(old) - len(lines)} lines of {name} that cannot be read (blank, or without right fields)")
    if kind != files.ALIGNMENT and not all(map(lt, keys, islice(keys, 1, None))):
        first: dict[bytes, bytes] = {}
        for key, line in zip(keys, lines, strict=True):
            first.setdefault(key, line)
        if len(first) != len(lines):
            tell(f"removed {len(lines) - len(first)} lines of {name} whose key was there already")
        keys = sorted(first)
        if list(first) != keys:
            tell(f"sorted {name}")
        lines = [first[key] for key in keys]
    if lines != old or _lacks_newline(folder / name):
        files.write_lines(folder / name, lines)
    return keys


def _keys_if_good(lines: list[bytes], is_good: Callable[[bytes], bool]) -> list[bytes] | None:
    """The keys of lines that are good without exception and begin with their keys, otherwise None."""
    try:
        if is_good in (_has_value, _is_pair):
            keys = files.pairs_of(lines, "")[0] if is_good is _is_pair else files.valued_keys_of(lines)
        elif all(map(is_good, lines)):
            keys = files.keys_of(lines, "")
        else:
            return None
    except ValueError:
        return None
    return keys if all(map(bytes.startswith, lines, keys)) else None


def _recordings(folder: Path, kinds: dict[str, str]) -> dict[bytes, bytes] | None:
    """Recording by utterance where there are segments; those that wav.scp has."""
    if "segments" not in kinds:
        return None
    lines = files.read_lines(folder / "wav.scp")
    known = set(files.keys_of(lines, folder / "wav.scp"))
    lines = files.read_lines(folder / "segments")
    pairs = (line.split(None, 2)[:2] for line in lines)
    return {utterance: recording for utterance, recording in pairs if recording in known}


def _agreed(folder, names, utterances, speakers, recording_of, tell) -> set[bytes]:
    kept = set(utterances)
    decide = [name for name in _DECIDE if name in names or (name == "segments" and recording_of is not None)]
    if recording_of is None and "wav.scp" in names:
        decide.append("wav.scp")
    for name in decide:
        if name == "segments":
            known = recording_of.keys()
        else:
            known = set(files.keys_of(files.read_lines(folder / name), folder / name))
        kept = _narrowed(
            kept, kept & known, f"{name} (or its recordings in wav.scp)" if name == "segments" else name, tell
        )
    kept = _narrowed(kept, kept - _without_frames(folder), "utt2num_frames (with a frame)", tell)
    for name in _DECIDE_SPEAKERS:
        if name in names:
            keys = set(files.keys_of(files.read_lines(folder / name), folder / name))
            pairs = zip(utterances, speakers, strict=True)
            if files.is_by_utterance(name, keys, set(speakers)):
                agreed = kept & keys
            else:
                agreed = {utterance for utterance, speaker in pairs if speaker in keys and utterance in kept}
            kept = _narrowed(kept, agreed, name, tell)
    return kept


def _without_frames(folder: Path) -> set[bytes]:
    """Utterances that were too short for a frame of features."""
    path = folder / "utt2num_frames"
    lines = files.read_lines(path) if path.is_file() else []
    return {line.split()[0] for line in lines if line.endswith(b"0") and not line.split()[1].strip(b"0")}


def _narrowed(kept: set[bytes], agreed: set[bytes], name: str, tell: Callable[[str], None]) -> set[bytes]:
    if len(agreed) != len(kept):
        example = min(kept - agreed).decode("utf-8", "backslashreplace")
        tell(f"removing {len(kept) - len(agreed)} utterances that {name} does not have, e.g. '{example}'")
    if not agreed:
        raise ValueError(
            f"no utterance remains: {name} has none of the others' utterances; mend or delete that file (no line was "
            f"removed for it; files as they were are in .backup)"
        )
    return agreed


def _filter(folder: Path, name: str, wanted: set[bytes], kept: set[bytes], tell: Callable[[str], None]) -> None:
    old = files.read_lines(folder / name)
    lines = files.select(old, wanted, folder / name)
    if name == "cmvn.scp" and not lines:
        lines = files.select(old, kept, folder / name)
    if name == "utt2uniq" and len(lines) != len(kept):
        missing = kept.difference(files.keys_of(lines, name))
        lines = sorted(lines + [b"%b %b" % (key, key) for key in missing])
        tell(f"filled {len(missing)} utterances into utt2uniq with their own names")
    if name in _DERIVED and len(lines) != len(wanted):
        tell(f"removed {name}, which lacks {len(wanted) - len(lines)} lines: make it anew")
        (folder / name).unlink()
    elif lines != old:
        tell(f"filtered {name} from {len(old)} to {len(lines)} lines")
        files.write_lines(folder / name, lines)


def _lacks_newline(path: Path) -> bool:
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        return size > 0 and file.read(1) != b"\n"


def _has_key(line: bytes) -> bool:
    return bool(line.split(None, 1))


def _has_value(line: bytes) -> bool:
    return len(line.split(None, 1)) == 2


def _is_pair(line: bytes) -> bool:
    return len(line.split()) == 2


def _is_segment(line: bytes) -> bool:
    try:
        _, _, start, end, *channel = line.split()
        if channel and not (len(channel) == 1 and channel[0].isdigit()):
            return False
        return 0 <= float(start) < float(end) < float("inf") or (0 <= float(start) and float(end) == -1)
    except ValueError:
        return False


def _is_positive_pair(line: bytes) -> bool:
    try:
        _, value = line.split()
        return 0 < float(value) < float("inf")
    except ValueError:
        return False


def _is_count(line: bytes) -> bool:
    fields = line.split()
    return len(fields) == 2 and fields[1].isdigit()


_RULES = {
    "utt2spk": _is_pair,
    "utt2uniq": _is_pair,
    "segments": _is_segment,
    "utt2dur": _is_positive_pair,
    "reco2dur": _is_positive_pair,
    "utt2num_frames": _is_count,
}
