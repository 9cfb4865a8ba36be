"""The steps from background model to i-vectors: the same for any number of jobs, resumed, re-run, and errors."""

import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

from speechlib.io.gmm_models import read_diag_gmm, read_full_gmm
from speechlib.io.ivector_models import read_extractor
from speechlib.io.tables import open_table, read_table


@pytest.fixture(scope="module")
def recipe(tmp_path_factory, root):
    """A recipe directory whose `python` is this one, with 20 utterances of 5 speakers."""
    folder = tmp_path_factory.mktemp("recipe")
    for name in ("steps", "utils"):
        (folder / name).symlink_to(root / name)
    data = folder / "data"
    data.mkdir()
    generator = np.random.default_rng(0)
    centres = generator.normal(0, 4, (4, 5))
    with (
        open_table(f"ark,scp:{data}/feats.ark,{data}/feats.scp") as feats,
        open_table(f"ark,scp:{data}/vad.ark,{data}/vad.scp") as vad,
    ):
        for speaker in range(5):
            voice = generator.normal(0, 1, (4, 5))
            for take in range(4):
                chosen = generator.integers(0, 4, 150)
                frames = centres[chosen] + voice[chosen] + generator.standard_normal((150, 5))
                feats.write(f"s{speaker}-{take}", frames.astype(np.float32))
                voiced = np.zeros(150) if (speaker, take) == (2, 1) else generator.random(150) < 0.9
                vad.write(f"s{speaker}-{take}", voiced.astype(np.float32))
    return folder


def step(recipe, root, *arguments):
    virtual = os.environ | {"PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"}
    return subprocess.run(
        [str(argument) for argument in arguments],
        cwd=recipe,
        env=virtual | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )


def chain(recipe, root, name, nj, *options):
    exp = recipe / name
    common = ("--nj", nj, *options)
    for arguments in (
        ("steps/train_diag_ubm.sh", *common, "--num-iters", 1, "--num-iters-init", 4, "--subsample", 2, "--seed", 1,
         "--delta-order", 1, "--min-gaussian-weight", 0.001, "data", 4, exp / "diag"),
        ("steps/train_full_ubm.sh", *common, "--num-iters", 1, "--subsample", 2, "data", exp / "diag", exp / "full"),
        ("steps/train_ivector_extractor.sh", *common, "--num-iters", 2, "--ivector-dim", 3, "--seed", 1,
         exp / "full/final.ubm", "data", exp / "extractor"),
        ("steps/extract_ivectors.sh", "--nj", nj, exp / "extractor", "data", exp / "ivectors"),
    ):  # fmt: skip
        done = step(recipe, root, *arguments)
        assert done.returncode == 0, done.stderr
    return done, dict(read_table(f"scp:{exp}/ivectors/embedding.scp", "vector"))


@pytest.fixture(scope="module")
def one_job(recipe, root):
    return chain(recipe, root, "one", 1)


def test_utterances_without_voice_are_left_out_and_counted(one_job):
    done, ivectors = one_job
    assert len(ivectors) == 19 and "s2-1" not in ivectors
    assert list(ivectors) == sorted(ivectors)
    assert "1 of 20 utterances have no i-vector" in done.stderr
    assert all(np.isfinite(vector).all() and vector.shape == (3,) for vector in ivectors.values())


def test_intermediate_files_are_gone(recipe, one_job):
    for name, final in (("diag", "final.dubm"), ("full", "final.ubm"), ("extractor", "final.ie")):
        files = {path.name for path in (recipe / "one" / name).iterdir() if path.is_file()}
        assert files <= {final, "final.ubm", "frontend.conf", ".state"}


def test_the_number_of_jobs_does_not_matter_beyond_rounding(recipe, root, one_job):
    _, ivectors = chain(recipe, root, "two", 2, "--store-features", "false")
    for read, name in (
        (read_diag_gmm, "diag/final.dubm"),
        (read_full_gmm, "full/final.ubm"),
        (read_extractor, "extractor/final.ie"),
    ):
        for a, b in zip(read(f"{recipe}/one/{name}"), read(f"{recipe}/two/{name}"), strict=True):
            assert np.abs(a - b).max() <= 1e-5 * np.abs(a).max(), name
    for key, vector in one_job[1].items():
        assert np.abs(vector - ivectors[key]).max() <= 1e-5 * np.abs(vector).max()


def test_a_finished_step_is_not_done_again_and_a_broken_one_goes_on(recipe, root, one_job):
    shutil.copytree(recipe / "one", recipe / "again")
    extractor = recipe / "again/extractor"
    before = (extractor / "final.ie").read_bytes()
    train = ("steps/train_ivector_extractor.sh", "--nj", 1, "--num-iters", 2, "--ivector-dim", 3, "--seed", 1,
             "--cleanup", "false", recipe / "one/full", "data", extractor)  # fmt: skip
    logs = extractor / "log"
    shutil.rmtree(logs)
    assert step(recipe, root, *train).returncode == 0
    assert not list(logs.iterdir())  # nothing was run
    # The state of another set of options or features: everything anew.
    (extractor / ".state").write_text("another\n")
    assert step(recipe, root, *train).returncode == 0
    assert (extractor / "final.ie").read_bytes() == before
    # Stopped after the first iteration.
    for name in ("final.ie", "2.ie"):
        (extractor / name).unlink()
    shutil.rmtree(logs)
    assert step(recipe, root, *train).returncode == 0
    assert {path.name for path in logs.iterdir()} == {"acc.1.1.log", "update.1.log"}
    assert (extractor / "final.ie").read_bytes() == before


def test_extraction_is_done_once_and_again_for_another_model(recipe, root, one_job):
    extract = ("steps/extract_ivectors.sh", "--nj", 2, recipe / "one/extractor", "data", recipe / "twice")
    assert step(recipe, root, *extract).returncode == 0
    assert step(recipe, root, *extract).returncode == 0
    assert "nothing to do" in (recipe / "twice/log/extract.1.log").read_text()
    for key, vector in read_table(f"scp:{recipe}/twice/embedding.scp", "vector"):
        assert np.abs(vector - one_job[1][key]).max() <= 1e-5 * np.abs(vector).max(), key  # from another number of jobs
    done = step(recipe, root, *extract[:3], "--max-bad", 0, *extract[3:])
    assert done.returncode == 1 and "too many" in done.stderr
    assert not (recipe / "twice/embedding.scp").exists()


def test_what_is_missing_is_named(recipe, root, tmp_path):
    for arguments, message in (
        (("steps/train_diag_ubm.sh", tmp_path, 4, tmp_path / "x"), "no file .*feats.scp.*make_feats"),
        (("steps/train_diag_ubm.sh", "data", "four", tmp_path / "x"), "four Gaussians: expected a whole number"),
        (("steps/train_diag_ubm.sh", "--apply-cmn", "crop", "data", 4, tmp_path / "x"), "sliding, utterance or none"),
        (("steps/train_full_ubm.sh", "data", tmp_path, tmp_path / "x"), "no file .*frontend.conf"),
        (("steps/train_ivector_extractor.sh", tmp_path, "data", tmp_path / "x"), "no file .*final.ubm"),
        (("steps/extract_ivectors.sh", tmp_path, "data", tmp_path / "x"), "no file .*final.ie"),
        (("steps/extract_ivectors.sh", "data", tmp_path / "x"), "Usage"),
    ):
        done = step(recipe, root, *arguments)
        assert done.returncode == 1
        assert re.search(message, done.stderr), done.stderr
    (tmp_path / "data").mkdir()
    shutil.copy(recipe / "data/feats.scp", tmp_path / "data")
    done = step(recipe, root, "steps/train_diag_ubm.sh", tmp_path / "data", 4, tmp_path / "x")
    assert done.returncode == 1 and "vad.scp" in done.stderr and "compute_vad" in done.stderr


def test_more_gaussians_than_frames_can_carry(recipe, root, tmp_path):
    done = step(recipe, root, "steps/train_diag_ubm.sh", "data", 500, tmp_path / "x")
    assert done.returncode == 1 and "frames are too few for 500 Gaussians" in done.stderr
    assert not (tmp_path / "x/final.dubm").exists()


def test_more_jobs_than_files_may_be_open(tmp_path, root):
    (tmp_path / "feats.scp").write_text("".join(f"utt{number:03d} a.ark:{number}\n" for number in range(200)))
    script = f"ulimit -n 40; . {root}/steps/shared/gmm_jobs.sh; nj=100; deal_out {tmp_path} {tmp_path}"
    subprocess.run(["bash", "-euo", "pipefail", "-c", script], check=True)
    lists = [(tmp_path / f"lists/feats.{job}.scp").read_text() for job in range(1, 101)]
    assert "".join(lists) == (tmp_path / "feats.scp").read_text()
    assert all(text.count("\n") == 2 for text in lists)
