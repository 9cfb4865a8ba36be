"""The demo corpus: same bytes for the same seed, TIMIT's layout, plausible alignments, and kind errors."""

import itertools
import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("espeakng_loader")

from local.demo_corpus import phones, sentences, store
from local.demo_corpus.espeak import PhonemeEvent, Speech
from local.demo_corpus.processes import run_isolated
from local.demo_corpus.sphere import encode_sphere
from local.demo_corpus.timit_layout import plan
from local.demo_corpus.voices import Voice, draw_speakers
from local.demo_corpus.words import align_words
from speechlib.metrics.timit_phones import PHONES_61

SPEAKERS = 6


def make(root: Path, out: Path, *options: str, check: bool = True) -> subprocess.CompletedProcess:
    command = [sys.executable, root / "local/make_demo_corpus.py", "--speakers", str(SPEAKERS), *options, out]
    return subprocess.run(command, check=check, capture_output=True, text=True)


@pytest.fixture(scope="module")
def corpus(root, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("demo") / "TIMIT"
    make(root, out, "--seed", "3", "--nj", "2")
    return out


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def read_labels(path: Path) -> list[tuple[int, int, str]]:
    lines = [line.split(" ", 2) for line in path.read_text().splitlines()]
    return [(int(start), int(end), label) for start, end, label in lines]


def test_same_seed_same_bytes_for_any_number_of_processes(root, corpus, tmp_path):
    again = tmp_path / "again"
    make(root, again, "--seed", "3", "--nj", "1")
    assert contents(again) == contents(corpus)


def test_rerun_does_nothing_and_another_seed_makes_it_anew(root, tmp_path):
    out = tmp_path / "corpus"
    make(root, out, "--seed", "1")
    first = contents(out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    assert "already there" in make(root, out, "--seed", "1").stdout
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before
    make(root, out, "--seed", "2")
    second = contents(out)
    assert set(first) != set(second)
    waves = [{data for name, data in files.items() if name.endswith(".WAV")} for files in (first, second)]
    assert not waves[0] & waves[1]
    assert not [path for path in tmp_path.iterdir() if path.name.endswith((".new", ".old"))]


def test_layout(corpus):
    waves = sorted(corpus.glob("T*/DR*/*/*.WAV"))
    assert len(waves) == 10 * SPEAKERS
    by_speaker = defaultdict(list)
    for wave in waves:
        part, region, speaker = wave.parts[-4:-1]
        assert part in ("TRAIN", "TEST") and re.fullmatch("DR[1-8]", region)
        assert re.fullmatch(r"[FM][A-Z]{3}\d", speaker)
        by_speaker[part, speaker].append(wave.stem)
        assert all(wave.with_suffix(suffix).is_file() for suffix in (".TXT", ".WRD", ".PHN"))
    assert len({speaker for _, speaker in by_speaker}) == SPEAKERS
    assert sum(part == "TEST" for part, _ in by_speaker) == SPEAKERS // 3
    for part in ("TRAIN", "TEST"):
        assert {speaker[0] for p, speaker in by_speaker if p == part} == {"F", "M"}
    for stems in by_speaker.values():
        assert sorted(re.sub(r"\d", "", stem) for stem in stems) == ["SA"] * 2 + ["SI"] * 3 + ["SX"] * 5
        assert {"SA1", "SA2"} <= set(stems)
    for document in ("DOC/SPKRINFO.TXT", "DOC/SPKRSENT.TXT", "DOC/PROMPTS.TXT", "README.DOC"):
        assert "SYNTHETIC" in (corpus / document).read_text().splitlines()[0]
    about = {line.split()[1] + line.split()[0] for line in (corpus / "DOC/SPKRINFO.TXT").read_text().splitlines()[3:]}
    assert about == {speaker for _, speaker in by_speaker}


def test_plan_of_the_default_size():
    readers = plan(36, seed=0)
    assert len({reader.name for reader in readers}) == len({reader.name[1:] for reader in readers}) == 36
    assert sum(reader.part == "TEST" for reader in readers) == 12
    text_of, readers_of, parts_of = {}, defaultdict(set), defaultdict(set)
    for reader in readers:
        assert len(reader.texts) == 10
        for sentence, text in reader.texts.items():
            assert text_of.setdefault(sentence, text) == text
            readers_of[sentence].add(reader.name)
            parts_of[sentence].add(reader.part)
    assert len(set(text_of.values())) == len(text_of)
    for sentence, names in readers_of.items():
        if sentence.startswith("SA"):
            assert len(names) == 36
        elif sentence.startswith("SX"):
            assert len(names) >= 3 and len(parts_of[sentence]) == 1
        else:
            assert len(names) == 1
    trapped = [sorted(reader.texts) != sorted(reader.texts, key=lambda s: (s[:2], int(s[2:]))) for reader in readers]
    assert all(trapped)  # string order differs from numeric order everywhere


@pytest.mark.parametrize("number", [3, 601])
def test_impossible_sizes(root, tmp_path, number):
    done = make(root, tmp_path / "out", "--speakers", str(number), check=False)
    assert done.returncode == 1 and "from 4 to 600" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_audio_is_sphere_at_16_khz(corpus):
    for wave in sorted(corpus.glob("T*/DR*/*/*.WAV")):
        assert wave.read_bytes()[:16] == b"NIST_1A\n   1024\n"
        info = soundfile.info(wave)
        assert (info.format, info.subtype, info.channels, info.samplerate) == ("NIST", "PCM_16", 1, 16000)
        assert 1.5 < info.duration < 7
        start, end, text = read_labels(wave.with_suffix(".TXT"))[0]
        assert (start, end) == (0, info.frames) and text.endswith((".", "?"))
        assert 1000 < np.abs(soundfile.read(wave, dtype="int16")[0]).max() < 32767


def test_labels(corpus):
    used = set()
    for path in sorted(corpus.glob("T*/DR*/*/*.PHN")):
        entries = read_labels(path)
        total = soundfile.info(path.with_suffix(".WAV")).frames
        assert entries[0][0] == 0 and entries[-1][1] == total
        assert entries[0][2] == entries[-1][2] == "h#"
        assert all(before[1] == after[0] for before, after in itertools.pairwise(entries))
        assert all(end > start for start, end, _ in entries)
        assert all(label != "h#" for _, _, label in entries[1:-1])
        used |= {label for _, _, label in entries}
        words = read_labels(path.with_suffix(".WRD"))
        text = path.with_suffix(".TXT").read_text().split(" ", 2)[2]
        assert [word for _, _, word in words] == re.findall(r"[a-z']+", text.lower())
        cuts = {start for start, _, _ in entries} | {total}
        assert all(start < end and start in cuts and end in cuts for start, end, _ in words)
        assert all(before[1] <= after[0] for before, after in itertools.pairwise(words))
    assert len(phones.TIMIT_LABELS) == 61
    assert phones.TIMIT_LABELS == set(PHONES_61)  # the corpus is made without speechlib; both lists must stay one
    assert used <= phones.TIMIT_LABELS
    assert len(used) > 50


def test_alignments_are_plausible(corpus):
    """Levels and brightness by phone class: only right boundaries give this order."""
    level, brightness, seconds = (defaultdict(list) for _ in range(3))
    classes = {
        "vowel": "iy ih eh ey ae aa ay ao ow er ah".split(),
        "closure": "pcl tcl kcl".split(),
        "murmur": "bcl dcl gcl".split(),
        "burst": "p t k ch".split(),
        "sibilant": "s sh z".split(),
        "silence": ["h#"],
    }
    class_of = {label: name for name, labels in classes.items() for label in labels}
    for path in sorted(corpus.glob("T*/DR*/*/*.PHN")):
        samples = soundfile.read(path.with_suffix(".WAV"), dtype="int16")[0].astype(float)
        whole = np.sqrt(np.mean(samples**2))
        for start, end, label in read_labels(path):
            if label in class_of:
                piece = samples[start:end]
                power = np.mean(piece**2) + 1
                level[class_of[label]].append(10 * np.log10(power / whole**2))
                brightness[class_of[label]].append(np.mean(np.diff(piece) ** 2) / power)
                seconds[class_of[label]].append((end - start) / 16000)
    middle = {name: np.median(values) for name, values in level.items()}
    assert middle["silence"] < -20 and middle["closure"] < -20
    assert middle["vowel"] > middle["murmur"] + 6
    assert middle["vowel"] > middle["burst"] + 3 > middle["closure"] + 10
    assert np.mean(np.array(level["closure"]) < -12) > 0.9
    assert np.median(brightness["sibilant"]) > 3 * np.median(brightness["vowel"])
    assert 0.02 < np.median(seconds["closure"]) < 0.08
    assert 0.04 < np.median(seconds["vowel"]) < 0.2


def test_speakers_differ_and_vary(corpus):
    """Everybody's SA1 is different audio, and a speaker's spectrum is nearer to the own than to others' on average."""
    spectra = defaultdict(list)
    for path in sorted(corpus.glob("T*/DR*/*/*.WAV")):
        samples = soundfile.read(path)[0]
        frames = samples[: len(samples) // 512 * 512].reshape(-1, 512)
        spectra[path.parent.name].append(np.log(np.mean(np.abs(np.fft.rfft(frames * np.hanning(512)))[:, 2:], axis=0)))
    first = {path.read_bytes()[1024:] for path in corpus.glob("T*/DR*/*/SA1.WAV")}
    assert len(first) == SPEAKERS
    centred = {name: np.array(rows) - np.mean(rows, axis=1, keepdims=True) for name, rows in spectra.items()}
    within = np.mean([rows.std(axis=0).mean() for rows in centred.values()])
    between = np.std([rows.mean(axis=0) for rows in centred.values()], axis=0).mean()
    assert between > 0.5 * within > 0.02


def _say(texts: tuple[str, ...], speaker: int) -> int:
    voice = Voice(draw_speakers({"F": 2, "M": 2}, key=(7,))[speaker])
    return sum(len(voice.say(text).words) for text in texts)


def test_every_text_has_phones_and_words():
    texts = (*sentences.CALIBRATION, *sentences.SHARED, *sentences.grammar_vocabulary())
    expected = sum(len(re.findall(r"[a-z']+", text.lower())) for text in texts)
    assert run_isolated(_say, [(texts, 1), (texts, 3)], processes=2) == [expected, expected]


def test_grammar_draws_different_sentences():
    drawn = sentences.draw_unique(2000, np.random.default_rng(5))
    assert len(set(drawn)) == 2000
    assert drawn[:20] == sentences.draw_unique(20, np.random.default_rng(5))
    assert len(set(sentences.SHARED)) == len(sentences.SHARED) >= 100


def test_unknown_phoneme_is_an_error():
    with pytest.raises(ValueError, match="'x'.*no TIMIT label"):
        phones.to_timit("x")
    tone = np.full(2000, 1000, np.int16)
    with pytest.raises(ValueError, match="no TIMIT label"):
        phones.segment(Speech(tone, 16000, (PhonemeEvent(0, "l", False), PhonemeEvent(900, "Q^", False))))


def test_stops_split_into_closure_and_burst():
    rate, rng = 16000, np.random.default_rng(0)
    vowel = 3000 * np.sin(2 * np.pi * 500 * np.arange(1600) / rate)
    noise = 1500 * rng.standard_normal(800)
    silence = np.zeros(960)
    murmur = 600 * np.sin(2 * np.pi * 120 * np.arange(640) / rate)
    samples = np.concatenate([vowel, silence, noise, vowel, murmur, noise, vowel, silence]).astype(np.int16)
    edges = np.cumsum([0, 1600, 960, 800, 1600, 640, 800, 1600])
    names = [(0, "a"), (2, "t"), (3, "i:"), (4, "b"), (6, "A@"), (7, "_:")]
    events = tuple(PhonemeEvent(int(edges[k]), name, True) for k, name in names)
    found = phones.segment(Speech(samples, rate, events))
    assert [s.label for s in found] == "h# ae tcl t iy bcl b aa r h#".split()
    ends = [s.end for s in found]
    wanted = [0, 1600, 2560, 3360, 4960, 5600, 6400, 6400 + 960, 8000, 8960]
    assert np.abs(np.subtract(ends, wanted)).max() <= 80  # 5 ms
    assert [s.event for s in found] == [None, 0, 1, 1, 2, 3, 3, 4, 4, None]


def test_align_words():
    assert align_words([["V", "v"], ["D", "@"], ["d", "0", "g"]], "@ v D @2 d O: g".split()) == [(0, 2), (2, 4), (4, 7)]
    assert align_words([["a", "t"], ["w", "V", "n", "s"]], "@ t# w V n s".split()) == [(0, 2), (2, 6)]
    with pytest.raises(ValueError, match="word 2 of 2"):
        align_words([["a"], ["b"]], ["a"])


def test_sphere_needs_int16():
    with pytest.raises(ValueError, match="int16"):
        encode_sphere(np.zeros(10), 16000, {})
    with pytest.raises(ValueError, match="header"):
        encode_sphere(np.zeros(10, np.int16), 16000, {"utterance_id": "x" * 1000})


def _die(status: int) -> None:
    os._exit(status)


def _refuse(text: str) -> None:
    raise ValueError(text)


def test_processes_report_deaths_and_errors():
    assert run_isolated(divmod, [(7, 2), (9, 4), (5, 5)], processes=2) == [(3, 1), (2, 1), (1, 0)]
    with pytest.raises(RuntimeError, match="1 of 2 died"):
        run_isolated(_die, [(3,), (3,)], processes=1)
    with pytest.raises(ValueError, match="no such word"):
        run_isolated(_refuse, [("no such word",)], processes=1)


def test_a_failed_run_leaves_nothing_and_a_killed_one_is_cleared(tmp_path):
    out = tmp_path / "corpus"

    def fail(folder: Path) -> str:
        (folder / "half").write_text("x")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        store.make_once(out, {"seed": 0}, fail)
    assert not out.exists() and [path.name for path in tmp_path.iterdir()] == [".corpus.lock"]

    (tmp_path / ".corpus.new").mkdir()
    (tmp_path / ".corpus.new" / "half").write_text("x")

    def succeed(folder: Path) -> str:
        (folder / "whole").write_text("y")
        return "done"

    assert store.make_once(out, {"seed": 0}, succeed) == "done"
    assert sorted(contents(out)) == [store.STAMP, "whole"]
    assert store.make_once(out, {"seed": 0}, fail) is None
    with pytest.raises(OSError):  # what is there stays until the new corpus is complete
        store.make_once(out, {"seed": 1}, fail)
    assert sorted(contents(out)) == [store.STAMP, "whole"]


def test_a_foreign_folder_is_left_alone(root, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    done = make(root, tmp_path, check=False)
    assert done.returncode == 1 and "is no demo corpus" in done.stderr
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_missing_espeak_is_said(root, tmp_path):
    code = (
        "import sys; sys.modules['espeakng_loader'] = None; import make_demo_corpus as m; "
        f"sys.exit(m.main(['--speakers', '4', {str(tmp_path / 'out')!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root / "local", capture_output=True, text=True)
    assert done.returncode == 1
    assert "pip install espeakng-loader" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_script_passes_its_options_on(root, corpus, tmp_path):
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

    def call(*arguments: str) -> subprocess.CompletedProcess:
        command = [root / "local/make_demo_corpus.sh", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    done = call("--seed", "3", "--speakers", str(SPEAKERS), "--nj", "1", "out")
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path / "out") == contents(corpus)
    done = call("--sead", "3", "out")
    assert done.returncode == 1 and "--seed" in done.stderr
    assert call().returncode == 1


def test_the_script_runs_from_any_directory_and_has_no_other_options(root, tmp_path):
    script = root / "local/make_demo_corpus.sh"
    made = subprocess.run([script, "--speakers", "4", "demo"], cwd=tmp_path, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "demo/TRAIN").is_dir()
    assert "also takes" not in subprocess.run([script, "--help"], cwd=tmp_path, capture_output=True, text=True).stdout
