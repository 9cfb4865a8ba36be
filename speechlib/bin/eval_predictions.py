"""Score a table of predictions of utterances: UAR, accuracy, macro F1 with intervals over speakers; a confusion matrix.

The table is predictions.csv as steps/run_folds.sh leaves it; its files are utterances of the data directory. What
training and test share in some fold, speakers or sentences (by text or utt2sentence), is a leak that the result names.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from speechlib.io.atomic import atomic_write
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.datadir import DataDir
from speechlib.io.predictions import read_predictions
from speechlib.io.results import add_tag_option, write_result
from speechlib.io.texts import normalise_text
from speechlib.io.utterances import read_utterances
from speechlib.metrics.classification import confusion_matrix, score_intervals, scores


def main(argv: Sequence[str] | None = None) -> None:
    """Read predictions and speakers, write a result and, if wanted, a picture."""
    parser = KaldiArgumentParser(
        prog="eval_predictions",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.eval_predictions --label emotion --folds data/loso data/all "
        "exp/loso/predictions.csv exp/loso/result.json",
    )
    add = parser.add_argument
    add("--label", default="emotion", help="what is predicted; utt2<label> is the truth that the table must agree with")
    add("--folds", metavar="DIR", help="folder of the protocol's folds, with folds.json and lists")
    add("--confusion", metavar="FILE", help="picture of the confusion matrix: .png, .svg or .pdf")
    add("--title", default="", help="above the picture")
    add("--seed", type=int, help="of the training")
    add_tag_option(parser)
    add("data_dir", metavar="<data-dir>", help="with utt2spk and utt2<label>")
    add("predictions", metavar="<predictions.csv>", help="of utterances of the data directory")
    add("result", metavar="<result.json>", help="to write")
    args = parser.parse_args(argv)

    data, table = DataDir(args.data_dir), read_predictions(args.predictions)
    labels = data.map(f"utt2{args.label}")
    if labels is None:
        raise FileNotFoundError(f"{args.data_dir}/utt2{args.label}: no such file")
    for number, (utterance, truth) in enumerate(zip(table.files, table.truth, strict=True), 2):
        if utterance not in data.utt2spk or labels.get(utterance) != truth:
            raise ValueError(
                f"{args.predictions}:{number}: {utterance} is {truth}, but {args.data_dir}/utt2{args.label} says "
                f"{labels.get(utterance, 'nothing')}: train again with these data"
            )
    classes = sorted(set(table.truth) | set(table.predicted) | set(table.classes))
    place = {name: number for number, name in enumerate(classes)}
    truth, predicted = (np.array([place[name] for name in column]) for column in (table.truth, table.predicted))
    speakers = [data.utt2spk[utterance] for utterance in table.files]
    confusion = confusion_matrix(truth, predicted, len(classes))
    found = {name: float(value) for name, value in scores(confusion).items()}
    several = len(set(speakers)) > 1
    intervals = score_intervals(truth, predicted, speakers, len(classes)) if several else {}
    leaks, folds = {}, None
    if args.folds:
        with open(Path(args.folds) / "folds.json", encoding="utf-8") as file:
            folds = json.load(file)
        leaks = shared_of_folds(Path(args.folds), [fold["name"] for fold in folds["folds"]], data)
    write_result(
        args.result,
        task=f"{args.label} classification",
        metrics={name: {"value": value, "interval": intervals.get(name)} for name, value in found.items()},
        counts={"samples": len(truth), "speakers": len(set(speakers)), "folds": len(folds["folds"]) if folds else 1,
                "classes": len(set(table.truth))},
        selection={"cut": "fixed"},
        labels=data.path / f"utt2{args.label}",
        seed=args.seed,
        extra={**dict(args.tag), "leaks": leaks, "leaks_text": ", ".join(leaks) or "none", "folds": folds},
        summary={**found, "ci95": intervals, "leaks": sorted(leaks)},
    )  # fmt: skip
    if args.confusion:
        from speechlib.report.layer_figures import confusion_matrices
        from speechlib.report.style import figure_bytes

        figure = confusion_matrices({args.title: confusion}, classes, unit="utterances", show_counts=True)
        with atomic_write(args.confusion) as file:
            file.write(figure_bytes(figure, Path(args.confusion).suffix[1:]))
    line = ", ".join(f"{name} {value:.3f}" for name, value in found.items())
    print(f"eval_predictions: {args.result}: {line}{' (SPEAKERS SHARED)' if 'shared_speakers' in leaks else ''}")


def shared_of_folds(folder: Path, names: Sequence[str], data: DataDir) -> dict[str, str]:
    """What training and test share in some fold, by kind of leak."""
    texts = data.map("text") or data.map("utt2sentence") or {}
    known = {
        "shared_speakers": ("speakers", data.utt2spk),
        "shared_sentences": ("sentences", {utterance: normalise_text(text) for utterance, text in texts.items()}),
    }
    leaks = {}
    for name in names:
        train, test = (read_utterances(folder / name / part) for part in ("train", "test"))
        for kind, (what, value_of) in known.items():
            if {value_of[u] for u in train if u in value_of} & {value_of[u] for u in test if u in value_of}:
                leaks[kind] = f"{what} of training are in test, too"
    return leaks


if __name__ == "__main__":
    run(main)
