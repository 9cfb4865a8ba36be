"""The validator of data directories: every problem with its file, line and mend (after Kaldi's validate_data_dir.sh).

A file in good order is checked by a few operations on the whole of it; lines are looked at one by one only to say where
a problem is.
"""

import os
from collections.abc import Callable, Collection
from itertools import islice
from operator import le
from pathlib import Path

from speechlib.io import datadir_files as files
from speechlib.io.datadir_report import Problem, Report, Table, check_table, show

_FORBIDDEN_WORDS = (b"<s>", b"</s>", b"#0")
# Kaldi's extract-segments drops segments that are shorter, or that reach further beyond the recording.
_MIN_SEGMENT, _MAX_OVERSHOOT = 0.1, 0.5
_POSITIVE = ("utt2dur", "reco2dur", "utt2num_frames")
_WARP = ("utt2warp", "spk2warp")
# Other labels (utt2emotion, spk2age) may be known for some only.
_COMPLETE = (*_POSITIVE, *_WARP, "feats.scp", "vad.scp", "cmvn.scp", "utt2lang", "utt2uniq", "spk2gender")

# Options of validate_data_dir.sh, which copy_data_dir.sh passes on.
OPTIONS = {
    "--no-feats": ("require_feats", False, "feats.scp need not be there"),
    "--no-text": ("require_text", False, "text need not be there"),
    "--no-wav": ("require_wav", False, "wav.scp need not be there"),
    "--no-spk-sort": ("spk_sort", False, "utt2spk need not be sorted by speaker too"),
    "--only-audio": ("only_audio", True, "check only utt2spk, spk2utt, wav.scp and segments"),
    "--non-print": ("non_print", True, "text may hold control characters"),
}


def validate(
    path: str | os.PathLike,
    require_wav: bool = True,
    require_feats: bool = True,
    require_text: bool = True,
    spk_sort: bool = True,
    non_print: bool = False,
    only_audio: bool = False,
    warnings: list[Problem] | None = None,
) -> list[Problem]:
    """Check a data directory.

    Args:
        path: data directory.
        require_wav: wav.scp must be there; like the next two files it is checked in any case if it is.
        require_feats: feats.scp must be there.
        require_text: text must be there.
        spk_sort: utt2spk sorted by utterance must be sorted by speaker too, as Kaldi's per-speaker tools expect.
        non_print: allow control characters in text.
        only_audio: look only at what features are computed from: utt2spk, spk2utt, wav.scp, segments.
        warnings: where to append what is odd but no error.

    Returns:
        All errors; of one kind in one file the first five, and a count of the rest. Empty for a good directory.
    """
    if only_audio:
        require_feats = require_text = False
    check = _Check(Path(path), non_print)
    if not check.folder.is_dir():
        return [Problem(str(path), 0, "no such data directory", "make it, or mend its name")]
    for name, is_required in (("wav.scp", require_wav), ("feats.scp", require_feats), ("text", require_text)):
        if is_required and not check.has(name):
            option = "--no-" + name.removesuffix(".scp")
            check.errors.add(name, 0, "missing", "no such file", f"make it, or pass {option} if this is by design")
    if check.has("utt2spk"):
        check.speakers(spk_sort)
        if check.utterance_list:  # otherwise every line of the others would be one too many
            check.recordings()
            if not only_audio:
                check.others()
    else:
        check.errors.add("utt2spk", 0, "missing", "no such file", "write one line '<utterance> <speaker>' each")
    if warnings is not None:
        warnings.extend(check.warnings.problems())
    return check.errors.problems()


class _Check:
    def __init__(self, folder: Path, non_print: bool):
        self.folder, self.non_print = folder, non_print
        self.errors, self.warnings = Report(folder), Report(folder)
        self.utterance_list: list[bytes] = []
        self.speaker_list: list[bytes] = []
        self.recording_list: list[bytes] = []

    def has(self, name: str) -> bool:
        return (self.folder / name).is_file()

    def speakers(self, spk_sort: bool) -> None:
        """utt2spk and spk2utt."""
        utt2spk = check_table(self.errors, "utt2spk", fields=2)
        self.utterance_list = self.recording_list = utt2spk.keys if utt2spk.is_sorted else sorted(set(utt2spk.keys))
        self.speaker_list = sorted(set(utt2spk.values))
        if len(self.speaker_list) == 1:
            self.warnings.add("utt2spk", 0, "one speaker", "all utterances have one speaker", "is it meant to be so?")
        speakers = utt2spk.values
        if all(map(le, speakers, islice(speakers, 1, None))):
            if not all(map(bytes.startswith, utt2spk.keys, speakers)):
                index = list(map(bytes.startswith, utt2spk.keys, speakers)).index(False)
                message = f"'{show(utt2spk.keys[index])}' does not begin with its speaker '{show(speakers[index])}'"
                mend = "fine as long as both orders agree; speaker ids as prefixes keep them so"
                self.warnings.add("utt2spk", utt2spk.numbers[index], "speaker is no prefix", message, mend)
        elif spk_sort and utt2spk.keys == self.utterance_list:
            mend = "make each speaker id the prefix of its utterance ids, or pass --no-spk-sort"
            for index in range(1, len(speakers)):
                if speakers[index] < speakers[index - 1]:
                    message = f"speaker '{show(speakers[index])}' comes after '{show(speakers[index - 1])}'"
                    message += ": not sorted by speaker when sorted by utterance"
                    self.errors.add("utt2spk", utt2spk.numbers[index], "not sorted by speaker", message, mend)
        if utt2spk.keys:
            self._spk2utt(utt2spk)

    def _spk2utt(self, utt2spk: Table) -> None:
        make = f"run utils/utt2spk_to_spk2utt.sh {self.folder}/utt2spk > {self.folder}/spk2utt"
        if not self.has("spk2utt"):
            self.errors.add("spk2utt", 0, "missing", "no such file", make)
            return
        spk2utt = check_table(self.errors, "spk2utt")
        expected = files.spk2utt_lines(utt2spk.keys, utt2spk.values)
        if spk2utt.lines == expected or [b" ".join(line.split()) for line in spk2utt.lines] == expected:
            return
        speaker_of = dict(zip(utt2spk.keys, utt2spk.values, strict=True))
        seen: set[bytes] = set()
        for line, number in zip(spk2utt.lines, spk2utt.numbers, strict=True):
            speaker, *utterances = line.split()
            if utterances != sorted(utterances):
                message = f"the utterances of '{show(speaker)}' are not sorted"
                self.errors.add("spk2utt", number, "not sorted within a line", message, make)
            for utterance in utterances:
                if utterance in seen:
                    message = f"lists utterance '{show(utterance)}' a second time"
                elif utterance not in speaker_of:
                    message = f"lists utterance '{show(utterance)}', which utt2spk does not have"
                elif speaker_of[utterance] != speaker:
                    message = f"gives '{show(utterance)}' to '{show(speaker)}', utt2spk to "
                    message += f"'{show(speaker_of[utterance])}'"
                else:
                    seen.add(utterance)
                    continue
                seen.add(utterance)
                self.errors.add("spk2utt", number, "disagrees with utt2spk", message, make)
        for utterance, number in zip(utt2spk.keys, utt2spk.numbers, strict=True):
            if utterance not in seen:
                message = f"does not list utterance '{show(utterance)}' of utt2spk line {number}"
                self.errors.add("spk2utt", 0, "utterances missing", message, make)

    def recordings(self) -> None:
        """segments, wav.scp and what is indexed by recording."""
        durations = self._durations("reco2dur") if self.has("reco2dur") else {}
        if self.has("segments"):
            self._segments(durations)
            if not self.has("wav.scp"):
                self.errors.add("wav.scp", 0, "missing", "segments is there but not wav.scp", "make wav.scp")
        if self.has("wav.scp"):
            wav = check_table(self.errors, "wav.scp")
            self._match(wav, self.recording_list, self._recording_source())
            for line, number in zip(wav.lines, wav.numbers, strict=True) if b"~" in wav.data else ():
                if line.split(None, 1)[1].startswith(b"~"):
                    message = f"a path that begins with ~ is not found: {show(line)}"
                    self.errors.add("wav.scp", number, "tilde", message, "write the path in full")
        if self.has("reco2file_and_channel"):
            table = check_table(self.errors, "reco2file_and_channel", fields=3)
            self._match(table, self.recording_list, self._recording_source())
            for line, number in zip(table.lines, table.numbers, strict=True):
                channel = line.split()[2]
                if channel not in (b"A", b"B"):
                    report = self.warnings if channel == b"1" else self.errors
                    message = f"channel '{show(channel)}', expected A or B"
                    report.add("reco2file_and_channel", number, "bad channel", message, "write A or B")

    def _recording_source(self) -> str:
        return "segments" if self.has("segments") else "utt2spk"

    def _segments(self, durations: dict[bytes, float]) -> None:
        table = check_table(self.errors, "segments")
        self._match(table, self.utterance_list, "utt2spk")
        recordings = set()
        for line, number in zip(table.lines, table.numbers, strict=True):
            _, recording, *times = line.split()
            recordings.add(recording)
            if len(times) == 3 and times[2].isdigit():
                times.pop()  # the channel, as extract-segments takes it
            try:
                start, end = map(float, times)
            except ValueError:
                start = end = float("nan")
            duration = durations.get(recording, float("inf"))
            mend = "mend the times (seconds) or delete the line"
            if not (0 <= start < end < float("inf") or (0 <= start and end == -1)):
                message = (
                    "expected '<utterance> <recording> <start> <end> [<channel>]' with 0 <= start < end, or end -1: "
                    f"{show(line)!r}"
                )
                self.errors.add("segments", number, "bad times", message, mend)
            elif start >= duration or end > duration + _MAX_OVERSHOOT:
                message = f"reaches beyond the recording, which is {duration:g} s long: {show(line)!r}"
                self.errors.add("segments", number, "beyond the recording", message, mend)
            elif end != -1 and end - start < _MIN_SEGMENT:
                message = f"is shorter than {_MIN_SEGMENT} s and will be left out: {show(line)!r}"
                self.warnings.add("segments", number, "short segments", message, "delete the line")
        self.recording_list = sorted(recordings)

    def _durations(self, name: str) -> dict[bytes, float]:
        durations = {}
        for line in files.read_lines(self.folder / name):
            try:
                key, value = line.split()
                durations[key] = float(value)
            except ValueError:
                continue  # noted when the file itself is checked
        return durations

    def others(self) -> None:
        """text, scp files, utt2<label>, spk2<label>, alignments."""
        for name in files.file_names(self.folder):
            kind = files.index_of(name)
            if name in ("utt2spk", "spk2utt", "segments", "wav.scp", "reco2file_and_channel"):
                continue
            if name == "phones.ctm":
                self._alignment(name)
            elif name == "text":
                self._text()
            elif kind not in (files.WHOLE, files.ALIGNMENT):
                self._labels(name, kind)

    def _labels(self, name: str, kind: str) -> None:
        fields = 2 if name in (*_POSITIVE, *_WARP, "utt2uniq", "spk2gender") else None
        table = check_table(self.errors, name, fields=fields)
        if kind == files.RECORDING:
            self._match(table, self.recording_list, self._recording_source())
        elif kind == files.SPEAKER and not files.is_by_utterance(name, table.keys, set(self.speaker_list)):
            self._match(table, self.speaker_list, "utt2spk")
        else:
            self._match(table, self.utterance_list, "utt2spk")
        if (
            name in _POSITIVE
            and table.values
            and not _are_positive(table.values, int if name == "utt2num_frames" else float)
        ):
            is_good = _is_positive_integer if name == "utt2num_frames" else _is_positive
            expected = "a whole number above 0" if name == "utt2num_frames" else "seconds above 0"
            mend = f"delete the file and make it anew{' (utils/data/get_utt2dur.sh)' if name == 'utt2dur' else ''}"
            if name == "utt2num_frames":
                mend = f"{self.errors.fix} to leave out utterances without a frame, or {mend}"
            self._values(table, is_good, expected, mend)
        elif name in _WARP:
            self._values(
                table, lambda value: 0.5 < _number(value) < 1.5, "a factor between 0.5 and 1.5", "mend the line"
            )
        elif name == "spk2gender" and not set(table.values) <= {b"m", b"f"}:
            self._values(table, (b"m", b"f").__contains__, "m or f", "mend the line")

    def _values(self, table: Table, is_good: Callable[[bytes], bool], expected: str, mend: str) -> None:
        for key, value, number in zip(table.keys, table.values, table.numbers, strict=True):
            if not is_good(value):
                message = f"'{show(key)}' has '{show(value)}', expected {expected}"
                self.errors.add(table.name, number, "bad values", message, mend)

    def _text(self) -> None:
        table = check_table(self.errors, "text", may_lack_value=True, non_print=self.non_print)
        self._match(table, self.utterance_list, "utt2spk")
        if any(word in table.data for word in _FORBIDDEN_WORDS):
            for line, number in zip(table.lines, table.numbers, strict=True):
                if not set(_FORBIDDEN_WORDS).isdisjoint(line.split()[1:]):
                    message = f"has one of the reserved symbols <s> </s> #0: {show(line)}"
                    self.errors.add("text", number, "reserved symbols", message, "delete the symbol")
        if b" \n" in table.data or any(map(bytes.__eq__, table.lines, table.keys)):
            for key, line, number in zip(table.keys, table.lines, table.numbers, strict=True):
                if line.strip() == key:
                    mend = "delete the utterance if it should have words"
                    self.warnings.add("text", number, "no words", f"'{show(key)}' has no words", mend)

    def _alignment(self, name: str) -> None:
        known = set(self.utterance_list).union(self.recording_list)
        with open(self.folder / name, "rb") as file:
            for number, line in enumerate(file, 1):
                fields = line.split()
                if len(fields) < 5 or not (_number(fields[2]) >= 0 and _number(fields[3]) >= 0):
                    message = (
                        f"expected '<utterance or recording> <channel> <start> <duration> <label>': {show(line)!r}"
                    )
                    self.errors.add(name, number, "bad lines", message, "mend or delete the line")
                elif fields[0] not in known:
                    message = f"'{show(fields[0])}' is neither utterance nor recording"
                    self.errors.add(name, number, "unknown keys", message, self.errors.fix)

    def _match(self, table: Table, expected: list[bytes], source: str) -> None:
        """Note keys that are not expected, and expected keys that are missing."""
        if table.keys == expected:
            return
        kind = files.index_of(table.name)
        known: Collection[bytes] = set(expected)
        for key, number in zip(table.keys, table.numbers, strict=True):
            if key not in known:
                message = f"{kind} '{show(key)}' is not in {source}"
                self.errors.add(table.name, number, f"not in {source}", message, self.errors.fix)
        is_needed = table.name in _COMPLETE or kind == files.RECORDING or table.name in ("text", "segments")
        report = self.errors if is_needed else self.warnings
        for key in sorted(known.difference(table.keys)):
            message = f"no line for {kind} '{show(key)}' of {source}"
            report.add(table.name, 0, f"in {source} but missing here", message, f"add it, or {report.fix}")


def _number(text: bytes) -> float:
    try:
        return float(text) if b"_" not in text else float("nan")
    except ValueError:
        return float("nan")


def _are_positive(texts: list[bytes], number: type) -> bool:
    """Whether all are good numbers above 0: quicker than one by one, may say no where that says yes, but not yes."""
    if number is int:
        return all(map(bytes.isdigit, texts)) and 0 not in map(int, texts)
    try:
        values = list(map(float, texts))
    except ValueError:
        return False
    return all(map((0.0).__lt__, values)) and max(values) < float("inf") and b"_" not in b"".join(texts)


def _is_positive(text: bytes) -> bool:
    return 0 < _number(text) < float("inf")


def _is_positive_integer(text: bytes) -> bool:
    return text.isdigit() and int(text) > 0
