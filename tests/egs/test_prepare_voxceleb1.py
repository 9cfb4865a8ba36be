"""VoxCeleb1's preparation: both releases give the same, the official lists' numbers, the splits, and kind errors."""

import os
import re
import struct
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

NAMES = {"id10001": "A.J._Buckley", "id10002": "A.R._Rahman", "id10003": "Eartha_Kitt", "id10004": "Eve_Pancharoen"}
GENDERS = {"id10001": "m", "id10002": "m", "id10003": "f", "id10004": "f"}
TEST = ("id10003", "id10004")
VIDEOS = ("1zcIwhmdeo4", "-_J-fUAKGb0")
NUMBERS = (1, 2, 12)
RELEASES = ("ids", "parts", "names", "mixed")


def wave(salt: str) -> bytes:
    """A recording of a tenth of a second that no other has."""
    samples = bytes(range(1, 101)) * 32
    samples = salt.encode().ljust(64, b"\1") + samples[64:]
    layout = struct.pack("<IHHIIHH", 16, 1, 1, 16000, 32000, 2, 16)
    return b"RIFF%bWAVEfmt %bdata%b%b" % (struct.pack("<I", 36 + 3200), layout, struct.pack("<I", 3200), samples)


def new_path(speaker: str, video: str, number: int) -> str:
    return f"{speaker}/{video}/{number:05d}.wav"


def old_path(speaker: str, video: str, number: int) -> str:
    return f"{NAMES[speaker]}/{video}_{number:07d}.wav"


def items() -> list[tuple[str, str, int]]:
    return [(speaker, video, number) for speaker in NAMES for video in VIDEOS for number in NUMBERS]


def place(release: str, item: tuple[str, str, int]) -> str:
    if release == "ids":
        return f"wav/{new_path(*item)}"
    if release == "parts":
        return f"vox1/{'test' if item[0] in TEST else 'dev'}/wav/{new_path(*item)}"
    if release == "mixed" and item[0] in TEST:
        return f"wav/{new_path(*item)}"
    return f"voxceleb1_wav/{old_path(*item)}"


def trial_lines(path_of=new_path) -> list[str]:
    first, second = VIDEOS
    pairs = [(1, (TEST[0], first, 1), (TEST[0], second, 2)), (0, (TEST[0], first, 1), (TEST[1], first, 12))]
    pairs += [(1, (TEST[1], second, 12), (TEST[1], first, 1)), (0, (TEST[1], second, 2), (TEST[0], first, 2))]
    return [f"{label} {path_of(*a)} {path_of(*b)}\n" for label, a, b in pairs]


def make_corpus(top: Path, release: str = "parts", path_of=new_path) -> Path:
    for item in items():
        path = top / place(release, item)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(wave(new_path(*item)))
    rows = [f"{s}\t{NAMES[s]}\t{GENDERS[s]}\tUK\t{'test' if s in TEST else 'dev'}\n" for s in NAMES]
    (top / "vox1_meta.csv").write_text("VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet\n" + "".join(rows))
    (top / "meta").mkdir()
    (top / "meta/veri_test.txt").write_text("".join(trial_lines(path_of)))
    (top / "meta/veri_test2.txt").write_text("".join(trial_lines(path_of)[1:]).rstrip())
    split = [f"{3 if item[1] == VIDEOS[1] else 2 if item[2] == 12 else 1} {path_of(*item)}\n" for item in items()]
    (top / "iden_split.txt").write_text("".join(split))
    return top


def prepare(root: Path, corpus: Path, out: Path, *options: str) -> subprocess.CompletedProcess:
    script = root / "egs/voxceleb1/local/prepare_voxceleb1.sh"
    return subprocess.run([script, *options, corpus, out], capture_output=True, text=True)


def prepared(root: Path, corpus: Path, out: Path, *options: str) -> subprocess.CompletedProcess:
    done = prepare(root, corpus, out, *options)
    assert done.returncode == 0, done.stderr
    return done


def table(path: Path) -> dict[str, str]:
    return dict(line.split(" ", 1) for line in path.read_text().splitlines())


@pytest.mark.parametrize("path_of", [new_path, old_path])
@pytest.mark.parametrize("release", RELEASES)
def test_both_releases_in_every_layout(root, tmp_path, release, path_of):
    corpus, out = make_corpus(tmp_path / "corpus", release, path_of), tmp_path / "data"
    prepared(root, corpus, out)
    old = {speaker for speaker in NAMES if release == "names" or release == "mixed" and speaker not in TEST}

    def utterance(item):
        speaker, video, number = item
        return f"{NAMES[speaker]}-{video}-{number:07d}" if speaker in old else f"{speaker}-{video}-{number:05d}"

    label = {speaker: NAMES[speaker] if speaker in old else speaker for speaker in NAMES}
    for part in ("train", "test"):
        mine = [item for item in items() if (item[0] in TEST) == (part == "test")]
        assert table(out / part / "utt2spk") == {utterance(item): label[item[0]] for item in mine}
        sessions = {utterance(item): f"{label[item[0]]}-{item[1]}" for item in mine}
        assert table(out / part / "utt2session") == sessions
        speakers = {item[0] for item in mine}
        assert table(out / part / "spk2gender") == {label[speaker]: GENDERS[speaker] for speaker in speakers}
        assert set(table(out / part / "utt2dur").values()) == {"0.1000000"}
        paths = table(out / part / "wav.scp")
        for item in mine:
            assert os.path.isabs(paths[utterance(item)])
            assert Path(paths[utterance(item)]).read_bytes() == wave(new_path(*item))
    a, b = (TEST[0], VIDEOS[0], 1), (TEST[0], VIDEOS[1], 2)
    trials = (out / "test/trials").read_text().splitlines(keepends=True)
    assert trials[0] == f"{utterance(a)} {utterance(b)} target\n" and len(trials) == 4
    assert (out / "test/trials_cleaned").read_text() == "".join(trials[1:])


def test_the_identification_split(root, tmp_path):
    prepared(root, make_corpus(tmp_path / "corpus"), tmp_path / "data")
    script = root / "egs/voxceleb1/local/make_identification_sets.sh"
    subprocess.run([script, tmp_path / "data"], check=True, capture_output=True)
    sets = {part: set(table(tmp_path / f"data/iden_{part}/utt2spk")) for part in ("train", "val", "test")}
    name = "{}-{}-{:05d}".format
    assert sets["train"] == {name(s, VIDEOS[0], n) for s in NAMES for n in (1, 2)}
    assert sets["val"] == {name(s, VIDEOS[0], 12) for s in NAMES}
    assert sets["test"] == {name(s, VIDEOS[1], n) for s in NAMES for n in NUMBERS}
    done = subprocess.run([script, tmp_path], capture_output=True, text=True)
    assert done.returncode == 1 and "the corpus had no iden_split.txt" in done.stderr


def test_the_real_sample(root, corpora, tmp_path):
    sample = corpora / "voxceleb1_sample"
    done = prepare(root, sample, tmp_path / "a")
    assert done.returncode == 1 and "there is no list of trials" in done.stderr and "--trials none" in done.stderr
    prepared(root, sample, tmp_path / "b", "--trials", "none")
    assert set(table(tmp_path / "b/train/spk2utt")) == {"id10001", "id10002"}
    assert not (tmp_path / "b/test").exists()
    subprocess.run([root / "egs/voxceleb1/local/make_identification_sets.sh", tmp_path / "b"], check=True)
    assert sorted(table(tmp_path / "b/iden_test/utt2spk")) == ["id10001-1zcIwhmdeo4-00003", "id10002-xTV-jFAUKcw-00003"]
    lists = corpora / "voxceleb1_lists"
    done = prepare(root, sample, tmp_path / "c", "--lists", lists, "--allow-missing", "true")
    assert done.returncode == 1 and "none of the 40 test speakers is there" in done.stderr


def test_the_official_lists(root, corpora, tmp_path):
    lists = corpora / "voxceleb1_lists"
    lines = [line.split() for line in (lists / "voxceleb1_veri_test.txt").read_text().splitlines()]
    paths = {path for line in lines for path in line[1:]}
    assert len(paths) == 4715
    for path in [*paths, *(f"id1000{n}/{video}/00001.wav" for n in (1, 2) for video in VIDEOS)]:
        target = tmp_path / "corpus/wav" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(wave(path))
    done = prepared(root, tmp_path / "corpus", tmp_path / "data", "--lists", lists)
    assert "37720 trials (18860 target, 18860 nontarget)" in done.stdout
    assert "test/trials_cleaned: 37611 trials (18802 target, 18809 nontarget)" in done.stdout
    train, test = (table(tmp_path / f"data/{part}/utt2spk") for part in ("train", "test"))
    assert len(set(test.values())) == 40 and len(test) == 4715
    assert set(train.values()) == {"id10001", "id10002"}
    trials = [line.split() for line in (tmp_path / "data/test/trials").read_text().splitlines()]
    assert len(trials) == 37720 and {len(line) for line in trials} == {3}
    assert all((test[first] == test[second]) == (label == "target") for first, second, label in trials)
    assert [line[2] == "target" for line in trials] == [line[0] == "1" for line in lines]
    assert Counter(label for *_, label in trials) == {"target": 18860, "nontarget": 18860}


def replace(path: str, old: str, new: str):
    def spoil(corpus: Path) -> None:
        text = (corpus / path).read_text()
        assert old in text
        (corpus / path).write_text(text.replace(old, new, 1))

    return spoil


def remove(*paths: str):
    def spoil(corpus: Path) -> None:
        for path in paths:
            (corpus / path).unlink()

    return spoil


def put_everybody_into_the_trials(corpus: Path) -> None:
    with (corpus / "meta/veri_test.txt").open("a") as file:
        file.writelines(f"1 {new_path(s, VIDEOS[0], 1)} {new_path(s, VIDEOS[1], 1)}\n" for s in NAMES if s not in TEST)


GONE = f"vox1/test/wav/{new_path(TEST[0], VIDEOS[0], 1)}"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (remove(GONE), f"2 of 4 trials of .*veri_test.txt .* not there: {new_path(TEST[0], VIDEOS[0], 1)}; complete"),
        (replace("meta/veri_test.txt", "\n0 ", "\n1 "), r"veri_test.txt:2: labelled target, but .* id10003 .* id10004"),
        (replace("meta/veri_test.txt", "\n0 ", "\nx "), r"veri_test.txt:2: label 'x'"),
        (
            replace("meta/veri_test2.txt", "\n", "\n" + trial_lines()[1]),
            r"veri_test2.txt:2: .*line 1",
        ),
        (replace("meta/veri_test.txt", "00001.wav", "sound"), r"'id10003/1zcIwhmdeo4/sound' is no path of VoxCeleb1"),
        (put_everybody_into_the_trials, "all 4 speakers are in the trials: nobody is left to train on"),
        (remove("meta/veri_test.txt", "meta/veri_test2.txt"), "there is no list of trials"),
        (replace("vox1_meta.csv", "\tm\t", "\tmale\t"), r"vox1_meta.csv:2: .*expected"),
        (replace("vox1_meta.csv", "id10002", "id10001"), r"vox1_meta.csv:3: speaker id10001 A.R._Rahman was there"),
        (replace("iden_split.txt", "1 ", "4 "), r"iden_split.txt:1: .*expected '1\|2\|3 <path>'"),
        (replace("iden_split.txt", "00002", "00001"), r"iden_split.txt:2: .* already in line 1"),
        (
            replace("iden_split.txt", "00002", "00003"),
            r"1 of 24 utterances of .*iden_split.txt are not there: id10001/",
        ),
    ],
)
def test_what_is_wrong_is_said(root, tmp_path, spoil, message):
    corpus = make_corpus(tmp_path / "corpus")
    spoil(corpus)
    code, env = root / "egs/voxceleb1/local/prepare_voxceleb1.py", {"PYTHONPATH": str(root)}  # quicker than its shell
    done = subprocess.run([sys.executable, code, corpus, tmp_path / "data"], capture_output=True, text=True, env=env)
    assert done.returncode == 1 and re.search(message, done.stderr), done.stderr
    assert "Traceback" not in done.stderr


def test_a_part_of_the_corpus(root, tmp_path):
    corpus = make_corpus(tmp_path / "corpus")
    (corpus / GONE).unlink()
    done = prepared(root, corpus, tmp_path / "data", "--allow-missing", "true")
    assert "warning: 2 of 4 trials of" in done.stderr and "warning: 1 of 24 utterances of" in done.stderr
    assert [line[-7:] for line in (tmp_path / "data/test/trials").read_text().splitlines()] == [" target", "ntarget"]


def test_bad_audio_is_counted(root, tmp_path):
    corpus = make_corpus(tmp_path / "corpus")
    bad = place("parts", ("id10001", VIDEOS[0], 2))
    (corpus / bad).write_bytes(b"")
    done = prepare(root, corpus, tmp_path / "data", "--allow-missing", "true")
    assert done.returncode == 1 and "1 bad audio files, --max-bad allows 0" in done.stderr
    prepared(root, corpus, tmp_path / "data", "--allow-missing", "true", "--max-bad", "1")
    assert len(table(tmp_path / "data/train/utt2spk")) == 11


def test_without_lists_trials_are_drawn(root, tmp_path):
    corpus = make_corpus(tmp_path / "corpus", "ids")
    for path in corpus.glob("meta/*"):
        path.unlink()
    texts = []
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        options = ("--make-trials", "true", "--num-target", "6", "--seed", seed)
        done = prepared(root, corpus, tmp_path / name, *options)
        assert "test speakers are 2 of 4, by vox1_meta.csv" in done.stderr
        assert set(table(tmp_path / name / "test/spk2utt")) == set(TEST)
        texts.append((tmp_path / name / "test/trials").read_text())
    assert texts[0] == texts[1] != texts[2]
    for first, second, label in (line.split() for line in texts[0].splitlines()):
        assert (first[:7] == second[:7]) == (label == "target")
        assert label == "nontarget" or first[8:19] != second[8:19]  # another video
    (corpus / "vox1_meta.csv").unlink()
    done = prepared(root, corpus, tmp_path / "d", "--make-trials", "true")
    assert "test speakers are 2 of 4, drawn with seed 0" in done.stderr and "gender of 4 of 4" in done.stderr
    assert len(table(tmp_path / "d/train/spk2utt")) == len(table(tmp_path / "d/test/spk2utt")) == 2


def test_what_is_there_twice_counts_once(root, tmp_path):
    corpus = make_corpus(tmp_path / "corpus", "ids")
    make_corpus(tmp_path / "other", "names")
    (corpus / "z_old").symlink_to(tmp_path / "other/voxceleb1_wav", target_is_directory=True)
    (corpus / "loop").symlink_to(corpus, target_is_directory=True)
    (corpus / place("ids", items()[0])).with_name("._00001.wav").write_bytes(b"\0\5\26\7")
    done = prepared(root, corpus, tmp_path / "data")
    assert "24 utterances are there twice" in done.stderr
    assert set(table(tmp_path / "data/train/spk2utt")) == {"id10001", "id10002"}


def test_a_video_of_two_speakers_is_noticed(root, tmp_path):
    done = prepared(root, make_corpus(tmp_path / "corpus"), tmp_path / "data")
    assert "warning: 2 videos have training and test speakers" in done.stderr


def test_no_corpus(root, tmp_path):
    (tmp_path / "empty").mkdir()
    done = prepare(root, tmp_path / "empty", tmp_path / "data")
    assert done.returncode == 1 and "no utterance of VoxCeleb1 is there" in done.stderr
    assert "no such folder" in prepare(root, tmp_path / "absent", tmp_path / "data").stderr
