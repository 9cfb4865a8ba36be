"""What every step has in common: --nj and --cmd, passed on, and words that survive Kaldi's own run.pl."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.cluster import kaldi_dispatchers

ROOT = Path(__file__).resolve().parents[2]
STEPS = sorted(path.name for path in (ROOT / "steps").glob("*.sh"))


@pytest.fixture
def recipe(tmp_path, root, monkeypatch):
    """A recipe directory; its name has no blanks, as Kaldi's dispatchers need it."""
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


@pytest.mark.parametrize("name", ["run.pl", "kaldi_dispatcher.py"])
def test_kaldis_own_dispatcher_gives_the_same(recipe, name):
    """Arrays of jobs, pipes as words, and in these words that are quoted; a stand-in serves where there is no Kaldi."""
    if name == "run.pl" and kaldi_dispatchers.missing():
        pytest.skip(kaldi_dispatchers.missing())
    kaldi = kaldi_dispatchers.find(name) if name == "run.pl" else f"python {ROOT}/tests/steps/{name}"
    rng = np.random.default_rng(0)
    data = Path("data")
    data.mkdir()
    names = [f"s{speaker}-{take}" for speaker in range(3) for take in range(2)]
    for name in names:
        soundfile.write(f"{name}.wav", rng.normal(scale=0.1, size=4000).astype(np.float32), 8000)
    (data / "wav.scp").write_text("".join(f"{name} {name}.wav\n" for name in names))
    (data / "utt2spk").write_text("".join(f"{name} {name[:2]}\n" for name in names))
    (data / "spk2utt").write_text("".join(f"s{speaker} s{speaker}-0 s{speaker}-1\n" for speaker in range(3)))
    Path("mfcc.conf").write_text("--sample-frequency=8000\n")
    Path("trials").write_text("".join(f"{a} {b}\n" for a in names for b in names if a < b))
    found = []
    for cmd in ("utils/run.py", f"{kaldi} --mem 1G"):
        chain = f"""set -e
            steps/make_mfcc.sh --nj 2 --cmd '{cmd}' --mfcc-config mfcc.conf data
            steps/pool_features.sh --nj 2 --cmd '{cmd}' data vectors
            steps/score_cosine.sh --cmd '{cmd}' vectors vectors trials scores"""
        done = call("bash", "-c", chain)
        assert done.returncode == 0, done.stderr
        files = [*Path().glob("data/data/*.ark"), *Path().glob("vectors/parts/*.ark"), Path("scores/scores")]
        assert len(files) == 5 and all(file.stat().st_size for file in files)
        found.append({str(file): file.read_bytes() for file in files})
        call("rm", "-r", "data/data", "data/feats.scp", "vectors", "scores")
    assert found[0] == found[1]
