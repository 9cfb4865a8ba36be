"""Trials and scores: EER of a million scores beside Kaldi's compute-eer, and 37 million trials in bounded memory.

Kaldi's C++ took 0.49 CPU seconds for a million scores on a machine where kaldi-native-fbank took 4.35 for MFCCs of
2,880 s of audio; what the same program takes here, on a tenth of that, scales the figure. CPU seconds (user and system) of
whole processes, Python's start included, and of the work alone, with the reading of files; the best of some rounds.

    python benchmarks/trials.py [--rounds 5] [--long 37000000] [--num-bootstrap 1000] [--dir FOLDER] [--json FILE]
    python benchmarks/trials.py --long 0     without the long list, which needs 5 GB of disk and some minutes
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

KALDI_EER, KALDI_FBANK = 0.49, 4.35  # CPU seconds on one machine
UTTERANCES, SPEAKERS = 8700, 1211
CHUNK = 1 << 17


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="the best of so many is reported (default: 5)")
    parser.add_argument("--long", type=int, default=37_000_000, help="trials of the long list; 0: none")
    parser.add_argument("--num-bootstrap", type=int, default=1000, help="draws of speakers for the long list")
    parser.add_argument("--dir", help="folder for the files (default: a temporary one)")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.dir) as name:
        folder = Path(name)
        figures = {"scale": machine_scale(args.rounds)}
        print(f"this machine takes {figures['scale']:.2f} times as long as the one of Kaldi's figures")
        figures["million"] = million(folder, args.rounds, KALDI_EER * figures["scale"])
        if args.long:
            figures["long"] = long_list(folder, args.long, args.num_bootstrap)
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n")


def machine_scale(rounds: int) -> float:
    """CPU time of kaldi-native-fbank here over that where Kaldi was measured."""
    import kaldi_native_fbank as knf

    options = knf.MfccOptions()
    options.num_ceps = options.mel_opts.num_bins = 30
    options.frame_opts.dither, options.frame_opts.snip_edges = 0.0, False
    options.mel_opts.low_freq, options.mel_opts.high_freq = 20.0, 7600.0
    samples = (1000.0 * np.random.default_rng(0).standard_normal(8 * 16000)).tolist()
    times = []
    for _ in range(rounds):
        start = time.process_time()
        for _ in range(36):
            computer = knf.OnlineMfcc(options)
            computer.accept_waveform(16000, samples)
            for frame in range(computer.num_frames_ready):
                computer.get_frame(frame)
        times.append(time.process_time() - start)
    return 10.0 * min(times) / KALDI_FBANK


def million(folder: Path, rounds: int, kaldi: float) -> dict[str, float]:
    """EER and all error rates of a million trials."""
    write_lists(folder, 1_000_000)
    with open(folder / "labelled", "w") as out, open(folder / "trials") as trials, open(folder / "scores") as scores:
        for trial, score in zip(trials, scores, strict=True):
            out.write(f"{score.split()[2]} {trial.split()[2]}\n")
    lists = ["--trials", str(folder / "trials"), "--scores", str(folder / "scores")]
    runs = {
        "compute_eer": ["compute_eer", str(folder / "labelled")],
        "eval_trials without intervals": ["eval_trials", *lists, "--num-bootstrap", "0"],
        "eval_trials": ["eval_trials", *lists],
    }
    figures = {}
    for name, command in runs.items():
        seconds, peak = min(measure(command) for _ in range(rounds if "compute" in name else 2))
        figures[name] = seconds
        beside = f", {kaldi / seconds:.1f} times as fast as compute-eer ({kaldi:.2f} s)" if "compute" in name else ""
        print(f"1 M trials, {name}: {seconds:.2f} CPU s, peak {peak:.0f} MiB{beside}", flush=True)
    code = (
        "import sys, time; from speechlib.bin.compute_eer import main; start = time.process_time(); "
        f"main([{str(folder / 'labelled')!r}]); print(time.process_time() - start)"
    )
    figures["compute_eer, the work alone"] = alone = min(
        float(run([sys.executable, "-c", code]).splitlines()[-1]) for _ in range(rounds)
    )
    print(f"1 M trials, compute_eer, the work alone: {alone:.2f} CPU s, {kaldi / alone:.1f} times as fast")
    return figures


def long_list(folder: Path, count: int, num_bootstrap: int) -> dict[str, float]:
    """The whole evaluation of a long list of trials."""
    start = time.perf_counter()
    write_lists(folder, count)
    size = sum((folder / name).stat().st_size for name in ("trials", "scores"))
    print(f"{count} trials: written in {time.perf_counter() - start:.0f} s, {size / 1e9:.1f} GB", flush=True)
    lists = ["--trials", str(folder / "trials"), "--scores", str(folder / "scores")]
    start = time.perf_counter()
    seconds, peak = measure(["eval_trials", *lists, "--num-bootstrap", str(num_bootstrap)])
    wall = time.perf_counter() - start
    print(f"{count} trials, eval_trials, {num_bootstrap} draws: {seconds:.0f} CPU s, {wall:.0f} s, peak {peak:.0f} MiB")
    return {"trials": count, "cpu": seconds, "wall": wall, "peak_mib": peak}


def write_lists(folder: Path, count: int) -> None:
    """Distinct pairs of utterances with names as VoxCeleb has them, and scores of a system of some 10 % EER."""
    names = [f"id1{index % SPEAKERS:04d}-5r0dWxy17C8-{index:05d}" for index in range(UTTERANCES)]
    per_row = -(-count // UTTERANCES)
    if per_row > UTTERANCES:
        raise ValueError(f"at most {UTTERANCES**2} trials, got {count}")
    generator = np.random.default_rng(0)
    ease = generator.standard_normal(SPEAKERS)
    first, labels = [f"{name} " for name in names], [" nontarget\n", " target\n"]
    with open(folder / "trials", "w") as trials, open(folder / "scores", "w") as scores:
        for start in range(0, count, CHUNK):
            places = np.arange(start, min(start + CHUNK, count))
            enrol = places // per_row
            # Steps that reach all speakers from each utterance, its own among them.
            test = (enrol + places % per_row * (SPEAKERS - 10)) % UTTERANCES
            target = enrol % SPEAKERS == test % SPEAKERS
            values = generator.standard_normal(len(places)) * 1.2 + 3.0 * target - 2.0 + 0.4 * ease[enrol % SPEAKERS]
            pairs = [first[a] + names[b] for a, b in zip(enrol.tolist(), test.tolist(), strict=True)]
            trials.writelines([pair + labels[label] for pair, label in zip(pairs, target.tolist(), strict=True)])
            scores.writelines([f"{pair} {value:.7g}\n" for pair, value in zip(pairs, values.tolist(), strict=True)])


def measure(command: list[str]) -> tuple[float, float]:
    """CPU seconds and peak memory in MiB of a command of ours."""
    process = subprocess.Popen(
        [sys.executable, "-m", f"speechlib.bin.{command[0]}", *command[1:]], cwd=ROOT, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{' '.join(command)}: failed with status {status}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024.0


def run(command: list[str]) -> str:
    """What a command prints."""
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.DEVNULL).stdout  # fmt: skip


if __name__ == "__main__":
    main()
