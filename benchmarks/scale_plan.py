"""What a corpus needs in disk, memory, hours and jobs, worked out from measured figures: the tables of docs/scale.md.

    python benchmarks/scale_plan.py [--json benchmarks/scale.json]

Every number is a product of the corpus's size and a figure of `scale.py` (the JSON file) or of benchmarks/README.md,
which stands in the table beside it. Times and memory are taken to grow with the number of utterances, or with the
power that is said.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
FRAMES_A_SECOND = 100
CORES = 32  # of a host
HOURS_A_JOB = 2


class Corpus(NamedTuple):
    """A size."""

    name: str
    utterances: float
    hours: float

    @property
    def seconds(self) -> float:
        """Of audio."""
        return 3600 * self.hours


CORPORA = (Corpus("VoxCeleb2", 1.1e6, 2400), Corpus("100 times that", 1.1e8, 2.4e5))

# Of benchmarks/README.md, another machine (Xeon with AMX), one thread.
AUGMENTED_SECONDS = 880  # of audio a CPU second: Augmentation, data directories
PLDA_SECONDS_A_VECTOR = (0.23 - 0.10) / 20_000  # of training: PLDA, without the start of Python
PLDA_SECONDS_A_TRIAL = 0.80e-6  # all pairs: PLDA
AGGLOMERATION = (20_000, 546)  # segments, CPU s, with their square: Utterance comparison

# x-vector of width 512: products of the layers a frame; two operations each, and backward takes twice what forward.
XVECTOR_PRODUCTS = 5 * 30 * 512 + 2 * 3 * 512 * 512 + 512 * 512 + 512 * 1500
GPU_OPERATIONS = 20e12  # a second that a GPU is assumed to sustain: no measurement
CROP_FRAMES = 200

# Stages that are one array of jobs each, and the one that is not.
_PARALLEL = ("MFCC 30, compressed, dither", "voice activity by energy", "augmentation, four copies", "their MFCC",
             "x-vector: embeddings")  # fmt: skip
_PASS = "x-vector: a pass over all frames"


def disk(corpus: Corpus, figures: dict) -> list[tuple[str, str, float]]:
    """What, bytes a second or an utterance, bytes."""

    def by_second(what: str, size: float) -> tuple[str, str, float]:
        return what, f"{size:,.0f} B/s", size * corpus.seconds

    def by_utterance(what: str, size: float) -> tuple[str, str, float]:
        return what, f"{size:,.0f} B/utterance", size * corpus.utterances

    return [
        by_second("audio, 16 kHz, 16 bit", 2 * 16000),
        by_second("four augmented copies of it", 4 * 2 * 16000),
        by_second("MFCC 30, float", 4 * 30 * FRAMES_A_SECOND),
        by_second("MFCC 30, compressed", 30 * FRAMES_A_SECOND),
        by_second("filterbank 80, compressed", 80 * FRAMES_A_SECOND),
        by_second("voicing decisions", 4 * FRAMES_A_SECOND),
        by_utterance("embeddings, 512", 4 * 512 + 10 + 26),
        by_utterance("lists of a data directory", figures["sizes"]["list_bytes"]),
    ]


def hours(corpus: Corpus, figures: dict) -> list[tuple[str, str, float]]:
    """Stage, figure, CPU hours."""
    rows = figures["rows"]
    stage = rows["stages"]

    def real_time(what: str, speed: float, copies: int = 1) -> tuple[str, str, float]:
        times = f"{copies} x " if copies > 1 else ""
        return what, f"{times}{speed:,.0f} x real time", copies * corpus.hours / speed

    def by_million(what: str, names: Iterable[str]) -> tuple[str, str, float]:
        seconds = sum(rows[section][name]["CPU s"] for section, name in (name.split("/") for name in names))
        scaled = seconds / figures["sizes"]["utterances"] * corpus.utterances / 3600
        return what, f"{seconds / figures['sizes']['utterances'] * 1e6:.1f} s a million", scaled

    crops = corpus.seconds * FRAMES_A_SECOND / CROP_FRAMES
    rate = stage["x-vector, 512: training"]["crops/CPU s"]
    operations = 6 * XVECTOR_PRODUCTS * corpus.seconds * FRAMES_A_SECOND
    pairs = corpus.utterances**2 / 2
    return [
        real_time("MFCC 30, compressed, dither", stage["compute_feats mfcc, dither 1"]["x real time"]),
        real_time("voice activity by energy", stage["compute_vad, energy"]["x real time"]),
        real_time("augmentation, four copies", AUGMENTED_SECONDS, 4),
        real_time("their MFCC", stage["compute_feats mfcc, dither 1"]["x real time"], 4),
        (_PASS, f"{rate:.0f} crops of {CROP_FRAMES} frames/s", crops / rate / 3600),
        ("the same on a GPU (assumed, GPU hours)", f"{6 * XVECTOR_PRODUCTS / 1e6:.0f} MFLOP/frame, "
         f"{GPU_OPERATIONS / 1e12:.0f} TFLOP/s", operations / GPU_OPERATIONS / 3600),
        real_time("x-vector: embeddings", stage["x-vector, 512: embeddings"]["x real time"]),
        ("PLDA training, 256 dimensions", f"{PLDA_SECONDS_A_VECTOR * 1e6:.1f} us a vector",
         PLDA_SECONDS_A_VECTOR * corpus.utterances / 3600),
        ("PLDA scores of 37 M trials", f"{PLDA_SECONDS_A_TRIAL * 1e6:.1f} us a trial",
         PLDA_SECONDS_A_TRIAL * 37e6 / 3600),
        ("PLDA scores of all pairs", "the same, with the square", PLDA_SECONDS_A_TRIAL * pairs / 3600),
        ("exact agglomeration of all", "{1} s for {0:,}, with the square".format(*AGGLOMERATION),
         AGGLOMERATION[1] * (corpus.utterances / AGGLOMERATION[0]) ** 2 / 3600),
        by_million("validate, copy, fix, subset, combine once", (
            "data/validate_data_dir", "data/copy_data_dir, prefixes", "data/fix_data_dir, nothing to mend",
            "data/subset_data_dir random, half", "data/combine_data, two halves")),
        by_million("split by utterance into 1,000", ("deal/split_data --per-utt, 1000",)),
    ]  # fmt: skip


def memory(corpus: Corpus, figures: dict) -> list[tuple[str, str, float]]:
    """Operation, bytes an utterance, bytes."""
    rows, count = figures["rows"], figures["sizes"]["utterances"]
    found = []
    for what, name in (
        ("validate_data_dir", "data/validate_data_dir"), ("split_data", "deal/split_data --per-utt, 1000"),
        ("copy_data_dir", "data/copy_data_dir, prefixes"),
        ("fix_data_dir, unsorted", "data/fix_data_dir, unsorted, 1 % gone"),
    ):  # fmt: skip
        section, row = name.split("/")
        size = rows[section][row]["MiB"] * 2**20 / count
        found.append((what, f"{size:,.0f} B", size * corpus.utterances))
    larger = next(name for name in rows["index"] if name.startswith("read_script") and name.endswith("times"))
    for what, row, column in (
        ("a job's index of feats.scp", larger, "B at peak"),
        ("training: tables, lengths and hashes", "read_training_features", "B kept"),  # the peak is that of the frames
    ):
        size = rows["index"][row][column]
        found.append((what, f"{size:,.0f} B", size * corpus.utterances))
    vector = rows["index"]["read_vectors, beside the numbers"]["B at peak"] + 4 * 512
    found.append(("embeddings for scoring, 512", f"{vector:,.0f} B", vector * corpus.utterances))
    trials = [name for name in rows["trials"] if name.startswith("and in another order")][-1]  # of the longest list
    size = rows["trials"][trials]["B at peak"]
    found.append(("37 M trials with their scores", f"{size:,.0f} B/trial", size * 37e6))
    found.append(("all pairs as a matrix, float", "4 B, with the square", 4 * corpus.utterances**2))
    return found


def jobs(corpus: Corpus, figures: dict) -> list[tuple[str, str, float]]:
    """What is counted, how, and the number."""
    by_stage = {what: value for what, _, value in hours(corpus, figures)}
    parallel = sum(by_stage[what] for what in _PARALLEL)
    total = parallel + 10 * by_stage[_PASS]
    count = math.ceil(parallel / HOURS_A_JOB)
    return [
        ("CPU hours: features, decisions, augmentation, embeddings", "sum of theirs", parallel),
        ("CPU hours, with ten passes of training", "sum of theirs", total),
        (f"hosts of {CORES} cores that do it in a day", f"/ {24 * CORES}", math.ceil(total / (24 * CORES))),
        (f"jobs of {HOURS_A_JOB} h but for the training", f"/ {HOURS_A_JOB}", count),
        ("arrays of Slurm's default size (MaxArraySize 1001)", "/ 1000", math.ceil(count / 1000)),
        ("files of jobs: archive, script, log, stamp", "x 4", 4 * count),
        ("files of the audio, one an utterance", "", corpus.utterances),
    ]


def as_size(size: float) -> str:
    """Bytes in words."""
    for unit in ("B", "kB", "MB", "GB", "TB", "PB"):
        if size < 1000 or unit == "PB":
            break
        size /= 1000
    return f"{size:,.0f} {unit}" if size >= 10 else f"{size:.1f} {unit}"


def as_hours(value: float) -> str:
    """Hours in words."""
    if value < 0.1:
        return f"{3600 * value:.0f} s" if value < 1 / 60 else f"{60 * value:.0f} min"
    return f"{value:,.0f} h" if value >= 10 else f"{value:.1f} h"


def table(head: str, function, figures: dict, show) -> None:
    """Print what a function says of both corpora."""
    print(f"| {head} | figure | " + " | ".join(corpus.name for corpus in CORPORA) + " |\n|---|---|---|---|")
    for first, second in zip(*(function(corpus, figures) for corpus in CORPORA), strict=True):
        print(f"| {first[0]} | {first[1]} | {show(first[2])} | {show(second[2])} |")
    print()


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, default=HERE / "scale.json")
    figures = json.loads(parser.parse_args().json.read_text())
    print(figures["machine"], end="\n\n")
    table("disk", disk, figures, as_size)
    table(f"CPU time (a host of {CORES} cores has {24 * CORES} h a day)", hours, figures, as_hours)
    table("memory of one process", memory, figures, as_size)
    table("jobs", jobs, figures, lambda number: f"{number:,.0f}")


if __name__ == "__main__":
    main()
