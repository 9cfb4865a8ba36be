"""Kaldi's own run.pl, queue.pl and slurm.pl, for the tests that put them in the place of ours."""

import os
import shutil
from pathlib import Path

import pytest

_FETCHED = Path(__file__).parent / "kaldi"


def find(name: str) -> Path:
    """Where one of them should be: in the Kaldi of KALDI_ROOT, else where fetch_kaldi.sh puts it."""
    root = os.environ.get("KALDI_ROOT")
    return (Path(root) / "egs/wsj/s5/utils/parallel" if root else _FETCHED) / name


def missing() -> str:
    """Why they cannot be tested; empty if they can."""
    absent = [str(find(name)) for name in ("run.pl", "queue.pl", "slurm.pl") if not find(name).exists()]
    if absent:
        return f"no {absent[0]}: tests/cluster/fetch_kaldi.sh fetches it, or KALDI_ROOT names a Kaldi"
    return "" if shutil.which("perl") else "perl not installed"


needs_kaldi = pytest.mark.skipif(bool(missing()), reason=missing())
