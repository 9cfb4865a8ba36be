"""A chain of steps, which must give the same with every dispatcher: arrays of jobs, pipes as words, quoted words."""

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import soundfile

_CHAIN = """
steps/make_mfcc.sh --nj 3 --cmd "$1" --mfcc-config mfcc.conf data &&
steps/compute_vad.sh --nj 3 --cmd "$1" data &&
steps/pool_features.sh --nj 2 --cmd "$1" data vectors &&
steps/score_cosine.sh --cmd "$1" --tags "system=a set=b" vectors vectors trials scores
"""


def check_steps_give_the_same(root: Path, folder: Path, dispatcher: str, environment: Mapping[str, str]) -> None:
    """Archives and scores of a chain of steps, run in a new folder, are those of utils/run.py."""
    rng = np.random.default_rng(0)
    (folder / "data").mkdir()
    for name in ("steps", "utils"):
        (folder / name).symlink_to(root / name)
    (folder / "path.sh").write_text(f"export PATH={Path(sys.executable).parent}:$PATH PYTHONPATH={root} LC_ALL=C\n")
    names = [f"s{speaker}-{take}" for speaker in range(3) for take in range(2)]
    for name in names:
        soundfile.write(folder / f"{name}.wav", rng.normal(scale=0.1, size=8000).astype(np.float32), 8000)
    (folder / "data/wav.scp").write_text("".join(f"{name} {name}.wav\n" for name in names))
    (folder / "data/utt2spk").write_text("".join(f"{name} {name[:2]}\n" for name in names))
    (folder / "data/spk2utt").write_text("".join(f"s{speaker} s{speaker}-0 s{speaker}-1\n" for speaker in range(3)))
    (folder / "mfcc.conf").write_text("--sample-frequency=8000\n")
    pairs = [f"{a} {b} {'target' if a[:2] == b[:2] else 'nontarget'}\n" for a in names for b in names if a < b]
    (folder / "trials").write_text("".join(pairs))
    found = []
    for cmd in ("utils/run.py", dispatcher):
        words = ["bash", "-c", _CHAIN, "bash", cmd]
        done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        made = [path for part in ("data", "vectors", "scores") for path in (folder / part).rglob("*") if path.is_file()]
        made = [path for path in made if not re.search(r"/(\.backup|split\d)", str(path))]
        made = [path for path in made if path.suffix in (".ark", ".scp") or path.name in ("scores", "utt2dur")]
        found.append({path: path.read_bytes() for path in made})
        for part in ("data/data", "data/feats.scp", "data/vad.scp", "vectors", "scores"):
            subprocess.run(["rm", "-r", folder / part], check=True)
    assert len(found[0]) >= 15 and all(found[0].values()) and found[0].keys() == found[1].keys()
    assert not [path for path in found[0] if found[0][path] != found[1][path]]
