"""steps/extract_utterance_stats.sh: both kinds, the same for any number of jobs, done once, silence, errors."""

import os
import subprocess
import sys

import numpy as np
import pytest

from speechlib.io.eigenvoice_models import write_eigenvoices
from speechlib.io.gmm_models import Mixture, write_diag_gmm
from speechlib.io.tables import open_table, read_table


@pytest.fixture(scope="module")
def recipe(tmp_path_factory, root):
    """A recipe directory whose `python` is this one, with a model and 9 utterances, one of them silent."""
    folder = tmp_path_factory.mktemp("recipe")
    for name in ("steps", "utils"):
        (folder / name).symlink_to(root / name)
    # Not a link to it: an interpreter finds its virtual environment by the folder that it is started from.
    (folder / "path.sh").write_text(f'export PATH="{os.path.dirname(sys.executable)}:$PATH" PYTHONPATH="{root}"\n')
    (folder / "data").mkdir()
    (folder / "model").mkdir()
    generator = np.random.default_rng(0)
    means, weights, inverses = generator.normal(size=(4, 6)), np.full(4, 0.25), generator.uniform(1, 2, (4, 6))
    write_diag_gmm(f"{folder}/model/final.dubm", Mixture(weights, means * inverses, inverses), np.zeros(4))
    write_eigenvoices(folder / "model", means, generator.normal(size=(4, 6, 2)))
    (folder / "model/frontend.conf").write_text("--deltas=1\n--cmn=none\n--vad=true\n")
    with (
        open_table(f"ark,scp:{folder}/feats.ark,{folder}/data/feats.scp") as feats,
        open_table(f"ark,scp:{folder}/vad.ark,{folder}/data/vad.scp") as vad,
    ):
        for number in range(9):
            feats.write(f"u{number}", generator.normal(size=(40, 3)).astype(np.float32))
            vad.write(f"u{number}", (generator.random(40) < (0 if number == 4 else 0.8)).astype(np.float32))
    return folder


def step(recipe, *arguments):
    return subprocess.run(
        ["steps/extract_utterance_stats.sh", *map(str, arguments)],
        cwd=recipe,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        (("--model", "model"), (2, 3)),
        (("--model", "model", "--assignment", "soft", "--num-iters", 2, "--frame-scale", 0.5), (2, 3)),
        (("--kind", "moments", "--frontend-conf", "model/frontend.conf"), (7, 7)),
    ],
)
def test_any_number_of_jobs(recipe, tmp_path, options, shape):
    found = []
    for nj in (1, 3):
        done = step(recipe, *options, "--nj", nj, "data", tmp_path / str(nj))
        assert done.returncode == 0, done.stderr
        assert "1 of 9 utterances have no statistics" in done.stderr
        assert f"statistics of 8 utterances in {tmp_path}/{nj}/stats.scp" in done.stdout
        found.append(dict(read_table(f"scp:{tmp_path}/{nj}/stats.scp")))
    assert list(found[0]) == [f"u{number}" for number in range(9) if number != 4]
    for key, matrix in found[0].items():
        assert matrix.shape == shape and matrix.dtype == np.float64
        assert matrix == pytest.approx(found[1][key], abs=1e-10)


def test_a_finished_job_is_not_done_again(recipe, tmp_path):
    arguments = ("--model", "model", "--nj", 2, "data", tmp_path / "out")
    assert step(recipe, *arguments).returncode == 0
    (tmp_path / "out/parts/stats.2.ark").unlink()
    before = (tmp_path / "out/stats.scp").read_text()
    assert step(recipe, *arguments).returncode == 0
    assert "nothing to do" in (tmp_path / "out/log/extract.1.log").read_text()
    assert "nothing to do" not in (tmp_path / "out/log/extract.2.log").read_text()
    assert (tmp_path / "out/stats.scp").read_text() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("data",), "Usage: steps/extract_utterance_stats.sh"),
        (("data", "OUT"), "--kind comparison needs --model"),
        (("--model", "nowhere", "data", "OUT"), "no file nowhere/final.dubm: run steps/train_eigenvoices.sh"),
        (("--model", "model", "nowhere", "OUT"), "no file nowhere/feats.scp"),
        (("--kind", "moment", "data", "OUT"), "--kind moment: expected comparison or moments"),
        (("--kind", "moments", "--model", "model", "data", "OUT"), "--model is for --kind comparison"),
        (("--model", "model", "--frontend-conf", "x", "data", "OUT"), "--frontend-conf is for --kind moments"),
        (("--kind", "moments", "--frontend-conf", "nowhere", "data", "OUT"), "no file nowhere"),
        (("--model", "model", "--max-bad", 0, "data", "OUT"), "1 utterances without statistics are too many"),
        (("--model", "model", "--use-eigenchannels", "true", "data", "OUT"), "has no eigenchannels"),
    ],
)
def test_errors(recipe, tmp_path, arguments, message):
    done = step(recipe, *(tmp_path / "out" if argument == "OUT" else argument for argument in arguments))
    assert done.returncode == 1
    assert message in done.stdout + done.stderr
    assert not (tmp_path / "out/stats.scp").exists()
