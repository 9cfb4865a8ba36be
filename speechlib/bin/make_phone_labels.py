"""Label sequences of utterances from their phone alignment, for probes: `utterance label label ..` lines.

TIMIT's 61 labels are checked and mapped to 48 classes, as they are trained on (q vanishes), or to 39 or left as they
are. Alignments are checked on the way: unknown labels, overlaps, and phones behind the audio are errors; audio behind
the last phone is told of, and has no label.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np

from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.datadir import DataDir
from speechlib.io.maps import write_lists
from speechlib.io.phone_alignments import read_phones
from speechlib.metrics.timit_phones import PHONES_61, map_phones

LONG_REST = 0.5  # seconds without a label at the end of an utterance that are worth a warning


def main(argv: Sequence[str] | None = None) -> None:
    """Read phones.ctm, write a line for each utterance."""
    parser = KaldiArgumentParser(
        prog="make_phone_labels",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.make_phone_labels --num-classes 48 data/train data/train/phones",
    )
    parser.add_argument("--num-classes", type=int, default=48, help="61, 48 or 39")
    parser.add_argument("--shuffle", type=int, metavar="SEED",
        help="give each utterance the labels of another, at random: a control")  # fmt: skip
    parser.add_argument("data_dir", metavar="<data-dir>", help="with phones.ctm, utt2spk and perhaps utt2dur")
    parser.add_argument("labels", metavar="<labels>", help="file to write")
    args = parser.parse_args(argv)

    data = DataDir(args.data_dir)
    if not data.has("phones.ctm"):
        raise FileNotFoundError(
            f"{data.path}/phones.ctm: no such file: the phone probe needs an alignment; without one, "
            "the subword probe takes the text"
        )
    phones = read_phones(data.path / "phones.ctm", PHONES_61, data.utt2dur)
    lacking = [utterance for utterance in data.utterances() if utterance not in phones]
    if lacking:
        say(f"warning: {len(lacking)} of {len(data.utt2spk)} utterances have no phones, such as {lacking[0]}: left out")
    durations = data.utt2dur or {}
    rests = {name: durations.get(name, 0.0) - sequence[-1].end for name, sequence in phones.items()}
    longest = max(rests, key=rests.get)
    if rests[longest] > LONG_REST:
        say(
            f"warning: {sum(rest > LONG_REST for rest in rests.values())} utterances have more than {LONG_REST} s of "
            f"audio behind their last phone ({longest}: {rests[longest]:.2f} s): no label is there"
        )
    labels = {name: map_phones([phone.label for phone in phones[name]], args.num_classes)
              for name in data.utterances() if name in phones}  # fmt: skip
    if args.shuffle is not None:
        order = np.random.default_rng(args.shuffle).permutation(len(labels))
        sequences = list(labels.values())
        labels = {name: sequences[place] for name, place in zip(labels, order, strict=True)}
    write_lists(args.labels, labels)
    inventory = {label for sequence in labels.values() for label in sequence}
    say(
        f"{sum(map(len, labels.values()))} labels of {len(labels)} utterances, {len(inventory)} of {args.num_classes} "
        f"classes{', shuffled' if args.shuffle is not None else ''}, in {args.labels}"
    )


def say(message: str) -> None:
    """Print a line to the log of the job."""
    print(f"make_phone_labels: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    run(main)
