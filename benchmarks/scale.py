"""What a million utterances cost: data directories, dealing out to jobs, dispatch, indices over a thousand archives.

    python benchmarks/scale.py [--utterances 1000000] [--speakers 7000] [--archives 1000] [--only SECTION,..]
                               [--with slurm,sge] [--json benchmarks/scale.json] [--work-dir DIR]

Makes data directories of names as VoxCeleb2 has them, archives and lists of trials in a temporary folder, and prints a
table (TSV) for each section: wall seconds, processor seconds and peak memory of whole commands, all their processes
included (the peak is that of the largest one). Functions are called in fresh processes of their own. A peak
of some 20 MiB is that of this program, which a process begins with. `scale_plan.py` works out from the figures what a
corpus needs.

Sections: data (commands of utils/), deal (dealing utterances out to jobs, joining what jobs wrote), start (of
commands), dispatch (tasks that do nothing; with --with, of the schedulers that are up), index (tables by utterance, ten
times as many utterances in the end), read (at random from the archives), trials (a million and ten million), stages
(the speed of a recipe's stages on synthetic audio, one thread).
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import scale_calls as calls
import scale_corpus as corpus

TOP = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP))


class Bench:
    """Runs what is measured, prints its rows, and keeps them in the file of figures, if there is to be one.

    Attributes:
        args, work: options and the temporary folder.
        sizes: of what was measured, for the file of figures.
    """

    def __init__(self, args: argparse.Namespace, work: Path) -> None:
        self.args, self.work = args, work
        self._rows: dict[str, dict[str, dict[str, float]]] = {}  # by section and name
        if args.json and args.json.exists():
            self._rows = json.loads(args.json.read_text())["rows"]
        self.sizes = {name: getattr(args, name) for name in ("utterances", "speakers", "archives", "trials")}
        self._section: dict[str, dict[str, float]] = {}
        self._columns: list[str] = []

    def begin(self, section: str, *columns: str) -> bool:
        """Whether a section is wanted; prints its head."""
        if self.args.only and section not in self.args.only.split(","):
            return False
        self._section, self._columns = self._rows.setdefault(section, {}), list(columns)
        print("", f"{section:32}\t" + "\t".join(columns), sep="\n", flush=True)
        return True

    def note(self, name: str, figures: dict[str, float]) -> None:
        """Print a row, and keep it."""
        self._section[name] = {key: float(f"{value:.4g}") for key, value in figures.items()}
        cells = (f"{figures[column]:.4g}" if column in figures else "-" for column in self._columns)
        print(f"{name:32}\t" + "\t".join(cells), flush=True)

    def command(self, name: str, script: str, *leftovers: Path, more: dict[str, float] | None = None) -> None:
        """Measure a bash script; then remove what it left."""
        self.note(name, measure(script) | (more or {}))
        for leftover in leftovers:
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()

    def save(self) -> None:
        """Write the figures; sections that did not run stay as they were."""
        if self.args.json:
            record = {"machine": machine(), "sizes": self.sizes, "rows": self._rows}
            self.args.json.write_text(json.dumps(record, indent=1) + "\n")

    def call(self, name: str, function: Callable[..., dict[str, float]], *arguments: object) -> None:
        """Measure what a function in a fresh process says of itself."""
        self.note(name, in_fresh_process(function, *arguments))


def measure(script: str) -> dict[str, float]:
    """Wall and processor seconds and peak MiB of a bash script.

    Raises:
        RuntimeError: it failed; with what it wrote to standard error.
    """
    start = time.perf_counter()
    with tempfile.TemporaryFile() as messages:
        process = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", script], cwd=TOP, stdout=subprocess.DEVNULL, stderr=messages
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            messages.seek(0)
            raise RuntimeError(f"{script}: exit status {process.returncode}: {messages.read().decode()}")
    return {"s": seconds, "CPU s": usage.ru_utime + usage.ru_stime, "MiB": usage.ru_maxrss / 1024}


def in_fresh_process(function: Callable, *arguments: object):
    """What a function returns in a process that has done nothing else."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def data_commands(bench: Bench) -> None:
    """Every command on data directories."""
    work, count = bench.work, bench.args.utterances
    data, cut, out, half, utils = work / "data", work / "segments", work / "out", count // 2, TOP / "utils"
    if not bench.begin("data", "s", "CPU s", "MiB"):
        return
    run = bench.command
    run("validate_data_dir", f"{utils}/validate_data_dir.sh --no-text {data}")
    run("validate_data_dir, segments", f"{utils}/validate_data_dir.sh --no-text {cut}")
    run("utt2spk_to_spk2utt", f"{utils}/utt2spk_to_spk2utt.sh {data}/utt2spk >{out}", out)
    run("spk2utt_to_utt2spk", f"{utils}/spk2utt_to_utt2spk.sh {data}/spk2utt >{out}", out)
    run("filter_scp, every second", f"{utils}/filter_scp.sh <(awk 'NR % 2' {data}/utt2spk) {data}/wav.scp >{out}", out)
    run("filter_scp --exclude, half",
        f"{utils}/filter_scp.sh --exclude <(head -n {half} {data}/utt2spk) {data}/wav.scp >{out}", out)  # fmt: skip
    for how in ("random", "--first", "--last", "--shortest", "--speakers"):
        option = "" if how == "random" else how
        run(f"subset_data_dir {how}, half", f"{utils}/subset_data_dir.sh {option} {data} {half} {out}", out)
    run("subset_data_dir --per-spk 10", f"{utils}/subset_data_dir.sh --per-spk {data} 10 {out}", out)
    every_second = f"<(awk 'NR % 2' {data}/{{}})"
    for option, name in (("--spk-list", "spk2gender"), ("--utt-list", "utt2spk")):
        run(f"subset_data_dir {option}, half",
            f"{utils}/subset_data_dir.sh {option} {every_second.format(name)} {data} {out}", out)  # fmt: skip
    run("subset_data_dir, half, segments", f"{utils}/subset_data_dir.sh {cut} {half} {out}", out)
    affixes = "--utt-prefix x- --spk-prefix x- --validate-opts --no-text"
    run("copy_data_dir, prefixes", f"{utils}/copy_data_dir.sh {affixes} {data} {out}", out)
    run("copy_data_dir, prefixes, segments", f"{utils}/copy_data_dir.sh {affixes} {cut} {out}", out)
    for name, option in (("first", "--first"), ("last", "--last")):
        measure(f"{utils}/subset_data_dir.sh {option} {data} {half} {work}/{name}")
    run("combine_data, two halves", f"{utils}/combine_data.sh {out} {work}/last {work}/first", out)
    shutil.rmtree(work / "first"), shutil.rmtree(work / "last")
    shutil.copytree(data, out)
    run("fix_data_dir, nothing to mend", f"{utils}/fix_data_dir.sh {out}", out)
    shutil.copytree(data, out)
    # Lines in another order, and one utterance in a hundred that only some of the files have.
    shuffle = f"awk 'NR % 100 || FILENAME ~ /wav/' {data}/$name | shuf >{out}/$name"
    measure(f"for name in utt2spk wav.scp feats.scp; do {shuffle}; done")
    run("fix_data_dir, unsorted, 1 % gone", f"{utils}/fix_data_dir.sh {out}", out)
    shutil.copytree(data, out)
    (out / "utt2dur").unlink()
    (out / "frame_shift").write_text("0.01\n")
    run("get_utt2dur, of frames", f"{utils}/data/get_utt2dur.sh {out}", out)
    plan = f"{utils}/python_command.sh plan_augmentation --kinds speed --speeds 0.9 --jobs 100 {data} {out}"
    run("plan_augmentation, a speed", plan, out)
    first = f"{utils}/subset_data_dir.sh --first {data} {count // 20} {out}"
    measure(first)
    run("subset of a twentieth again", first, out)


def dealing_out(bench: Bench) -> None:
    """Dealing utterances out to jobs, and joining what jobs wrote."""
    work, utils = bench.work, TOP / "utils"
    data, cut, out = work / "data", work / "segments", work / "out"
    if not bench.begin("deal", "s", "CPU s", "MiB"):
        return
    jobs = [number for number in (10, 100, 1000) if number <= min(bench.args.speakers, bench.args.utterances)]
    for number in jobs:
        bench.command(f"split_data, {number}", f"{utils}/split_data.sh {data} {number}", data / f"split{number}")
    for number in jobs:
        bench.command(f"split_data --per-utt, {number}", f"{utils}/split_data.sh --per-utt {data} {number}",
                      data / f"split{number}utt")  # fmt: skip
    number = jobs[-1]
    bench.command(f"split_data, {number}, segments", f"{utils}/split_data.sh {cut} {number}", cut / f"split{number}")
    split = f"{utils}/split_data.sh {data} {number}"
    measure(split)
    bench.command(f"split_data, {number}, up to date", split, data / f"split{number}")
    library = ". steps/shared/gmm_jobs.sh"
    for number in jobs:
        bench.command(f"deal_out of steps, {number}", f"{library}; nj={number}; deal_out {data} {out}", out)
    bench.command("state_of of steps", f"{library}; state_of {data}")
    measure(f"{library}; nj={number}; deal_out {data} {out}")
    concatenate = f"for ((job = 1; job <= {number}; job++)); do cat {out}/lists/feats.$job.scp; done"
    join = f"{concatenate} | LC_ALL=C sort >{work}/joined"
    bench.command(f"joining {number} lists, sorted", join, out, work / "joined")


def starts(bench: Bench) -> None:
    """What a command costs before it does anything."""
    if not bench.begin("start", "s", "CPU s", "MiB"):
        return
    python, one = sys.executable, bench.work / "one"
    one.write_text("a b\n")
    for name, script in {
        "bash": "bash -c :",
        "python -I -S": f"{python} -I -S -c pass",
        "python": f"{python} -c pass",
        "python, NumPy": f"{python} -c 'import numpy'",
        "python, PyTorch": f"{python} -c 'import torch'",
        "utils/filter_scp.sh, a line": f"{TOP}/utils/filter_scp.sh {one} {one}",
        "utils/run.py, a task": f"{TOP}/utils/run.py {bench.work}/log true",
        "compute_feats --help": f"{python} -m speechlib.bin.compute_feats --help",
        "train_nnet --help": f"{python} -m speechlib.bin.train_nnet --help",
    }.items():
        measure(script)  # files come into the cache
        runs = [measure(script) for _ in range(5)]
        bench.note(name, min(runs, key=lambda run: run["s"]))


def dispatch(bench: Bench) -> None:
    """Tasks that do nothing, by dispatchers and by a bare loop, as many at a time."""
    if not bench.begin("dispatch", "s", "CPU s", "MiB", "ms a task"):
        return
    logs, at_once = bench.work / "logs", len(os.sched_getaffinity(0))
    loop = (  # a shell that writes a log a task, as many at a time, and nothing else
        f"mkdir {logs}; n=0; for ((i = 1; i <= {{}}; i++)); do "
        f"if ((n == {at_once})); then wait -n || :; n=$((n - 1)); fi; "  # no job is left to wait for if all have ended
        f"bash -c true >{logs}/$i.log 2>&1 & n=$((n + 1)); done; wait"
    )
    dispatchers = {"run.py": f"{TOP}/utils/run.py --max-jobs-run {at_once}"}
    for name in filter(None, bench.args.with_.split(",")):
        dispatchers[name] = {"slurm": f"{TOP}/utils/slurm.py", "sge": f"{TOP}/utils/queue.py"}[name]
    for number in (int(word) for word in bench.args.tasks.split(",")):
        scripts = {"bash loop": loop.format(number)}
        for name, command in dispatchers.items():
            scripts[name] = f"mkdir {logs}; {command} JOB=1:{number} {logs}/JOB.log true"
        for name, script in scripts.items():
            figures = measure(script)
            shutil.rmtree(logs)
            bench.note(f"{name}, {number}", figures | {"ms a task": figures["s"] / number * 1000})


def indices(bench: Bench) -> None:
    """Tables in memory, with the bytes an utterance."""
    if not bench.begin("index", "s", "B kept", "B at peak"):
        return
    data = bench.work / "data"
    bench.call("read_script, feats.scp", calls.index_script, data / "feats.scp")
    bench.call("read_map, utt2spk", calls.index_map, data / "utt2spk")
    bench.call("DataDir: segments", calls.index_segments, bench.work / "segments")
    bench.call("read_utterances, utt2spk", calls.index_utterances, data / "utt2spk")
    bench.call("UtteranceAudio, wav.scp", calls.index_audio, data)
    bench.call("NameTable, utt2spk", calls.index_names, data / "utt2spk")
    bench.call("split_held_out, a training set", calls.index_training, data)
    in_fresh_process(corpus.make_vectors, data / "utt2spk", bench.work / "vectors.ark")
    bench.call("read_vectors, beside the numbers", calls.index_vectors, bench.work / "vectors.ark")
    (bench.work / "vectors.ark").unlink()
    few, part = bench.args.utterances // 20, bench.work / "part"
    measure(f"{TOP}/utils/subset_data_dir.sh {data} {few} {part}")
    bench.call("read_training_features", calls.index_features, part)
    shutil.rmtree(part)
    if calls.have_kaldiio():
        bench.call("kaldiio.load_scp, feats.scp", calls.index_kaldiio, data / "feats.scp")
    factor = bench.args.index_factor
    # Half of what is free should do for the larger tables; on a smaller machine they are left out.
    if factor > 1 and calls.available_bytes() > 2 * 1000 * factor * bench.args.utterances:
        for name in ("feats.scp", "utt2spk"):
            with open(bench.work / name, "w") as larger:
                for copy in range(factor):
                    with open(data / name) as file:
                        larger.writelines(f"{copy}-{line}" for line in file)
        bench.call(f"read_script, {factor} times", calls.index_script, bench.work / "feats.scp")
        bench.call(f"NameTable, {factor} times", calls.index_names, bench.work / "utt2spk")
        if calls.have_kaldiio():
            bench.call(f"kaldiio.load_scp, {factor} times", calls.index_kaldiio, bench.work / "feats.scp")
        (bench.work / "feats.scp").unlink(), (bench.work / "utt2spk").unlink()


def reading(bench: Bench, archives: corpus.Archives) -> None:
    """Matrices of a thousand archives, in the order of a script and at random."""
    if not bench.begin("read", "reads/s", "CPU us a read", "MiB/s", "MiB"):
        return
    readers = {"speechlib": calls.read_ours} | ({"kaldiio": calls.read_kaldiio} if calls.have_kaldiio() else {})
    for order in ("in order", "random", "random, cold"):
        for name, reader in readers.items():
            bench.call(f"{name}, {order}", reader, bench.work / "data" / "feats.scp", order, archives)


def trial_lists(bench: Bench) -> None:
    """Lists of trials and score files: reading and joining them."""
    if not bench.begin("trials", "s", "B kept", "B at peak"):
        return
    rows = bench.args.trials
    for count in (rows, 10 * rows):
        if calls.available_bytes() < 500 * count:
            continue
        trials, scores, shuffled = (bench.work / name for name in ("trials", "scores", "shuffled"))
        in_fresh_process(corpus.make_trials, bench.work / "data" / "utt2spk", count, trials, scores)
        measure(f"shuf {scores} >{shuffled}")
        bench.call(f"read_trials, {count}", calls.read_list, trials)
        bench.call(f"and read_scores, {count}", calls.read_joined, trials, scores)
        bench.call(f"and in another order, {count}", calls.read_joined, trials, shuffled)
        bench.call(f"write_scores, {count}", calls.write_list, trials, shuffled)
        trials.unlink(), scores.unlink(), shuffled.unlink()


def stages(bench: Bench) -> None:
    """Commands of a recipe on synthetic audio, start included, and the network's part of others."""
    if not bench.begin("stages", "s", "CPU s", "MiB", "x real time", "crops/CPU s"):
        return
    folder, python = bench.work / "audio", f"OMP_NUM_THREADS=1 {sys.executable} -m speechlib.bin"
    in_fresh_process(corpus.make_audio, folder)
    seconds = corpus.AUDIO_FILES * corpus.AUDIO_SECONDS
    vad = f"{folder}/vad.conf"
    Path(vad).write_text("--vad-energy-threshold=5.5\n--vad-energy-mean-scale=0.5\n")
    for name, config in (("mfcc", "--num-ceps=30 --num-mel-bins=30"), ("fbank", "--num-mel-bins=80")):
        for dither in (1, 0):
            (folder / "conf").write_text("\n".join([*config.split(), f"--dither={dither}", ""]))
            script = f"{python}.compute_feats --type {name} --config {folder}/conf --compress true {folder} " \
                     f"ark,scp:{folder}/{name}.ark,{folder}/{name}.scp"  # fmt: skip
            figures = measure(script)
            bench.note(f"compute_feats {name}, dither {dither}", figures | {"x real time": seconds / figures["CPU s"]})
    figures = measure(f"{python}.compute_vad --config {vad} scp:{folder}/mfcc.scp ark:{folder}/vad.ark")
    bench.note("compute_vad, energy", figures | {"x real time": seconds / figures["CPU s"]})
    bench.call("x-vector, 512: embeddings", calls.embed)
    # Single precision: processors without instructions for bfloat16 are slower with it.
    training = f"{sys.executable} {TOP}/benchmarks/training.py --networks xvector --ways archive --rounds 1"
    training += " --precision fp32 --updates 3"
    done = subprocess.run(training.split(), check=True, capture_output=True, text=True, cwd=TOP)
    cpu_milliseconds = float(done.stdout.splitlines()[-1].split("\t")[4])
    bench.note("x-vector, 512: training", {"crops/CPU s": 64 / cpu_milliseconds * 1000})


def machine() -> str:
    """Processor, cores and Python, for the record."""
    name = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as lines:
            name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), name)
    return f"{len(os.sched_getaffinity(0))} cores of {name}, Python {platform.python_version()}"


def main() -> None:
    """Run what the options ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--utterances", type=int, default=1_000_000)
    parser.add_argument("--speakers", type=int, default=7_000)
    parser.add_argument("--archives", type=int, default=1_000)
    parser.add_argument("--trials", type=int, default=1_000_000, help="rows; ten times as many follow")
    parser.add_argument("--tasks", default="10,100,1000", help="numbers of tasks to dispatch")
    parser.add_argument("--index-factor", type=int, default=10, help="the larger tables have so many times the lines")
    parser.add_argument("--with", dest="with_", default="", help="slurm, sge: dispatch to these, too, which must be up")
    parser.add_argument("--only", help="sections, with commas")
    parser.add_argument("--work-dir", help="where to write; a new folder in $TMPDIR by default")
    parser.add_argument("--json", type=Path, help="write the figures there; sections that did not run stay as they are")
    args = parser.parse_args()
    os.environ["PYTHON"] = sys.executable
    with tempfile.TemporaryDirectory(dir=args.work_dir, prefix="scale.") as folder:
        work = Path(folder)
        archives = in_fresh_process(corpus.make_archives, work / "ark", args.archives)
        corpus.make_data_dirs(work, archives, args.utterances, args.speakers)
        bench = Bench(args, work)
        bench.sizes["list_bytes"] = sum(path.stat().st_size for path in (work / "data").iterdir()) / args.utterances
        try:
            data_commands(bench)
            dealing_out(bench)
            starts(bench)
            dispatch(bench)
            indices(bench)
            reading(bench, archives)
            trial_lists(bench)
            stages(bench)
        finally:
            bench.save()


if __name__ == "__main__":
    main()
