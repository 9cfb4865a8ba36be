"""steps/compute_vad.sh and compute_cmvn_stats.sh: Kaldi's results for any --nj, re-runs, and errors."""

import os
import subprocess
import sys

import numpy as np
import pytest

from speechlib.io.tables import open_table, read_table


@pytest.fixture
def recipe(tmp_path, root):
    """A recipe directory whose `python` is this one."""
    for name in ("steps", "utils"):
        (tmp_path / name).symlink_to(root / name)
    return tmp_path


def step(recipe, root, *arguments):
    virtual = os.environ | {"PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"}
    return subprocess.run(
        list(arguments), cwd=recipe, env=virtual | {"PYTHONPATH": str(root)}, capture_output=True, text=True
    )


@pytest.fixture
def data(recipe, golden):
    """golden's compressed MFCCs as a data directory."""
    folder = recipe / "data/train"
    folder.mkdir(parents=True)
    lines = (golden / "io/mfcc_compressed.scp").read_text().splitlines()
    pairs = [line.split() for line in lines]
    (folder / "feats.scp").write_text("".join(f"{key} {golden}/{where}\n" for key, where in pairs))
    for name in ("utt2spk", "spk2utt"):
        (folder / name).write_text((golden / name).read_text())
    (recipe / "vad.conf").write_text((golden / "conf/vad.conf").read_text())
    return folder


@pytest.mark.parametrize("nj", [1, 3, 50])
def test_vad_is_kaldis_for_any_number_of_jobs(recipe, root, data, golden, nj):
    done = step(recipe, root, "steps/compute_vad.sh", "--nj", str(nj), "--config", "vad.conf", "data/train")
    assert done.returncode == 0, done.stderr
    assert "6 utterances" in done.stdout and "warning" not in done.stderr
    found = dict(read_table(f"scp:{data}/vad.scp"))
    expected = dict(read_table(f"ark:{golden}/vad/vad_from_compressed.ark"))
    assert list(found) == list(expected)
    assert all(np.array_equal(found[key], expected[key]) for key in expected)
    assert len(list((data / "data").glob("vad_train.*.ark"))) == min(nj, 6)


def test_a_recipes_own_configuration_is_found(recipe, root, data, golden):
    (recipe / "conf").mkdir()
    (recipe / "vad.conf").rename(recipe / "conf/vad.conf")
    assert step(recipe, root, "steps/compute_vad.sh", "--nj", "2", "data/train/").returncode == 0
    found = dict(read_table(f"scp:{data}/vad.scp"))
    expected = dict(read_table(f"ark:{golden}/vad/vad_from_compressed.ark"))
    assert all(np.array_equal(found[key], expected[key]) for key in expected)


def test_only_incomplete_jobs_are_done_again(recipe, root, data):
    command = ("steps/compute_vad.sh", "--nj", "3", "data/train", "exp/log", "exp/vad")
    assert step(recipe, root, *command).returncode == 0
    archives = sorted((recipe / "exp/vad").glob("*.ark"))
    before = [path.stat().st_mtime_ns for path in archives]
    assert step(recipe, root, *command).returncode == 0
    assert [path.stat().st_mtime_ns for path in archives] == before
    archives[1].write_bytes(b"half")
    assert step(recipe, root, *command).returncode == 0
    after = [path.stat().st_mtime_ns for path in archives]
    assert after[0] == before[0] and after[2] == before[2] and after[1] > before[1]
    other = (*command[:3], "--config", "vad.conf", *command[3:])
    assert step(recipe, root, *other).returncode == 0  # other options: all of them
    assert all(path.stat().st_mtime_ns > time for path, time in zip(archives, after, strict=True))


def test_utterances_without_frames_are_left_out(recipe, root):
    folder = recipe / "data/small"
    folder.mkdir(parents=True)
    with open_table(f"ark,scp:{folder}/feats.ark,{folder}/feats.scp") as writer:
        writer.write("a", np.ones((5, 2), np.float32))
        writer.write("b", np.zeros((0, 0), np.float32))
    done = step(recipe, root, "steps/compute_vad.sh", "--nj", "1", "data/small")
    assert done.returncode == 0, done.stderr
    assert "warning: 1 of 2 utterances have no frames" in done.stderr
    assert [key for key, _ in read_table(f"scp:{folder}/vad.scp")] == ["a"]


def test_statistics_are_kaldis(recipe, root, data, golden):
    raw = [line.split() for line in (golden / "io/mfcc_raw.scp").read_text().splitlines()]
    (data / "feats.scp").write_text("".join(f"{key} {golden}/{where}\n" for key, where in raw))
    done = step(recipe, root, "steps/compute_cmvn_stats.sh", "data/train")
    assert done.returncode == 0, done.stderr
    assert (data / "data/cmvn_train.ark").read_bytes() == (golden / "cmvn/cmvn_spk.ark").read_bytes()
    assert [line.split()[0] for line in (data / "cmvn.scp").read_text().splitlines()] == ["spkA", "spkB", "spkC"]


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (["compute_vad.sh"], "Usage: steps/compute_vad.sh"),
        (["compute_vad.sh", "data/none"], "data/none/feats.scp is not there"),
        (["compute_vad.sh", "--confg", "x", "data/none"], "--config"),
        (["compute_vad.sh", "--config", "none.conf", "data/train"], "none.conf: no such file"),
        (["compute_cmvn_stats.sh"], "Usage: steps/compute_cmvn_stats.sh"),
        (["compute_cmvn_stats.sh", "data/none"], "data/none/feats.scp is not there"),
    ],
)
def test_wrong_calls_exit_1(recipe, root, data, arguments, expected):
    done = step(recipe, root, f"steps/{arguments[0]}", *arguments[1:])
    assert done.returncode == 1 and expected in done.stderr


def test_a_failing_job_fails_the_step(recipe, root, data):
    (recipe / "bad.conf").write_text("--vad-energy-treshold=5\n")
    done = step(recipe, root, "steps/compute_vad.sh", "--nj", "2", "--config", "bad.conf", "data/train")
    assert done.returncode != 0 and "--vad-energy-threshold" in done.stderr
    assert not (data / "vad.scp").exists()
