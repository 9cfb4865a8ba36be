"""Fuzz a reader guided by its coverage: `python tests/fuzz/fuzz_coverage.py --only RTTM -- -max_total_time=60`.

Needs the package atheris (libFuzzer for Python), best in an environment of its own: `pip install atheris numpy pyyaml`.
What stands behind `--` is libFuzzer's; seeds are those of targets.py, and what raises anything but the errors that
commands report ends the run with its input in a file `crash-...`.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent)]

from targets import GROUPS, Target, make_targets  # noqa: E402

NATIVE = ("audio", "weights", "trait models", "subwords")  # what atheris cannot look into


def find_target(name: str, folder: Path) -> Target:
    """The first target of Python's own whose name contains `name`."""
    for group in GROUPS:
        if group not in NATIVE:
            for target in make_targets(group, folder):
                if name in target.name:
                    return target
    raise ValueError(f"no reader in Python alone is called {name!r}; run_fuzz.py lists them")


def main() -> int:
    """Fuzz until libFuzzer ends."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", required=True, help="the first reader whose name contains this")
    parser.add_argument("libfuzzer", nargs="*", help="options of libFuzzer")
    options = parser.parse_args()
    try:
        import atheris
    except ImportError:
        sys.exit("fuzz_coverage.py needs the package atheris: pip install atheris; run_fuzz.py does without")
    scratch = Path(tempfile.mkdtemp(prefix="hostile"))
    with atheris.instrument_imports(include=["speechlib.io", "yaml", "configparser"]):
        target = find_target(options.only, scratch)
    place, corpus = scratch / "place", scratch / "corpus"
    place.mkdir()
    corpus.mkdir()
    for number, seed in enumerate(target.seeds):
        (corpus / str(number)).write_bytes(seed)
    kept = os.getcwd()
    with contextlib.chdir(scratch):
        target.prepare(place)
    path = place / target.file
    os.chdir(place)

    def try_one(data: bytes) -> None:
        if target.runs_commands and b"|" in data:
            return
        path.write_bytes(data)
        with warnings.catch_warnings(), contextlib.suppress(ValueError, OSError, EOFError, ImportError):
            warnings.simplefilter("ignore")
            target.read(str(path))

    atheris.Setup([sys.argv[0], str(corpus), f"-artifact_prefix={kept}/", "-max_len=8192", "-timeout=10",
                   "-rss_limit_mb=1024", *options.libfuzzer], try_one)  # fmt: skip
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
