"""Corpora as they come: on a disk that cannot be written to, and with files that cannot be read among many."""

import os
import re
import subprocess
import sys

import pytest

STEP = "steps/make_mfcc.sh --nj 2 --mfcc-config mfcc.conf"


@pytest.fixture
def read_only_corpus(recipe):
    """Puts the corpus on a read-only mount, which stops root as well; where nobody may mount, the test is skipped."""
    corpus = str(recipe.corpus)
    bind = ["mount", "--bind", corpus, corpus]
    if not sys.platform.startswith("linux") or subprocess.run(bind, capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", corpus], check=True)
        with pytest.raises(OSError, match="Read-only"):
            (recipe.corpus / "mark").touch()
        yield
    finally:
        subprocess.run(["umount", "-l", corpus], check=True)


@pytest.mark.usefixtures("read_only_corpus")
def test_read_only_corpus(recipe):
    names = sorted(path.name for path in recipe.corpus.iterdir())
    recipe.good(f"{STEP} data/train")
    recipe.good("steps/compute_vad.sh --nj 2 --type harmonicity data/train")
    assert sorted(path.name for path in recipe.corpus.iterdir()) == names


def test_files_that_cannot_be_read_among_a_thousand(tmp_path, make_recipe):
    recipe = make_recipe(tmp_path, num_utterances=1000, seconds=0.1)
    files = {number: next(recipe.corpus.glob(f"*-{number:04d}.wav")) for number in (3, 250, 251, 700, 998)}
    for file in files.values():
        file.rename(file.with_suffix(".good"))
    files[3].mkdir()
    files[250].symlink_to("nowhere.wav")
    files[251].write_bytes(files[251].with_suffix(".good").read_bytes()[:700])
    files[700].touch()
    files[998].write_bytes(b"\x1f\x8b\x08" + bytes(600))
    reasons = {3: "directory", 250: "missing", 251: "truncated", 700: "empty", 998: "unreadable"}
    if os.geteuid():
        files[999] = next(recipe.corpus.glob("*-0999.wav"))
        files[999].chmod(0)
        reasons[999] = "permission"

    status, output = recipe.run(f"{STEP} data/train")
    assert status == 1 and f"bad utterances: {len(reasons)} (" in output and f"--max-bad {len(reasons)}" in output
    for number, reason in reasons.items():
        assert re.search(rf"^{files[number].stem} +{reason} .*/{files[number].name}: ", output, re.MULTILINE), output
    assert not (recipe.data / "feats.scp").exists()
    output = recipe.good(f"{STEP} --max-bad {len(reasons)} data/train")
    assert f"{len(reasons)} of 1000 utterances have no features" in output
    found = dict(line.split() for line in (recipe.data / "utt2num_frames").read_text().splitlines())
    assert len(found) == 1000 - len(reasons) and not {files[number].stem for number in reasons} & found.keys()
