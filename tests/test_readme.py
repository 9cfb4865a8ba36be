"""What the README tells users to type."""

import subprocess

import pytest


@pytest.fixture
def own_corpus(tmp_path):
    """Empty recordings of speakers whose names begin alike; only the data directory is made of them here."""
    for speaker in ("s1", "s10", "s2"):
        for sentence in ("a", "b"):
            path = tmp_path / "wavs" / speaker / f"{sentence}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return tmp_path / "wavs"


def test_own_corpus_in_ten_lines(root, own_corpus, tmp_path):
    section = (root / "README.md").read_text().split("## Your own corpus")[1]
    block = section.split("```bash\n")[1].split("```")[0]
    assert len(block.splitlines()) == 10
    lines = block.split("steps/make_feats.sh")[0].splitlines()[1:]  # the environment is there; features need audio
    script = "\n".join(lines).replace("/my/wavs", str(own_corpus))
    (tmp_path / "utils").symlink_to(root / "utils")
    done = subprocess.run(["bash", "-e", "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "data/mine/spk2utt").read_text().splitlines()[1] == "s10 s10-a s10-b"
