"""A small recipe that the tests of this folder break: its steps, its files, and running one of them."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

_RATE = 8000


class Recipe:
    """A recipe directory with a corpus of noise; all its names stay the same, so that all files can be compared."""

    def __init__(self, folder: Path, root: Path, num_utterances: int = 28, seconds: float = 0.3):
        self.folder, self.root = folder, root
        self.corpus = folder.parent / "corpus"
        self.corpus.mkdir()
        folder.mkdir()
        for name in ("steps", "utils"):
            (folder / name).symlink_to(root / name)
        (folder / "path.sh").touch()
        (folder / "mfcc.conf").write_text(f"--sample-frequency={_RATE}\n")
        names = [f"s{number % 4}-{number:04d}" for number in range(num_utterances)]
        for name in names:
            self.write_audio(name, seconds + 0.1 * int(name[-4:]) / num_utterances)
        self.data = folder / "data/train"
        self.data.mkdir(parents=True)
        names.sort()
        (self.data / "wav.scp").write_text("".join(f"{name} {self.corpus}/{name}.wav\n" for name in names))
        (self.data / "utt2spk").write_text("".join(f"{name} {name[:2]}\n" for name in names))
        speakers = {name[:2]: " ".join(key for key in names if key[:2] == name[:2]) for name in names}
        (self.data / "spk2utt").write_text("".join(f"{name} {keys}\n" for name, keys in speakers.items()))

    def write_audio(self, utterance: str, seconds: float) -> Path:
        """Write an utterance of the corpus anew."""
        rng = np.random.default_rng(int(utterance[-4:]))
        path = self.corpus / f"{utterance}.wav"
        samples = rng.normal(scale=0.1, size=round(seconds * _RATE)).astype(np.float32)
        soundfile.write(path, samples, _RATE, subtype="PCM_16")
        return path

    def start(self, command: str, **options) -> subprocess.Popen:
        """Start a command of bash, in the recipe directory and a session of its own."""
        environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(self.root),
            "OMP_NUM_THREADS": "1",
            "LC_ALL": "C",
        }
        return subprocess.Popen(
            ["bash", "-c", f"exec {command}"], cwd=self.folder, env=environment, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options,
        )  # fmt: skip

    def run(self, command: str, **options) -> tuple[int, str]:
        """Run a command to its end; its status and what it printed."""
        process = self.start(command, **options)
        output, _ = process.communicate(timeout=120)
        return process.returncode, output

    def good(self, command: str, **options) -> str:
        """Run a command that has to succeed; what it printed."""
        status, output = self.run(command, **options)
        assert status == 0, f"{command}: {output}"
        return output

    def files(self) -> dict[str, bytes]:
        """What the recipe has made: contents by name, without logs, which have dates, and what is of a moment."""
        found = {}
        for path in sorted(self.folder.rglob("*")):
            name = str(path.relative_to(self.folder))
            is_ours = name.startswith(("data/", "exp/")) and not re.search("/(log|lists|split[0-9]+utt|[.].*)/", name)
            # Steps write lists under a hidden name with their process number; commands end theirs in .tmp.
            if is_ours and not path.name.startswith(".") and not path.name.endswith(".tmp"):
                try:
                    found[name] = path.read_bytes()
                except (FileNotFoundError, IsADirectoryError):
                    continue
        return found

    def save(self, name: str) -> None:
        """Keep the state of data and exp, with all dates."""
        shutil.copytree(self.folder, self.folder.parent / name, symlinks=True, dirs_exist_ok=True)

    def restore(self, name: str) -> None:
        """Go back to a state that was kept."""
        shutil.rmtree(self.folder)
        shutil.copytree(self.folder.parent / name, self.folder, symlinks=True)


@pytest.fixture(scope="session")
def make_recipe(root: Path):
    """Makes a recipe that nothing was done in, in a folder, of any size."""

    def make(folder: Path, **sizes) -> Recipe:
        return Recipe(folder / "recipe", root, **sizes)

    return make


@pytest.fixture
def recipe(tmp_path, make_recipe) -> Recipe:
    """A recipe that nothing was done in."""
    return make_recipe(tmp_path)
