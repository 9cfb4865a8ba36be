"""Texts of a data directory as subword units, for probes: `utterance unit unit ..` lines."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.datadir import DataDir
from speechlib.io.maps import write_lists
from speechlib.io.subwords import load_subwords
from speechlib.io.texts import normalise_text


def main(argv: Sequence[str] | None = None) -> None:
    """Read text and a model, write a line for each utterance."""
    parser = KaldiArgumentParser(
        prog="encode_subwords",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.encode_subwords data/lang_spm data/test data/test/subwords",
    )
    parser.add_argument("lang_dir", metavar="<lang-dir>", help="with subwords.model of train_subwords")
    parser.add_argument("data_dir", metavar="<data-dir>", help="with text")
    parser.add_argument("labels", metavar="<labels>", help="file to write")
    args = parser.parse_args(argv)

    processor = load_subwords(Path(args.lang_dir) / "subwords.model")
    data = DataDir(args.data_dir)
    if not data.text:
        raise FileNotFoundError(
            f"{data.path}/text: no such file, or nothing in it: the subword probe needs transcripts"
        )
    texts = {name: normalise_text(text) for name, text in data.text.items()}
    empty = [name for name, text in texts.items() if not text]
    if empty:
        say(f"warning: {len(empty)} of {len(texts)} utterances have no word, such as {empty[0]}: left out")
    labels = {name: processor.encode(text, out_type=str) for name, text in texts.items() if text}
    if not labels:
        raise ValueError(f"{data.path}/text: no utterance has a word")
    write_lists(args.labels, labels)
    say(f"{sum(map(len, labels.values()))} units of {len(labels)} utterances in {args.labels}")


def say(message: str) -> None:
    """Print a line to the log of the job."""
    print(f"encode_subwords: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    run(main)
