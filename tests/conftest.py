"""Fixtures that every test may use: the repository's root, and the real recordings and Kaldi files beside it."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("busy", deadline=None, derandomize=True)  # a loaded machine is slow, not wrong
settings.load_profile("busy")

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("SPEECHLIB_SHARED", ROOT.parent / "shared"))


def _folder(path: Path) -> Path:
    if not path.is_dir():
        pytest.skip(f"{path.name} is not there; set SPEECHLIB_SHARED to the folder that holds data/ and golden/")
    return path


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's root directory."""
    return ROOT


@pytest.fixture(scope="session")
def golden() -> Path:
    """Files that real Kaldi wrote; the test is skipped where they are absent."""
    return _folder(SHARED / "golden")


@pytest.fixture(scope="session")
def corpora() -> Path:
    """Real recordings by corpus; the test is skipped where they are absent."""
    return _folder(SHARED / "data")
