"""steps/extract_functionals.sh: the same vectors for any number of jobs, restarts, bad audio, usage."""

import os
import subprocess
import sys

import numpy as np
import pytest

from speechlib.io.audio import write_wav
from speechlib.io.tables import read_table


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for index in range(3):
        write_wav(folder / f"a-{index}.wav", rng.normal(0, 1000, 4000 + 1000 * index).round(), 16000)
    (folder / "wav.scp").write_text("".join(f"a-{i} {folder}/a-{i}.wav\n" for i in range(3)))
    (folder / "utt2spk").write_text("".join(f"a-{i} a\n" for i in range(3)))
    (folder / "spk2utt").write_text("a a-0 a-1 a-2\n")
    return folder


@pytest.fixture
def run(root):
    def run(*arguments, status=0):
        path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
        command = ["steps/extract_functionals.sh", *map(str, arguments)]
        done = subprocess.run(command, cwd=root, env=os.environ | {"PATH": path}, capture_output=True, text=True)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


def test_vectors_do_not_depend_on_jobs_and_only_what_is_missing_is_run_again(run, data, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    assert "228 functionals of 3 utterances" in run(data, one)
    run("--nj", 2, data, two)
    tables = [dict(read_table(f"scp:{folder}/functionals.scp", "vector")) for folder in (one, two)]
    assert list(tables[0]) == list(tables[1]) == ["a-0", "a-1", "a-2"]
    for key in tables[0]:
        np.testing.assert_array_equal(tables[0][key], tables[1][key])
    names = (two / "names.txt").read_text().splitlines()
    assert len(names) == 228 == len(tables[0]["a-0"]) and names[0] == "pitch_mean"

    archives = [two / f"parts/functionals.{job}.ark" for job in (1, 2)]
    before = [path.stat().st_mtime_ns for path in archives]
    archives[1].unlink()
    run("--nj", 2, data, two)
    after = [path.stat().st_mtime_ns for path in archives]
    assert after[0] == before[0] and after[1] > before[1]
    assert "complete already" in (two / "log/extract.1.log").read_text()


def test_bad_audio_fails_unless_tolerated(run, data, tmp_path):
    (data / "a-2.wav").write_bytes(b"no audio")
    out = tmp_path / "out"
    assert "--max-bad 1" in run("--groups", "pitch", data, out, status=1)
    assert not (out / "functionals.scp").exists()
    message = run("--groups", "pitch", "--max-bad", 1, data, out)
    assert "warning: 1 of 3 utterances have no functionals" in message
    assert "18 functionals of 2 utterances" in message


def test_usage_and_options_that_make_no_sense(run, data, tmp_path):
    assert "Usage: steps/extract_functionals.sh" in run(data, status=1)
    assert "is not there or empty" in run(tmp_path / "nowhere", tmp_path / "out", status=1)
    assert "did you mean pitch?" in run("--groups", "pich", data, tmp_path / "out", status=1)
