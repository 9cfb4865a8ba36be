#!/usr/bin/env python3
"""Make a small synthetic corpus with espeak-ng in a real corpus' layout. The same seed gives the same bytes."""

import argparse
import importlib
import os
import sys
from pathlib import Path

from demo_corpus.store import make_once

LAYOUTS = {
    "timit": "timit_layout",
    "voxceleb1": "voxceleb_layout",
    "speechocean762": "speechocean_layout",
    "callhome": "callhome_layout",
    "aesdd": "aesdd_layout",
}


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make_demo_corpus.py",
        description=__doc__,
        epilog="e.g.: python local/make_demo_corpus.py --layout timit --speakers 36 --seed 0 data/demo/TIMIT",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    what = "the corpus whose folders and labels it has"
    parser.add_argument("--layout", choices=tuple(LAYOUTS), default="timit", help=what)
    parser.add_argument("--speakers", type=int, help="a part of them is the test set (default: as the layout likes it)")
    parser.add_argument("--seed", type=int, default=0, help="another seed gives other voices, names and texts")
    parser.add_argument("--nj", type=int, default=os.cpu_count() or 1, help="parallel processes; same bytes for any")
    parser.add_argument("out_dir", type=Path, metavar="out-dir", help="made, or made anew if it was made otherwise")
    args = parser.parse_args(argv)
    if args.nj < 1:
        parser.error(f"--nj {args.nj}: at least 1 is expected")
    return args


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    layout = importlib.import_module(f"demo_corpus.{LAYOUTS[args.layout]}")
    speakers = layout.DEFAULT_SPEAKERS if args.speakers is None else args.speakers
    parameters = {"layout": args.layout, "speakers": speakers, "seed": args.seed}
    try:
        summary = make_once(
            args.out_dir, parameters, lambda folder: layout.write_corpus(folder, speakers, args.seed, args.nj)
        )
    except (RuntimeError, ValueError, OSError) as error:
        print(f"make_demo_corpus.py: error: {error}", file=sys.stderr)
        return 1
    print(f"{args.out_dir}: {'already there' if summary is None else summary} (synthetic speech, espeak-ng)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
