"""steps/make_feats.sh: the same archives for any number of jobs, bad audio, restarts, usage."""

import os
import subprocess
import sys

import numpy as np
import pytest

from speechlib.io.audio import write_wav
from speechlib.io.tables import read_table


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data" / "train"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for index in range(3):
        write_wav(folder / f"a-{index}.wav", rng.normal(0, 1000, 4000 + 1000 * index).round(), 16000)
    (folder / "wav.scp").write_text("".join(f"a-{i} {folder}/a-{i}.wav\n" for i in range(3)))
    (folder / "utt2spk").write_text("".join(f"a-{i} a\n" for i in range(3)))
    (folder / "spk2utt").write_text("a " + " ".join(f"a-{i}" for i in range(3)) + "\n")
    return folder


@pytest.fixture
def run(root):
    def run(*arguments, step="make_feats.sh", status=0):
        path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
        command = [f"steps/{step}", *map(str, arguments)]
        done = subprocess.run(command, cwd=root, env=os.environ | {"PATH": path}, capture_output=True, text=True)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


def test_any_number_of_jobs_gives_the_same_archives(run, data, tmp_path):
    contents, entries = [], []
    (tmp_path / "x.conf").write_text("--num-ceps=12\n--snip-edges=false\n")
    for jobs in (1, 9):
        ark_dir = tmp_path / f"ark{jobs}"
        run("--nj", jobs, "--config", tmp_path / "x.conf", data, tmp_path / "log", ark_dir)
        used = min(jobs, 3)
        archives = [ark_dir / f"raw_mfcc_train.{job}.ark" for job in range(1, used + 1)]
        assert sorted(ark_dir.glob("*.ark")) == archives
        contents.append(b"".join(path.read_bytes() for path in archives))
        lines = (data / "feats.scp").read_text().splitlines()
        assert [line.split()[0] for line in lines] == [f"a-{i}" for i in range(3)]
        assert all(line.split()[1].startswith(f"{ark_dir}/") for line in lines)
        entries.append({key: matrix.shape for key, matrix in read_table(f"scp:{data}/feats.scp")})
    assert contents[0] == contents[1]
    assert entries[0] == entries[1] == {f"a-{i}": (round(25 + 6.25 * i), 12) for i in range(3)}
    frames = [line.split() for line in (data / "utt2num_frames").read_text().splitlines()]
    assert {key: int(number) for key, number in frames} == {key: shape[0] for key, shape in entries[0].items()}
    assert (data / "utt2dur").read_text().splitlines()[1] == "a-1 0.3125"
    assert (data / "frame_shift").read_text() == "0.01\n"
    assert (data / "conf" / "mfcc.conf").read_text() == (tmp_path / "x.conf").read_text()
    assert not list(data.glob("*.tmp"))


def test_only_incomplete_jobs_are_run_again(run, data):
    run("--nj", 2, "--type", "melspec", "--compress", "false", data)
    archives = [data / "data" / f"raw_melspec_train.{job}.ark" for job in (1, 2)]
    before = [path.stat().st_mtime_ns for path in archives]
    archives[1].unlink()
    run("--nj", 2, "--type", "melspec", "--compress", "false", data)
    after = [path.stat().st_mtime_ns for path in archives]
    assert after[0] == before[0]
    assert after[1] > before[1]
    assert "complete already" in (data / "log" / "make_melspec_train.1.log").read_text()


def test_bad_audio_fails_unless_tolerated(run, data):
    (data / "a-2.wav").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    message = run("--nj", 2, "--type", "fbank", data, status=1)
    assert "a-2" in message and "lfs-pointer" in message and "--max-bad 1" in message
    assert not (data / "feats.scp").exists()
    message = run("--nj", 2, "--type", "fbank", "--max-bad", 1, data)
    assert "1 of 3 utterances have no features" in message
    assert len((data / "feats.scp").read_text().splitlines()) == 2


def test_mended_audio_is_read_when_started_again(run, data):
    good = (data / "a-2.wav").read_bytes()
    (data / "a-2.wav").write_bytes(good[:1000])
    run("--nj", 2, data, status=1)
    assert "1 of 3 utterances have no features" in run("--nj", 2, "--max-bad", 1, data)
    (data / "a-2.wav").write_bytes(good)
    assert "features of 3 utterances" in run("--nj", 2, data)
    for name in ("feats.scp", "utt2num_frames", "utt2dur"):
        assert len((data / name).read_text().splitlines()) == 3
    assert "complete already" in (run("--nj", 2, data), (data / "log" / "make_mfcc_train.1.log").read_text())[1]


def test_a_command_that_failed_is_run_again(run, data):
    (data / "wav.scp").write_text(f"a-0 {data}/a-0.wav\na-1 {data}/a-1.wav\na-2 cat {data}/later.wav |\n")
    assert "command-failed" in run("--nj", 2, data, status=1)
    (data / "a-2.wav").rename(data / "later.wav")
    run("--nj", 2, data)


def test_old_features_do_not_outlive_their_archives(run, data):
    run("--nj", 1, data)
    (data / "a-1.wav").unlink()
    run("--nj", 1, data, status=1)
    assert not (data / "feats.scp").exists()
    assert len((data / ".backup" / "feats.scp").read_text().splitlines()) == 3


def test_utterances_too_short_for_a_frame(run, data):
    write_wav(data / "a-1.wav", np.ones(399), 16000)
    for _ in range(2):
        assert "1 of 3 utterances are too short for a frame" in run("--nj", 3, data)
    assert [len(matrix) for _, matrix in read_table(f"scp:{data}/feats.scp")] == [23, 0, 36]
    said = run("--nj", 3, data, step="compute_vad.sh")
    assert "decisions of 2 utterances" in said and "1 of 3 utterances have no frames" in said


def test_kaldi_names(run, data, tmp_path):
    (tmp_path / "x.conf").write_text("--num-mel-bins=40\n")
    run("--nj", 1, "--fbank-config", tmp_path / "x.conf", data, step="make_fbank.sh")
    assert next(read_table(f"scp:{data}/feats.scp"))[1].shape == (23, 40)
    run(f"--mfcc-config={tmp_path}/x.conf", "--nj", 1, data, step="make_mfcc.sh")
    assert next(read_table(f"scp:{data}/feats.scp"))[1].shape == (23, 13)


def test_wrong_calls(run, data, tmp_path):
    assert "Usage: steps/make_feats.sh [options] <data-dir> [<log-dir> [<ark-dir>]]" in run(status=1)
    assert "did you mean --config" in run("--confg", "x", data, status=1)
    assert "--type plp: expected mfcc, fbank, melspec or spectrogram" in run("--type", "plp", data, status=1)
    assert "no such file" in run("--config", "absent.conf", data, status=1)
    (tmp_path / "x.conf").write_text("--num-cep=3\n")
    assert "did you mean --num-ceps" in run("--config", tmp_path / "x.conf", data, status=1)
    assert not (data / "log").exists()
    (data / "utt2spk").write_text("a-0 a\n")
    assert "utt2spk" in run("--nj", 1, data, status=1)
