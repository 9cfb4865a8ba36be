"""The demo corpus in CALLHOME's layout: same bytes for the same seed, calls as planned, transcripts that are true."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("espeakng_loader")

from local.demo_corpus import callhome_layout
from local.demo_corpus.sphere import encode_mulaw_sphere, mulaw
from speechlib.io.audio import audio_info, read_audio

SPEAKERS = 9
PARTS = ("train", "devtest", "evltest")


def make(root: Path, out: Path, *options: str) -> subprocess.CompletedProcess:
    command = [sys.executable, root / "local/make_demo_corpus.py", "--layout", "callhome", *options, out]
    return subprocess.run(command, capture_output=True, text=True)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def demo(root, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "callhome"
    done = make(root, folder, "--speakers", str(SPEAKERS), "--seed", "3", "--nj", "2")
    assert done.returncode == 0 and "9 speakers" in done.stdout, done.stderr
    return folder


def test_the_plan_of_the_default_size():
    calls = callhome_layout.plan(callhome_layout.DEFAULT_SPEAKERS, seed=1)
    number = Counter(call.part for call in calls)
    assert number["devtest"] >= 15 and number["evltest"] >= 30
    assert sum(len(call.speakers) for call in calls if call.part == "train") >= 40
    for part in ("devtest", "evltest"):
        sizes = Counter(len(call.speakers) for call in calls if call.part == part)
        assert set(sizes) == set(range(2, 8)) and sizes[2] > sum(sizes.values()) / 2
    speakers = [speaker.key for call in calls for speaker in call.speakers.values()]
    assert len(set(speakers)) == len(speakers) == callhome_layout.DEFAULT_SPEAKERS
    assert len({call.name for call in calls}) == len(calls)
    for call in calls:
        assert {label[0] for label in call.speakers} == {"A", "B"}
        assert set(Counter(label for label, _ in call.turns)) == set(call.speakers)
        assert min(Counter(label for label, _ in call.turns).values()) >= 2
    assert calls == callhome_layout.plan(190, seed=1) != callhome_layout.plan(190, seed=2)


@pytest.mark.parametrize("number", [9, 10, 33, 121])
def test_calls_of_any_number_of_speakers(number):
    calls = callhome_layout.plan(number, seed=0)
    assert sum(len(call.speakers) for call in calls) == number
    assert {call.part for call in calls} == set(PARTS) and min(len(call.speakers) for call in calls) >= 2


@pytest.mark.parametrize("speakers, seed, message", [(8, 0, "from 9 to 1200 can be made"), (20, -1, "--seed -1")])
def test_what_cannot_be_made(speakers, seed, message):
    with pytest.raises(ValueError, match=message):
        callhome_layout.plan(speakers, seed)


def test_same_seed_same_bytes_for_any_number_of_processes(root, demo, tmp_path):
    make(root, tmp_path / "again", "--speakers", str(SPEAKERS), "--seed", "3", "--nj", "1")
    assert contents(tmp_path / "again") == contents(demo)
    make(root, tmp_path / "again", "--speakers", str(SPEAKERS), "--seed", "4", "--nj", "2")
    audio = [{data for name, data in contents(made).items() if name.endswith(".sph")} for made in (demo, tmp_path)]
    assert not audio[0] & audio[1]


def test_calls_and_their_transcripts(demo):
    plans = {call.name: call for call in callhome_layout.plan(SPEAKERS, seed=3)}
    for path in demo.rglob("*.sph"):
        call = plans.pop(path.stem)
        assert path.parent == demo / "data" / call.part
        info = audio_info(path)
        assert (info.rate, info.channels) == (8000, 2)
        text = (demo / "transcrpt" / call.part / f"{call.name}.txt").read_text().splitlines()
        lines = [re.fullmatch(r"(\d+\.\d\d) (\d+\.\d\d) ([AB]\d?): (.+)", line) for line in text[1:] if line]
        assert text[0].startswith("# SYNTHETIC") and all(lines)
        spoken = [(float(start), float(end), label, words) for start, end, label, words in (m.groups() for m in lines)]
        assert sorted((label, words) for _, _, label, words in spoken) == sorted(call.turns)
        assert [line[0] for line in spoken] == sorted(line[0] for line in spoken)
        assert all(0 < start < end < info.duration for start, end, _, _ in spoken)
        channels = [read_audio(path, channel=channel)[0] for channel in (0, 1)]
        for start, end, label, _ in spoken:
            part = slice(round(start * 8000), round(end * 8000))
            mine, other = (
                np.sqrt(np.mean(channels[c][part] ** 2)) for c in ("AB".index(label[0]), "BA".index(label[0]))
            )
            quiet = [s <= start + 0.1 and end - 0.1 <= e for s, e, who, _ in spoken if who[0] != label[0]]
            overlaps = [s < end and start < e for s, e, who, _ in spoken if who[0] != label[0]]
            assert mine > 100 and (any(overlaps) or any(quiet) or mine > 1.5 * other)
        assert max(np.abs(channel).max() for channel in channels) < 32768
    assert not plans


def test_mulaw_is_undone_by_the_reader(tmp_path):
    samples = np.concatenate([np.arange(-32768, 32768, 7), [0, 1, -1, 32767]]).astype(np.int16)
    (tmp_path / "a.sph").write_bytes(encode_mulaw_sphere(np.stack([samples, -(samples // 2)], 1), 8000, {}))
    for channel, expected in enumerate((samples, -(samples // 2))):
        found, rate = read_audio(tmp_path / "a.sph", channel=channel)
        assert rate == 8000
        clipped = np.clip(expected.astype(int), -32635, 32635)
        assert (np.abs(found - clipped) <= (np.abs(clipped) + 132) / 32).all()  # half a step
        # what was decoded is coded as before; the code has two zeros
        kept = found != 0
        np.testing.assert_array_equal(mulaw(found.astype(np.int16))[kept], mulaw(expected)[kept])
    with pytest.raises(ValueError, match="non-empty int16 matrix"):
        encode_mulaw_sphere(samples, 8000, {})
