"""What a layer tells of broad phonetic classes: class means of training segments, test segments by cosine (Shon et al.,
2018, section 3.3).

A segment is the mean of its frames; one shorter than a frame is the nearest frame. Accuracy and its parts have
intervals by speaker; beside it stands the prior: always the class that is most frequent in training. <out-dir> gets
result.json, with the confusion matrix in it, and with --write-segments a table of test segments with seg2class, to be
drawn.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.datadir import DataDir
from speechlib.io.layer_frames import LayerFrames
from speechlib.io.maps import write_map
from speechlib.io.phone_alignments import Phone, as_arrays, read_phones
from speechlib.io.results import add_tag_option, write_result
from speechlib.io.segment_files import segment_name
from speechlib.io.tables import open_table
from speechlib.metrics.bootstrap import bootstrap_interval, bootstrap_ratio
from speechlib.metrics.timit_phones import BROAD_CLASS_OF, BROAD_CLASSES
from speechlib.probing.class_means import class_means, confusion_counts, nearest_class
from speechlib.probing.segments import segment_means

CLASSES = list(BROAD_CLASSES)
NUMBERS = {phone: CLASSES.index(name) for phone, name in BROAD_CLASS_OF.items()}


def main(argv: Sequence[str] | None = None) -> None:
    """Take class means of the training utterances, classify the segments of the test utterances."""
    parser = KaldiArgumentParser(
        prog="eval_broad_classes",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.eval_broad_classes data/train data/test exp/frames/fc2 exp/broad/fc2",
    )
    add = parser.add_argument
    add("--num-bootstrap", type=int, default=1000, metavar="N", help="draws of speakers behind the intervals")
    add(
        "--write-segments",
        type=kaldi_bool,
        default=False,
        metavar="BOOL",
        help="write the vectors of the test segments",
    )
    add_tag_option(parser)
    add(
        "train_dir", metavar="<train-dir>", help="data directory with phones.ctm, whose utterances give the class means"
    )
    add("test_dir", metavar="<test-dir>", help="data directory with phones.ctm, whose utterances are classified")
    add("layer_dir", metavar="<layer-dir>", help="frames.scp and times.scp of a layer, of both")
    add("out_dir", metavar="<out-dir>", help="folder for the result")
    args = parser.parse_args(argv)

    layer = LayerFrames(args.layer_dir)
    train, test = (DataDir(path) for path in (args.train_dir, args.test_dir))
    shared = sorted(set(train.speakers()) & set(test.speakers()))
    if shared:
        raise ValueError(f"{test.path}: {len(shared)} speakers are in {train.path}, too, such as {shared[0]}")
    means, counts = class_means(((vectors, classes) for _, vectors, classes, _ in segments(layer, train)), len(CLASSES))
    out = Path(args.out_dir)
    out.mkdir(parents=True, exist_ok=True)
    truth, decided, speakers, num_lost = [], [], [], 0
    with SegmentTable(out, args.write_segments) as writer:
        for name, vectors, classes, kept in segments(layer, test):
            num_lost += sum(phone is None for phone in kept)
            truth.append(classes)
            decided.append(nearest_class(vectors, means, counts))
            speakers += [test.utt2spk[name]] * len(classes)
            writer.add(name, vectors, [phone for phone in kept if phone is not None])
    if not speakers:
        raise ValueError(f"{layer.script}: no utterance of {test.path} with phones is there")
    truth, decided = np.concatenate(truth), np.concatenate(decided)
    if num_lost:
        say(f"{num_lost} of {num_lost + len(truth)} test segments have no frame within their time: left out")
    write(args, out, truth, decided, np.array(speakers), counts)


def segments(layer: LayerFrames, data: DataDir) -> Iterator[tuple[str, np.ndarray, np.ndarray, list[Phone | None]]]:
    """Utterance, (segments, dim) means, (segments,) class numbers, and the phones: None where one has no frame."""
    if not data.has("phones.ctm"):
        raise FileNotFoundError(f"{data.path}/phones.ctm: no such file: broad classes need an alignment")
    phones = read_phones(data.path / "phones.ctm", BROAD_CLASS_OF, data.utt2dur)
    names = [name for name in data.utterances() if name in phones]
    layer.lacking(names, say)
    for name, frames, times in layer.read(names):
        starts, ends, classes = as_arrays(phones[name], NUMBERS)
        vectors, found = segment_means(frames, times, starts, ends)
        kept = [phone if has else None for phone, has in zip(phones[name], found, strict=True)]
        yield name, vectors, classes[found], kept


class SegmentTable:
    """A table of segments and the class of each, or nothing; a context manager."""

    def __init__(self, folder: Path, wanted: bool):
        self._folder, self._classes = folder, {}
        self._table = open_table(f"ark,scp:{folder}/segments.ark,{folder}/segments.scp") if wanted else None

    def add(self, name: str, vectors: np.ndarray, phones: Sequence[Phone]) -> None:
        """Write the vectors of an utterance."""
        if self._table is not None:
            for vector, phone in zip(vectors, phones, strict=True):
                key = f"{segment_name(name, phone.start, phone.end)}-{phone.label}"
                self._table.write(key, vector.astype(np.float32))
                self._classes[key] = BROAD_CLASS_OF[phone.label]

    def __enter__(self) -> SegmentTable:
        return self

    def __exit__(self, kind, value, traceback) -> None:
        if self._table is not None:
            self._table.__exit__(kind, value, traceback)
            if kind is None:
                write_map(self._folder / "seg2class", self._classes)


def write(
    args, out: Path, truth: np.ndarray, decided: np.ndarray, speakers: np.ndarray, train_counts: np.ndarray
) -> None:
    """Write result.json and print the accuracy."""
    prior = int(train_counts.argmax())
    metrics: dict[str, Mapping] = {}
    for name, right in (("accuracy", truth == decided), ("prior_accuracy", truth == prior)):
        interval = bootstrap_interval(right, speakers, num_samples=args.num_bootstrap)
        metrics[name] = {"value": float(right.mean()), "interval": list(interval)}
    confusion = confusion_counts(truth, decided, len(CLASSES))
    intervals = []
    for row in range(len(CLASSES)):
        own = truth == row
        shares = [
            list(bootstrap_ratio(own & (decided == column), own, speakers, num_samples=args.num_bootstrap))
            if own.any() else None for column in range(len(CLASSES))
        ]  # fmt: skip
        intervals.append(shares)
        if own.any():
            recall = {"value": float((decided[own] == row).mean()), "interval": shares[row]}
            metrics[f"recall_{CLASSES[row]}"] = recall
    recalls = [metric["value"] for name, metric in metrics.items() if name.startswith("recall_")]
    metrics["mean_recall"] = {"value": float(np.mean(recalls)), "interval": None}
    write_result(
        out / "result.json", task="broad phonetic classes", metrics=metrics,
        counts={"segments": len(truth), "speakers": len(set(speakers)), "train_segments": int(train_counts.sum())},
        selection={"cut": "fixed"}, labels=Path(args.test_dir) / "phones.ctm",
        extra={"classes": CLASSES, "confusion": confusion, "confusion_intervals": intervals,
               "prior_class": CLASSES[prior], **dict(args.tag)},
    )  # fmt: skip
    low, high = metrics["accuracy"]["interval"]
    print(
        f"accuracy {metrics['accuracy']['value']:.1%} [{low:.1%}, {high:.1%}], always {CLASSES[prior]}: "
        f"{metrics['prior_accuracy']['value']:.1%}; {len(truth)} segments"
    )


def say(message: str) -> None:
    """Print a line to the log of the job."""
    print(f"eval_broad_classes: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    run(main)
