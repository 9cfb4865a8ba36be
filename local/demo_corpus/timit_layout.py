"""A demo corpus in TIMIT's own layout: TRAIN|TEST/DRn/<speaker>/<sentence>.{WAV,TXT,WRD,PHN} and DOC/."""

import string
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import sentences
from .processes import run_isolated
from .sphere import encode_sphere
from .voices import RATE, Speaker, Utterance, Voice, draw_speakers

DEFAULT_SPEAKERS = 36
_REGIONS = 8
_READERS = 4  # about so many speakers share a set of five SX texts (TIMIT: seven)
_MIN_SPEAKERS, _MAX_SPEAKERS = 4, 600
_SX_STEP, _SI_STEP = 90, 630  # TIMIT's numbering: n, n+90, ... and n, n+630, n+1260
_NOTICE = "SYNTHETIC: every voice of this corpus is made by espeak-ng; no human speaker is in it."


@dataclass(frozen=True)
class Reader:
    """A speaker's place in the corpus and the texts to read: sentence name -> text, in order of reading."""

    name: str
    part: str
    region: int
    speaker: Speaker
    texts: dict[str, str]

    @property
    def folder(self) -> str:
        """Path of the speaker's folder inside the corpus."""
        return f"{self.part}/DR{self.region}/{self.name}"


def plan(num_speakers: int, seed: int) -> list[Reader]:
    """Draw the speakers, their names, regions and texts; a third of them is TEST, half of each part are women.

    TRAIN and TEST share no SX text, as in TIMIT.

    Raises:
        ValueError: fewer than 4 or more than 600 speakers, or a negative seed.
    """
    if not _MIN_SPEAKERS <= num_speakers <= _MAX_SPEAKERS:
        raise ValueError(f"--speakers {num_speakers}: from {_MIN_SPEAKERS} to {_MAX_SPEAKERS} can be made")
    if seed < 0:
        raise ValueError(f"--seed {seed}: a whole number from 0 on is expected")
    rng = np.random.default_rng([seed, 0])
    sizes = {"TEST": max(2, round(num_speakers / 3))}
    sizes = {"TRAIN": num_speakers - sizes["TEST"], **sizes}
    women = {part: size // 2 for part, size in sizes.items()}
    total_women = sum(women.values())
    voices = draw_speakers({"F": total_women, "M": num_speakers - total_women}, key=(seed,))
    by_sex = {sex: [voice for voice in voices if voice.sex == sex] for sex in "FM"}

    groups = {part: max(1, -(-size // _READERS)) for part, size in sizes.items()}
    limit = len(sentences.SHARED) // 5
    groups = {"TRAIN": min(groups["TRAIN"], limit - limit // 3), "TEST": min(groups["TEST"], limit // 3)}
    sx_numbers = rng.permutation(_SX_STEP)[: sum(groups.values())] + 1
    sx_texts = rng.permutation(len(sentences.SHARED))
    si_numbers = rng.permutation(_SI_STEP)[:num_speakers] + 1
    si_texts = sentences.draw_unique(3 * num_speakers, rng)
    initials = _initials(num_speakers, rng)

    readers = []
    for part, size in sizes.items():
        regions = rng.permutation(np.arange(size) % _REGIONS) + 1
        first_group = 0 if part == "TRAIN" else groups["TRAIN"]
        for i in range(size):
            sex = "F" if i < women[part] else "M"
            number = len(readers)
            group = first_group + i % groups[part]
            texts = {f"SA{k + 1}": text for k, text in enumerate(sentences.CALIBRATION)}
            for k in range(3):
                texts[f"SI{si_numbers[number] + k * _SI_STEP}"] = si_texts[3 * number + k]
            for k in range(5):
                texts[f"SX{sx_numbers[group] + k * _SX_STEP}"] = sentences.SHARED[sx_texts[5 * group + k]]
            readers.append(Reader(sex + initials[number], part, int(regions[i]), by_sex[sex].pop(0), texts))
    return readers


def _initials(count: int, rng: np.random.Generator) -> list[str]:
    letters = np.array(list(string.ascii_uppercase))
    names: dict[str, None] = {}
    while len(names) < count:
        names["".join(rng.choice(letters, 3)) + "0"] = None
    return list(names)


def _lines(entries: list[tuple[int, int, str]]) -> str:
    return "".join(f"{start} {end} {label}\n" for start, end, label in entries)


def _write_utterance(stem: Path, reader: Reader, sentence: str, utterance: Utterance) -> None:
    fields = {
        "database_id": "speechlib-demo",
        "database_version": "synthetic",
        "utterance_id": f"{reader.name.lower()}_{sentence.lower()}",
    }
    stem.with_suffix(".WAV").write_bytes(encode_sphere(utterance.samples, RATE, fields))
    stem.with_suffix(".TXT").write_text(f"0 {len(utterance.samples)} {reader.texts[sentence]}\n", encoding="ascii")
    stem.with_suffix(".WRD").write_text(_lines(utterance.words), encoding="ascii")
    stem.with_suffix(".PHN").write_text(_lines(utterance.phones), encoding="ascii")


def _read_aloud(reader: Reader, root: Path) -> tuple[int, int]:
    """One speaker, in a process of its own; returns the numbers of sentences and samples."""
    folder = root / reader.folder
    folder.mkdir(parents=True)
    voice = Voice(reader.speaker)
    samples = 0
    for sentence, text in reader.texts.items():
        utterance = voice.say(text)
        _write_utterance(folder / sentence, reader, sentence, utterance)
        samples += len(utterance.samples)
    return len(reader.texts), samples


def _write_docs(root: Path, readers: list[Reader]) -> None:
    doc = root / "DOC"
    doc.mkdir(parents=True)
    (root / "README.DOC").write_text(f"{_NOTICE}\nThe layout is TIMIT's; the sentences and the voices are not.\n")
    head = f"; {_NOTICE}\n"
    info = [head, "; Use - TRN or TST\n;ID  Sex DR Use  RecDate   BirthDate  Ht    Race Edu  Comments\n"]
    sent = [head, ";ID   <SA>  <-------- SX --------->  <----- SI ----->\n"]
    prompts: dict[str, str] = {}
    for reader in readers:
        use = {"TRAIN": "TRN", "TEST": "TST"}[reader.part]
        unknown = "--/--/--  --/--/--  -'--\"  ???  ??"
        about = f"SYNTHETIC {reader.speaker.describe()}"
        info.append(f"{reader.name[1:]}  {reader.name[0]}  {reader.region}  {use}  {unknown}   {about}\n")
        by_kind = {kind: [s[2:] for s in reader.texts if s.startswith(kind)] for kind in ("SA", "SX", "SI")}
        sent.append(f"{reader.name[1:]}  {'  '.join(' '.join(numbers) for numbers in by_kind.values())}\n")
        prompts.update({text: sentence.lower() for sentence, text in reader.texts.items()})
    (doc / "SPKRINFO.TXT").write_text("".join(info), encoding="ascii")
    (doc / "SPKRSENT.TXT").write_text("".join(sent), encoding="ascii")
    lines = [f"{text} ({sentence})\n" for text, sentence in prompts.items()]
    (doc / "PROMPTS.TXT").write_text(head + "".join(lines), encoding="ascii")


def write_corpus(root: Path, num_speakers: int, seed: int, processes: int) -> str:
    """Write the corpus under `root` and return one line about it; the bytes do not depend on `processes`.

    Raises:
        ValueError, EspeakError: see `plan` and `Voice.say`.
    """
    readers = plan(num_speakers, seed)
    _write_docs(root, readers)
    done = run_isolated(_read_aloud, [(reader, root) for reader in readers], processes)
    sentences_done, samples = (sum(values) for values in zip(*done, strict=True))
    minutes = samples / RATE / 60
    return f"{len(readers)} speakers, {sentences_done} sentences, {minutes:.1f} minutes"
