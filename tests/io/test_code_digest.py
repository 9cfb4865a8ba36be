"""Tests of speechlib.io.code_digest: what counts as the code behind a command, and what does not."""

import importlib.machinery
import sys

import pytest

from speechlib.io.code_digest import command_digest, running_command_digest

FILES = {
    "speechlib/__init__.py": "",
    "speechlib/bin/__init__.py": "",
    "speechlib/bin/work.py": "from speechlib.io.files import read\nfrom speechlib.nnet import (\n    models,\n)\n"
    "def main():\n    import speechlib.features.mel\n    from speechlib.metrics.eer import eer, cost\n",
    "speechlib/bin/other.py": "",
    "speechlib/io/files.py": "",
    "speechlib/features/mel.py": "from speechlib.features import window",
    "speechlib/features/window.py": "",
    "speechlib/features/pitch.py": "",
    "speechlib/metrics/eer.py": "",
    "speechlib/nnet/__init__.py": "",
    "speechlib/nnet/models/__init__.py": "importlib.import_module(name)",
    "speechlib/nnet/models/xvector.py": "",
}


@pytest.fixture
def top(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    "name, counts",
    [
        ("bin/work", True),
        ("bin/other", False),
        ("io/files", False),
        ("features/mel", True),
        ("features/window", True),
        ("features/pitch", False),
        ("metrics/eer", True),
        ("nnet/models/xvector", True),
    ],
)
def test_a_change_counts_where_the_command_leads(top, name, counts):
    before = command_digest("speechlib.bin.work", top)
    (top / f"speechlib/{name}.py").write_text(FILES[f"speechlib/{name}.py"] + "\nx = 1\n")
    assert (command_digest("speechlib.bin.work", top) != before) is counts


def test_only_a_command_of_ours_has_one(root, monkeypatch):
    assert running_command_digest() == ""
    spec = importlib.machinery.ModuleSpec("speechlib.bin.compute_feats", None)
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", spec)
    running_command_digest.cache_clear()
    assert running_command_digest() == command_digest("speechlib.bin.compute_feats", root)
    running_command_digest.cache_clear()
