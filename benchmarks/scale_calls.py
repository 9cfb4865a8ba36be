"""What scale.py measures in fresh processes: tables in memory, reads at random, lists of trials, embeddings."""

from __future__ import annotations

import os
import random
import resource
import time
from collections.abc import Callable, Sized
from pathlib import Path

from scale_corpus import DIM, Archives

_READS = 20_000
_COLD_READS = 2_000


class Memory:
    """What a piece of work adds to this process: what it keeps, and its peak."""

    def __init__(self) -> None:
        self._before, self._start = resident_bytes(), time.perf_counter()

    def figures(self, items: int, besides: int = 0) -> dict[str, float]:
        """Seconds, and bytes an item, without `besides` bytes in all."""
        seconds, kept = time.perf_counter() - self._start, resident_bytes() - self._before
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - self._before
        return {"s": seconds, "B kept": (kept - besides) / items, "B at peak": (peak - besides) / items}


def _kept(read: Callable[[], Sized]) -> dict[str, float]:
    memory = Memory()
    table = read()
    return memory.figures(len(table))


def resident_bytes() -> int:
    """Memory of this process."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


def available_bytes() -> int:
    """Memory that is free, or can be made so."""
    with open("/proc/meminfo") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))


def have_kaldiio() -> bool:
    """Whether kaldiio is installed, without importing it."""
    import importlib.util

    return importlib.util.find_spec("kaldiio") is not None


def index_script(path: Path) -> dict[str, float]:
    from speechlib.io.tables import RandomAccessTable

    return _kept(lambda: RandomAccessTable(f"scp:{path}", kind="matrix"))


def index_map(path: Path) -> dict[str, float]:
    from speechlib.io.maps import read_map

    return _kept(lambda: read_map(path))


def index_segments(path: Path) -> dict[str, float]:
    from speechlib.io.datadir import DataDir

    memory = Memory()
    data = DataDir(path)
    return memory.figures(len(data.segments))


def index_utterances(path: Path) -> dict[str, float]:
    from speechlib.io.utterances import read_utterances

    return _kept(lambda: read_utterances(path))


def index_audio(path: Path) -> dict[str, float]:
    from speechlib.io.utterance_audio import UtteranceAudio

    return _kept(lambda: UtteranceAudio(path))


def index_names(path: Path) -> dict[str, float]:
    from speechlib.io.name_table import NameTable
    from speechlib.io.text_columns import iterate_blocks

    memory = Memory()
    table = NameTable()
    for block in iterate_blocks(path, (2,), "<utterance> <speaker>"):
        table.numbers(block, 0)
    return memory.figures(len(table))


def index_training(path: Path) -> dict[str, float]:
    from speechlib.io.datadir import DataDir
    from speechlib.io.training_set import split_held_out

    memory = Memory()
    data = DataDir(path)
    parts = split_held_out(data.utt2spk, None, 0.05, seed=1)
    return memory.figures(sum(map(len, parts)))


def index_features(path: Path) -> dict[str, float]:
    """What training keeps of each utterance's features, its tables included; its seconds are those of reading."""
    from speechlib.io.datadir import DataDir
    from speechlib.io.training_features import read_training_features

    memory = Memory()
    data = DataDir(path)
    names = data.utterances()
    found = read_training_features(data, names, lambda frames, _: frames, ValueError, None, 1, None)
    return memory.figures(len(found.num_frames))


def index_vectors(path: Path) -> dict[str, float]:
    from speechlib.io.vector_table import read_vectors

    memory = Memory()
    table = read_vectors(f"ark:{path}")
    table.rows()
    return memory.figures(len(table), besides=table.values.nbytes)


def index_kaldiio(path: Path) -> dict[str, float]:
    import kaldiio

    return _kept(lambda: kaldiio.load_scp(str(path)))


def read_ours(path: Path, order: str, archives: Archives) -> dict[str, float]:
    from speechlib.io.tables import RandomAccessTable

    return _read(RandomAccessTable(f"scp:{path}", kind="matrix"), order, archives)


def read_kaldiio(path: Path, order: str, archives: Archives) -> dict[str, float]:
    import kaldiio

    return _read(kaldiio.load_scp(str(path)), order, archives)


def _read(table, order: str, archives: Archives) -> dict[str, float]:
    """Reads and MiB a second, CPU time of a read, and MiB that the reading itself added at its peak."""
    keys, count = list(table), _COLD_READS if order == "random, cold" else _READS
    step = max(1, len(keys) // count)
    keys = keys[::step] if order == "in order" else random.Random(0).sample(keys, min(count, len(keys)))
    if order == "random, cold":
        forget(archives)
    before, start, cpu, size = resident_bytes(), time.perf_counter(), time.process_time(), 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    for key in keys:
        size += table[key].nbytes
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    added = max(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, peak) - before
    rates = {"reads/s": len(keys) / seconds, "CPU us a read": cpu / len(keys) * 1e6, "MiB/s": size / 2**20 / seconds}
    return rates | {"MiB": added / 2**20}


def forget(archives: Archives) -> None:
    """Ask the kernel to drop the archives from its cache; what a disk or its host keeps stays there."""
    for path in archives.folder.iterdir():
        descriptor = os.open(path, os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def read_list(trials: Path) -> dict[str, float]:
    from speechlib.io.trials import read_trials

    return _kept(lambda: read_trials(trials))


def read_joined(trials: Path, scores: Path) -> dict[str, float]:
    from speechlib.io.scores import read_scores
    from speechlib.io.trials import read_trials

    memory = Memory()
    table = read_trials(trials)
    values = read_scores(scores, table)
    return memory.figures(len(values))


def write_list(trials: Path, scores: Path) -> dict[str, float]:
    import numpy as np

    from speechlib.io.scores import write_scores
    from speechlib.io.trials import read_trials

    table = read_trials(trials)
    values = np.random.default_rng(0).normal(0, 5, len(table))
    memory = Memory()
    write_scores(scores, table, values)
    return memory.figures(len(values))


def embed() -> dict[str, float]:
    """Embeddings of utterances of 8 s in memory, one thread, single precision."""
    import numpy as np

    from speechlib.nnet.embedding_extraction import ExtractionOptions, extract_embeddings
    from speechlib.nnet.models import find_model
    from speechlib.nnet.runtime import set_up

    device = set_up("cpu", 1)
    module = find_model("xvector")
    model = module.build(module.Options(), DIM, 7_000).to(device).eval()
    frames = np.random.default_rng(0).standard_normal((800, DIM), np.float32)
    items = [(f"utt{number}", frames) for number in range(100)]
    layer = list(model.layers)[-1]
    before, start = time.process_time(), time.perf_counter()
    count = sum(1 for _ in extract_embeddings(model, items, layer, ExtractionOptions(), device))
    cpu = time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"s": time.perf_counter() - start, "CPU s": cpu, "MiB": peak, "x real time": 8 * count / cpu}
