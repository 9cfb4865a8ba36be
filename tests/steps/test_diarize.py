"""steps/segment_recordings.sh, tune_diarization.sh and diarize.sh: from whole recordings to turns and error rates."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from speechlib.io.audio import write_wav
from speechlib.io.maps import read_map
from speechlib.io.rttm import read_rttm
from speechlib.io.segment_files import read_segments

RATE = 8000
TURNS = {  # (start, end, voice); every recording is 24 s long
    "one": [(1.0, 7.0, "ann"), (8.0, 14.0, "bö"), (15.0, 22.0, "ann")],
    "two": [(0.5, 9.0, "bö"), (10.0, 16.0, "ann"), (16.0, 23.0, "bö")],
}


def voice(name, seconds, seed):
    """Vowels of a quarter of a second: pulses of the speaker's pitch through resonances near the speaker's."""
    from scipy.signal import lfilter

    rng = np.random.default_rng(seed)
    pitch, resonances = {"ann": (210, (900, 2000, 3100)), "bö": (110, (400, 1200, 2400))}[name]
    vowels = []
    for _ in range(int(np.ceil(seconds * 4))):
        phase = np.cumsum(np.full(RATE // 4, pitch * rng.uniform(0.9, 1.1))) / RATE
        sound = np.diff(np.floor(phase), prepend=0) + 0.02 * rng.standard_normal(len(phase))
        for centre in resonances:
            angle = 2 * np.pi * centre * rng.uniform(0.8, 1.2) / RATE
            sound = lfilter([1], [1, -2 * 0.95 * np.cos(angle), 0.95**2], sound)
        vowels.append(2500 * rng.uniform(0.3, 1) * sound / sound.std())
    return np.concatenate(vowels)[: round(seconds * RATE)]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory, root):
    """A recipe folder with data/raw: two recordings of two voices each, and one in which nobody speaks."""
    folder = tmp_path_factory.mktemp("recipe")
    for name in ("steps", "utils"):
        (folder / name).symlink_to(root / name)
    (folder / "conf").mkdir()
    (folder / "conf/mfcc.conf").write_text("--sample-frequency=8000\n--dither=0\n--snip-edges=false\n--num-ceps=10\n")
    raw = folder / "data/raw"
    raw.mkdir(parents=True)
    rng, lines, reference = np.random.default_rng(0), [], []
    for seed, (recording, turns) in enumerate({**TURNS, "quiet": []}.items()):
        samples = 30 * rng.standard_normal(24 * RATE) if turns else np.zeros(24 * RATE)
        for index, (start, end, name) in enumerate(turns):
            samples[int(start * RATE) : int(end * RATE)] += voice(name, end - start, 10 * seed + index)
            times = f"{start} {end - start:g}"
            reference.append(f"SPEAKER {recording} 1 {times} <NA> <NA> {name} <NA> <NA>\n")
        write_wav(raw / f"{recording}.wav", samples.astype(np.float32), RATE)
        lines.append(f"{recording} {raw}/{recording}.wav\n")
    (raw / "wav.scp").write_text("".join(sorted(lines)))
    for name in ("utt2spk", "spk2utt"):
        (raw / name).write_text("".join(f"{recording} {recording}\n" for recording in sorted([*TURNS, "quiet"])))
    (raw / "ref.rttm").write_text("".join(reference))
    (raw / "reco2num_spk").write_text("one 2\ntwo 2\n")
    return folder


def step(recipe, root, *arguments):
    path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(root)}
    return subprocess.run(list(arguments), cwd=recipe, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def segmented(recipe, root):
    """data/auto: the recordings by harmonicity and uniform windows, with features and decisions."""
    done = step(
        recipe, root, "steps/segment_recordings.sh", "--vad", "harmonicity", "--nj", "2", "data/raw", "data/auto"
    )
    assert done.returncode == 0, done.stderr
    for command in ("make_feats", "compute_vad"):
        made = step(recipe, root, f"steps/{command}.sh", "--nj", "1", "data/auto")
        assert made.returncode == 0, made.stderr
    (recipe / "model").mkdir()
    (recipe / "model/frontend.conf").write_text("--vad=true\n")
    return done


def speech_times(folder):
    found = {recording: np.zeros(2400, bool) for recording in TURNS}
    for segment in read_segments(folder / "segments").values():
        found[segment.recording][round(segment.start * 100) : round(segment.end * 100)] = True
    return found


def check_segments(folder):
    """What is said is in a segment, what is silent is not; but for half a second at each edge."""
    found = speech_times(folder)
    for recording, turns in TURNS.items():
        expected = np.zeros(2400, bool)
        for start, end, _ in turns:
            expected[round(start * 100) : round(end * 100)] = True
        assert np.mean(found[recording] != expected) < 0.1


def test_segments_of_recordings(recipe, segmented):
    folder = recipe / "data/auto"
    assert "warning: 1 of 3 recordings have no speech" in segmented.stderr and "no segment: quiet" in segmented.stderr
    check_segments(folder)
    utterances = list(read_segments(folder / "segments"))
    assert utterances == sorted(utterances)
    lists = [line.split() for line in (folder / "reco2utt").read_text().splitlines()]
    assert {reco: members for reco, *members in lists} == {
        reco: [utterance for utterance in utterances if utterance.startswith(reco)] for reco in TURNS
    }
    assert (folder / "spk2utt").read_text() == (folder / "reco2utt").read_text()
    assert [line.split()[0] for line in (folder / "wav.scp").read_text().splitlines()] == list(TURNS)
    assert (folder / "ref.rttm").exists() and (folder / "reco2num_spk").exists()


@pytest.mark.parametrize("options", [("--vad", "energy"), ("--vad", "harmonicity", "--method", "bic")])
def test_other_ways_to_segment(recipe, root, options):
    folder = recipe / "data" / "-".join(options).replace("--", "")
    done = step(recipe, root, "steps/segment_recordings.sh", *options, "--nj", "2", "data/raw", str(folder))
    assert done.returncode == 0, done.stderr
    check_segments(folder)
    if "bic" in options:  # the two voices that follow each other without a pause are parted
        ends = [segment.end for segment in read_segments(folder / "segments").values() if segment.recording == "two"]
        assert min(abs(end - 16.0) for end in ends) < 0.3


def test_features_go_when_the_segments_change(recipe, root, segmented):
    shutil.copytree(recipe / "data/auto", recipe / "data/again")
    options = ("--vad", "harmonicity", "data/raw", "data/again")
    assert step(recipe, root, "steps/segment_recordings.sh", *options).returncode == 0
    assert (recipe / "data/again/feats.scp").exists()
    assert step(recipe, root, "steps/segment_recordings.sh", "--window", "2", *options).returncode == 0
    assert not (recipe / "data/again/feats.scp").exists()


def test_turns_where_the_number_of_speakers_is_known(recipe, root, segmented):
    options = ("--distance", "bic", "--reco2num-spk", "data/raw/reco2num_spk", "--collar", "0.25", "--nj", "2")
    done = step(recipe, root, "steps/diarize.sh", *options, "data/auto", "model", "exp/known")
    assert done.returncode == 0, done.stderr
    turns = read_rttm(recipe / "exp/known/hyp.rttm")
    assert {recording: len({turn.speaker for turn in turns[recording]}) for recording in turns} == {"one": 2, "two": 2}
    result = json.loads((recipe / "exp/known/result.json").read_text())
    assert result["metrics"]["der"]["value"] < 0.1


def test_a_threshold_is_tuned_and_used(recipe, root, segmented):
    tuned = step(recipe, root, "steps/tune_diarization.sh", "--distance", "glr", "data/auto", "model", "exp/dev")
    assert tuned.returncode == 0, tuned.stderr
    assert "threshold" in tuned.stdout
    options = ("--distance", "glr", "--selection", "exp/dev/selection.json")
    done = step(recipe, root, "steps/diarize.sh", *options, "data/auto", "model", "exp/tuned")
    assert done.returncode == 0, done.stderr
    result = json.loads((recipe / "exp/tuned/result.json").read_text())
    assert result["metrics"]["der"]["value"] < 0.15
    known = json.loads((recipe / "exp/tuned/known/result.json").read_text())
    assert known["selection"]["cut"] == "oracle" and known["extra"]["stop"] == "known"
    assert read_map(recipe / "exp/tuned/reco2num_spk") == {"one": "2", "two": "2"}
    assert (recipe / "exp/tuned/known/hyp.rttm").exists()


def test_where_to_stop_must_be_said(recipe, root, segmented):
    failed = step(recipe, root, "steps/diarize.sh", "--distance", "glr", "data/auto", "model", "exp/none")
    assert failed.returncode == 1 and "expected one of --threshold, --selection and --reco2num-spk" in failed.stderr
    twice = ("--threshold", "1", "--selection", "x")
    assert step(recipe, root, "steps/diarize.sh", *twice, "data/auto", "model", "exp/none").returncode == 1


def test_more_speakers_than_segments(recipe, root, segmented):
    (recipe / "many").write_text("one 2\ntwo 999\n")
    options = ("--distance", "bic", "--reco2num-spk", "many")
    failed = step(recipe, root, "steps/diarize.sh", *options, "data/auto", "model", "exp/many")
    assert failed.returncode == 1 and "conversation 'two'" in failed.stderr
    assert not (recipe / "exp/many/hyp.rttm").exists()


def test_recordings_that_are_all_silent(recipe, root, segmented):
    raw = recipe / "data/silent_raw"
    raw.mkdir()
    (raw / "wav.scp").write_text(f"quiet {recipe}/data/raw/quiet.wav\n")
    options = ("--vad", "harmonicity", "--method", "bic")
    done = step(recipe, root, "steps/segment_recordings.sh", *options, "data/silent_raw", "data/silent")
    assert done.returncode == 0 and "no segment: quiet" in done.stderr
    assert (recipe / "data/silent/segments").read_bytes() == b""
    done = step(recipe, root, "steps/diarize.sh", "data/silent", "model", "exp/silent")
    assert done.returncode == 0 and "nobody speaks" in done.stderr
    assert (recipe / "exp/silent/hyp.rttm").read_bytes() == b""


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--vad", "magic", "data/raw", "data/x"], "--vad magic: expected energy, harmonicity or silero"),
        (["--method", "magic", "data/raw", "data/x"], "--method magic: expected uniform or bic"),
        (["data/nowhere", "data/x"], "data/nowhere/wav.scp is not there or empty"),
        (["data/auto", "data/x"], "are cut into utterances already"),
        (["data/raw", "data/raw"], "name another folder"),
    ],
)
def test_wrong_calls(recipe, root, segmented, arguments, message):
    failed = step(recipe, root, "steps/segment_recordings.sh", *arguments)
    assert failed.returncode == 1 and message in failed.stderr
