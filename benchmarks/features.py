"""Features beside kaldi-native-fbank: audio seconds per CPU second, on one thread, from WAV files to a float archive.

Real speech is cut or joined into pieces of 8 s, written as 16-bit WAV files. Both contenders read them with the same
reader, compute with dither 0, and write the same kind of archive; they take turns, and the median CPU time of the
rounds counts, because other programs may share the machine. The ratio is that of the medians.

    python benchmarks/features.py [--speech FOLDER] [--seconds 2880] [--rounds 5] [--json FILE]
    python benchmarks/features.py --breakdown    what each part of the computation takes
    python benchmarks/features.py --long 10      peak memory of compute_feats on a recording of 10 hours
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

RATE = 16000
PIECE_SECONDS = 8
MFCC30 = {"num_mel_bins": 30, "num_ceps": 30}
FBANK80 = {"num_mel_bins": 80}
COMMON = {"low_freq": 20.0, "high_freq": 7600.0, "snip_edges": False, "dither": 0.0}
KINDS = ("mfcc30", "fbank80", "melspec128")
KALDI_OVER_KNF = {"mfcc30": 4.35 / 1.04, "fbank80": 4.57 / 1.13}  # measured with Kaldi's C++ on one machine


def main() -> None:
    """Run what the options ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path, help="folder with recordings of 16 kHz; searched for WAV and FLAC files")
    parser.add_argument("--seconds", type=int, default=2880, help="audio to process (default: 2880)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each contender (default: 5)")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    parser.add_argument("--breakdown", action="store_true", help="time the parts of the computation")
    parser.add_argument("--long", type=float, metavar="HOURS", help="peak memory on one recording of that length")
    args = parser.parse_args()
    if args.long:
        long_recording(args.long)
        return
    import torch

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        files = write_pieces(args.speech or default_speech(), args.seconds, Path(folder))
        figures = breakdown(files) if args.breakdown else compare(files, Path(folder), args.rounds)
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n")


def default_speech() -> Path:
    """A folder with real speech beside the repository."""
    for shared in (os.environ.get("SPEECHLIB_SHARED"), ROOT.parent / "shared"):
        if shared and (folder := Path(shared) / "data" / "speechocean762").is_dir():
            return folder
    sys.exit("features.py: no speech found: name a folder with recordings of 16 kHz by --speech")


def write_pieces(speech: Path, seconds: int, folder: Path) -> list[Path]:
    """Join the recordings and cut them into WAV files of 8 s, beginning anew when there are too few."""
    from speechlib.io.audio import BadAudio, read_audio, write_wav

    size, wanted = PIECE_SECONDS * RATE, seconds // PIECE_SECONDS
    recordings = [path for path in sorted(speech.rglob("*")) if path.suffix.lower() in (".wav", ".flac", ".sph")]
    files: list[Path] = []
    held = np.empty(0, np.float32)
    while len(files) < wanted:
        before = len(files)
        for path in recordings:
            try:
                held = np.append(held, read_audio(path, rate=RATE)[0])
            except BadAudio:
                continue
            while len(held) >= size and len(files) < wanted:
                files.append(folder / f"{len(files):05d}.wav")
                write_wav(files[-1], held[:size], RATE)
                held = held[size:]
            if len(files) == wanted:
                break
        if len(files) == before:
            sys.exit(f"features.py: {speech}: less than {PIECE_SECONDS} s of recordings of {RATE} Hz")
    print(f"{len(files)} files of {PIECE_SECONDS} s of speech from {speech}")
    return files


def our_extractor(kind: str):
    """Our extractor of a kind of features."""
    from speechlib.features.build import build_extractor
    from speechlib.features.options import FbankOptions, MelspecOptions, MfccOptions

    if kind == "melspec128":
        return build_extractor(MelspecOptions())
    options = MfccOptions(**MFCC30, **COMMON) if kind == "mfcc30" else FbankOptions(**FBANK80, **COMMON)
    return build_extractor(options)


def ours(kind: str) -> Callable[[np.ndarray], np.ndarray]:
    """Our features as a function of a waveform."""
    extractor = our_extractor(kind)
    return lambda samples: extractor.compute(samples).numpy()


def knf(kind: str) -> Callable[[np.ndarray], np.ndarray]:
    """kaldi-native-fbank's features as a function of a waveform."""
    import kaldi_native_fbank

    options = kaldi_native_fbank.MfccOptions() if kind == "mfcc30" else kaldi_native_fbank.FbankOptions()
    options.frame_opts.dither = 0.0
    options.frame_opts.snip_edges = False
    options.mel_opts.low_freq = COMMON["low_freq"]
    options.mel_opts.high_freq = COMMON["high_freq"]
    options.mel_opts.num_bins = (MFCC30 if kind == "mfcc30" else FBANK80)["num_mel_bins"]
    if kind == "mfcc30":
        options.num_ceps = MFCC30["num_ceps"]
        options.use_energy = True
    make = kaldi_native_fbank.OnlineMfcc if kind == "mfcc30" else kaldi_native_fbank.OnlineFbank

    def compute(samples: np.ndarray) -> np.ndarray:
        online = make(options)
        online.accept_waveform(RATE, samples)
        online.input_finished()
        out = np.empty((online.num_frames_ready, online.dim), np.float32)
        for frame in range(len(out)):
            out[frame] = online.get_frame(frame)
        return out

    return compute


def one_round(compute: Callable[[np.ndarray], np.ndarray], files: list[Path], archive: Path) -> float:
    """CPU seconds from the files to the archive."""
    from speechlib.io.audio import read_audio
    from speechlib.io.tables import open_table

    start = time.process_time()
    with open_table(f"ark:{archive}") as writer:
        for path in files:
            samples, _ = read_audio(path, rate=RATE)
            writer.write(path.stem, compute(samples))
    return time.process_time() - start


def compare(files: list[Path], folder: Path, rounds: int) -> dict:
    """Let the contenders take turns."""
    audio = len(files) * PIECE_SECONDS
    figures: dict = {"audio_seconds": audio, "rounds": rounds}
    computes = {(kind, "speechlib"): ours(kind) for kind in KINDS}
    computes |= {(kind, "knf"): knf(kind) for kind in KINDS[:2]}
    for kind in KINDS[:2]:
        from speechlib.io.audio import read_audio

        samples, _ = read_audio(files[0])
        difference = np.abs(computes[kind, "speechlib"](samples) - computes[kind, "knf"](samples)).mean()
        print(f"{kind}: mean absolute difference from kaldi-native-fbank {difference:.1e}")
    times: dict = {key: [] for key in computes}
    for _ in range(rounds):
        for key, compute in computes.items():
            times[key].append(one_round(compute, files, folder / "out.ark"))
    print(f"{'':12}{'':12}{'CPU s':>8}{'x real time':>13}{'us/frame':>10}   (median of {rounds} rounds; least .. most)")
    for (kind, who), values in sorted(times.items()):
        median = statistics.median(values)
        figures[f"{kind} {who}"] = {"cpu_seconds": median, "all": values, "times_real_time": audio / median}
        print(
            f"{kind:12}{who:12}{median:8.3f}{audio / median:13.0f}{median / audio * 1e4:10.2f}"
            f"   ({min(values):.3f} .. {max(values):.3f})"
        )
    for kind in KINDS[:2]:
        ratio = figures[f"{kind} knf"]["cpu_seconds"] / figures[f"{kind} speechlib"]["cpu_seconds"]
        figures[f"{kind} ratio"] = ratio
        print(f"{kind}: {ratio:.1f} times kaldi-native-fbank's speed (Kaldi's C++: {KALDI_OVER_KNF[kind]:.1f} times)")
    figures["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of this process: {figures['peak_mib']:.0f} MiB")
    return figures


def breakdown(files: list[Path]) -> dict:
    """Time each operator by torch's profiler, and reading and writing by themselves."""
    import torch

    from speechlib.io.audio import read_audio
    from speechlib.io.tables import open_table

    waves = [read_audio(path)[0] for path in files[:100]]
    frames = 0
    figures: dict = {}
    for kind in KINDS:
        extractor = our_extractor(kind)
        for samples in waves[:10]:
            extractor.compute(samples)
        start = time.process_time()
        matrices = [extractor.compute(samples).numpy() for samples in waves]
        total = time.process_time() - start
        frames = sum(map(len, matrices))
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
            for samples in waves:
                extractor.compute(samples)
        events = sorted(profile.key_averages(), key=lambda event: -event.self_cpu_time_total)
        figures[kind] = {"compute": total / frames * 1e6}
        print(f"{kind}: {total / frames * 1e6:.2f} us a frame; by operator, with the profiler's own cost:")
        for event in events[:14]:
            share = event.self_cpu_time_total / frames
            figures[kind][event.key] = share
            print(f"    {event.key:24}{share:7.3f} us a frame in {event.count / len(waves):5.1f} calls a file")
        with tempfile.TemporaryDirectory() as folder:
            start = time.process_time()
            with open_table(f"ark:{folder}/out.ark") as writer:
                for index, matrix in enumerate(matrices):
                    writer.write(str(index), matrix)
            figures[kind]["write"] = (time.process_time() - start) / frames * 1e6
        print(f"    writing the archive     {figures[kind]['write']:7.3f} us a frame")
    start = time.process_time()
    for path in files[: len(waves)]:
        read_audio(path)
    figures["read"] = (time.process_time() - start) / frames * 1e6
    print(f"reading the files: {figures['read']:.3f} us a frame")
    return figures


def long_recording(hours: float) -> None:
    """Run compute_feats on one long recording (noise with pauses), each kind in a process of its own."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/tmp")) as folder:
        write_long_wav(Path(folder) / "long.wav", hours)
        (Path(folder) / "wav.scp").write_text(f"long {folder}/long.wav\n")
        for kind in KINDS:
            for compress in ("false", "true"):
                print(f"{kind:11} compress={compress:5} {measure(kind, compress, folder)}", flush=True)


def write_long_wav(path: Path, hours: float) -> None:
    """Write a 16-bit WAV file minute by minute."""
    import wave

    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        for minute in minutes(hours):
            file.writeframesraw(minute.tobytes())


def minutes(hours: float) -> Iterator[np.ndarray]:
    """Noise whose level changes every second."""
    generator = np.random.default_rng(1)
    left = int(hours * 3600 * RATE)
    while left > 0:
        size = min(left, 60 * RATE)
        level = np.repeat(generator.uniform(0, 3000, 60), RATE)[:size]
        yield (generator.standard_normal(size) * level).clip(-32768, 32767).astype("<i2")
        left -= size


def measure(kind: str, compress: str, folder: str) -> str:
    """Peak memory, CPU and wall time of one run of compute_feats."""
    options = {"mfcc30": MFCC30, "fbank80": FBANK80, "melspec128": {}}[kind] | (COMMON if kind != "melspec128" else {})
    arguments = [f"--{name.replace('_', '-')}={str(value).lower()}" for name, value in options.items()]
    command = [sys.executable, "-m", "speechlib.bin.compute_feats", "--type", kind.rstrip("0123456789"), *arguments]
    start = time.monotonic()
    process = subprocess.Popen(
        [*command, "--compress", compress, folder, f"ark:{folder}/feats.ark"], cwd=ROOT, stderr=subprocess.PIPE
    )
    messages = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"features.py: compute_feats failed: {messages.decode()}")
    size = os.path.getsize(f"{folder}/feats.ark") / 2**20
    return (
        f"peak {usage.ru_maxrss / 1024:6.0f} MiB, {usage.ru_utime + usage.ru_stime:6.1f} CPU s, "
        f"{time.monotonic() - start:6.1f} s, archive {size:6.0f} MiB"
    )


if __name__ == "__main__":
    main()
