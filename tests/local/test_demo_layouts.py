"""The demo corpora for speaker verification: same bytes for the same seed, sessions, lists that hold, real layouts."""

import re
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("espeakng_loader")

from local.demo_corpus import speechocean_layout, voxceleb_layout
from local.demo_corpus.recordings import Session, draw_session

LAYOUTS = {"voxceleb1": voxceleb_layout, "speechocean762": speechocean_layout}
SPEAKERS = 6


def make(root: Path, layout: str, out: Path, *options: str, check: bool = True) -> subprocess.CompletedProcess:
    command = [sys.executable, root / "local/make_demo_corpus.py", "--layout", layout, *options, out]
    return subprocess.run(command, check=check, capture_output=True, text=True)


@pytest.fixture(scope="module")
def corpora_made(root, tmp_path_factory) -> dict[str, Path]:
    top = tmp_path_factory.mktemp("demo")
    for layout in LAYOUTS:
        make(root, layout, top / layout, "--speakers", str(SPEAKERS), "--seed", "3", "--nj", "2")
    return {layout: top / layout for layout in LAYOUTS}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_same_seed_same_bytes_for_any_number_of_processes(root, corpora_made, tmp_path, layout):
    make(root, layout, tmp_path / "again", "--speakers", str(SPEAKERS), "--seed", "3", "--nj", "1")
    again, first = contents(tmp_path / "again"), contents(corpora_made[layout])
    assert again == first
    make(root, layout, tmp_path / "again", "--speakers", str(SPEAKERS), "--seed", "4", "--nj", "2")
    waves = [{data for name, data in made.items() if name.lower().endswith(".wav")} for made in (first, again)]
    other = {data for name, data in contents(tmp_path / "again").items() if name.lower().endswith(".wav")}
    assert waves[0] == waves[1] and not waves[0] & other


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_plan_of_the_default_size(layout):
    module = LAYOUTS[layout]
    people = module.plan(module.DEFAULT_SPEAKERS, seed=1)
    assert len({person.id for person in people}) == len(people) >= 40
    by_part = defaultdict(Counter)
    for person in people:
        by_part[person.part][person.gender] += 1
    assert len(by_part) == 2
    for genders in by_part.values():
        assert set(genders) == {"m", "f"} and abs(genders["m"] - genders["f"]) <= 1
    assert sum(by_part["test"].values()) >= 12
    assert module.plan(module.DEFAULT_SPEAKERS, seed=1) == people != module.plan(module.DEFAULT_SPEAKERS, seed=2)


def read_trials(path: Path) -> list[list[str]]:
    return [line.split() for line in path.read_text().splitlines()]


def test_voxceleb_layout(corpora_made):
    corpus = corpora_made["voxceleb1"]
    rows = [line.split("\t") for line in (corpus / "vox1_meta.csv").read_text().splitlines()[1:]]
    sets = {row[0]: row[4] for row in rows}
    assert len(sets) == SPEAKERS and set(sets.values()) == {"dev", "test"}
    waves = {str(path.relative_to(corpus)) for path in corpus.rglob("*.wav")}
    for name in waves:
        part, speaker = re.fullmatch(r"(dev|test)/wav/(id\d{5})/[-\w]{11}/\d{5}\.wav", name).groups()
        assert sets[speaker] == part
    sessions = Counter(name.rsplit("/", 1)[0] for name in waves)
    assert len(sessions) == 4 * SPEAKERS and set(sessions.values()) == {3}
    trials = read_trials(corpus / "veri_test.txt")
    for label, first, second in trials:
        assert {f"test/wav/{first}", f"test/wav/{second}"} <= waves
        assert (first[:7] == second[:7]) == (label == "1")
        assert label == "0" or first.split("/")[1] != second.split("/")[1]
    assert len({tuple(trial[1:]) for trial in trials}) == len(trials)
    cleaned = read_trials(corpus / "veri_test2.txt")
    assert len(cleaned) == len(trials) - 3 and all(trial in trials for trial in cleaned)
    split = [line.split() for line in (corpus / "iden_split.txt").read_text().splitlines()]
    assert {name.split("/", 2)[2] for name in waves} == {path for _, path in split} and len(split) == len(waves)
    for speaker in sets:
        assert Counter(part for part, path in split if path.startswith(speaker)) == {"1": 8, "2": 1, "3": 3}


def test_speechocean_layout(corpora_made):
    corpus = corpora_made["speechocean762"]
    speakers = {}
    for part in ("train", "test"):
        wav_scp = dict(line.split("\t") for line in (corpus / part / "wav.scp").read_text().splitlines())
        assert list(wav_scp) == sorted(wav_scp) and all((corpus / path).is_file() for path in wav_scp.values())
        for utterance, path in wav_scp.items():
            assert path == f"WAVE/SPEAKER{utterance[1:5]}/{utterance}.WAV" and re.fullmatch(r"0\d{8}", utterance)
        ages = dict(line.split() for line in (corpus / part / "spk2age").read_text().splitlines())
        assert set(ages) == {utterance[1:5] for utterance in wav_scp}
        speakers[part] = set(ages)
    assert not speakers["train"] & speakers["test"] and sum(map(len, speakers.values())) == SPEAKERS
    for label, *paths in read_trials(corpus / "trials_test.txt"):
        assert all((corpus / path).is_file() for path in paths)
        first, second = (path.split("/")[1][7:] for path in paths)
        assert {first, second} <= speakers["test"] and (first == second) == (label == "1")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_prepare_script_reads_it(root, corpora_made, tmp_path, layout):
    script = root / f"egs/{layout}/local/prepare_{layout}.sh"
    done = subprocess.run([script, corpora_made[layout], tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "test/spk2utt").read_text().splitlines()) == 2
    assert len((tmp_path / "train/spk2utt").read_text().splitlines()) == SPEAKERS - 2


def test_recordings_are_loud_enough_and_not_clipped(corpora_made):
    for corpus in corpora_made.values():
        for path in [path for path in corpus.rglob("*") if path.suffix.lower() == ".wav"]:
            samples, rate = soundfile.read(path, dtype="int16")
            assert rate == 16000 and samples.ndim == 1 and 0.8 < len(samples) / rate < 12
            level = np.sqrt(np.mean(samples.astype(float) ** 2))
            assert 500 < level < 2600 and np.mean(np.abs(samples.astype(int)) > 32760) < 1e-3


def test_a_session_mixes_at_its_ratio_and_keeps_time():
    rng = np.random.default_rng(0)
    speech = (3000 * rng.standard_normal(16000)).astype(np.int16)
    for snr_db in (0.0, 20.0):
        noise = np.sin(np.arange(9000) * 0.1)  # shorter than the speech: it goes round
        session = Session(np.ones(1), noise, snr_db, 1000.0)
        heard = session.record(speech, np.random.default_rng(1)).astype(float)
        assert len(heard) == len(speech) and abs(np.sqrt(np.mean(heard**2)) - 1000) < 2
        gain = heard @ speech / (speech.astype(float) @ speech)
        found = 10 * np.log10(np.mean((gain * speech) ** 2) / np.mean((heard - gain * speech) ** 2))
        assert abs(found - snr_db) < 0.2
    first, again, other = (draw_session(np.random.default_rng(k), ("small",), ("hiss",), (5, 9)) for k in (1, 1, 2))
    assert first.snr_db == again.snr_db and np.array_equal(first.room, again.room)
    assert not np.array_equal(first.noise, other.noise) and np.argmax(np.abs(first.room)) == 0


@pytest.mark.parametrize("layout", LAYOUTS)
def test_impossible_corpora(root, tmp_path, layout):
    for size in (5, 601):
        with pytest.raises(ValueError, match="from 6 to 600"):
            LAYOUTS[layout].plan(size, 0)
    done = make(root, layout, tmp_path / "out", "--seed", "-1", check=False)
    assert done.returncode == 1 and "--seed -1" in done.stderr and "Traceback" not in done.stderr
