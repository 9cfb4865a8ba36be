"""What every step has in common: --nj and --cmd, passed on, and words that survive Kaldi's own run.pl."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster import kaldi_dispatchers
from tests.cluster.same_steps import check_steps_give_the_same

ROOT = Path(__file__).resolve().parents[2]
STEPS = sorted(path.name for path in (ROOT / "steps").glob("*.sh"))


@pytest.fixture
def recipe(tmp_path, root, monkeypatch):
    """A recipe directory."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(root))
    monkeypatch.chdir(tmp_path)
    for name in ("steps", "utils"):
        Path(name).symlink_to(root / name)
    Path("path.sh").touch()
    return tmp_path


def call(*words):
    return subprocess.run(list(map(str, words)), capture_output=True, text=True)


def test_every_step_takes_jobs_and_dispatcher(recipe):
    for name in STEPS:
        done = call(f"steps/{name}", "--nj", "2", "--cmd", "utils/slurm.py --mem 2G", "--help")
        assert done.returncode == 0, f"{name}: {done.stderr}"
        for option in ("--nj N", "--cmd CMD"):  # in the step's own words, not only in the list of what is undocumented
            assert re.search(f"^  {option}  +[a-z]", done.stdout, re.MULTILINE), f"{name} does not explain {option}"


def test_steps_pass_both_on_to_the_steps_they_call():
    wrong = []
    for name in STEPS:
        text = re.sub(r"\\\n\s*", " ", (ROOT / "steps" / name).read_text())
        arrays = dict(re.findall(r"(\w+)=\((.*)\)$", text, re.MULTILINE))
        for line in text.splitlines():
            # What runs inside a job has the options of a job: it is on the node already.
            if not re.match(r"\s*\"?steps/|\s*\w+=\(steps/", line):
                continue
            line += "".join(arrays.get(array, "") for array in re.findall(r'"\$\{(\w+)\[@\]\}"', line))
            if not ('--nj "$nj"' in line and '--cmd "$cmd"' in line):
                wrong.append(f"{name}: {line.strip()[:100]}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "kaldi",
    [
        pytest.param(kaldi_dispatchers.find("run.pl"), marks=kaldi_dispatchers.needs_kaldi, id="run.pl"),
        pytest.param(f"python {ROOT}/tests/steps/kaldi_dispatcher.py", id="stand-in"),
    ],
)
def test_kaldis_own_dispatcher_gives_the_same(root, tmp_path, kaldi):
    """A stand-in with its rule of words serves where there is no Kaldi; neither takes blanks in the folder's name."""
    check_steps_give_the_same(root, tmp_path, f"{kaldi} --mem 1G", os.environ)
