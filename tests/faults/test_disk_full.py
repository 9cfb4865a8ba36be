"""A full disk: a message that says so and names the file, nothing half-written, and the next run goes on from there."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

STEP = "steps/make_mfcc.sh --nj 2 --compress false --mfcc-config mfcc.conf exp/data exp/log exp/mfcc"


@pytest.fixture
def small_disk(recipe):
    """Mounts a disk of so many kB over a folder of the recipe, and makes it larger; skips where nobody may mount."""
    mounted = []

    def mount(name: str, kilobytes: int) -> Path:
        folder = recipe.folder / name
        again = ",remount" if folder in mounted else ""
        folder.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k{again}", "tmpfs", str(folder)]
        if not sys.platform.startswith("linux") or subprocess.run(command, capture_output=True).returncode:
            pytest.skip("a small disk cannot be mounted here")
        mounted.append(folder)
        return folder

    yield mount
    for folder in set(mounted):
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_features_on_disks_that_are_full_one_after_the_other(recipe, small_disk):
    copy = recipe.folder / "exp/data"
    shutil.copytree(recipe.data, copy)
    recipe.good(STEP)
    expected = recipe.files()
    shutil.rmtree(recipe.folder / "exp")

    disks = [small_disk(f"exp/{name}", size) for name, size in (("data", 28), ("log", 4), ("mfcc", 16))]
    shutil.copytree(recipe.data, copy, dirs_exist_ok=True)
    (disks[1] / "other").write_bytes(bytes(4096))
    for folder, kilobytes, message in [  # what is said, and where there is room then
        ("data", 48, r"split_data: error: exp/data/\.split2utt.*: No space left on device; make room there"),
        ("log", 400, r"exp/log/make_mfcc_data\.\d\.log: No space left on device"),
        ("mfcc", 400, r"compute_feats: error: .*/exp/mfcc/raw_mfcc_data\.\d\.ark: No space left on device; make room"),
        ("data", 400, r"No space left on device(.|\n)*make_feats.sh: exp/data/\.\w+(\.scp)?\.tmp could not be written"),
    ]:
        status, output = recipe.run(STEP)
        assert status != 0 and re.search(message, output), output
        assert all(expected[name] == content for name, content in recipe.files().items())
        assert not [path for disk in disks for path in disk.rglob("*.tmp*") if path.is_file()]
        small_disk(f"exp/{folder}", kilobytes)
    recipe.good(STEP)
    assert recipe.files() == expected
