#!/usr/bin/env python3
"""Run whole demo recipes with utils/run.py, utils/slurm.py and utils/queue.py and compare all that they make.

Usage: tests/cluster/compare_demos.py [--recipes "timit emotion"] [--folder DIR] [<option of run.sh> ...]
 e.g.: tests/cluster/compare_demos.py --recipes timit --speakers 16 --num-seeds 1

Starts the clusters that it needs, as the tests do (root; tests/cluster/install.sh installs them). Runs stay in the
folder (default: a temporary one, which is removed if all are equal). Takes as long as three runs of each recipe.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[0] = str(ROOT)  # as a program it stands in tests/cluster

from tests.cluster import compare_runs, grid_engine_cluster, slurm_cluster  # noqa: E402

RECIPES = ("timit", "voxceleb1", "callhome", "emotion")


def main() -> int:
    """Run and compare; 1 if a run fails or differs."""
    if "--help" in sys.argv:
        print(__doc__)
        return 0
    parser = argparse.ArgumentParser(usage=__doc__, add_help=False)
    parser.add_argument("--recipes", default=" ".join(RECIPES))
    parser.add_argument("--folder", type=Path)
    args, options = parser.parse_known_args()
    reason = slurm_cluster.missing() or grid_engine_cluster.missing()
    if reason:
        sys.exit(f"no clusters here: {reason}")
    folder = args.folder or Path(tempfile.mkdtemp(prefix="compare_demos"))
    slurm = slurm_cluster.SlurmCluster(folder / "slurm", cpus=os.cpu_count() or 1)
    engine = grid_engine_cluster.GridEngineCluster(slots=os.cpu_count() or 1)
    environments = {"run": dict(os.environ), "slurm": slurm.environment, "queue": engine.environment}
    try:
        failed = [recipe for recipe in args.recipes.split() if not _same(recipe, folder, environments, options)]
    finally:
        slurm.stop()
        engine.stop()
    if not failed and not args.folder:
        shutil.rmtree(folder)
    print(f"not the same: {', '.join(failed)}" if failed else "all the same")
    return 1 if failed else 0


def _same(recipe: str, folder: Path, environments: dict[str, dict[str, str]], options: list[str]) -> bool:
    runs = []
    for name, environment in environments.items():
        began = time.monotonic()
        run = _run(recipe, folder, name, environment, options)
        print(f"{recipe} with utils/{name}.py: {time.monotonic() - began:.0f} s", flush=True)
        runs.append(run)
    return all([compare_runs.main(runs[0], run) == 0 for run in runs[1:]])


def _run(recipe: str, folder: Path, name: str, environment: dict[str, str], options: list[str]) -> Path:
    """Run a recipe always in one place, as lists hold absolute paths, and move what it made to a place of its own."""
    top = folder / "top"
    shutil.rmtree(top, ignore_errors=True)
    place = top / "egs" / recipe
    made = ("data", "exp", "results", "RESULTS.md")
    shutil.copytree(ROOT / "egs" / recipe, place, symlinks=True, ignore=shutil.ignore_patterns(*made, "__pycache__"))
    for part in ("speechlib", "steps", "utils", "local"):
        (top / part).symlink_to(ROOT / part)
    cmd = f"utils/{name}.py --mem 1900M"
    (place / "cmd.sh").write_text(f'export train_cmd="{cmd}"\nexport cuda_cmd="{cmd}"\n')
    result = folder / f"{recipe}.{name}"
    result.mkdir()
    with (result / "log").open("wb") as log:
        words = [place / "run.sh", "--nj", "2", *options]
        done = subprocess.run(
            words, cwd=place, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )
    if done.returncode:
        sys.exit(f"{recipe} with utils/{name}.py failed: see {result}/log")
    for part in made:
        if (place / part).exists():
            shutil.move(place / part, result / part)
    return result


if __name__ == "__main__":
    sys.exit(main())
