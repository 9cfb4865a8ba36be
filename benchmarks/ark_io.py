"""Reading archives: speechlib beside kaldiio and kaldi_native_io, in one run, on one thread.

Every figure is the best of several rounds in which the contenders take turns, each in a process of its own, on the same
freshly written files (in the page cache); the ratio is that of CPU times (user and system), which other programs on the
machine disturb least. `read` hands over each array; `sum` also adds up all of its values,
because a reader may hand over pages that nobody has touched yet.

    python benchmarks/ark_io.py [--num-matrices 100000] [--rounds 3] [--json FILE] [--dir FOLDER]
"""

import argparse
import importlib.metadata
import json
import os
import platform
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

# name: (rows on average, columns, compressed)
DATA = {
    "float 300x30": (300, 30, False),
    "float 10x20": (10, 20, False),
    "compressed 300x30": (300, 30, True),
    "vector 256": (0, 256, False),
}
CONTENDERS = ("speechlib", "kaldiio", "kaldi_native_io")
ORDERS = ("sequential", "random")
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}


def generate(folder: Path, name: str, count: int) -> None:
    """Write one table: random values, lengths spread by a third around the mean, as utterances are."""
    import numpy as np

    from speechlib.io.tables import open_table

    rows, cols, is_compressed = DATA[name]
    generator = np.random.default_rng(1)
    pool = generator.standard_normal((4 * max(rows, 1), cols), dtype=np.float32)
    table = folder / name.replace(" ", "_")
    with open_table(f"ark,scp:{table}.ark,{table}.scp", compression=is_compressed or None) as writer:
        for index in range(count):
            length = int(rows * generator.uniform(2 / 3, 4 / 3))
            start = int(generator.integers(len(pool) - length))
            writer.write(f"utt{index:08d}", pool[start : start + length] if rows else pool[start])


def open_in_order(contender: str, table: str, kind: str):
    """Return an iterable of key and array over an archive, as the contender's own documentation opens it."""
    if contender == "speechlib":
        from speechlib.io.tables import read_table

        return read_table(f"ark:{table}.ark")
    if contender == "kaldiio":
        import kaldiio

        return kaldiio.load_ark(f"{table}.ark")
    import kaldi_native_io

    return getattr(kaldi_native_io, f"SequentialFloat{kind}Reader")(f"ark:{table}.ark")


def open_by_key(contender: str, table: str, kind: str):
    """Return a mapping of keys to arrays over a script."""
    if contender == "speechlib":
        from speechlib.io.tables import RandomAccessTable

        return RandomAccessTable(f"scp:{table}.scp")
    if contender == "kaldiio":
        import kaldiio

        return kaldiio.load_scp(f"{table}.scp")
    import kaldi_native_io

    return getattr(kaldi_native_io, f"RandomAccessFloat{kind}Reader")(f"scp:{table}.scp")


def measure(contender: str, order: str, table: str, kind: str, is_touched: bool) -> dict[str, float]:
    """Read a whole table once, opening included, imports not."""
    import numpy as np

    # Imported here, so that the clock sees the reading alone.
    __import__({"speechlib": "speechlib.io.tables"}.get(contender, contender))
    with open(f"{table}.scp") as file:
        keys = [line.split(None, 1)[0] for line in file]
    random.Random(1).shuffle(keys)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, cpu, total = time.perf_counter(), time.process_time(), 0.0
    if order == "sequential":
        for _, value in open_in_order(contender, table, kind):
            if is_touched:
                total += float(np.asarray(value).sum())
    else:
        reader = open_by_key(contender, table, kind)
        for key in keys:
            value = reader[key]
            if is_touched:
                total += float(np.asarray(value).sum())
    result = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "sum": total}
    result["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    result["added_mib"] = result["peak_mib"] - before / 1024
    return result


def run_worker(task: dict) -> dict[str, float]:
    """Measure in a fresh process, so that the peak memory is that of this task alone."""
    command = [sys.executable, __file__, "--worker", json.dumps(task)]
    environment = os.environ | ONE_THREAD
    return json.loads(subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE).stdout)


def compare(folder: Path, count: int, rounds: int) -> list[dict]:
    """Measure every contender on every table in every order."""
    rows = []
    for name, (length, _, _) in DATA.items():
        print(f"# writing {count} x {name}", file=sys.stderr)
        generate(folder, name, count)
        for order in ORDERS:
            for is_touched in (False, True):
                best: dict[str, dict] = {}
                for _ in range(rounds):
                    for contender in CONTENDERS:
                        table = str(folder / name.replace(" ", "_"))
                        task = dict(contender=contender, order=order, table=table)
                        result = run_worker(task | {"is_touched": is_touched, "kind": "Matrix" if length else "Vector"})
                        if contender not in best or result["cpu"] < best[contender]["cpu"]:
                            best[contender] = result
                sums = [result["sum"] for result in best.values()]
                if is_touched and max(sums) - min(sums) > 1e-3 * max(1.0, abs(sums[0])):
                    raise ValueError(f"{name}: the contenders read different values: {sums}")
                fastest = min(best[contender]["cpu"] for contender in CONTENDERS[1:])
                for contender, result in best.items():
                    rows.append(
                        {
                            "data": name,
                            "order": order,
                            "use": "sum" if is_touched else "read",
                            "contender": contender,
                            "cpu_us_per_item": round(result["cpu"] / count * 1e6, 3),
                            "wall_us_per_item": round(result["wall"] / count * 1e6, 3),
                            "peak_mib": round(result["peak_mib"], 1),
                            "added_mib": round(result["added_mib"], 1),
                            "speed_over_faster_other": round(fastest / result["cpu"], 2),
                        }
                    )
                    print("\t".join(str(value) for value in rows[-1].values()), flush=True)
        for path in folder.glob(name.replace(" ", "_") + ".*"):
            path.unlink()
    return rows


def main() -> None:
    """Run the benchmark, or with --worker one task of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--num-matrices", type=int, default=100_000, help="items in each table")
    parser.add_argument("--rounds", type=int, default=3, help="the best of so many is reported")
    parser.add_argument("--json", help="also write the table and the versions to this file")
    parser.add_argument("--dir", help="folder for up to 40 KB of data per matrix (default: a temporary one)")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        print(json.dumps(measure(**json.loads(arguments.worker))))
        return
    packages = ("kaldiio", "kaldi-native-io", "numpy")
    versions = {name: importlib.metadata.version(name) for name in packages} | {"python": platform.python_version()}
    print(f"# one thread; {arguments.num_matrices} items a table; best of {arguments.rounds} rounds; {versions}")
    columns = "data order use contender cpu_us_per_item wall_us_per_item peak_mib added_mib speed_over_faster_other"
    print("\t".join(columns.split()), flush=True)
    folder = Path(tempfile.mkdtemp(prefix="ark_io.", dir=arguments.dir))
    try:
        rows = compare(folder, arguments.num_matrices, arguments.rounds)
    finally:
        shutil.rmtree(folder)
    if arguments.json:
        from speechlib.io.atomic import write_json

        write_json(arguments.json, {"threads": 1, "items": arguments.num_matrices, "versions": versions, "rows": rows})


if __name__ == "__main__":
    main()
