"""steps/plot_conversations.sh: every conversation of a reference, whatever its folders are called; wrong calls."""

import os
import subprocess
import sys

import pytest

from speechlib.io.rttm import write_rttm


@pytest.fixture
def step(tmp_path, root, monkeypatch):
    for name in ("steps", "utils"):
        (tmp_path / name).symlink_to(root / name)
    monkeypatch.setenv("PATH", f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(root))
    data = tmp_path / "my data" / "eval"
    data.mkdir(parents=True)
    turns = {"é1": [(0, 2, "a"), (2, 1, "b"), (3, 1, "c")], "it's": [(0, 2, "Ö"), (1, 2, "x")]}
    write_rttm(data / "ref.rttm", turns)
    write_rttm(tmp_path / "hyp.rttm", {"é1": [(0, 4, "1")]})

    def run(*words: str) -> subprocess.CompletedProcess:
        command = ["steps/plot_conversations.sh", "--nj", "2", *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    run.folder = tmp_path
    return run


def test_pictures_in_folders_of_any_name(step):
    done = step("my data/eval", "hyp.rttm", "exp/my pictures")
    assert done.returncode == 0, done.stderr
    out = step.folder / "exp/my pictures"
    assert sorted(path.name for path in out.glob("*.png")) == ["few.png", "it's.png", "many.png", "é1.png"]
    assert (out / "few.png").read_bytes() == (out / "it's.png").read_bytes()
    assert (out / "many.png").read_bytes() == (out / "é1.png").read_bytes()


def test_wrong_calls(step):
    done = step("my data/eval", "absent.rttm", "exp/pictures")
    assert done.returncode == 1 and "no file absent.rttm" in done.stderr
    done = step("--stats", "exp/stats", "my data/eval", "hyp.rttm", "exp/pictures")
    assert done.returncode == 1 and "go with --trees" in done.stderr
