"""steps/eval_diarization.sh: the result of a data directory, its UEM, and what it says when something is missing."""

import json
import subprocess

import pytest

REFERENCE = "SPEAKER r1 1 0 10 <NA> <NA> A <NA> <NA>\nSPEAKER r2 1 0 4 <NA> <NA> B <NA> <NA>\n"


@pytest.fixture
def step(tmp_path, root):
    for name in ("steps", "utils"):
        (tmp_path / name).symlink_to(root / name)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/ref.rttm").write_text(REFERENCE)
    (tmp_path / "hyp").write_text(REFERENCE.replace(" 0 10 ", " 0 9 "))

    def run(*arguments):
        command = ["steps/eval_diarization.sh", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    return run


def test_result_and_its_tags(step, tmp_path):
    done = step("--tags", "system=ucm size=2", "--cut", "dev", "--seed", "4", "data", "hyp", "out")
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "out/result.json").read_text())
    assert result["metrics"]["der"]["value"] == pytest.approx(1 / 14)
    assert (result["selection"], result["seed"]) == ({"cut": "dev"}, 4)
    assert result["extra"].items() >= {"system": "ucm", "size": 2}.items()
    assert json.loads((tmp_path / "out/der.json").read_text())["per_recording"]["r2"]["der"] == 0


def test_the_uem_of_the_data_directory_is_taken(step, tmp_path):
    (tmp_path / "data/all.uem").write_text("r1 1 0 9\nr2 1 0 2\n")
    assert step("data", "hyp", "out").returncode == 0
    assert json.loads((tmp_path / "out/der.json").read_text())["scored_speech_seconds"] == 11


def test_errors_stop_the_step(step, tmp_path):
    assert "Usage: steps/eval_diarization.sh" in step("data").stderr
    assert "no file nowhere: diarize first" in step("data", "nowhere", "out").stderr
    assert "no file hyp/ref.rttm: nothing says who speaks when" in step("hyp", "data", "out").stderr
    (tmp_path / "hyp").write_text(REFERENCE.replace("r1", "r9"))
    done = step("data", "hyp", "out")
    assert done.returncode != 0 and "hyp: r9: unknown to data/ref.rttm" in done.stderr
    assert not (tmp_path / "out/result.json").exists() and not (tmp_path / "out/der.json").exists()
