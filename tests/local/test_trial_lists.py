"""Trials: a corpus' own list as trials of utterances, drawn trials, and speakers that are held out."""

import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from local.dev_speakers import choose_speakers
from local.trial_lists import draw_trials, utterance_trials

SPEAKERS = {"f": ("anna", "beth", "cleo"), "m": ("dave", "emil", "finn", "gus")}
GENDER = {speaker: gender for gender, speakers in SPEAKERS.items() for speaker in speakers}
UTT2SPK = {f"{speaker}-{video}-{n}": speaker for speaker in GENDER for video in "xy" for n in range(3)}
UTT2SESSION = {utterance: utterance[:-2] for utterance in UTT2SPK}


def listed(tmp_path: Path, text: str, allow_missing: bool = False):
    path = tmp_path / "list"
    path.write_text(text)
    names = {"a/1.wav": "a-1", "./a/1.wav": "a-1", "a/2.wav": "a-2", "b/1.wav": "b-1"}
    return utterance_trials(path, names.get, {"a-1": "a", "a-2": "a", "b-1": "b"}, allow_missing)


def test_a_list_of_paths_becomes_trials_of_utterances_in_its_order(tmp_path):
    trials, warning = listed(tmp_path, "0 b/1.wav a/1.wav\n1 a/2.wav a/1.wav\n0 a/1.wav b/1.wav\n")
    assert trials == [("b-1", "a-1", False), ("a-2", "a-1", True), ("a-1", "b-1", False)] and not warning


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 a/1.wav a/2.wav\n0 a/1.wav b/1.wav\n1 a/1.wav a/2.wav\n", r"list:3: trial 'a/1.wav a/2.wav' .* line 1"),
        ("1 a/1.wav a/2.wav\n0 a/1.wav b/1.wav\n0 ./a/1.wav b/1.wav\n", r"list:3: the trial 'a-1 b-1' .* line 2"),
        ("1 a/1.wav a/2.wav\n2 a/1.wav b/1.wav\n", r"list:2: label '2'"),
        ("1 a/1.wav a/2.wav\n0 a/1.wav\n", r"list:2: "),
        ("1 a/1.wav a/2.wav\n1 a/1.wav b/1.wav\n0 a/2.wav b/1.wav\n", r"list:2: labelled target, .* speaker a .* of b"),
        ("0 a/1.wav a/2.wav\n1 a/2.wav a/1.wav\n", r"list:1: labelled nontarget"),
        ("1 a/1.wav a/2.wav\n", r"all 1 trials are target"),
        ("a/1.wav a/2.wav\n", r"no labels"),
        ("", r"list"),
    ],
)
def test_a_wrong_list_is_an_error_with_its_line(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        listed(tmp_path, text)


def test_missing_audio_is_an_error_or_a_counted_warning(tmp_path):
    text = "1 a/1.wav a/2.wav\n0 a/1.wav b/1.wav\n" + "".join(f"0 a/1.wav c/{n}.wav\n" for n in range(5))
    with pytest.raises(
        ValueError, match=r"5 of 7 trials .*: c/0.wav, c/1.wav, c/2.wav, ... \(5 names\).*allow-missing"
    ):
        listed(tmp_path, text)
    trials, warning = listed(tmp_path, text, allow_missing=True)
    assert len(trials) == 2 and "5 of 7 trials" in warning and "left out" in warning
    with pytest.raises(ValueError, match="not enough to score"):
        listed(tmp_path, "1 a/1.wav a/2.wav\n0 a/1.wav c/1.wav\n", allow_missing=True)


def test_drawn_trials_are_right_distinct_and_seeded():
    trials = draw_trials(UTT2SPK, 40, 80, 3, GENDER, 0.75, UTT2SESSION)
    assert trials == draw_trials(dict(reversed(UTT2SPK.items())), 40, 80, 3, GENDER, 0.75, UTT2SESSION)
    assert trials != draw_trials(UTT2SPK, 40, 80, 4, GENDER, 0.75, UTT2SESSION)
    assert Counter(target for _, _, target in trials) == {True: 40, False: 80}
    assert len({frozenset(trial[:2]) for trial in trials}) == len(trials)
    for first, second, target in trials:
        assert (UTT2SPK[first] == UTT2SPK[second]) == target and first != second
        assert not target or UTT2SESSION[first] != UTT2SESSION[second]
    same = sum(GENDER[UTT2SPK[a]] == GENDER[UTT2SPK[b]] for a, b, target in trials if not target)
    assert same == 60


def test_all_pairs_where_fewer_are_there_than_wanted():
    trials = draw_trials(UTT2SPK, 10**6, 10**6, 0, GENDER, 0.5)
    assert Counter(target for _, _, target in trials) == {True: 7 * 15, False: 21 * 36}
    women = {utterance: speaker for utterance, speaker in UTT2SPK.items() if GENDER[speaker] == "f"}
    kinds = Counter(target for _, _, target in draw_trials(women, 5, 20, 0, GENDER, 0.1))
    assert kinds == {True: 5, False: 20}  # women alone: the share cannot be kept, the number can


def test_many_utterances_are_drawn_without_listing_all_pairs():
    utt2spk = {f"s{i % 50:02d}-{i}": f"s{i % 50:02d}" for i in range(4000)}
    trials = draw_trials(utt2spk, 500, 500, 1)
    assert len({trial[:2] for trial in trials}) == 1000
    assert len({name for first, second, _ in trials for name in (first, second)}) > 1200


@pytest.mark.parametrize(
    ("utt2spk", "message"),
    [({"a": "x", "b": "x"}, "two speakers"), ({"a": "x", "b": "y"}, "a speaker with two utterances")],
)
def test_trials_that_cannot_be_drawn(utt2spk, message):
    with pytest.raises(ValueError, match=message):
        draw_trials(utt2spk, 1, 1, 0)


def test_held_out_speakers_are_of_both_genders_and_have_trials():
    spk2utt = {speaker: ["1", "2"] for speaker in GENDER} | {"beth": ["1"]}
    for seed in range(20):
        chosen = choose_speakers(spk2utt, 4, seed, GENDER)
        assert Counter(GENDER[speaker] for speaker in chosen) == {"f": 2, "m": 2}
        assert "beth" not in chosen and chosen == choose_speakers(spk2utt, 4, seed, GENDER)
    assert len({tuple(choose_speakers(spk2utt, 4, seed, GENDER)) for seed in range(20)}) > 5
    assert len(choose_speakers(spk2utt, 5, 0, {"anna": "f"})) == 5  # genders known in part
    for number in (1, 6):
        with pytest.raises(ValueError, match="cannot be held out"):
            choose_speakers(spk2utt, number, 0)
    with pytest.raises(ValueError, match="single utterance"):
        choose_speakers(dict.fromkeys(GENDER, ["1"]), 2, 0)


def data_dir(path: Path) -> Path:
    path.mkdir(parents=True)
    tables = {"wav.scp": {utt: f"{utt}.wav" for utt in UTT2SPK}, "utt2spk": UTT2SPK, "utt2session": UTT2SESSION}
    tables |= {"spk2gender": GENDER, "feats.scp": {utt: f"feats.ark:{i}" for i, utt in enumerate(UTT2SPK)}}
    for name, table in tables.items():
        (path / name).write_text("".join(f"{key} {value}\n" for key, value in sorted(table.items())))
    return path


def test_split_dev_speakers(root, tmp_path):
    data_dir(tmp_path / "train")
    command = [root / "local/split_dev_speakers.sh", "--dev-share", "0.5", "--num-target", "20", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

    def table(part: str, name: str) -> dict[str, str]:
        return dict(line.split() for line in (tmp_path / part / name).read_text().splitlines())

    fit, dev = (table(part, "utt2spk") for part in ("fit", "dev"))
    assert fit | dev == UTT2SPK and not set(fit.values()) & set(dev.values())
    assert Counter(table("dev", "spk2gender").values()) == {"f": 2, "m": 2}
    assert set(table("dev", "feats.scp")) == set(dev)
    trials = [line.split() for line in (tmp_path / "dev/trials").read_text().splitlines()]
    assert Counter(label for _, _, label in trials) == {"target": 20, "nontarget": 20}
    assert {name for first, second, _ in trials for name in (first, second)} <= set(dev)
    subprocess.run([command[0], "--dev-speakers", "3", tmp_path], check=True, capture_output=True)
    assert [len(table(part, "spk2gender")) for part in ("fit", "dev")] == [4, 3]
    done = subprocess.run([*command[:2], "1.5", tmp_path], capture_output=True, text=True)
    assert done.returncode == 1 and re.search("share 1.5: expected", done.stderr)
