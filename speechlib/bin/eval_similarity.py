"""How alike frames of the same phone are, and of different phones, where two speakers say the same sentence.

For all pairs of utterances with the same text and different speakers: the mean cosine of frames of one phone (of the
39) and that of frames of two, and the difference. Intervals are by speaker: each speaker's pairs together.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Sequence

import numpy as np

from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.datadir import DataDir
from speechlib.io.layer_frames import LayerFrames
from speechlib.io.phone_alignments import as_arrays, read_phones
from speechlib.io.results import add_tag_option, write_result
from speechlib.io.texts import normalise_text
from speechlib.metrics.bootstrap import bootstrap_interval
from speechlib.metrics.timit_phones import PHONE_TO_39, PHONES_61
from speechlib.probing.critical_frames import phone_contrast, similarity_matrix
from speechlib.probing.segments import labels_at

CLASSES = sorted(set(PHONE_TO_39.values()))
NUMBERS = {phone: CLASSES.index(PHONE_TO_39[phone]) if phone in PHONE_TO_39 else -1 for phone in PHONES_61}


def main(argv: Sequence[str] | None = None) -> None:
    """Compare the pairs, print the means and write result.json."""
    parser = KaldiArgumentParser(
        prog="eval_similarity",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.eval_similarity --out exp/fc2/result.json data/test exp/frames/fc2",
    )
    add = parser.add_argument
    add("--max-pairs", type=int, default=200, metavar="N", help="if there are more, so many are drawn")
    add("--seed", type=int, default=1, help="of that draw")
    add("--num-bootstrap", type=int, default=1000, metavar="N", help="draws of speakers behind the intervals")
    add("--out", metavar="FILE", required=True, help="result.json to write")
    add_tag_option(parser)
    add("data_dir", metavar="<data-dir>", help="with phones.ctm and text")
    add("layer_dir", metavar="<layer-dir>", help="frames.scp and times.scp of a layer")
    args = parser.parse_args(argv)

    data, layer = DataDir(args.data_dir), LayerFrames(args.layer_dir)
    for name in ("phones.ctm", "text"):
        if not data.has(name):
            raise FileNotFoundError(f"{data.path}/{name}: no such file: pairs of the same sentence need it")
    phones = read_phones(data.path / "phones.ctm", PHONES_61, data.utt2dur)
    pairs = same_sentences(data, [name for name in data.utterances() if name in phones and name in layer])
    if not pairs:
        print(f"eval_similarity: no two speakers of {data.path} say the same sentence: nothing is written",
              file=sys.stderr)  # fmt: skip
        return
    if len(pairs) > args.max_pairs:
        chosen = np.random.default_rng(args.seed).permutation(len(pairs))[: args.max_pairs]
        pairs = [pairs[place] for place in sorted(chosen)]
    cache = {}
    for name, frames, times in layer.read(sorted({name for pair in pairs for name in pair})):
        starts, ends, classes = as_arrays(phones[name], NUMBERS)
        places = labels_at(times, starts, ends)
        cache[name] = frames, np.where(places >= 0, classes[places], -1)
    rows, speakers = [], []
    for one, other in pairs:
        (frames, labels), (others, other_labels) = cache[one], cache[other]
        same, different = phone_contrast(similarity_matrix(frames, others), labels, other_labels)
        if np.isfinite([same, different]).all():
            rows += [(same, different, same - different)] * 2  # a pair counts for both speakers
            speakers += [data.utt2spk[one], data.utt2spk[other]]
    metrics = {
        name: {"value": float(np.mean(values)),
               "interval": list(bootstrap_interval(values, speakers, num_samples=args.num_bootstrap))}
        for name, values in zip(("same_phone", "other_phone", "contrast"), zip(*rows, strict=True), strict=True)
    }  # fmt: skip
    os.makedirs(os.path.dirname(args.out) or ".", exist_ok=True)
    write_result(
        args.out, task="similarity of frames", metrics=metrics,
        counts={"pairs": len(rows) // 2, "speakers": len(set(speakers))}, selection={"cut": "fixed"},
        labels=data.path / "phones.ctm", seed=None, extra=dict(args.tag),
    )  # fmt: skip
    print(", ".join(f"{name} {metric['value']:.3f}" for name, metric in metrics.items()) + f"; {len(rows) // 2} pairs")


def same_sentences(data: DataDir, names: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of utterances with the same text and different speakers."""
    by_text: dict[str, list[str]] = {}
    for name in names:
        by_text.setdefault(normalise_text(data.text.get(name, "")), []).append(name)
    pairs = (pair for text, same in by_text.items() if text for pair in itertools.combinations(same, 2))
    return [(one, other) for one, other in pairs if data.utt2spk[one] != data.utt2spk[other]]


if __name__ == "__main__":
    run(main)
