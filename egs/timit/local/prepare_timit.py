"""TIMIT in any layout met in the wild -> one Kaldi data directory, and the TRAIN and TEST speakers in path order."""

import re
import sys
from collections import Counter
from pathlib import Path

from timit_corpus import Corpus, Sentence, SpeakerFolder, find_corpus
from utterance_lists import LEAST

from speechlib.io.atomic import write_text
from speechlib.io.audio import BadAudio, audio_info, write_bad_list
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.maps import utt2spk_to_spk2utt, write_lists, write_map

_RATE = 16000
_LABELS = ("TXT", "WRD", "PHN")
_SHOWN_BAD = 5


class _Tables:
    """The files of the data directory while they grow."""

    def __init__(self) -> None:
        self.wav_scp: dict[str, str] = {}
        self.utt2spk: dict[str, str] = {}
        self.utt2dur: dict[str, str] = {}
        self.text: dict[str, str] = {}
        self.ctm: dict[str, dict[str, list[str]]] = {"words.ctm": {}, "phones.ctm": {}}
        self.missing = dict.fromkeys(_LABELS, 0)
        self.bad: list[tuple[str, str, str]] = []
        self.replaced = 0
        self.seconds = 0.0

    def add(self, utterance: str, folder: SpeakerFolder, sentence: Sentence) -> None:
        """Add a sentence, or note why its audio cannot be used."""
        chosen = None
        errors: list[BadAudio] = []
        for path in sentence.audio:
            try:
                chosen = (path, _samples(path))
                break
            except BadAudio as error:
                errors.append(error)
        if chosen is None:
            self.bad.append((utterance, errors[0].reason, str(errors[0])))
            return
        self.replaced += bool(errors)
        path, samples = chosen
        self.wav_scp[utterance] = str(path)
        self.utt2spk[utterance] = folder.speaker
        self.utt2dur[utterance] = _seconds(samples)
        self.seconds += samples / _RATE
        for kind in _LABELS:
            if kind not in sentence.labels:
                self.missing[kind] += 1
        if "TXT" in sentence.labels:
            self.text[utterance] = _read_text(sentence.labels["TXT"])
        for kind, name in (("WRD", "words.ctm"), ("PHN", "phones.ctm")):
            if kind in sentence.labels:
                self.ctm[name][utterance] = _ctm_lines(utterance, sentence.labels[kind])


def _samples(path: Path) -> int:
    info = audio_info(path)
    if info.rate != _RATE:
        raise BadAudio("wrong-rate", path, f"{info.rate} samples a second, TIMIT has {_RATE}", "use the original files")
    if info.channels != 1:
        raise BadAudio("multichannel", path, f"{info.channels} channels, TIMIT has one", "use the original files")
    if info.samples == 0:
        raise BadAudio("empty", path, "no samples", "use the original files")
    return info.samples


def _seconds(samples: int) -> str:
    return f"{samples / _RATE:.7f}"  # seven places hold a sixteen-thousandth exactly


def _fields(path: Path) -> list[tuple[int, int, str]]:
    """Lines `start end label` of a .TXT, .WRD or .PHN file, in samples."""
    entries = []
    for number, line in enumerate(path.read_text(encoding="latin-1").splitlines(), 1):
        if not line.strip():
            continue
        match = re.fullmatch(r"\s*(\d+)\s+(\d+)\s+(\S.*?)\s*", line)
        if not match:
            raise ValueError(f"{path}:{number}: {line!r}: expected `start end label` in samples; fetch the file again")
        entries.append((int(match[1]), int(match[2]), match[3]))
    return entries


def _read_text(path: Path) -> str:
    text = " ".join(label for _, _, label in _fields(path)).lower()
    return " ".join(re.sub(r"[^a-z' ]", " ", text).split())


def _ctm_lines(utterance: str, path: Path) -> list[str]:
    """Kaldi's CTM: utterance, channel, start, duration, label. Times are TIMIT's, even where they exceed the audio."""
    return [f"{utterance} 1 {_seconds(start)} {_seconds(end - start)} {label}\n" for start, end, label in _fields(path)]


def _collect(corpus: Corpus) -> _Tables:
    tables = _Tables()
    for folder in corpus.folders:
        for sentence in folder.sentences:
            # The speaker comes first, so that the order of utterances is also the order of speakers (Kaldi's rule).
            tables.add(f"{folder.speaker}_{sentence.name}", folder, sentence)
    return tables


def _write_data_dir(path: Path, corpus: Corpus, tables: _Tables) -> list[str]:
    """Write the tables; returns notes on what is not there."""
    speakers = set(tables.utt2spk.values())
    folders = [folder for folder in corpus.folders if folder.speaker in speakers]
    path.mkdir(parents=True, exist_ok=True)
    write_map(path / "wav.scp", tables.wav_scp)
    write_map(path / "utt2spk", tables.utt2spk)
    write_map(path / "utt2dur", tables.utt2dur)
    write_lists(path / "spk2utt", utt2spk_to_spk2utt(tables.utt2spk))
    write_map(path / "spk2gender", {folder.speaker: folder.speaker[0].lower() for folder in folders})
    write_map(path / "spk2dialect", {f.speaker: f"dr{f.region}" for f in folders if f.region})
    notes = [f"{count} sentences have no .{kind} file" for kind, count in tables.missing.items() if count]
    if len(tables.text) == len(tables.utt2spk):
        write_map(path / "text", tables.text)
    else:  # half a text is an invalid data directory
        notes.append("text is not written, since it would lack utterances")
        (path / "text").unlink(missing_ok=True)
    for name, lines in tables.ctm.items():
        if lines:
            write_text(path / name, "".join("".join(lines[utterance]) for utterance in sorted(lines)))
        else:
            (path / name).unlink(missing_ok=True)
    return notes


def _check_bad(tables: _Tables, max_bad: int, bad_list: Path) -> None:
    bad_list.parent.mkdir(parents=True, exist_ok=True)
    write_bad_list(bad_list, tables.bad)
    for _, reason, message in tables.bad[:_SHOWN_BAD]:
        print(f"prepare_timit: bad audio ({reason}): {message}", file=sys.stderr)
    if len(tables.bad) > max_bad:
        raise ValueError(
            f"{len(tables.bad)} bad audio files, --max-bad allows {max_bad}: see {bad_list}; "
            "mend them, or raise --max-bad to go on without them"
        )
    if not tables.utt2spk:
        raise ValueError(f"no audio file can be used: see {bad_list}")


def main(argv: list[str] | None = None) -> int:
    parser = KaldiArgumentParser(prog="prepare_timit.py", description=__doc__)
    parser.add_argument("--max-bad", type=int, default=0, help="so many unusable audio files are left out")
    parser.add_argument("corpus", type=Path, help="TIMIT's folder, or any folder above it")
    parser.add_argument("out", type=Path, help="all/ and lists/ are written there")
    args = parser.parse_args(argv)

    corpus = find_corpus(args.corpus)
    tables = _collect(corpus)
    _check_bad(tables, args.max_bad, args.out / "log" / "bad.1.tsv")
    notes = corpus.notes + _write_data_dir(args.out / "all", corpus, tables)
    if tables.replaced:
        notes.append(f"{tables.replaced} unreadable files have a readable twin, which is taken")

    # A speaker with too few sentences is in the data directory, but in no experiment beside those who have enough.
    num_sentences = Counter(tables.utt2spk.values())
    usable = {speaker for speaker, number in num_sentences.items() if number >= LEAST} or set(num_sentences)
    sizes = []
    (args.out / "lists").mkdir(exist_ok=True)
    for part in ("TRAIN", "TEST"):
        speakers = [speaker for speaker in corpus.speakers(part) if speaker in usable]
        write_text(args.out / "lists" / f"{part.lower()}_speakers", "".join(f"{speaker}\n" for speaker in speakers))
        sizes.append(f"{len(speakers)} {part}")
    for note in notes:
        print(f"prepare_timit: {note}", file=sys.stderr)
    print(
        f"prepare_timit: {len(num_sentences)} speakers ({', '.join(sizes)}), {len(tables.utt2spk)} utterances, "
        f"{tables.seconds / 60:.1f} minutes, {len(tables.bad)} bad"
    )
    return 0


if __name__ == "__main__":
    run(main)
