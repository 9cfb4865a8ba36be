#!/usr/bin/env python3
"""Make synthetic noises, music-like sounds and room responses in MUSAN's and RIRS_NOISES' layouts, from a seed."""

import argparse
import sys
import wave
from pathlib import Path

import numpy as np
from demo_corpus.noises import NOISES, make_noise
from demo_corpus.rooms import simulate_rir
from demo_corpus.store import make_once

RATE = 16000
_LEVEL = 1500.0  # root mean square in int16 steps, as far as the loudest sample allows it
_LARGEST = 30000.0


def write_sounds(folder: Path, noises: int, music: int, rooms: int, seed: int) -> str:
    """Write <folder>/musan and <folder>/RIRS_NOISES.

    Args:
        folder: is there.
        noises: of each kind of noise.
        music: pieces.
        rooms: of each size.
        seed: each sound has its own generator: more of one kind leave the others as they were.

    Returns:
        A line that says what there is.
    """
    for kind_index, kind in enumerate(NOISES):
        for index in range(noises):
            rng = np.random.default_rng([seed, 0, kind_index, index])
            sound = make_noise(rng, rng.uniform(3, 9), RATE, kind)
            name = f"noise-demo-{kind_index * noises + index:04d}.wav"
            _write(folder / "musan/noise/demo" / name, sound * _LEVEL)
    for index in range(music):
        rng = np.random.default_rng([seed, 1, index])
        sound = make_noise(rng, rng.uniform(8, 16), RATE, "music")
        _write(folder / "musan/music/demo" / f"music-demo-{index:04d}.wav", sound * _LEVEL)
    for size_index, size in enumerate(("small", "medium")):
        for index in range(rooms):
            rng = np.random.default_rng([seed, 2, size_index, index])
            response = simulate_rir(rng, RATE, size)
            name = f"simulated_rirs/{size}room/Room{index + 1:03d}/Room{index + 1:03d}-00001.wav"
            _write(folder / "RIRS_NOISES" / name, response * _LARGEST)
    return f"{noises * len(NOISES)} noises, {music} pieces of music, {2 * rooms} room responses"


def _write(path: Path, samples: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = samples * min(1.0, _LARGEST / np.abs(samples).max())
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.rint(samples).astype("<i2").tobytes())


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="make_demo_noise.py", description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--noises", type=int, default=4, help=f"of each kind: {', '.join(NOISES)}")
    parser.add_argument("--music", type=int, default=10, help="pieces of music")
    parser.add_argument("--rooms", type=int, default=30, help="of each size")
    parser.add_argument("--seed", type=int, default=0, help="another seed gives other sounds")
    parser.add_argument("out_dir", type=Path, metavar="out-dir", help="made, or made anew if it was made otherwise")
    args = parser.parse_args(argv)
    if min(args.noises, args.music, args.rooms) < 1 or args.seed < 0:
        parser.error("--noises, --music and --rooms must be at least 1 and --seed not negative")
    parameters = {"noises": args.noises, "music": args.music, "rooms": args.rooms, "seed": args.seed}
    try:
        summary = make_once(args.out_dir, parameters, lambda folder: write_sounds(folder, **parameters))
    except (ValueError, OSError) as error:
        print(f"make_demo_noise.py: error: {error}", file=sys.stderr)
        return 1
    print(f"{args.out_dir}: {'already there' if summary is None else summary} (synthetic)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
