"""The step from features to eigenvoices: what it writes, any number of jobs, re-runs, and errors."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from speechlib.io.eigenvoice_models import read_eigenvoice_model
from speechlib.io.tables import open_table

SPEAKERS, TAKES, DIM = 8, 3, 3
OPTIONS = ("--num-gauss", 4, "--rank", 2, "--ubm-iters", 1, "--ubm-iters-init", 4, "--delta", "false", "--apply-cmn",
           "none")  # fmt: skip


@pytest.fixture(scope="module")
def recipe(tmp_path_factory, root):
    """A recipe directory whose `python` is this one, with speakers who differ along two directions."""
    folder = tmp_path_factory.mktemp("recipe")
    for name in ("steps", "utils"):
        (folder / name).symlink_to(root / name)
    data = folder / "data"
    data.mkdir()
    generator = np.random.default_rng(0)
    centres = generator.normal(0, 6, (4, DIM))
    voices = generator.standard_normal((4, DIM, 2))
    with (
        open_table(f"ark,scp:{data}/feats.ark,{data}/feats.scp") as feats,
        open_table(f"ark,scp:{data}/vad.ark,{data}/vad.scp") as vad,
        open(data / "utt2spk", "w") as utt2spk,
    ):
        for speaker in range(SPEAKERS):
            means = centres + voices @ generator.standard_normal(2)
            for take in range(TAKES):
                frames = (means + generator.normal(0, 0.3, DIM))[generator.integers(0, 4, 200)]
                name = f"s{speaker}-{take}"
                feats.write(name, (frames + generator.standard_normal((200, DIM))).astype(np.float32))
                vad.write(name, np.ones(200, np.float32))
                utt2spk.write(f"{name} s{speaker}\n")
    return folder


def step(recipe, root, *arguments):
    environment = os.environ | {
        "PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}",
        "PYTHONPATH": str(root),
        "OMP_NUM_THREADS": "1",
    }
    command = ["steps/train_eigenvoices.sh", *map(str, arguments)]
    return subprocess.run(command, cwd=recipe, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def plain(recipe, root):
    done = step(recipe, root, *OPTIONS, "--nj", 1, "data", "plain")
    assert done.returncode == 0, done.stderr
    return recipe / "plain"


def test_a_whole_model_is_there_and_nothing_else(plain):
    model = read_eigenvoice_model(plain)
    assert model.eigenvoices.shape == (4, DIM, 2) and model.eigenchannels is None
    assert {path.name for path in plain.iterdir()} == {
        "final.dubm", "frontend.conf", "means.mat", "eigenvoices.mat", "ubm", "lists", "log", ".state"
    }  # fmt: skip
    share = re.search(r"eigenvoices hold ([\d.]+) %", (plain / "log/estimate.log").read_text())
    assert float(share[1]) > 70  # the speakers were made to differ along two directions, and their utterances a little


def test_jobs_and_sums_of_speakers_do_not_matter_and_channels_come_of_a_trained_mixture(recipe, root, plain):
    done = step(recipe, root, *OPTIONS, "--nj", 3, "--channel-rank", 1, "--ubm", plain / "ubm", "data", "channels")
    assert done.returncode == 0, done.stderr
    one, three = read_eigenvoice_model(plain), read_eigenvoice_model(recipe / "channels")
    assert three.eigenchannels.shape == (4, DIM, 1)
    for a, b in zip(one[:4], three[:4], strict=True):
        assert np.abs(a - b).max() <= 1e-5 * np.abs(a).max()


def test_a_finished_model_stays_and_other_options_make_it_anew(recipe, root, plain):
    before = (plain / "eigenvoices.mat").stat().st_mtime_ns
    assert step(recipe, root, *OPTIONS, "--nj", 1, "data", "plain").returncode == 0
    assert (plain / "eigenvoices.mat").stat().st_mtime_ns == before
    common = (*OPTIONS, "--nj", 1, "--ubm", "plain/ubm")
    again = step(recipe, root, *common, "--method", "em", "--num-iters", 2, "data", "em")
    assert again.returncode == 0, again.stderr
    log = (recipe / "em/log/estimate.log").read_text()
    first, second = (float(value) for value in re.findall(r"iteration \d: log-likelihood (\S+)", log))
    assert second > first
    other = step(recipe, root, *common, "--rank", 1, "data", "em")
    assert other.returncode == 0 and read_eigenvoice_model(recipe / "em").eigenvoices.shape == (4, DIM, 1)


def test_errors(recipe, root, tmp_path):
    for arguments, message in (
        (("data",), "Usage"),
        (("--rank", SPEAKERS, "data", "x"), f"{SPEAKERS} eigenvoices from the {SPEAKERS} speakers .*at most 7"),
        (("--rank", "two", "data", "x"), "--rank two: expected a whole number"),
        (("--method", "ml", "data", "x"), "--method ml: expected pca or em"),
        (("--rank", 2, "--ubm", "nowhere", "data", "x"), "no file nowhere/final.dubm"),
        ((tmp_path, "x"), "no file .*utt2spk"),
    ):
        done = step(recipe, root, *arguments)
        assert done.returncode == 1 and re.search(message, done.stderr), done.stderr
